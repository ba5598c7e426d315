# instructions.sh - scripts/bench.sh --instructions: what the filters' caller executes per command, under callgrind.
# shellcheck shell=bash

readonly COUNTED_SETUPS='bare empty 0 14 1014 2014 from observe'
readonly SHORT=3200 LONG=19200  # requests of the two runs: multiples of redis-benchmark's 4 clients by 16 deep
COUNTED=''                      # of the last run
COUNTS=''                       # the lines of the closing table

# Instructions per command on SERVER in each setup; adds NAME's line to COUNTS.
count_instructions() {
    local name=$1 version=$2 server=$3 setup before each line
    printf -v line '%-11s %-8s' "$name" "$version"
    for setup in $COUNTED_SETUPS; do
        each=-
        if [[ $setup = from && $TELLS = no ]]; then
            printf -v line '%s %8s' "$line" "$each"
            continue
        fi
        if count_run "$server" "$setup" "$SHORT"; then
            before=$COUNTED
            if count_run "$server" "$setup" "$LONG"; then
                each=$(awk -v a="$before" -v b="$COUNTED" -v n=$((LONG - SHORT)) 'BEGIN { printf "%.1f", (b - a) / n }')
            fi
        fi
        if [[ $each = - ]]; then problem "$name, $setup: callgrind counted nothing"; fi
        printf '    %-8s %s instructions per GET\n' "$setup" "$each"
        printf -v line '%s %8s' "$line" "$each"
    done
    COUNTS+=$line$'\n'
}

# The inclusive instructions of the filters' caller in a run of N requests against SERVER in SETUP; sets COUNTED.
count_run() { count_function "$1" "$2" moduleCallCommandFilters get_many "$3"; }

get_many() { "$BENCHMARK" -p "$PORT" -c 4 -P 16 -n "$1" -q GET k >/dev/null 2>&1; }

# Runs the command that follows against SERVER in SETUP under callgrind, and sets COUNTED to the inclusive instructions of
# FUNCTION: a variable, as a subshell could not register the server for cleanup.
count_function() {
    local server=$1 setup=$2 function=$3 out=$WORK/callgrind
    shift 3
    rm -f "$out"
    COUNTED=''
    if start_server "$server" "$setup" '' valgrind --tool=callgrind --callgrind-out-file="$out"; then "$@" || true; fi
    stop_servers
    if [[ ! -s $out ]]; then return 1; fi
    COUNTED=$(callgrind_annotate --inclusive=yes --threshold=100 "$out" 2>/dev/null |
        sed -nE "s/^ *([0-9,]+) .*:$function\\b.*/\\1/p" | head -n 1 | tr -d ,) || true
    [[ -n $COUNTED ]]
}

report_instructions() {
    if [[ -z $COUNTS ]]; then return; fi
    title 'instructions per GET in moduleCallCommandFilters'
    # shellcheck disable=SC2086 # a list of words
    printf '%-11s %-8s %8s %8s %8s %8s %8s %8s %8s %8s\n%s' server version $COUNTED_SETUPS "$COUNTS"
}
