#!/usr/bin/env bash
# test-matrix.sh - run the integration tests (tests/tests) once per real server and put the results side by side.
#
# Usage: scripts/test-matrix.sh [--tested PROGRAM] [NAME...] [-- LIBTEST-ARGUMENT...]
#        scripts/test-matrix.sh                        all servers of scripts/servers.sh
#        scripts/test-matrix.sh redis-8.2 valkey-9.1   these
#        scripts/test-matrix.sh -- gate_ --nocapture   all servers, only the tests with gate_ in their name
#
#   --tested  the server that scripts/test.sh ran on: the one that is the same program, byte by byte, is not run again
#
# Builds once, fetches the servers that are missing, then runs the tests server by server. A test learns its server from
# SECAUDIT_TEST_SERVER; one that its server cannot serve appends "name<TAB>reason" to the file SECAUDIT_TEST_SKIPS and counts
# as skipped (so does one that libtest ignores). Full logs: target/matrix/NAME.log. The last line is the sum over all servers.
#
# Environment: RUST_TEST_THREADS=N        how many tests run at once (default: two for each core, as servers mostly wait)
#              SECAUDIT_MATRIX_STRICT=1   a server that could not be fetched fails the run
#              SECAUDIT_SERVERS           see scripts/servers.sh
# Exit status: 0 all passed; 1 a test failed, or a server or the tests on it did not run; 2 wrong call.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

readonly OUT=target/matrix
ROWS=()                        # the lines of the closing table
FAILURES=''                    # what failed, server by server
SKIPS=''                       # "server: reason" of every skipped test, one a line
PASSED=0 FAILED=0 SKIPPED=0    # the sums
RAN=0 UNFETCHED=0              # servers
TESTED=''                      # the program of --tested

if [[ -t 1 ]]; then TERMINAL=yes; else TERMINAL=no; fi
if [[ $TERMINAL = yes && -z ${NO_COLOR:-} ]]; then
    BOLD=$'\e[1m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else
    BOLD='' RED='' GREEN='' PLAIN=''
fi

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "scripts/${0##*/}"; }
title() { printf '\n%s==> %s%s\n' "$BOLD" "$*" "$PLAIN"; }

# Builds the module and the tests, cargo telling its progress.
build() {
    title 'building the module: cargo build --release'
    cargo build --release || return 1
    title 'building the tests: cargo test --no-run --test tests'
    cargo test --no-run --test tests
}

# Passes libtest's output through, showing only what matters while it runs: a counter on a terminal, each failure at once.
show_progress() {
    local line done=0
    while IFS= read -r line; do
        if [[ $line = 'test '*' ... '* ]]; then
            done=$((done + 1))
            if [[ $TERMINAL = yes ]]; then printf '\r    %d tests done\e[K' "$done"; fi
            if [[ $line = *' ... FAILED'* ]]; then
                if [[ $TERMINAL = yes ]]; then printf '\r\e[K'; fi
                printf '    %sFAILED%s %s\n' "$RED" "$PLAIN" "$(sed -E 's/^test (.*) \.\.\. FAILED.*/\1/' <<<"$line")"
            fi
        fi
    done
    if [[ $TERMINAL = yes ]]; then printf '\r\e[K'; fi
}

# Prints the number before WORD ("passed", "failed") in the sum line of LOG.
counted() { sed -nE "s/^test result: .* ([0-9]+) $2.*/\1/p" "$1" | tail -n 1; }

# The names of the failed tests in LOG: those told one by one, and libtest's closing list.
failed_tests() {
    awk '/^test .+ \.\.\. FAILED/ { sub(/^test /, ""); sub(/( - should panic)? \.\.\. FAILED.*/, ""); print }
        /^failures:$/ { listed = ""; listing = 1; next }
        /^test result:/ { listing = 0 }
        listing && /^    [^ ]+$/ { listed = listed $1 "\n" }
        END { printf "%s", listed }' "$1" | sort -u
}

# Shows what the failed tests of LOG printed.
show_failures() {
    local log=$1 lines
    lines=$(awk '/^failures:$/ { n++; next } n == 1' "$log")
    [[ -n $lines ]] || lines=$(tail -n 40 "$log")
    head -n 300 <<<"$lines" | sed 's/^/    /'
    if [[ $(wc -l <<<"$lines") -gt 300 ]]; then echo "    ... the rest is in $log"; fi
}

# Puts the reason of every skipped test into OUT/reasons, one a line: what the tests wrote to FILE, what libtest ignored in LOG.
gather_skips() {
    local log=$1 file=$2
    {
        if [[ -s $file ]]; then sort -u -t $'\t' -k 1,1 "$file" | sed -E 's/^[^\t]*\t?//; s/^$/no reason given/'; fi
        sed -nE 's/^test .* \.\.\. ignored(, )?(.*)/ignored: \2/p' "$log" | sed 's/^ignored: $/ignored/'
    } >"$OUT/reasons"
}

