#!/usr/bin/env bash
# bench.sh - what the gate costs a call that it lets pass, and what it costs to refuse one, on real servers.
#
# Usage: scripts/bench.sh [NAME...]                 both measures, all servers of scripts/servers.sh from version 7.0 on
#        scripts/bench.sh --instructions [NAME...]  only the instructions per command (valgrind)
#        scripts/bench.sh --ratios [NAME...]        only the requests per second (redis-benchmark)
#        scripts/bench.sh --pairs N                 N pairs of runs per ratio (default 5)
#        scripts/bench.sh --help
#
# Instructions: what the server's own moduleCallCommandFilters and all it calls execute per command, counted by callgrind for
# GET, 16 deep in a pipeline. Two runs of different length; their difference is divided, so that the start drops out. These
# figures repeat on any machine, busy or not.
# Ratios: requests per second with the module by those of the same server without it, two servers side by side that are asked
# in turn (A B A B ...): the median of the pairs' ratios, with the smallest and the largest. Below 1 is slower. Where those two
# lie on both sides of 1, the difference is within the noise. "refusal" is a denied FLUSHALL against a command that the bare
# server does not know, all of them in one pipeline, redis-cli's reading of the errors included.
#
# Policies: no rule (loaded, nothing to filter); 14 rules (one per command of the tutorial); 1,014 (1,000 more, whose names
# share GET's first byte and length, or nearly); for instructions also 2,014 (as many again with conditions on arguments and,
# where the server tells who calls, users and addresses) and 1 (deny * from=!127.0.0.0/8, which looks at every client). Servers
# must have been fetched by scripts/servers.sh; nothing is installed.
#
# Environment: SECAUDIT_MODULE   measure this libsecaudit.so (default: cargo build --release, then that)
#              SECAUDIT_SERVERS  see scripts/servers.sh
# Exit status: 0 measured; 1 something is missing or a server did not do its part; 2 wrong call.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

readonly TUTORIAL='flushdb flushall keys pexpire del config shutdown bgrewriteaof bgsave save spop srem rename debug'
readonly MORE=1000            # rules that the third policy adds
readonly POLICIES='0 14 1014' # by number of rules
readonly COUNTED_POLICIES="$POLICIES 2014 1"
readonly SHORT=3200 LONG=19200  # requests of the two runs under callgrind: multiples of its 4 clients by 16 deep
readonly PLAIN_CALLS='GET k|SET k v'
readonly REFUSALS=400000
PAIRS=5
WORK=''       # this run's temporary folder
PIDS=()       # servers that run
PORT='' PID=''            # of the server started last
MODULE='' CLI='' BENCHMARK=''
COUNTED=''               # of the last run under callgrind
COUNTS='' RATIOS=''       # the lines of the closing tables
FAILED=0

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then BOLD=$'\e[1m' PLAIN=$'\e[0m'; else BOLD='' PLAIN=''; fi

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
title() { printf '\n%s==> %s%s\n' "$BOLD" "$*" "$PLAIN"; }
wrong_call() { printf 'bench.sh: %s\n' "$*" >&2; exit 2; }
problem() { printf '    bench.sh: %s\n' "$*" >&2; FAILED=1; }

cleanup() {
    stop_servers
    if [[ -n $WORK ]]; then rm -rf -- "$WORK"; fi
}

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

# Says which tools are missing, all at once.
check_tools() {
    local missing=''
    CLI=$(find_tool redis-cli) || missing+=$'\n    redis-cli: apt-get install redis-tools'
    BENCHMARK=$(find_tool redis-benchmark) || missing+=$'\n    redis-benchmark: apt-get install redis-tools'
    if [[ $1 = yes ]] && ! { command -v valgrind && command -v callgrind_annotate; } >/dev/null; then
        missing+=$'\n    valgrind with callgrind_annotate: apt-get install valgrind (or ask for --ratios only)'
    fi
    if [[ -n $missing ]]; then echo "bench.sh: missing:$missing" >&2; exit 1; fi
}

