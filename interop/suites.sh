# The suites of ./run: which servers each needs, which client it starts, how its lines are counted.
# Sourced by run, whose variables (target, only, work, namesrv…) it uses.

releases=(4.9.8 5.5.0)
# What goes through again with binary headers.
binary_cases='send-(sync|async|oneway|batch)|push-(concurrently|orderly|tags)|pull-.*|lite-.*|consume-from-.*'
mixed_cases='send-(sync|batch|creates-topic)|push-(concurrently|group-of-three)|pull-offsets|lite-pull-subscribe'

run_suites() {
  have java && have mvn && java_suites
  have go && go_suite
  [ "$target" = ferrocket ] && { kill9_suites; fulldisk_suite; store_suites; sql_suite; }
  return 0
}

# have TOOL: true if it is there; otherwise says once what is skipped.
have() {
  command -v "$1" > /dev/null && return 0
  case $1 in
    java | mvn) echo "skipped: Java clients, quick start, mqadmin, mixed servers (no $1)" ;;
    *) echo "skipped: $1 client (no $1)" ;;
  esac
  return 1
}

chosen() { [[ $1 =~ ^($only)$ ]]; }

any_chosen() {
  local suite
  for suite in "$@"; do chosen "$suite" && return 0; done
  return 1
}

java_suites() {
  local release
  for release in "${releases[@]}"; do
    any_chosen "java-$release" "binary-$release" mqadmin mixed-java-broker mixed-java-namesrv \
      name-servers || continue
    compile_java "$release" || { count "FAIL java-$release compile"; return; }
  done

  if any_chosen mqadmin quickstart java-4.9.8 java-5.5.0 binary-4.9.8 binary-5.5.0; then
    start_servers main || return
    # First, since its recordings list every topic there is.
    chosen mqadmin && suite mqadmin 120 java_main 5.5.0 interop.AdminTool "$namesrv" "$repo_dir/testdata/mqadmin"
    chosen quickstart && suite quickstart 150 "$interop_dir/quickstart" "$namesrv" "$work/quickstart"
    for release in "${releases[@]}"; do
      chosen "java-$release" && suite "java-$release" 400 java_cases "$release" --only "$cases" --signals "$(signals)"
      chosen "binary-$release" && suite "binary-$release" 200 \
        java_main "$release" -Drocketmq.serialize.type=ROCKETMQ interop.Main --namesrv "$namesrv" --only "$binary_cases"
    done
    stop_servers
  fi

  [ "$target" = ferrocket ] || return 0
  mixed_suite mixed-java-broker ferrocket apache
  mixed_suite mixed-java-namesrv apache ferrocket
  name_servers_suite
}

# mixed_suite SUITE NAMESRV_OF BROKER_OF: a name server of one make, a broker of the other.
mixed_suite() {
  chosen "$1" || return 0
  if start_one "$2" namesrv "$1" && start_one "$3" broker "$1"; then
    suite "$1" 150 java_cases 5.5.0 --only "$mixed_cases"
  else
    count "FAIL $1 the servers did not start"
  fi
  stop_servers
}

# A broker of each make registers with a name server of each; both must then say the same.
name_servers_suite() {
  chosen name-servers || return 0
  local second=127.0.0.1:$((namesrv_port + 1))
  local both="$namesrv;$second"
  if start_one ferrocket namesrv name-servers-ours &&
    start_one apache namesrv name-servers-theirs --port "${second#*:}" &&
    start_one apache broker name-servers-theirs --namesrv "$both" &&
    start_one ferrocket broker name-servers-ours --namesrv "$both" --name broker-b --port $((broker_port + 10)); then
    suite name-servers 150 java_main 5.5.0 interop.NameServers "$namesrv" "$second" broker-a broker-b
  else
    count "FAIL name-servers the servers did not start"
  fi
  stop_servers
}

go_suite() {
  chosen go || return 0
  local binary=$interop_cache/go-client
  mkdir -p "$interop_cache"
  (cd "$interop_dir/go" && go build -o "$binary" .) || { count "FAIL go compile"; return; }
  start_servers go || return
  HOME=$work/home suite go 400 "$binary" --only "$cases" --namesrv "$namesrv" --broker "127.0.0.1:$broker_port" \
    --signals "$(signals)" --log "$work/go-client.log"
  stop_servers
}

