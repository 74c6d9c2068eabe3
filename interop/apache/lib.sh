# Shared by the scripts of this folder and by ../run: where things are, and how a child process is waited for and ended.
# Sourced, never run. Expects bash.

interop_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
repo_dir=$(dirname "$interop_dir")
# Class paths and compiled classes: can be deleted at any time.
interop_cache=${INTEROP_CACHE:-$repo_dir/target/interop}

# JDK 9 and later hide what Netty and the mapped-file code of the releases reach for.
jdk_opens=(
  --add-exports=java.base/jdk.internal.ref=ALL-UNNAMED
  --add-opens=java.base/jdk.internal.ref=ALL-UNNAMED
  --add-opens=java.base/java.nio=ALL-UNNAMED
  --add-opens=java.base/sun.nio.ch=ALL-UNNAMED
  --add-opens=java.base/java.lang=ALL-UNNAMED
)

# release_classpath RELEASE: prints the class path of one official release, resolving it the first time.
release_classpath() {
  local release=$1 file=$interop_cache/classpath-$1
  if [ ! -s "$file" ] || ! [ "$file" -nt "$interop_dir/apache/pom.xml" ]; then
    mkdir -p "$interop_cache"
    mvn -q -B -f "$interop_dir/apache/pom.xml" dependency:build-classpath -DincludeScope=runtime \
      -Drocketmq.version="$release" -Dmdep.outputFile="$file.$$" >&2 || return 1
    mv "$file.$$" "$file"
  fi
  cat "$file"
}

# wait_for_line FILE PATTERN PID SECONDS: true once FILE has a line with PATTERN; false when PID ended or time is up.
wait_for_line() {
  local file=$1 pattern=$2 pid=$3 deadline=$((SECONDS + $4))
  while ! grep -q -- "$pattern" "$file" 2>/dev/null; do
    kill -0 "$pid" 2>/dev/null || return 1
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

# end_process PID [SECONDS]: SIGTERM, then SIGKILL after SECONDS (15). Ends that one process only.
end_process() {
  local pid=$1 deadline=$((SECONDS + ${2:-15}))
  kill -TERM "$pid" 2>/dev/null || return 0
  while kill -0 "$pid" 2>/dev/null; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      kill -KILL "$pid" 2>/dev/null
      break
    fi
    sleep 0.1
  done
  # Reaps it if it is ours, so that its number is not in use any more when we return.
  wait "$pid" 2>/dev/null
  return 0
}