# Writes what is loaded, and what is sent to be refused.
write_files() {
    local command i
    for command in $TUTORIAL; do echo "deny $command"; done >"$WORK/14.policy"
    {
        cat "$WORK/14.policy"
        for ((i = 1; i <= MORE; i++)); do
            echo "deny config|set geoadd getrange getdel getex getset getbit x.command-$i optional id=more-$i"
        done
    } >"$WORK/1014.policy"
    echo 'deny * from=!127.0.0.0/8' >"$WORK/1.policy"
    for command in FLUSHALL FLUSHALX; do
        awk -v command="$command" -v n="$REFUSALS" '
            BEGIN { while (n--) printf "*1\r\n$%d\r\n%s\r\n", length(command), command }' >"$WORK/$command"
    done
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

# Starts SERVER with RULES ("bare": without the module), under the command that follows, if any; sets PORT and PID.
# A port that another process took in the meantime is given up for the next.
start_server() {
    local server=$1 rules=$2 module=() tries waited log=$WORK/log active
    shift 2
    case $rules in
        bare) ;;
        0) module=(--loadmodule "$MODULE") ;;
        *) module=(--loadmodule "$MODULE" "$WORK/$rules.policy") ;;
    esac
    for ((tries = 0; tries < 5; tries++)); do
        PORT=$((10000 + RANDOM % 20000))
        : >"$log"
        "$@" "$server" --port "$PORT" --bind 127.0.0.1 --dir "$WORK" --save '' --appendonly no "${module[@]}" \
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
    if [[ $rules = bare ]]; then return; fi
    active=$(ask SECGATE LIST | grep -c '^deny ' || true)
    if [[ $active -ne $rules ]]; then problem "$rules rules were to be active, $active are"; return 1; fi
}

ask() { "$CLI" -p "$PORT" "$@" 2>/dev/null || true; }

# Prints the inclusive instructions of the filters' caller in a run of N requests against SERVER with RULES.
# The result goes to the variable COUNTED: a subshell could not register the server for cleanup.
count_run() {
    local server=$1 rules=$2 n=$3 out=$WORK/callgrind
    rm -f "$out"
    COUNTED=''
    if start_server "$server" "$rules" valgrind --tool=callgrind --callgrind-out-file="$out"; then
        "$BENCHMARK" -p "$PORT" -c 4 -P 16 -n "$n" -q GET k >/dev/null 2>&1 || true
    fi
    stop_servers
    if [[ ! -s $out ]]; then return 1; fi
    COUNTED=$(callgrind_annotate --inclusive=yes --threshold=100 "$out" 2>/dev/null |
        sed -nE 's/^ *([0-9,]+) .*:moduleCallCommandFilters.*/\1/p' | head -n 1 | tr -d ,) || true
    [[ -n $COUNTED ]]
}

# Instructions per command on SERVER for each policy; adds NAME's line to COUNTS.
count_instructions() {
    local name=$1 version=$2 server=$3 rules before each line tells=yes
    printf -v line '%-11s %-8s' "$name" "$version"
    if [[ $version = 7.0.* ]]; then tells=no; fi
    write_conditions "$tells"
    for rules in $COUNTED_POLICIES; do
        each=-
        if [[ $rules = 1 && $tells = no ]]; then
            printf -v line '%s %10s' "$line" "$each"
            continue
        fi
        if count_run "$server" "$rules" "$SHORT"; then
            before=$COUNTED
            if count_run "$server" "$rules" "$LONG"; then
                each=$(awk -v a="$before" -v b="$COUNTED" -v n=$((LONG - SHORT)) 'BEGIN { printf "%.1f", (b - a) / n }')
            fi
        fi
        if [[ $each = - ]]; then problem "$name, $rules rules: callgrind counted nothing"; fi
        printf '    %4d rules: %s instructions per GET\n' "$rules" "$each"
        printf -v line '%s %10s' "$line" "$each"
    done
    COUNTS+=$line$'\n'
}

# Prints the requests per second of N times CALL, DEEP in a pipeline, on PORT. DEEP "all" is for calls that are refused:
# redis-benchmark ends at the first error, so redis-cli sends REFUSALS of them over one connection and counts the errors.
rate() {
    local port=$1 n=$2 deep=$3 start=$EPOCHREALTIME
    shift 3
    if [[ $deep = all ]]; then
        { "$CLI" -p "$port" --pipe <"$WORK/$1" 2>/dev/null || true; } | grep "errors: $REFUSALS," >/dev/null || return 1
        awk -v n="$REFUSALS" -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f\n", n / (b - a) }'
        return
    fi
    "$BENCHMARK" -p "$port" -n "$n" -P "$deep" -q "$@" 2>/dev/null | tr '\r' '\n' |
        sed -nE 's/.*: ([0-9.]+) requests per second.*/\1/p' | tail -n 1
}

