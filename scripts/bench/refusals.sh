# refusals.sh - scripts/bench.sh --refusals: what it costs to refuse a call, and whether 10 million of them leave memory behind.
# shellcheck shell=bash disable=SC2153 # some variables belong to the other parts

readonly REFUSALS=400000  # in one pipeline
readonly FLOODS=25        # pipelines: 10 million refusals in all
readonly COUNTED_REFUSALS=20000
FLOODED=''                # the lines of the closing table
UNKNOWN='' UNKNOWN_PID='' # the server that does not know the command
ACL='' ACL_PID=''         # the one whose ACL denies it

# Refusals on SERVER: adds NAME's lines to FLOODED.
measure_refusals() {
    local name=$1 server=$2 call
    for call in FLUSHALL FLUSHALX; do
        awk -v call="$call" -v n="$REFUSALS" 'BEGIN { while (n--) printf "*1\r\n$%d\r\n%s\r\n", length(call), call }' >"$WORK/$call"
        head -n $((COUNTED_REFUSALS * 3)) "$WORK/$call" >"$WORK/$call.counted"
    done
    count_refusals "$name" "$server"
    if start_server "$server" bare '' && UNKNOWN=$PORT UNKNOWN_PID=$PID &&
        start_server "$server" bare '' && ACL=$PORT ACL_PID=$PID && [[ $(ask ACL SETUSER default -flushall) = OK ]] &&
        start_server "$server" 14 ''; then
        flood "$name"
    fi
    stop_servers
}

# The instructions of the whole server for one refusal, and for one call of a command that it does not have.
count_refusals() {
    local name=$1 server=$2 unknown refused line
    if ! count_calls "$server" bare "$WORK/FLUSHALX.counted"; then problem "$name: callgrind counted nothing"; return; fi
    unknown=$((COUNTED / COUNTED_REFUSALS))
    if ! count_calls "$server" 14 "$WORK/FLUSHALL.counted"; then problem "$name: callgrind counted nothing"; return; fi
    refused=$((COUNTED / COUNTED_REFUSALS))
    printf -v line '%-11s %d instructions for a refusal, %d for an unknown command' "$name" "$refused" "$unknown"
    printf '    %s\n' "${line#* }"
    FLOODED+=$line$'\n'
}

# Counts what SERVER in SETUP executes for the calls in FILE; sets COUNTED.
count_calls() { count_function "$1" "$2" readQueryFromClient send_counted "$3"; }

send_counted() { send_all "$PORT" "$1" "$COUNTED_REFUSALS"; }

# 10 million refusals by the gate, as many by an ACL, as many unknown commands, in turn.
flood() {
    local name=$1 i rounds='' before after line found
    # Reply buffers take their size with the first ones.
    for ((i = 0; i < 3; i++)); do flood_round "$PORT" "$PID" "$WORK/FLUSHALL" >/dev/null || true; done
    before=$(memory)
    for ((i = 0; i < FLOODS; i++)); do
        rounds+="$(flood_round "$UNKNOWN" "$UNKNOWN_PID" "$WORK/FLUSHALX") $(flood_round "$ACL" "$ACL_PID" "$WORK/FLUSHALL") "
        rounds+="$(flood_round "$PORT" "$PID" "$WORK/FLUSHALL")"$'\n'
    done
    after=$(memory)
    found=$(awk '
        function median(v, n,   i, j, t) {
            for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j - 1] > v[j]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
            return v[int((n + 1) / 2)]
        }
        NF == 3 { n++; unknown[n] = $1; acl[n] = $2; ours[n] = $3 }
        END { if (n) printf "%d %d %d %d", n, median(unknown, n), median(acl, n), median(ours, n) }
    ' <<<"$rounds")
    if [[ ${found%% *} != "$FLOODS" ]]; then problem "$name: ${found%% *} of $FLOODS rounds went well"; return; fi
    read -ra found <<<"$found"
    read -ra before <<<"$before"
    read -ra after <<<"$after"
    printf -v line '%-11s refused %d ns, by an ACL %d ns, unknown %d ns; memory %+d used, %+d resident' "$name" "${found[3]}" "${found[2]}" \
        "${found[1]}" "$((after[0] - before[0]))" "$((after[1] - before[1]))"
    printf '    %s\n' "${line#* }"
    FLOODED+=$line$'\n'
}

# Sends all calls of one round and prints the nanoseconds of processor time for each.
flood_round() {
    local port=$1 pid=$2 file=$3 before
    before=$(taken "$pid")
    send_all "$port" "$file" "$REFUSALS" || return 1
    echo $((($(taken "$pid") - before) / REFUSALS))
}

# Sends the calls in FILE to PORT in one pipeline and reads N answers, which must all be errors.
send_all() {
    local port=$1 file=$2 n=$3 socket writer answers
    exec {socket}<>"/dev/tcp/127.0.0.1/$port"
    cat "$file" >&"$socket" &
    writer=$!
    answers=$(head -n "$n" <&"$socket" | grep -c '^-') || true
    exec {socket}>&-
    wait "$writer" || true
    [[ $answers -eq $n ]]
}

# Prints the processor time that PID's main thread has taken, in nanoseconds.
taken() { cut -d ' ' -f 1 "/proc/$1/schedstat"; }

# What INFO says of the memory of the server started last: used, and resident.
memory() { ask INFO memory | tr -d '\r' | sed -nE 's/^used_memory(_rss)?:([0-9]+)$/\2/p' | tr '\n' ' '; }

report_refusals() {
    if [[ -z $FLOODED ]]; then return; fi
    title "10 million refusals: processor time of the server for each (median of $FLOODS rounds), bytes that memory grew by"
    printf '%s' "$FLOODED"
}
