# servers.sh - what scripts/bench.sh starts: servers bare, with an empty filter, and with the module under each policy.
# shellcheck shell=bash

readonly TUTORIAL='flushdb flushall keys pexpire del config shutdown bgrewriteaof bgsave save spop srem rename debug'
readonly MORE=1000       # rules that the third policy adds, and the fourth again
PIDS=()                  # servers that run
PORT='' PID=''           # of the server started last

# Ends the servers that we started, kindly first: callgrind writes its counts at the end.
stop_servers() {
    local pid tries
    for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${PIDS[@]}"; do
        for ((tries = 0; tries < 300; tries++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    PIDS=()
}

# Compiles the empty filter and writes the policies.
write_setups() {
    local command i
    "${CC:-cc}" -shared -fPIC -O2 -o "$WORK/empty_filter.so" scripts/bench/empty_filter.c
    for command in $TUTORIAL; do echo "deny $command"; done >"$WORK/14.policy"
    {
        cat "$WORK/14.policy"
        for ((i = 1; i <= MORE; i++)); do
            echo "deny config|set geoadd getrange getdel getex getset getbit x.command-$i optional id=more-$i"
        done
    } >"$WORK/1014.policy"
    echo 'deny * from=!127.0.0.0/8' >"$WORK/from.policy"
    { cat "$WORK/14.policy"; echo 'deny get set mode=observe'; } >"$WORK/observe.policy"
}

# Writes the policy of 2,014 rules: the last 1,000 with conditions, on who calls too if TELLS is "yes".
write_conditions() {
    local tells=$1 i who=''
    cp "$WORK/1014.policy" "$WORK/2014.policy"
    for ((i = 1; i <= MORE; i++)); do
        if [[ $tells = yes ]]; then who="user=app-$i from=10.$((i % 256)).0.0/16"; fi
        echo "deny config|get getrange getdel x.other-$i arg1=secret-$i:* $who optional id=conditional-$i"
    done >>"$WORK/2014.policy"
}

# Starts SERVER in SETUP with OPTIONS, under the command that follows, if any; sets PORT and PID.
# A port that another process took in the meantime is given up for the next.
start_server() {
    local server=$1 setup=$2 options tries waited log=$WORK/log
    read -ra options <<<"$3"
    shift 3
    case $setup in
        bare*) ;;
        empty) options+=(--loadmodule "$WORK/empty_filter.so") ;;
        observe) options+=(--loadmodule "$MODULE" "$WORK/observe.policy" --secaudit.log-file "$WORK/events-$RANDOM.json") ;;
        0) options+=(--loadmodule "$MODULE") ;;
        *) options+=(--loadmodule "$MODULE" "$WORK/$setup.policy") ;;
    esac
    for ((tries = 0; tries < 5; tries++)); do
        PORT=$((10000 + RANDOM % 20000))
        : >"$log"
        "$@" "$server" --port "$PORT" --bind 127.0.0.1 --dir "$WORK" --save '' --appendonly no "${options[@]}" \
            >"$log" 2>&1 </dev/null &
        PID=$! PIDS+=("$!")
        for ((waited = 0; waited < 300; waited++)); do
            if ! kill -0 "$PID" 2>/dev/null; then break; fi
            if grep -qi 'ready to accept connections' "$log"; then break 2; fi
            sleep 0.2
        done
        if ! grep -qi 'address already in use' "$log"; then break; fi
    done
    if ! kill -0 "$PID" 2>/dev/null || [[ $(ask PING) != PONG ]]; then
        problem "the server did not start: $(tail -n 2 "$log" | tr '\n' ' ')"
        return 1
    fi
    ask SET k v >/dev/null
    is_set_up "$setup"
}

# Whether the server started last has in force what SETUP says.
is_set_up() {
    local rules=$1 active
    case $1 in
        bare*) return ;;
        empty) [[ $(ask MODULE LIST) = *emptyfilter* ]]; return ;;
        from) rules=1 ;;
        observe) rules=15 ;;
    esac
    active=$(ask SECGATE LIST | grep -c '^deny ' || true)
    if [[ $active -ne $rules ]]; then problem "$rules rules were to be active, $active are"; return 1; fi
}

ask() { "$CLI" -p "$PORT" "$@" 2>/dev/null || true; }
