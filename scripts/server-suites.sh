#!/usr/bin/env bash
# server-suites.sh - the servers' own test suites, bare and with the module in every server they start: the same tests must pass.
#
# Usage: scripts/server-suites.sh [--server NAME]... [--mode MODE]... [--suite SUITE]... [-- RUNTEST-ARGUMENT...]
#        scripts/server-suites.sh --report        the table of what has been run so far
#        scripts/server-suites.sh --help
#
#   --server  redis-7.0, redis-8.0 or valkey-8.1 (scripts/servers.sh fetches the binaries); default: redis-7.0 and valkey-8.1
#   --mode    bare     without the module
#             loaded   the module without a policy: no filter is registered
#             observe  200 rules that only record, some of which the suite's own calls match
#             enforce  200 rules in force, over calls that the suite does not make
#             Default: all four, in this order.
#   --suite   main, sentinel or cluster (where the source has it); default: main
#
# The suites are Tcl, from the source packages of Debian; the servers are Debian's own binaries, put where the suites look for
# them. The module and its policy are named in the configuration that the suites start every server with. A test that passes
# bare and does not with the module is printed and ends the run with status 1. Tests left out, each with its reason: see
# LEFT_OUT below. A whole main suite takes 10 to 15 minutes on two cores; results stay in target/suites/results.
#
# Environment: SECAUDIT_MODULE  the libsecaudit.so to load, instead of building one
# Exit status: 0 the same tests pass in every mode; 1 some do not, or nothing could be run; 2 wrong call.
set -euo pipefail

# server | source package | Debian suite
readonly SOURCES='
redis-7.0  | redis  | bookworm
redis-8.0  | redis  | trixie
valkey-8.1 | valkey | trixie
'

# What no mode runs of a server's suite (* of every one's), and why. Patterns of test names, as --skiptest takes them. Tests
# that ask for more than 100 MB are left out by the suites themselves.
readonly LEFT_OUT='
*          | CONFIG sanity         | sets every setting to the value it has and knows by name the ones that cannot be set at run time; ours it does not know
*          | CONFIG REWRITE sanity | the same list of names
valkey-8.1 | Active [Dd]efrag      | Debian builds it without the allocator that can defragment; bare, too, they fail, and end the run
'

SERVERS=() MODES=() SUITES=() EXTRA=()
ROOT=$(cd -- "$(dirname -- "$0")/.." && pwd)
OUT=$ROOT/target/suites
MODULE=${SECAUDIT_MODULE:-}

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
say() { printf '[%s] %s\n' "$(date +%H:%M:%S)" "$*"; }
die() { printf 'server-suites.sh: %s\n' "$*" >&2; exit 1; }

