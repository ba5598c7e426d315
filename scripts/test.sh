#!/usr/bin/env bash
# test.sh - check and test everything that one server is enough for. scripts/test-matrix.sh does the rest: all other servers.
#
# Usage: scripts/test.sh [--fast] [-- LIBTEST-ARGUMENT...]
#        scripts/test.sh                all of it, as continuous integration does
#        scripts/test.sh --fast         only the tests: no formatting, no lints
#        scripts/test.sh -- gate_       only the tests with gate_ in their name
#        scripts/test.sh --help
#
# In this order: what the machine needs (scripts/prepare.sh); cargo fmt; shellcheck, where it is installed; clippy, plain and
# with all features, warnings denied; the unit tests; the release build; the integration tests (tests/tests) on one server.
# A step that fails does not stop the next one. A test that its server cannot serve appends "name<TAB>reason" to the file
# SECAUDIT_TEST_SKIPS and counts as skipped. Full logs of the tests: target/test/*.log. The last line is the sum: of the tests,
# and of the steps that failed without being tests.
#
# Environment: SECAUDIT_TEST_SERVER  the server for the integration tests (default: the redis-server on PATH)
#              RUST_TEST_THREADS=N   how many tests run at once (default: two for each core, as servers mostly wait)
# Exit status: 0 all passed; 1 something failed; 2 wrong call; 130 stopped with Ctrl-C.
set -euo pipefail

readonly OUT=target/test
FAST=no
FILTER=()                      # libtest's own arguments
ROWS=()                        # the lines of the closing table
PASSED=0 FAILED=0 SKIPPED=0    # the sums

if [[ -t 1 ]]; then TERMINAL=yes; else TERMINAL=no; fi
if [[ $TERMINAL = yes && -z ${NO_COLOR:-} ]]; then
    BOLD=$'\e[1m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else
    BOLD='' RED='' GREEN='' PLAIN=''
fi

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
elapsed() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }
title() { printf '\n%s==> [%s] %s%s\n' "$BOLD" "$(elapsed $SECONDS)" "$*" "$PLAIN"; }

# Adds a row to the table: the step, its colour, its result, how many seconds it took.
row() { ROWS+=("$(printf '%-26s %6s  %s%s%s' "$1" "$(elapsed "$4")" "$2" "$3" "$PLAIN")"); }

# Runs a step that is no test.
check() {
    local name=$1 start=$SECONDS status=0
    shift
    title "$name: $*"
    "$@" </dev/null || status=$?
    if [[ $status -eq 0 ]]; then
        row "$name" "$GREEN" ok $((SECONDS - start))
    else
        row "$name" "$RED" "failed (exit status $status)" $((SECONDS - start))
        FAILED=$((FAILED + 1))
    fi
    return "$status"
}

check_scripts() {
    if type -P shellcheck >/dev/null; then
        check shellcheck shellcheck scripts/*.sh scripts/*/*.sh .ci/run || true
    else
        row shellcheck '' 'not run: it is not installed' 0
    fi
}

# Prints the number before WORD ("passed", "failed", "ignored") in the sum line of LOG.
counted() { sed -nE "s/^test result: .* ([0-9]+) $2.*/\1/p" "$1" | tail -n 1; }

# Passes libtest's output through, showing only what matters while it runs: a counter on a terminal, each failure at once.
show_progress() {
    local line done=0
    while IFS= read -r line; do
        if [[ $line = *' has been running for over '* ]]; then printf '    %s\n' "${line#test }"; fi
        if [[ $line != 'test '*' ... '* ]]; then continue; fi
        done=$((done + 1))
        if [[ $TERMINAL = yes ]]; then printf '\r    %d tests done\e[K' "$done"; fi
        if [[ $line = *' ... FAILED'* ]]; then
            if [[ $TERMINAL = yes ]]; then printf '\r\e[K'; fi
            printf '    %sFAILED%s %s\n' "$RED" "$PLAIN" "$(sed -E 's/^test (.*) \.\.\. FAILED.*/\1/' <<<"$line")"
        fi
    done
    if [[ $TERMINAL = yes ]]; then printf '\r\e[K'; fi
}

# Shows what the failed tests of LOG printed, or its end where they broke off.
show_failures() {
    local log=$1 lines
    lines=$(sed -n '/^failures:$/,$p' "$log")
    [[ -n $lines ]] || lines=$(tail -n 20 "$log")
    head -n 400 <<<"$lines" | sed 's/^/    /'
    if [[ $(wc -l <<<"$lines") -gt 400 ]]; then echo "    ... the rest is in $log"; fi
}

