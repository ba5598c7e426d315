#!/usr/bin/env bash
# audit-cost.sh - how long SECAUDIT holds up a real server, and how long a report takes.
#
# Usage: scripts/audit-cost.sh [NAME...]      all servers of scripts/servers.sh from version 7.0 on, or these
#        scripts/audit-cost.sh --reports N    N reports for each figure (default 15)
#        scripts/audit-cost.sh --help
#
# Each server is measured as it is when it is ordinary, and with: 10,000 users of different rights; 1,000 included files; 1,000
# AOF files; as many clients as the limit of open files allows, up to 10,000. Times are in milliseconds:
#   report    from the first question to the last, median (INFO: audit_usec)
#   of server what of that was the server's own thread, median (audit_server_usec)
#   longest   the longest stop of that thread: median and worst (audit_longest_visit_usec)
#   monitor   the longest event of the server's own latency monitor meanwhile; "<1" if it saw none of 1 ms or more
#   ping      the worst of many PINGs, one after the other, while nothing happens and while reports are made
#   in MULTI  the same monitor's longest event for a report in a transaction, where the server waits for all of it
# Other work on the machine makes all of these longer than they are, but for the medians, if it comes and goes.
#
# Environment: SECAUDIT_MODULE   measure this libsecaudit.so (default: cargo build --release, then that)
#              SECAUDIT_SERVERS  see scripts/servers.sh
# Exit status: 0 measured; 1 something is missing or a server did not do its part; 2 wrong call.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

readonly CASES='ordinary users includes aof clients'
readonly USERS=10000 INCLUDES=1000 AOF_FILES=1000 MOST_CLIENTS=10000
readonly PINGS=20000
REPORTS=15
WORK='' DIR=''           # this run's temporary folder, and that of the server started last
PORT='' PID=''           # of that server
MODULE='' CLI='' BENCHMARK=''
CROWD=()                 # the descriptors of the clients that are kept open
TABLE=''
FAILED=0

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then BOLD=$'\e[1m' PLAIN=$'\e[0m'; else BOLD='' PLAIN=''; fi

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "scripts/${0##*/}"; }
title() { printf '\n%s==> %s%s\n' "$BOLD" "$*" "$PLAIN"; }
wrong_call() { printf 'audit-cost.sh: %s\n' "$*" >&2; exit 2; }
problem() { printf '    audit-cost.sh: %s\n' "$*" >&2; FAILED=1; }

cleanup() {
    stop_server
    if [[ -n $WORK ]]; then rm -rf -- "$WORK"; fi
}

stop_server() {
    local fd tries
    for fd in "${CROWD[@]}"; do exec {fd}>&-; done
    CROWD=()
    if [[ -z $PID ]]; then return; fi
    kill "$PID" 2>/dev/null || true
    for ((tries = 0; tries < 100; tries++)); do
        kill -0 "$PID" 2>/dev/null || break
        sleep 0.1
    done
    kill -9 "$PID" 2>/dev/null || true
    wait "$PID" 2>/dev/null || true
    PID=''
}