read_options() {
    while [[ $# -gt 0 ]]; do
        case $1 in
            --server | --mode | --suite)
                [[ $# -ge 2 ]] || { echo "server-suites.sh: $1 wants a word: see --help" >&2; exit 2; }
                case $1 in --server) SERVERS+=("$2") ;; --mode) MODES+=("$2") ;; --suite) SUITES+=("$2") ;; esac
                shift 2 ;;
            --report) report; exit ;;
            --help | -h) usage; exit ;;
            --) shift; EXTRA=("$@"); break ;;
            *) echo "server-suites.sh: unknown option $1: see --help" >&2; exit 2 ;;
        esac
    done
    if [[ ${#SERVERS[@]} -eq 0 ]]; then SERVERS=(redis-7.0 valkey-8.1); fi
    if [[ ${#MODES[@]} -eq 0 ]]; then MODES=(bare loaded observe enforce); fi
    if [[ ${#SUITES[@]} -eq 0 ]]; then SUITES=(main); fi
    local word
    for word in "${MODES[@]}"; do
        [[ $word =~ ^(bare|loaded|observe|enforce)$ ]] || { echo "server-suites.sh: no mode $word: see --help" >&2; exit 2; }
    done
    for word in "${SUITES[@]}"; do
        [[ $word =~ ^(main|sentinel|cluster)$ ]] || { echo "server-suites.sh: no suite $word: see --help" >&2; exit 2; }
    done
}

# Downloads and unpacks the source package of server NAME, once, and puts the binaries where its suites look for them.
source_of() {
    local name=$1 package suite apt uri folder binary
    read -r package suite < <(awk -F' *[|] *' -v name="$name" '$1 == name { print $2, $3 }' <<<"$SOURCES") ||
        die "no source for server $name: see --help"
    SOURCE=$OUT/source/$name
    if [[ ! -e $SOURCE/runtest ]]; then
        say "downloading the source package $package of Debian $suite"
        apt=$OUT/apt
        mkdir -p "$apt"/{lists,cache/archives}/partial "$OUT/source"
        : >"$apt/status"
        uri=${SECAUDIT_DEBIAN_MIRROR:-$(mirror)}
        [[ -n $uri ]] || die 'no Debian mirror in this machine'"'"'s apt configuration: set SECAUDIT_DEBIAN_MIRROR to one'
        echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" >"$apt/sources.list"
        local options=(-o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::lists="$apt/lists"
            -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User="$(id -un)")
        apt-get "${options[@]}" update >"$OUT/apt.log" 2>&1 || die "apt-get update failed: see $OUT/apt.log"
        folder=$(mktemp -d -- "$OUT/source/.$name.XXXXXX")
        # Only the tarball counts: a part that the mirror no longer has is no matter.
        (cd "$folder" && apt-get "${options[@]}" source --download-only --only-source "$package") >>"$OUT/apt.log" 2>&1 || true
        tar -C "$folder" --strip-components=1 -xf "$folder"/*.orig.tar.* || die "no source package $package: see $OUT/apt.log"
        [[ -e $folder/runtest ]] || die "the source package $package has no suite"
        mv -T -- "$folder" "$SOURCE"
    fi
    "$ROOT/scripts/servers.sh" "$name" >"$OUT/servers.log" 2>&1 || die "server $name could not be fetched: see $OUT/servers.log"
    binary=$("$ROOT/scripts/servers.sh" --list "$name" | cut -f 3)
    [[ -x $binary ]] || die "server $name is not there: see $OUT/servers.log"
    VERSION=$("$binary" --version | sed -nE 's/^([A-Za-z]+) server v=([^ ]+).*/\1 \2/p')
    # Sentinel and the checkers are the server under other names; libraries that came with it lie beside it.
    local tool kind=redis from
    if [[ $package = valkey ]]; then kind=valkey; fi
    from=$(dirname -- "$(readlink -f -- "$binary")")
    for tool in server sentinel check-aof check-rdb; do install -m 755 -- "$from/redis-server" "$SOURCE/src/$kind-$tool"; done
    for tool in cli benchmark; do install -m 755 -- "$from/redis-$tool" "$SOURCE/src/$kind-$tool"; done
    for tool in lib libc; do if [[ -d $from/$tool ]]; then cp -a -- "$from/$tool" "$SOURCE/src/"; fi; done
}

# Prints the machine's own Debian mirror, from apt's configuration.
mirror() {
    # shellcheck disable=SC2016 # apt fills these in
    apt-get indextargets --format '$(REPO_URI)|$(RELEASE)' 'Created-By: Packages' 2>/dev/null |
        awk -F'|' '$2 !~ /-security$/ && $1 ~ /\/debian\/?$/ { print $1; exit }'
}

# Writes the policy of MODE for a server: 200 rules over 50 commands that the suites use all the time.
policy() {
    local mode=$1 names=(get set del exists expire ttl incr decr append strlen mget mset lpush rpush lpop rpop lrange llen lindex lset
        sadd srem smembers sismember scard hset hget hdel hgetall hlen zadd zrem zrange zscore zcard xadd xrange xlen publish subscribe
        ping select type rename eval evalsha multi info config object debug) name number=0
    echo "mode $mode"
    for name in "${names[@]}"; do
        number=$((number + 1))
        case $name in multi) force=' force' ;; *) force='' ;; esac
        if [[ $mode = observe ]]; then
            # Every second of these matches what the suite does.
            if ((number % 2)); then echo "deny $name id=a$number$force"; else echo "deny $name arg1=k* id=a$number$force"; fi
        else
            echo "deny $name arg1=secaudit:never:* id=a$number$force"
        fi
        echo "deny $name arg=secaudit-never-said id=b$number$force"
        echo "deny $name arg1=a* arg2=secaudit-never-said id=c$number$force"
        echo "deny $name via=script arg=*secaudit-never-said* id=d$number$force"
    done
}

# Lays a copy of the source for one run, with the module in every configuration that the suites write.
lay_out() {
    local mode=$1 line
    WORK=$OUT/work/$NAME-$mode
    rm -rf -- "$WORK"
    mkdir -p "$OUT/work"
    cp -a -- "$SOURCE" "$WORK"
    if [[ $mode = bare ]]; then return; fi
    cp -- "$MODULE" "$WORK/libsecaudit.so"
    line="loadmodule $WORK/libsecaudit.so"
    if [[ $mode != loaded ]]; then
        policy "$mode" >"$WORK/secaudit.policy"
        chmod 600 "$WORK/secaudit.policy"
        line+=" $WORK/secaudit.policy"
    fi
    for file in "$WORK"/tests/assets/{default,minimal}.conf; do printf '\n%s\n' "$line" >>"$file"; done
    # Sentinels load no modules; the instances that are servers do.
    sed -i -E "s#^( *)(puts \\\$cfg \"logfile log.txt\")#\\1\\2\n\\1if {\$type ne \"sentinel\"} { puts \$cfg \"$line\" }#" "$WORK/tests/instances.tcl"
}

run_suite() {
    local suite=$1 mode=$2 server pattern start=$SECONDS status=0 program=runtest arguments=() log
    log=$OUT/results/$NAME-$suite-$mode.log
    mkdir -p "$OUT/results"
    if [[ $suite != main ]]; then program=runtest-$suite; fi
    if [[ ! -e $WORK/$program ]]; then say "$NAME has no $suite suite"; return; fi
    if [[ $suite = main ]]; then
        arguments=(--clients 2 --baseport "$((21000 + RANDOM % 60 * 100))")
        while IFS='|' read -r server pattern _; do
            server=${server// /} pattern=$(sed -E 's/^ +| +$//g' <<<"$pattern")
            if [[ $server = "$NAME" || $server = '*' ]]; then arguments+=(--skiptest "/.*$pattern.*"); fi
        done <<<"$LEFT_OUT"
    fi
    say "$VERSION, $suite suite, $mode: $program ${arguments[*]} ${EXTRA[*]}"
    (cd "$WORK" && timeout 3600 "./$program" "${arguments[@]}" "${EXTRA[@]}") </dev/null >"$log" 2>&1 || status=$?
    outcomes "$log" >"${log%.log}.tests"
    say "$(grep -c '^ok' "${log%.log}.tests") passed, $(grep -vc '^ok' "${log%.log}.tests" || true) failed, status $status, $((SECONDS - start)) s: $log"
}

# Prints "ok<TAB>name" or "err<TAB>name" for every test of a log, sorted. What varies from run to run is left out: numbers,
# and which replica the PSYNC2 test happens to kill.
outcomes() {
    sed -E 's/\x1b\[[0-9;]*m//g' "$1" |
        sed -nE 's/^[0-9:]*>? ?\[(ok|err|exception)\]: (.*)$/\1\t\2/p; s/^[0-9:]+> (.*): OK$/ok\t\1/p; s/^[0-9:]+> (.*): FAILED.*/err\t\1/p' |
        sed -E 's/ \([0-9]+ ms\)$//; s/ in tests\/.*//; s/[0-9]+/N/g; s/(PSYNCN #N regression: kill) (first|chained).*/\1 one/' | sort
}

# Compares every mode with bare; prints what passed bare and did not with the module.
report() {
    local prefix mode file lost worse=0
    printf '%-24s %-8s %8s %8s %s\n' 'server and suite' mode passed failed 'passed bare, not here'
    compgen -G "$OUT/results/*.tests" >/dev/null || die "nothing has been run: see --help"
    while IFS= read -r prefix; do
        for mode in bare loaded observe enforce; do
            file=$prefix-$mode.tests
            [[ -e $file ]] || continue
            printf '%-24s %-8s %8d %8d ' "$(basename "$prefix")" "$mode" "$(grep -c '^ok' "$file")" "$(grep -vc '^ok' "$file" || true)"
            if [[ ! -e $prefix-bare.tests ]]; then
                echo 'no bare run to compare with'
                if grep -qv '^ok' "$file"; then worse=1; fi
                continue
            fi
            # By name: some tests are repeated as often as a time allows.
            lost=$(comm -23 <(grep '^ok' "$prefix-bare.tests" | sort -u) <(grep '^ok' "$file" | sort -u))
            grep -c . <<<"$lost" || true
            if [[ -n $lost ]]; then printf '%s\n' "${lost//ok$'\t'/    }"; worse=1; fi
        done
    done < <(printf '%s\n' "$OUT"/results/*.tests | sed -E 's/-(bare|loaded|observe|enforce)\.tests$//' | sort -u)
    return "$worse"
}

main() {
    local mode suite
    read_options "$@"
    cd -- "$ROOT"
    command -v tclsh >/dev/null || die 'tclsh is missing: apt-get install tcl'
    mkdir -p "$OUT"
    if [[ -z $MODULE ]]; then
        say 'building the module: cargo build --release'
        MODULE=$(cargo build --release --message-format=json-render-diagnostics | grep -oE '"[^"]*/libsecaudit\.so"' | tail -n 1 | tr -d '"')
    fi
    MODULE=$(realpath -e -- "$MODULE") || die 'there is no such module'
    for NAME in "${SERVERS[@]}"; do
        source_of "$NAME"
        for mode in "${MODES[@]}"; do
            lay_out "$mode"
            for suite in "${SUITES[@]}"; do run_suite "$suite" "$mode"; done
            rm -rf -- "$WORK"
        done
    done
    report
}

main "$@"
