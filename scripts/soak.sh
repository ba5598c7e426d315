#!/usr/bin/env bash
# soak.sh - the long runs: what scripts/test.sh does for seconds, done for hours on real servers.
#
# Usage: scripts/soak.sh [--server NAME]... [PART...]
#        scripts/soak.sh --help
#
#   calls     5,000 random policies with 40 calls each, every call spelt and wrapped in every way, against the decision
#   changes   20,000 changes of the policy while six clients call
#   kills     1,000 servers killed while they save the policy, 1,000 while they persist a fix, 1,000 while they log
#   memory    10 million refusals, a million changes of the policy, 100,000 reports: resident memory before and after
#   torture   master, two replicas and a Sentinel: 60 rounds of writes, refusals, failovers and restarts, data compared
#   fuzz      scripts/fuzz.sh, one hour a target
#   sanitizer scripts/sanitizer.sh: the integration tests under AddressSanitizer
#   clients   scripts/clients.sh: client libraries against a gated server
#   suites    scripts/server-suites.sh: the servers' own tests
#
# Without a PART all of them; without --server on redis-7.0, redis-8.2, valkey-8.1 and valkey-9.1 (scripts/servers.sh fetches
# them). What each run printed is in target/soak, its figures are repeated at the end. A random run prints its seed; with
# SECAUDIT_SEED=N it can be made again.
#
# Exit status: 0 all passed; 1 something failed; 2 wrong call.
set -euo pipefail

readonly TESTS='calls changes kills memory torture' SCRIPTS='fuzz sanitizer clients suites'
SERVERS=() PARTS=() FAILED=0 FIGURES=''

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
say() { printf '[%s] %s\n' "$(date +%H:%M:%S)" "$*"; }

read_options() {
    while [[ $# -gt 0 ]]; do
        case $1 in
            --server) [[ $# -ge 2 ]] || { echo 'soak.sh: --server wants a name' >&2; exit 2; }; SERVERS+=("$2"); shift 2 ;;
            --help | -h) usage; exit ;;
            *) [[ " $TESTS $SCRIPTS " = *" $1 "* ]] || { echo "soak.sh: no part $1: see --help" >&2; exit 2; }; PARTS+=("$1"); shift ;;
        esac
    done
    if [[ ${#SERVERS[@]} -eq 0 ]]; then SERVERS=(redis-7.0 redis-8.2 valkey-8.1 valkey-9.1); fi
    # shellcheck disable=SC2206 # a list of words
    if [[ ${#PARTS[@]} -eq 0 ]]; then PARTS=($TESTS $SCRIPTS); fi
}

# Runs one part of the tests on one server, at its own pace.
soak() {
    local part=$1 name=$2 log=target/soak/$2-$1.log start=$SECONDS
    say "$name, $part (log: $log)"
    if SECAUDIT_SOAK=1 SECAUDIT_TEST_SLOW=4 SECAUDIT_TEST_SERVER=$BINARY \
        cargo test --quiet --test tests "soak::$part::" -- --nocapture --test-threads=1 </dev/null >"$log" 2>&1; then
        say "    passed in $((SECONDS - start)) s"
    else
        say "    FAILED after $((SECONDS - start)) s: see $log"
        FAILED=1
    fi
    grep -E '^[0-9]+ |: [0-9]+ bytes resident|^SECAUDIT_SEED' "$log" | sed 's/^/    /' | tee -a "$FIGURES" || true
}

main() {
    local part name
    read_options "$@"
    cd -- "$(dirname -- "$0")/.."
    mkdir -p target/soak
    FIGURES=$(mktemp)  # a run beside this one has its own
    trap 'rm -f -- "$FIGURES"' EXIT
    for part in "${PARTS[@]}"; do
        case $part in
            fuzz) say 'fuzzing, one hour a target'; scripts/fuzz.sh --seconds 3600 || FAILED=1; continue ;;
            sanitizer) say 'the integration tests under AddressSanitizer'; scripts/sanitizer.sh || FAILED=1; continue ;;
            clients) say 'client libraries'; scripts/clients.sh || FAILED=1; continue ;;
            suites) say "the servers' own suites"; scripts/server-suites.sh || FAILED=1; continue ;;
        esac
        for name in "${SERVERS[@]}"; do
            BINARY=$(scripts/servers.sh --list "$name" | cut -f 3)
            if [[ ! -x $BINARY ]]; then scripts/servers.sh "$name"; fi
            printf '%s %s\n' "$name" "$part" >>"$FIGURES"
            soak "$part" "$name"
        done
    done
    printf '\nFigures:\n'
    cat "$FIGURES"
    return "$FAILED"
}

main "$@"