# Prints the reason of every skipped test, one a line: what the tests wrote to FILE, and what libtest ignored in LOG.
skip_reasons() {
    local log=$1 file=$2
    sort -u -t $'\t' -k 1,1 "$file" | sed -E 's/^[^\t]*\t?//; s/^$/no reason given/'
    sed -nE 's/^test .* \.\.\. ignored(, )?(.*)/ignored: \2/p' "$log" | sed 's/^ignored: $/ignored/'
}

# Runs the tests that cargo's options TARGET... name.
run_tests() {
    local name=$1 log=$OUT/$2.log skips=$PWD/$OUT/$2.skips status=0 start=$SECONDS passed failed written skipped
    shift 2
    title "$name: cargo test $*"
    : >"$skips"
    SECAUDIT_TEST_SKIPS=$skips LC_ALL=C cargo test "$@" -- "${FILTER[@]}" </dev/null | tee "$log" | show_progress || status=$?
    written=$(cut -f 1 "$skips" | sort -u | grep -c . || true)
    skip_reasons "$log" "$skips" >>"$OUT/reasons"
    passed=$(counted "$log" passed) failed=$(counted "$log" failed)
    skipped=$((written + $(grep -cE '^test .* \.\.\. ignored' "$log" || true)))
    passed=$((${passed:-0} > written ? passed - written : 0))
    if [[ $status -eq 0 && ${failed:-1} -eq 0 ]]; then
        row "$name" "$GREEN" "$passed passed, $skipped skipped" $((SECONDS - start))
    else
        show_failures "$log"
        row "$name" "$RED" "${failed:-it broke off: 1} failed, $passed passed, $skipped skipped: $log" $((SECONDS - start))
        failed=$((${failed:-0} > 0 ? failed : 1))
    fi
    printf '    %d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed)) SKIPPED=$((SKIPPED + skipped))
}

# Prints the table, the reasons of the skips and, last of all, the sum.
report() {
    title 'the sum'
    printf '%-26s %6s  %s\n' step time result
    printf '%s\n' "${ROWS[@]}"
    if [[ -s $OUT/reasons ]]; then
        printf '\nSkipped, by reason:\n'
        sort "$OUT/reasons" | uniq -c | sed -E 's/^ *([0-9]+) (.*)/    \2 × \1/'
    fi
    rm -f "$OUT/reasons"
    printf '\n%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
}

read_options() {
    while [[ $# -gt 0 ]]; do
        case $1 in
            --) shift; FILTER=("$@"); break ;;
            --fast) FAST=yes; shift ;;
            --help | -h) usage; exit ;;
            *) echo "test.sh: unknown option $1: see --help; libtest's own go after --" >&2; exit 2 ;;
        esac
    done
}

# Sets SECAUDIT_TEST_SERVER and SERVER_VERSION.
find_server() {
    local wanted=${SECAUDIT_TEST_SERVER:-redis-server}
    SECAUDIT_TEST_SERVER=$(type -P -- "$wanted" || true)
    if [[ -z $SECAUDIT_TEST_SERVER ]]; then echo "test.sh: SECAUDIT_TEST_SERVER is no program: $wanted" >&2; exit 2; fi
    SECAUDIT_TEST_SERVER=$(realpath -s -- "$SECAUDIT_TEST_SERVER")
    export SECAUDIT_TEST_SERVER
    SERVER_VERSION=$(LC_ALL=C "$SECAUDIT_TEST_SERVER" --version | sed -nE 's/^([A-Za-z]+) server v=([^ ]+).*/\1 \2/p')
}

main() {
    read_options "$@"
    if [[ ${SECAUDIT_TEST_SERVER:-} = */* ]]; then SECAUDIT_TEST_SERVER=$(realpath -s -- "$SECAUDIT_TEST_SERVER"); fi
    cd -- "$(dirname -- "$0")/.."
    trap 'exit 130' INT
    trap 'exit 143' TERM
    title 'what this machine needs: scripts/prepare.sh'
    scripts/prepare.sh --quiet || exit 1
    find_server
    export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(nproc)))}
    mkdir -p "$OUT"
    rm -f "$OUT"/*.log "$OUT"/*.skips "$OUT/reasons"
    if [[ $FAST = no ]]; then
        check 'format' cargo fmt --check || true
        check_scripts
        check 'lints' cargo clippy --all-targets -- -D warnings || true
        check 'lints, all features' cargo clippy --all-targets --all-features -- -D warnings || true
    fi
    run_tests 'unit tests' unit --lib
    if check 'release build' cargo build --release; then
        run_tests "tests on $SERVER_VERSION" integration --test tests
    else
        row 'integration tests' "$RED" 'not run: the build failed' 0
    fi
    report
    [[ $FAILED -eq 0 ]]
}

main "$@"
