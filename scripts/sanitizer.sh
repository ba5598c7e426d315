#!/usr/bin/env bash
# sanitizer.sh - the integration tests with the module built for AddressSanitizer: every read and write of memory is watched.
#
# Usage: scripts/sanitizer.sh [--server NAME] [TEST-NAME...]
#        scripts/sanitizer.sh --help
#
#   --server  one of scripts/servers.sh; default: redis-7.0. Its allocator must be replaceable from outside (a jemalloc in a
#             library of its own), so that what the server hands to the module is watched, too; else only the module's own
#             memory on the stack and in globals is. Valkey 9.1 loads modules so (RTLD_DEEPBIND) that no sanitizer can work.
#
# The module is compiled by the toolchain at hand (RUSTC_BOOTSTRAP, for -Zsanitizer), the sanitizer's runtime is the C compiler's
# own libasan, put before the server's libraries. Leaks are not asked for: servers leave their memory to the system as they end.
# Reports go to target/sanitizer/reports; one whose stack has a line of ours ends the run with status 1, others are counted.
#
# First of all a module with a fault is loaded, which must be found. Tests that cannot hold there are left out: see LEFT_OUT.
#
# Exit status: 0 no report is ours and all tests pass; 1 some are or do not, or nothing could be built; 2 wrong call.
set -euo pipefail

# What is not run here, and why. Names, or parts of names, of tests.
readonly LEFT_OUT='
audit::files::places::a_module_that_only_root  | an account of its own may not enter the folder of the watched server
audit::files::places::what_the_server_may_not  | the same
audit::fixtures::a_hardened_server_gets_an_a   | the same
audit::fixtures::the_hardened_server_with      | the same
audit::grade::a_file_that_others_may_read      | the same
audit::grade::a_medium_failure_gives_a_b       | the same
fix::files::a_server_of_its_own_account        | the same
fix::files::every_file_of_the_servers_own      | the same
fix::keeping::a_file_that_cannot_be_written    | the same
audit::versions::debians_package_is_unknown    | starts a copy of the server that is not watched, which cannot load this module
audit::versions::what_the_gate_closes          | the same
beside::a_transaction_does_not_wait            | asks about thousands of users within a time that is too short when watched
beside::crowds::thousands_of_users             | the same
audit_bad_input::an_acl_file_of_megabytes      | the same
soak::memory                                   | the sanitizer keeps memory that was given back
'

NAME=redis-7.0 TESTS=()

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
say() { printf '[%s] %s\n' "$(date +%H:%M:%S)" "$*"; }
die() { printf 'sanitizer.sh: %s\n' "$*" >&2; exit 1; }

while [[ $# -gt 0 ]]; do
    case $1 in
        --server) [[ $# -ge 2 ]] || { echo 'sanitizer.sh: --server wants a name' >&2; exit 2; }; NAME=$2; shift 2 ;;
        --help | -h) usage; exit ;;
        -*) echo "sanitizer.sh: unknown option $1: see --help" >&2; exit 2 ;;
        *) TESTS+=("$1"); shift ;;
    esac
done

cd -- "$(dirname -- "$0")/.."
OUT=$PWD/target/sanitizer
TARGET=$(rustc -vV | sed -n 's/^host: //p')
RUNTIME=$(realpath -e -- "$("${CC:-cc}" -print-file-name=libasan.so)") || die 'the C compiler has no libasan: apt-get install gcc'
scripts/servers.sh "$NAME" >/dev/null || die "server $NAME could not be fetched"
BINARY=$(scripts/servers.sh --list "$NAME" | cut -f 3)

say 'building the module for AddressSanitizer'
RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_PROFILE_RELEASE_LTO=off \
    cargo build --quiet --release --target "$TARGET" --target-dir "$OUT" || die 'it does not build'
MODULE=$OUT/$TARGET/release/libsecaudit.so
# The tests start the server by this name, and find the other programs beside it.
mkdir -p "$OUT/bin" "$OUT/reports"
rm -f -- "$OUT"/reports/*
ln -sfn -- "$(dirname -- "$BINARY")"/redis-cli "$OUT/bin/redis-cli"
cat >"$OUT/bin/redis-server" <<EOF
#!/bin/sh
export LD_PRELOAD='$RUNTIME'
export ASAN_OPTIONS='detect_leaks=0:detect_odr_violation=0:handle_segv=0:handle_abort=0:halt_on_error=0:log_path=$OUT/reports/report'
exec '$BINARY' "\$@"
EOF
chmod 755 "$OUT/bin/redis-server"

# A module that writes behind what it was given. Whether it loads is no matter: the report is.
cat >"$OUT/fault.c" <<'EOF'
int RedisModule_OnLoad(void *context, void **arguments, int count) {
    void *(*allocate)(unsigned long) = 0;
    (void)arguments, (void)count;
    ((int (*)(const char *, void *))((void **)context)[0])("RedisModule_Alloc", &allocate);
    char *memory = allocate(64);
    memory[64 + count] = 1;
    return 1;
}
EOF
"${CC:-cc}" -shared -fPIC -fsanitize=address -o "$OUT/fault.so" "$OUT/fault.c"
"$OUT/bin/redis-server" --port 0 --unixsocket "$OUT/fault.sock" --dir "$OUT" --loadmodule "$OUT/fault.so" >/dev/null 2>&1 || true
grep -qs 'heap-buffer-overflow' "$OUT"/reports/* || die "a module's fault was not found on $NAME: its allocator cannot be replaced"
rm -f -- "$OUT"/reports/*

skips=()
while IFS='|' read -r pattern _; do
    pattern=$(sed -E 's/ +$//' <<<"$pattern")
    if [[ -n $pattern ]]; then skips+=(--skip "$pattern"); fi
done <<<"$LEFT_OUT"
say "the integration tests on $("$OUT/bin/redis-server" --version | cut -d ' ' -f 1-3), each server watched"
status=0
SECAUDIT_MODULE=$MODULE SECAUDIT_TEST_SERVER=$OUT/bin/redis-server SECAUDIT_TEST_SLOW=4 \
    cargo test --quiet --test tests -- "${skips[@]}" "${TESTS[@]}" </dev/null >"$OUT/tests.log" 2>&1 || status=1
grep -E '^test result:|^    [a-z_:0-9]+$' "$OUT/tests.log" | sort -u || true
all=$(find "$OUT/reports" -type f | wc -l)
ours=$({ grep -lsE 'libsecaudit|secaudit::' "$OUT"/reports/* || true; } | wc -l)
say "reports: $all, of them with a line of ours: $ours"
if [[ $ours -gt 0 ]]; then
    grep -lsE 'libsecaudit|secaudit::' "$OUT"/reports/* | head -n 3 | xargs head -n 30
    status=1
fi
if [[ $all -gt $ours ]]; then
    echo 'the first of the others:'
    grep -LsE 'libsecaudit|secaudit::' "$OUT"/reports/* | head -n 1 | xargs head -n 15
fi
exit "$status"