kill9_suites() {
  any_chosen kill9 kill9-sync || return 0
  # Its clients are the Java ones.
  command -v mvn > /dev/null && command -v java > /dev/null || { echo "skipped: kill9, kill9-sync (no java or mvn)"; return 0; }
  local seconds=$((60 + kill9_rounds * 20))
  chosen kill9 && suite kill9 "$seconds" "$interop_dir/kill9/run" --rounds "$kill9_rounds" --dir "$work/kill9" \
    --port-base "$port_base"
  chosen kill9-sync && suite kill9-sync "$seconds" "$interop_dir/kill9/run" --rounds "$kill9_rounds" \
    --dir "$work/kill9-sync" --port-base "$port_base" --set flushDiskType=SYNC_FLUSH
  return 0
}

fulldisk_suite() {
  chosen fulldisk || return 0
  command -v mvn > /dev/null && command -v java > /dev/null || { echo "skipped: fulldisk (no java or mvn)"; return 0; }
  suite fulldisk 120 "$interop_dir/fulldisk/run" --dir "$work/fulldisk" --port-base "$port_base"
}

# Apache's own store classes and brokers on directories that ours had, and the other way round.
store_suites() {
  any_chosen store takeover || return 0
  command -v mvn > /dev/null && command -v javac > /dev/null || { echo "skipped: store, takeover (no mvn or javac)"; return 0; }
  chosen store && suite store 900 "$interop_dir/store/run" --dir "$work/store"
  chosen takeover && suite takeover 900 "$interop_dir/takeover/run" --dir "$work/takeover" --port-base "$port_base"
  return 0
}

# Apache's own filter classes beside ours.
sql_suite() {
  chosen sql || return 0
  command -v mvn > /dev/null && command -v javac > /dev/null || { echo "skipped: sql (no mvn or javac)"; return 0; }
  suite sql 300 "$interop_dir/sql/run" --dir "$work/sql"
}

# --- servers

start_servers() {
  local name=$1
  shift
  start_one "$target" namesrv "$name" && start_one "$target" broker "$name" "$@" && return 0
  count "FAIL $name the servers did not start"
  stop_servers
  return 1
}

# start_one MAKE KIND NAME [OPTION]…
start_one() {
  local make=$1 kind=$2 dir=$work/$3-$2 port=$namesrv_port more=()
  shift 3
  if [ "$kind" = broker ]; then
    # On a busy machine Apache refuses what has waited for 200 ms; that is not what is tested here.
    port=$broker_port more=(--namesrv "$namesrv" --set waitTimeMillsInSendQueue=5000)
  fi
  servers+=("$dir")
  broker_start=("$interop_dir/$make/start" "$kind" --dir "$dir" --port "$port" ${more+"${more[@]}"} "$@")
  "${broker_start[@]}" > /dev/null
}

stop_servers() {
  local i
  for ((i = ${#servers[@]} - 1; i >= 0; i--)); do
    "$interop_dir/apache/stop" "${servers[i]}"
  done
  servers=()
}

# A fresh folder in which a client asks for a restart of the broker.
signals() {
  rm -rf "$work/signals"
  mkdir -p "$work/signals"
  echo "$work/signals"
}

restart_broker_if_asked() {
  [ -e "$work/signals/restart" ] || return 0
  rm "$work/signals/restart"
  "$interop_dir/apache/stop" "${servers[-1]}"
  "${broker_start[@]}" > /dev/null && touch "$work/signals/restarted"
}

# --- clients

# java_main RELEASE CLASS ARGUMENT…
java_main() {
  local release=$1
  shift
  java_program "$release" "$work/home" -Xmx512m "$@"
}

java_cases() {
  local release=$1
  shift
  java_main "$release" interop.Main --namesrv "$namesrv" "$@"
}

# suite NAME SECONDS COMMAND…: runs it in the background with a time limit and counts its lines.
suite() {
  local name=$1 deadline=$((SECONDS + $2)) log=$work/suite-$1.log line seen=0 began=$SECONDS
  shift 2
  echo "== $name"
  ("$@") > "$log" 2> "$log.err" &
  client=$!
  while running "$client"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      count "FAIL $name not finished in time"
      end_process "$client" 2
      break
    fi
    restart_broker_if_asked
    sleep 0.2
  done
  wait "$client" 2> /dev/null
  client=''
  while read -r line; do
    case $line in
      "ok "* | "FAIL "*) count "${line%% *} $name ${line#* }"; seen=$((seen + 1)) ;;
      "skipped: "*) echo "$line" ;;
    esac
  done < "$log"
  if ! grep -qE '^[0-9]+ passed, [0-9]+ failed$' "$log"; then
    count "FAIL $name ended without a result: $(tail -n 3 "$log.err" | tr '\n' ' ')"
  fi
  echo "   $seen cases in $((SECONDS - began)) s"
}

count() {
  echo "$1"
  case $1 in
    "ok "*) passed=$((passed + 1)) ;;
    *) failed=$((failed + 1)) failures+=("$1") ;;
  esac
}