# Runs PAIRS pairs, DEEP in a pipeline: CALL_A on PORT_A, CALL_B on PORT_B, in turn. Prints the ratios B/A: median (least-most),
# and the medians of both rates.
pairs() {
    local port_a=$1 port_b=$2 deep=$3 call_a call_b n i
    read -ra call_a <<<"$4"
    read -ra call_b <<<"$5"
    n=$(rate "$port_a" 20000 "$deep" "${call_a[@]}") || return 1
    [[ -n $n ]] || return 1
    n=$(rate "$port_a" "${n%.*}" "$deep" "${call_a[@]}") || return 1  # about a second: warms up, and tells the real rate
    n=$(awk -v rate="$n" 'BEGIN { printf "%d", rate * 1.1 }')
    for ((i = 0; i < PAIRS; i++)); do
        echo "$(rate "$port_a" "$n" "$deep" "${call_a[@]}") $(rate "$port_b" "$n" "$deep" "${call_b[@]}")"
    done | awk '
        function median(v, n,   i, j, t) {
            for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j - 1] > v[j]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
            return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
        }
        NF == 2 { n++; a[n] = $1; b[n] = $2; r[n] = $2 / $1 }
        END {
            if (!n) exit 1
            m = median(r, n)
            printf "%.3f (%.2f-%.2f)|%d k/s|%d k/s\n", m, r[1], r[n], median(a, n) / 1000, median(b, n) / 1000
        }'
}

# Measures one ratio of NAME and adds its line to RATIOS.
add_ratio() {
    local name=$1 what=$2 deep=$5 found bare gated line
    if ! found=$(pairs "$3" "$4" "$deep" "$6" "$7"); then problem "$name, $what: no rate could be measured"; return; fi
    IFS='|' read -r found bare gated <<<"$found"
    printf -v line '%-11s %-17s %-5s %-20s %9s %9s' "$name" "$what" "-P $deep" "$found" "$bare" "$gated"
    printf '    %s\n' "${line#* }"
    RATIOS+=$line$'\n'
}

# The ratios of every policy on SERVER, and the refusal's.
measure_ratios() {
    local name=$1 server=$2 rules bare deep call calls
    IFS='|' read -ra calls <<<"$PLAIN_CALLS"
    for rules in $POLICIES; do
        if start_server "$server" bare && bare=$PORT && start_server "$server" "$rules"; then
            for call in "${calls[@]}"; do
                for deep in 1 64; do
                    add_ratio "$name" "${call%% *}, $rules rules" "$bare" "$PORT" "$deep" "$call" "$call"
                done
            done
            if [[ $rules = 14 ]]; then
                add_ratio "$name" refusal "$bare" "$PORT" all FLUSHALX FLUSHALL
            fi
        fi
        stop_servers
    done
}

report() {
    if [[ -n $COUNTS ]]; then
        title 'instructions per GET in moduleCallCommandFilters'
        printf '%-11s %-8s %10s %10s %10s %10s %10s\n%s' server version 'no rule' '14 rules' '1014 rules' '2014 rules' 'from=' "$COUNTS"
    fi
    if [[ -n $RATIOS ]]; then
        title "requests per second, with the module by without: median of $PAIRS pairs (least-most)"
        printf '%-11s %-17s %-5s %-20s %9s %9s\n%s' server what deep ratio without with "$RATIOS"
    fi
}

main() {
    local names=() instructions=yes ratios=yes name version path list
    while [[ $# -gt 0 ]]; do
        case $1 in
            --help | -h) usage; return ;;
            --instructions) ratios=no ;;
            --ratios) instructions=no ;;
            --pairs) [[ ${2:-} =~ ^[1-9][0-9]?$ ]] || wrong_call '--pairs takes a number from 1 to 99'; PAIRS=$2; shift ;;
            -*) wrong_call "unknown option $1: see --help" ;;
            *) names+=("$1") ;;
        esac
        shift
    done
    if [[ $instructions$ratios = nono ]]; then instructions=yes ratios=yes; fi
    list=$(scripts/servers.sh --list "${names[@]}") || exit 2
    check_tools "$instructions"
    if [[ -z ${SECAUDIT_MODULE:-} ]]; then
        title 'building the module: cargo build --release'
        cargo build --release
    fi
    MODULE=$(realpath -e -- "${SECAUDIT_MODULE:-${CARGO_TARGET_DIR:-target}/release/libsecaudit.so}") || exit 1
    trap cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    WORK=$(mktemp -d)
    write_files
    while IFS=$'\t' read -r -u 3 name version path; do
        title "$name ($version)"
        if [[ $version = missing ]]; then problem "not fetched: scripts/servers.sh $name"; continue; fi
        if [[ ${version%%.*} -lt 7 ]]; then echo '    older than 7.0: does not load the module'; continue; fi
        if [[ $instructions = yes ]]; then count_instructions "$name" "$version" "$path"; fi
        if [[ $ratios = yes ]]; then measure_ratios "$name" "$path"; fi
    done 3<<<"$list"
    report
    return "$FAILED"
}

main "$@"