# Runs the tests on the server NAME of VERSION at PATH and adds its row.
run_tests() {
    local name=$1 version=$2 path=$3 log=$OUT/$1.log skips=$PWD/$OUT/$1.skips status=0 start=$SECONDS
    local passed failed written skipped ended=yes
    shift 3
    title "$name ($version)"
    : >"$skips"
    SECAUDIT_TEST_SERVER=$path SECAUDIT_TEST_SKIPS=$skips LC_ALL=C \
        cargo test --test tests -- "$@" 2>&1 </dev/null | tee "$log" | show_progress || status=$?
    passed=$(counted "$log" passed) failed=$(counted "$log" failed)
    if [[ -z $passed ]]; then  # the tests did not come to an end: what has passed until then counts, and so does the break
        ended=no
        passed=$(grep -cE '^test .* \.\.\. ok' "$log" || true)
        failed=$(($(failed_tests "$log" | wc -l) + 1))
    fi
    gather_skips "$log" "$skips"
    written=$(cut -f 1 "$skips" | sort -u | grep -c . || true)
    skipped=$(wc -l <"$OUT/reasons")
    passed=$((passed > written ? passed - written : 0))
    if [[ $failed -eq 0 && $status -ne 0 ]]; then ended=no failed=1; fi

    add_result "$name" "$version" "$passed" "$failed" "$skipped"
    printf '    %d passed, %d failed, %d skipped in %d s\n' "$passed" "$failed" "$skipped" $((SECONDS - start))
    if [[ $failed -gt 0 ]]; then
        show_failures "$log"
        note_failures "$name" "$log" "$ended"
    fi
}

# Adds a server's row and its numbers to the sums.
add_result() {
    local colour=$GREEN
    if [[ $4 -gt 0 ]]; then colour=$RED; fi
    ROWS+=("$(printf '%-11s %-9s %8d %s%8d%s %8d' "$1" "$2" "$3" "$colour" "$4" "$PLAIN" "$5")")
    PASSED=$((PASSED + $3)) FAILED=$((FAILED + $4)) SKIPPED=$((SKIPPED + $5)) RAN=$((RAN + 1))
    if [[ -s $OUT/reasons ]]; then SKIPS+=$(sed "s/^/$1\t/" "$OUT/reasons")$'\n'; fi
}

note_failures() {
    local name=$1 log=$2 ended=$3
    FAILURES+="$name: the full log is $log"$'\n'
    FAILURES+=$(failed_tests "$log" | sed 's/^/    /'; echo .)
    FAILURES=${FAILURES%.}
    if [[ $ended = no ]]; then FAILURES+='    (the tests broke off: the end of the log tells more)'$'\n'; fi
}

# A server that is not there: its reason stands in its row.
note_unfetched() {
    local name=$1 file=$2 reason='no reason given'
    if [[ -s $file ]]; then reason=$(head -n 1 "$file"); fi
    ROWS+=("$(printf '%-11s not fetched: %s' "$name" "$reason")")
    UNFETCHED=$((UNFETCHED + 1))
    title "$name"
    echo "    not fetched: $reason"
}

# A server that scripts/test.sh has run the same tests on.
note_tested() {
    ROWS+=("$(printf '%-11s %-9s tested before: it is the program %s' "$1" "$2" "$TESTED")")
    title "$1 ($2)"
    echo "    not run again: it is the program $TESTED, which --tested names"
}

# Prints the table, the reasons of the skips, the failures and, last of all, the sum.
report() {
    title 'the matrix'
    printf '%-11s %-9s %8s %8s %8s\n' server version passed failed skipped
    if [[ ${#ROWS[@]} -gt 0 ]]; then printf '%s\n' "${ROWS[@]}"; fi
    if [[ -n $SKIPS ]]; then
        printf '\nSkipped, by reason:\n'
        printf '%s' "$SKIPS" | awk -F'\t' '
            !($0 in count) { order[++n] = $0 }
            { count[$0]++ }
            END { for (i = 1; i <= n; i++) { split(order[i], part, "\t"); printf "%-11s %s × %d\n", part[1], part[2], count[order[i]] } }'
    fi
    if [[ -n $FAILURES ]]; then printf '\n%sFailed:%s\n%s' "$RED" "$PLAIN" "$FAILURES"; fi
    printf '\nservers run: %d, not fetched: %d\n' "$RAN" "$UNFETCHED"
    printf '%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
}

main() {
    local names=() name version path
    while [[ $# -gt 0 ]]; do
        case $1 in
            --) shift; break ;;
            --help | -h) usage; return ;;
            --tested) [[ -x ${2:-} ]] || { echo 'test-matrix.sh: --tested wants a program' >&2; exit 2; }; TESTED=$2; shift 2 ;;
            -*) echo "test-matrix.sh: unknown option $1: see --help; libtest's own go after --" >&2; exit 2 ;;
            *) names+=("$1"); shift ;;
        esac
    done
    scripts/servers.sh --list "${names[@]}" >/dev/null || exit 2  # a wrong name is told before anything is built
    mkdir -p "$OUT"
    export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(nproc)))}
    title 'the servers: scripts/servers.sh'
    scripts/servers.sh "${names[@]}" || exit 1
    build || { echo 'test-matrix.sh: the build failed: see above' >&2; exit 1; }
    while IFS=$'\t' read -r -u 3 name version path; do
        if [[ $version = missing ]]; then
            note_unfetched "$name" "$(dirname -- "$(dirname -- "$path")")/$name.skipped"
        elif [[ -n $TESTED ]] && cmp -s -- "$TESTED" "$path"; then
            note_tested "$name" "$version"
        else
            run_tests "$name" "$version" "$path" "$@"
        fi
    done 3< <(scripts/servers.sh --list "${names[@]}")
    rm -f "$OUT/reasons"
    report
    if [[ $FAILED -gt 0 || $RAN -eq 0 ]]; then return 1; fi
    if [[ $UNFETCHED -gt 0 && ${SECAUDIT_MATRIX_STRICT:-} = 1 ]]; then return 1; fi
}

main "$@"
