#!/usr/bin/env bash
# fuzz.sh - coverage-guided fuzzing (cargo-fuzz, libFuzzer, AddressSanitizer) of what the module reads from others.
#
# Usage: scripts/fuzz.sh [--seconds N] [--seed N] [TARGET...]    each target (all without a name) for N seconds, 60 unless told
#        scripts/fuzz.sh --help
#
#   --seed      the inputs are the same each time, as far as the time allows, and what earlier runs learnt is left aside:
#               for a run that must not fail by chance, such as that of continuous integration
#
#   policy      any bytes as a policy file: no panic; what is read is written back and read again the same
#   decide      any policy and call: the compiled decision is that of a slow model written from the README
#   glob        any pattern and text: as the server's own matching, tried out by the slow model
#   networks    any from= list and address: as bit by bit comparison says
#   conf_lines  any bytes as a redis.conf or an ACL file
#   acl_rules   any bytes as the rules of an ACL user: nothing is said of the user that no rule says
#
# The targets are in fuzz/, which builds the module's pure files once more. Seeds are in fuzz/seeds; what a run learns stays in
# fuzz/corpus (not committed). A finding stops the run, is left in fuzz/artifacts and printed. cargo-fuzz is installed when
# missing; the compiler's sanitizer is used on a stable toolchain too (RUSTC_BOOTSTRAP).
#
# Exit status: 0 nothing found; 1 a finding; 2 wrong call; 3 it does not build or run here (cargo-fuzz
# needs a C++ compiler, too).
set -euo pipefail

readonly ALL=(policy decide glob networks conf_lines acl_rules)
SECONDS_EACH=60
SEED=0     # libFuzzer's word for one that it chooses
CORPUS=fuzz/corpus
TARGETS=()

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }

while [[ $# -gt 0 ]]; do
    case $1 in
        --seconds) [[ ${2:-} =~ ^[0-9]+$ ]] || { echo 'fuzz.sh: --seconds wants a number' >&2; exit 2; }; SECONDS_EACH=$2; shift 2 ;;
        --seed) [[ ${2:-} =~ ^[1-9][0-9]{0,8}$ ]] || { echo 'fuzz.sh: --seed wants a number from 1 on' >&2; exit 2; }; SEED=$2; shift 2 ;;
        --help | -h) usage; exit ;;
        -*) echo "fuzz.sh: unknown option $1: see --help" >&2; exit 2 ;;
        *) [[ " ${ALL[*]} " = *" $1 "* ]] || { echo "fuzz.sh: no target $1: one of ${ALL[*]}" >&2; exit 2; }; TARGETS+=("$1"); shift ;;
    esac
done
if [[ ${#TARGETS[@]} -eq 0 ]]; then TARGETS=("${ALL[@]}"); fi

cd -- "$(dirname -- "$0")/.."
export RUSTC_BOOTSTRAP=1
if ! command -v cargo-fuzz >/dev/null; then
    echo '==> installing cargo-fuzz'
    cargo install --locked --quiet cargo-fuzz || { echo 'fuzz.sh: cargo-fuzz could not be installed' >&2; exit 3; }
fi
echo '==> building the targets'
mkdir -p fuzz/logs
cargo fuzz build >fuzz/logs/build.log 2>&1 || { grep -A 9 '^error' fuzz/logs/build.log >&2; echo 'fuzz.sh: the targets do not build: see fuzz/logs/build.log' >&2; exit 3; }

# Sets RESULT and STATUS of a run that broke off: on a finding, or because nothing could run.
ended_badly() {
    if grep -q 'Test unit written to' "$log"; then result="FOUND: see $log" status=1; return; fi
    result="did not run: see $log"
    if [[ $status -eq 0 ]]; then status=3; fi
}

if [[ $SEED -ne 0 ]]; then
    CORPUS=$(mktemp -d)
    trap 'rm -rf -- "$CORPUS"' EXIT
fi
status=0
printf '\n%-11s %12s %9s %9s  %s\n' target inputs coverage corpus result
for target in "${TARGETS[@]}"; do
    mkdir -p "$CORPUS/$target"
    log=fuzz/logs/$target.log
    result='nothing found'
    cargo fuzz run "$target" "$CORPUS/$target" "fuzz/seeds/$target" -- -max_total_time="$SECONDS_EACH" -seed="$SEED" \
        -dict=fuzz/dictionary -max_len=4096 -timeout=20 -rss_limit_mb=4096 >"$log" 2>&1 || ended_badly
    # libFuzzer's lines: "#1234 NEW    cov: 12 ft: 34 corp: 56/78b ..." and "Done 1234 runs in 60 second(s)"
    inputs=$(sed -nE 's/^Done ([0-9]+) runs.*/\1/p; s/^#([0-9]+).*/\1/p' "$log" | tail -n 1)
    coverage=$(sed -nE 's/.* cov: ([0-9]+) .*/\1/p' "$log" | tail -n 1)
    corpus=$(sed -nE 's/.* corp: ([0-9]+)\/.*/\1/p' "$log" | tail -n 1)
    printf '%-11s %12s %9s %9s  %s\n' "$target" "${inputs:-0}" "${coverage:-?}" "${corpus:-?}" "$result"
    if [[ $result = FOUND* ]]; then grep -A 12 'panicked at' "$log" | head -n 20 || tail -n 20 "$log"; fi
done
exit "$status"
