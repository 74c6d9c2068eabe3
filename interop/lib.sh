# Shared by the scripts below this folder: where things are, how a server is configured, waited for and ended.
# Sourced, never run. Expects bash.

interop_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
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
    mvn -q -B -Dstyle.color=never -f "$interop_dir/apache/pom.xml" dependency:build-classpath -DincludeScope=runtime \
      -Drocketmq.version="$release" -Dmdep.outputFile="$file.$$" >&2 || return 1
    mv "$file.$$" "$file"
  fi
  cat "$file"
}

# server_properties KIND DIR PORT NAMESRV NAME CLUSTER [KEY=VALUE]…: the properties file of a server below DIR. Both
# targets read the same text.
server_properties() {
  local kind=$1 dir=$2 port=$3 namesrv=$4 name=$5 cluster=$6
  shift 6
  echo "listenPort=$port"
  if [ "$kind" = broker ]; then
    echo "brokerName=$name"
    echo "brokerClusterName=$cluster"
    echo "brokerId=0"
    echo "brokerIP1=127.0.0.1"
    echo "brokerIP2=127.0.0.1"
    echo "haListenPort=$((port + 1))"
    echo "storePathRootDir=$dir/store"
    echo "storePathCommitLog=$dir/store/commitlog"
    [ -z "$namesrv" ] || echo "namesrvAddr=$namesrv"
  else
    echo "kvConfigPath=$dir/kvConfig.json"
  fi
  [ $# -eq 0 ] || printf '%s\n' "$@"
}

# await_boot KIND DIR PID SECONDS: notes PID in DIR and waits for the boot line; prints PID, or the console's end and fails.
await_boot() {
  local kind=$1 dir=$2 pid=$3
  echo "$pid" > "$dir/pid"
  if wait_for_line "$dir/console.log" 'boot success' "$pid" "$4"; then
    echo "$pid"
    return 0
  fi
  echo "start: $kind did not come up; its console says:" >&2
  tail -20 "$dir/console.log" >&2
  end_process "$pid" 5
  return 1
}

# wait_for_line FILE PATTERN PID SECONDS: true once FILE has a line with PATTERN; false when PID ended or time is up.
wait_for_line() {
  local file=$1 pattern=$2 pid=$3 deadline=$((SECONDS + $4))
  while ! grep -q -- "$pattern" "$file" 2>/dev/null; do
    running "$pid" || return 1
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

# running PID: true until it has ended with all its threads, also if nobody has collected its exit status yet. (After
# SIGKILL the first thread is a zombie while others still hold the process's files and ports.)
running() {
  local status
  status=$(cat "/proc/$1/status" 2>/dev/null) || return 1
  ! { grep -q '^State:[[:space:]]*Z' <<< "$status" && grep -q '^Threads:[[:space:]]*[01]$' <<< "$status"; }
}

# end_process PID [SECONDS]: SIGTERM, then SIGKILL after SECONDS (15). Ends that one process only.
end_process() {
  local pid=$1 deadline=$((SECONDS + ${2:-15}))
  kill -TERM "$pid" 2>/dev/null || true
  while running "$pid"; do
    if [ "$SECONDS" -ge "$deadline" ]; then kill -KILL "$pid" 2>/dev/null; fi
    sleep 0.1
  done
  # Collects the status if the process is ours.
  wait "$pid" 2>/dev/null || true
}

# compile_java RELEASE: the cases of java/ for one release of the client, unless they are compiled already.
compile_java() {
  local release=$1 classes=$interop_cache/java-$1
  if [ -s "$classes/classpath" ] && [ -z "$(find "$interop_dir/java" -newer "$classes/classpath" -type f)" ]; then
    return 0
  fi
  rm -f "$classes/classpath"
  mvn -q -B -Dstyle.color=never -f "$interop_dir/java/pom.xml" compile dependency:build-classpath -Drocketmq.version="$release" \
    -Dclasses.dir="$classes" -Dmdep.outputFile="$classes/classpath"
}

# java_program RELEASE HOME [OPTION OF THE MACHINE]… CLASS [ARGUMENT]…: becomes that program; what it writes goes to HOME.
java_program() {
  local home=$2 classes=$interop_cache/java-$1
  shift 2
  mkdir -p "$home"
  exec java -Duser.home="$home" -Djava.io.tmpdir="$home" -Drocketmq.client.localOffsetStoreDir="$home/offsets" \
    -cp "$classes/classes:$(cat "$classes/classpath")" "$@"
}