# Prints where TOOL is: in PATH, else beside a fetched server.
find_tool() {
    local path
    command -v "$1" && return
    while IFS=$'\t' read -r _ _ path; do
        path=${path%/*}/$1
        if [[ -x $path ]]; then printf '%s\n' "$path"; return; fi
    done < <(scripts/servers.sh --list)
    return 1
}

ask() { "$CLI" -p "$PORT" "$@" 2>/dev/null || true; }

# Writes what CASE needs into DIR, redis.conf among it.
prepare() {
    local case=$1 i
    DIR=$(mktemp -d "$WORK/XXXXXX")
    {
        printf 'bind 127.0.0.1\ndir %s\nsave ""\nlatency-monitor-threshold 1\nmaxclients %d\nloadmodule %s\n' \
            "$DIR" $((MOST_CLIENTS + 100)) "$MODULE"
        case $case in
            users) echo "aclfile $DIR/users.acl" ;;
            includes) for ((i = 0; i < INCLUDES; i++)); do echo "include $DIR/$i.conf"; done ;;
            aof) echo 'appendonly yes' ;;
        esac
    } >"$DIR/redis.conf"
    case $case in
        users)
            awk -v n=$USERS 'BEGIN {
                print "user default on nopass ~* &* +@all"
                while (n--) printf "user u%d on nopass ~app%d:* resetchannels -@all +@read +@write +@dangerous (~own%d +get)\n", n, n, n
            }' >"$DIR/users.acl" ;;
        includes) for ((i = 0; i < INCLUDES; i++)); do echo "# file $i" >"$DIR/$i.conf"; done ;;
    esac
}

# Starts SERVER for CASE; sets PORT and PID. A port that another process took in the meantime is given up for the next.
start_server() {
    local server=$1 case=$2 tries waited i fd limit
    prepare "$case"
    for ((tries = 0; tries < 5; tries++)); do
        PORT=$((10000 + RANDOM % 20000))
        "$server" "$DIR/redis.conf" --port "$PORT" >"$DIR/log" 2>&1 </dev/null &
        PID=$!
        for ((waited = 0; waited < 300; waited++)); do
            if ! kill -0 "$PID" 2>/dev/null; then break; fi
            if [[ $(ask PING) = PONG ]]; then break 2; fi
            sleep 0.1
        done
    done
    if [[ $(ask PING) != PONG ]]; then
        problem "the server did not start: $(tail -n 2 "$DIR/log" | tr '\n' ' ')"
        return 1
    fi
    case $case in
        aof) for ((i = 0; i < AOF_FILES; i++)); do : >"$DIR/appendonlydir/appendonly.aof.$((i + 100)).incr.aof"; done ;;
        clients)
            limit=$(($(ulimit -n) - 200))
            if [[ $limit -gt $MOST_CLIENTS ]]; then limit=$MOST_CLIENTS; fi
            for ((i = 0; i < limit; i++)); do
                exec {fd}<>"/dev/tcp/127.0.0.1/$PORT"
                CROWD+=("$fd")
            done ;;
    esac
    sleep 1  # the module starts no thread before the server's first turn
}

# Prints the worst of PINGS PINGs.
worst_ping() {
    timeout 60 "$BENCHMARK" -p "$PORT" -c 1 -n "$PINGS" -t ping_mbulk --csv 2>/dev/null | tail -n 1 | awk -F'"' '{ print $(NF - 1) }'
}

# Prints the longest event that the server's latency monitor has seen since the last call, and makes it forget them.
monitored() {
    # Of each event: name, time, the latest, the longest; newer servers add the sum and the count.
    ask --json LATENCY LATEST | tr -d ' "' | grep -oE '\[[a-zA-Z-]+,[0-9]+,[0-9]+,[0-9]+' |
        awk -F, '$4 > most { most = $4 } END { print most ? most : "<1" }'
    ask LATENCY RESET >/dev/null
}

# Prints the median of the numbers on standard input, microseconds, as milliseconds; with "worst", also the greatest.
median() {
    sort -n | awk -v worst="${1:-}" '
        { v[NR] = $1 / 1000 }
        END {
            if (!NR) exit
            printf "%.1f", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
            if (worst) printf " (%.1f)", v[NR]
        }'
}

# Measures one CASE of the server NAME and adds its line to TABLE.
measure() {
    local name=$1 server=$2 case=$3 i idle pings monitor on_the_spot line info=$WORK/info
    if ! start_server "$server" "$case"; then stop_server; return; fi
    idle=$(worst_ping)
    ask LATENCY RESET >/dev/null
    worst_ping >"$WORK/pings" &
    pings=$!
    : >"$info"
    for ((i = 0; i < REPORTS; i++)); do
        if [[ $(ask SECAUDIT JSON) != *'"grade"'* ]]; then problem "$name, $case: no report"; break; fi
        ask INFO secaudit | tr -d '\r' | grep '^secaudit_audit_' >>"$info"
    done
    monitor=$(monitored)
    wait "$pings" || true
    printf 'MULTI\nSECAUDIT JSON\nEXEC\n' | ask >/dev/null
    on_the_spot=$(monitored)
    field() { sed -n "s/^secaudit_audit_$1://p" "$info"; }
    printf -v line '%-11s %-9s %8s %9s %15s %8s %7s %7s %9s' "$name" "$case" "$(field usec | median)" \
        "$(field server_usec | median)" "$(field longest_visit_usec | median worst)" "$monitor" \
        "${idle:--}" "$(cat "$WORK/pings")" "$on_the_spot"
    printf '    %s\n' "${line#* }"
    TABLE+=$line$'\n'
    stop_server
    rm -rf -- "$DIR"
}

main() {
    local names=() name version path list case missing=''
    while [[ $# -gt 0 ]]; do
        case $1 in
            --help | -h) usage; return ;;
            --reports) [[ ${2:-} =~ ^[1-9][0-9]?$ ]] || wrong_call '--reports takes a number from 1 to 99'; REPORTS=$2; shift ;;
            -*) wrong_call "unknown option $1: see --help" ;;
            *) names+=("$1") ;;
        esac
        shift
    done
    list=$(scripts/servers.sh --list "${names[@]}") || exit 2
    CLI=$(find_tool redis-cli) || missing+=' redis-cli'
    BENCHMARK=$(find_tool redis-benchmark) || missing+=' redis-benchmark'
    if [[ -n $missing ]]; then echo "audit-cost.sh: missing:$missing (apt-get install redis-tools)" >&2; exit 1; fi
    if [[ -z ${SECAUDIT_MODULE:-} ]]; then
        title 'building the module: cargo build --release'
        cargo build --release
    fi
    MODULE=$(realpath -e -- "${SECAUDIT_MODULE:-${CARGO_TARGET_DIR:-target}/release/libsecaudit.so}") || exit 1
    trap cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    WORK=$(mktemp -d)
    while IFS=$'\t' read -r -u 3 name version path; do
        title "$name ($version)"
        if [[ $version = missing ]]; then problem "not fetched: scripts/servers.sh $name"; continue; fi
        if [[ ${version%%.*} -lt 7 ]]; then echo '    older than 7.0: does not load the module'; continue; fi
        for case in $CASES; do measure "$name" "$path" "$case"; done
    done 3<<<"$list"
    title "milliseconds, $REPORTS reports each: medians, and the worst in brackets"
    printf '%-11s %-9s %8s %9s %15s %8s %7s %7s %9s\n%s' server with report 'of server' longest monitor 'ping' 'busy' 'in MULTI' "$TABLE"
    return "$FAILED"
}

main "$@"
