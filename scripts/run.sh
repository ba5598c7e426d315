#!/usr/bin/env bash
# run.sh - see the module at work: a real server is audited, and its commands are denied and renamed while it runs.
#
# Usage: scripts/run.sh [--keep] [--server PATH]
#        scripts/run.sh --help
#
# Makes the machine ready (scripts/prepare.sh), builds the module, starts a redis-server from redis-test-conf/demo.conf on a
# free port of 127.0.0.1, in a temporary folder, and shows what an operator and a refused client see. Each answer is checked:
# a refusal that is none ends the demonstration with status 1. At the end, and at Ctrl-C, server and folder are gone.
#
#   --keep         leave the server in the foreground afterwards, with its log, and say how to connect; Ctrl-C stops it
#   --server PATH  use this redis-server (7.0 or newer) or valkey-server (8.0 or newer) instead of the one on PATH
#
# Environment: SECAUDIT_MODULE  show this libsecaudit.so instead of building one
# Exit status: 0 all was as shown; 1 something was not, or did not start; 2 wrong call; 130 stopped with Ctrl-C.
set -euo pipefail

KEEP=no
SERVER=''      # the redis-server
MODULE=''      # the libsecaudit.so
WORK=''        # the temporary folder: the server's, and ours
PORT=''
SERVER_PID=''
JOB=''         # another process of ours, the leader of its group
ANSWER=''      # what the client was last told
PASSWORD=''    # of user default, once there is one
EXPLAINED=no   # whether the wording of old servers' refusals was explained

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then BOLD=$'\e[1m' RED=$'\e[31m' PLAIN=$'\e[0m'; else BOLD='' RED='' PLAIN=''; fi

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
title() { printf '\n%s==> %s%s\n' "$BOLD" "$*" "$PLAIN"; }
die() { printf '%srun.sh: %s%s\n' "$RED" "$*" "$PLAIN" >&2; exit 1; }

cleanup() {
    set +e
    trap '' INT TERM HUP PIPE
    if [[ -n $JOB ]]; then kill -TERM -- "-$JOB" 2>/dev/null || true; fi
    stop_server
    if [[ -n $WORK ]]; then rm -rf -- "$WORK"; fi
}

stop_server() {
    if [[ -z $SERVER_PID ]]; then return 0; fi
    kill -TERM "$SERVER_PID" 2>/dev/null || true
    for _ in {1..50}; do
        if ! kill -0 "$SERVER_PID" 2>/dev/null; then break; fi
        sleep 0.1
    done
    kill -KILL "$SERVER_PID" 2>/dev/null || true
    wait "$SERVER_PID" 2>/dev/null || true
    SERVER_PID=''
}

# Runs a long command in a group of its own and waits for it, so that a signal finds us at once and ends all of it.
run_job() {
    local status=0
    setsid "$@" </dev/null &
    JOB=$!
    wait "$JOB" || status=$?
    JOB=''
    return "$status"
}

# With a module at hand, a server and redis-cli are all it takes.
prepare() {
    if [[ -n ${SECAUDIT_MODULE:-} ]] && type -P redis-cli "${SERVER:-redis-server}" >/dev/null; then return; fi
    title 'what this machine needs: scripts/prepare.sh'
    scripts/prepare.sh
}

# Sets MODULE to the libsecaudit.so: cargo says where it has put it.
find_module() {
    if [[ -n ${SECAUDIT_MODULE:-} ]]; then
        MODULE=$(realpath -e -- "$SECAUDIT_MODULE" 2>/dev/null) || die "SECAUDIT_MODULE names no file: $SECAUDIT_MODULE"
        title "the module is $MODULE (SECAUDIT_MODULE)"
        return
    fi
    title 'building the module: cargo build --release (a minute or two the first time)'
    run_job cargo build --release --message-format=json-render-diagnostics >"$WORK/cargo" || die 'the build failed: see above'
    MODULE=$(grep -oE '"[^"]*/libsecaudit\.so"' "$WORK/cargo" | tail -n 1 | tr -d '"' || true)
    [[ -f $MODULE ]] || die 'cargo names no libsecaudit.so among what it built'
    echo "    $MODULE ($(du -h --apparent-size -- "$MODULE" | cut -f 1))"
}

version_of() { LC_ALL=C "$1" --version | sed -nE 's/^([A-Za-z]+) server v=([^ ]+).*/\1 \2/p'; }

quoted() { local text=${1//\\/\\\\}; printf '"%s"' "${text//\"/\\\"}"; }

write_conf() {
    cp redis-test-conf/demo.conf "$WORK/redis.conf"
    printf '\n# Added by scripts/run.sh.\nport %d\ndir %s\nloadmodule %s %s\n' "$PORT" "$(quoted "$WORK")" "$(quoted "$MODULE")" \
        "$(quoted "$WORK/secaudit.policy")" >>"$WORK/redis.conf"
    echo 'mode enforce' >"$WORK/secaudit.policy"
    chmod 600 "$WORK/redis.conf" "$WORK/secaudit.policy"
}

# Waits until our own server answers; fails when it has ended.
server_answers() {
    local info
    for _ in {1..100}; do
        if ! kill -0 "$SERVER_PID" 2>/dev/null; then return 1; fi
        info=$(redis-cli -p "$PORT" INFO server 2>/dev/null || true)
        if [[ $info = *"process_id:$SERVER_PID"* ]]; then return; fi
        sleep 0.1
    done
    return 1
}

# Starts the server. No port is known to be free before a server has it, so one that is taken means another try.
start_server() {
    local version
    version=$(version_of "$SERVER" || true)
    [[ -n $version ]] || die "$SERVER is no redis-server or valkey-server that runs here"
    title "starting $version with redis-test-conf/demo.conf"
    for _ in {1..20}; do
        PORT=$((20000 + RANDOM % 12000))
        write_conf
        LC_ALL=C setsid "$SERVER" "$WORK/redis.conf" >"$WORK/redis.log" 2>&1 </dev/null &
        SERVER_PID=$!
        if server_answers; then
            echo "    127.0.0.1, port $PORT, pid $SERVER_PID"
            return
        fi
        stop_server
        if ! grep -q 'Address already in use' "$WORK/redis.log"; then break; fi
    done
    grep -hE 'secaudit is not loaded' "$WORK/redis.log" >&2 || tail -n 5 "$WORK/redis.log" >&2
    die "$version ($SERVER) did not start with the module: the reason is in its log, above"
}

# Sends lines to one redis-cli, as if typed at its prompt.
redis_cli() { timeout 20 redis-cli -p "$PORT" --no-raw 2>&1 || true; }

prompt() { printf '%s127.0.0.1:%d> %s%s\n' "$BOLD" "$PORT" "$1" "$PLAIN"; }

# Shows one call and its answer, which is left in ANSWER.
call() {
    ANSWER=$(redis_cli <<<"$1")
    prompt "$1"
    printf '%s\n' "$ANSWER"
}

# Ends the demonstration when the last answer is not what it should be.
expect() {
    local pattern=$1 meant=$2
    if grep -qE -- "$pattern" <<<"$ANSWER"; then return; fi
    die "the last answer should have been $meant. That is a bug of the module: please report it with the output above"
}

answers() { call "$2"; expect "$1" "$3"; }

# A call that the gate must refuse in the name of this rule.
refused() {
    call "$2"
    expect "^\(error\) .*is denied by secaudit rule '?$1" "a refusal by rule $1"
    if [[ $EXPLAINED = no && $ANSWER = *'unknown command'* ]]; then
        EXPLAINED=yes
        echo '    (Redis 7.0 does not tell a module whether a client is in a transaction, so'
        echo '    the refusal wears the words "unknown command". Newer servers say:'
        echo "    NOPERM 'flushall' is denied by secaudit rule $1)"
    fi
}

# A name that must have stopped existing.
unknown() { call "$1"; expect '^\(error\) ERR unknown command' 'that of a command that does not exist'; }

# Shows a report as redis-cli prints it with --raw: lines, without numbers before them. It is left in ANSWER.
report() {
    ANSWER=$(timeout 20 redis-cli -p "$PORT" --raw "$@" 2>&1 || true)
    printf '%s$ redis-cli -p %d --raw %s%s\n' "$BOLD" "$PORT" "$*" "$PLAIN"
}

# A transaction. Each line is answered in one line, but for EXEC.
transaction() {
    local lines=("$@") told index
    mapfile -t told < <(printf '%s\n' "${lines[@]}" | redis_cli)
    for index in "${!lines[@]}"; do
        prompt "${lines[index]}"
        printf '%s\n' "${told[index]:-}"
    done
    ANSWER=$(printf '%s\n' "${told[@]}")
}

# The grade and the counts of the report in ANSWER, in one line.
verdict() { sed -nE 's/^Grade  (.)  .*/grade \1; /p; s/^Checks //p' <<<"$ANSWER" | tr -d '\n'; }

show_audit() {
    title 'How safe is it? SECAUDIT looks from the inside'
    report SECAUDIT
    printf '%s\n' "$ANSWER"
    expect '^Grade  [A-F?]  ' 'a report with a grade'
    BEFORE=$(verdict)
}

show_deny() {
    title 'As it is, a single call wipes everything'
    answers '^OK$' 'MSET user:1 Ada user:2 Grace user:3 Edsger' OK
    answers '^OK$' 'FLUSHALL' OK
    answers '^\(integer\) 0$' 'DBSIZE' 'an empty database'
    answers '^OK$' 'MSET user:1 Ada user:2 Grace user:3 Edsger' OK

    title 'Deny it: at once, without a restart'
    answers '^"no-flush"$' 'SECGATE DENY flushall flushdb id=no-flush' "the rule's id"
    refused no-flush 'FLUSHALL'
    refused no-flush 'flushdb async'
    answers '^\(integer\) 3$' 'DBSIZE' 'three keys: nothing was wiped'

    title 'Deny one subcommand: CONFIG GET goes on working'
    answers '^"read-only-config"$' 'SECGATE DENY config|set id=read-only-config' "the rule's id"
    refused read-only-config 'CONFIG SET dir /root/.ssh'
    answers 'maxmemory' 'CONFIG GET maxmemory' 'the setting'
}

show_names() {
    local new
    new=$(printf 'k%04x%04x' "$RANDOM" "$RANDOM")
    title 'Rename: the old name is gone, the new one is known to you alone'
    answers '^"hide-keys"$' "SECGATE RENAME keys $new id=hide-keys" "the statement's id"
    unknown 'KEYS *'
    answers '"user:2"' "$new user:*" 'the three keys'

    title 'Alias: a second name. It grants nothing, the rules see the real command'
    answers '^"r1"$' 'SECGATE ALIAS count-keys dbsize' "the statement's id"
    answers '^\(integer\) 3$' 'COUNT-KEYS' 'three keys'
    answers '^"r2"$' 'SECGATE ALIAS wipe flushall' "the statement's id"
    refused no-flush 'WIPE'
}

show_no_way_round() {
    title 'No way round it: other spellings, transactions, scripts'
    refused no-flush 'FlUsHaLl SYNC'
    refused no-flush '"flushall\x00"'
    transaction 'MULTI' 'SET user:1 nobody' 'FLUSHALL' 'EXEC'
    expect "^\(error\) .*is denied by secaudit rule '?no-flush" 'a refusal by rule no-flush'
    expect '^\(error\) EXECABORT' 'EXECABORT for EXEC: a refused command takes its transaction with it'
    refused no-flush "EVAL \"return redis.call('FLUSHALL')\" 0"
    answers '^\(integer\) 3$' 'DBSIZE' 'three keys: nothing was wiped'
    answers '^deny by no-flush' 'SECGATE TEST wipe' 'the decision and its rule, for a call that is not made'
}

show_records() {
    title 'What the gate holds, and what it refused'
    report SECGATE LIST
    printf '%s\n' "$ANSWER"
    expect '^deny flushall flushdb id=no-flush .*[1-9][0-9]* hit' 'the policy with the hits of rule no-flush'
    report SECGATE LOG
    printf '%s\n' "$ANSWER"
    expect 'deny command=flushall rule=no-flush .*via=script' 'a list with the call that came from a script'
    expect 'deny command=config\|set rule=read-only-config' 'a list with the CONFIG SET'
}

# Does what the report asked for.
show_the_rest() {
    local new
    new=$(printf 'c%04x%04x' "$RANDOM" "$RANDOM")
    PASSWORD=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    title 'Now what else SECAUDIT named: a password, and the other dangerous commands'
    answers '^OK$' "ACL SETUSER default >$PASSWORD" OK
    export REDISCLI_AUTH=$PASSWORD  # redis-cli signs in with it
    answers '^OK$' 'ACL SETUSER default -sync -psync' OK
    answers '^"' 'SECGATE DENY save bgsave bgrewriteaof monitor shutdown id=stall' "the rule's id"
    answers '^"' 'SECGATE DENY replicaof slaveof failover cluster|reset id=switch' "the rule's id"
    answers '^"' 'SECGATE DENY acl migrate restore debug module swapdb id=rest' "the rule's id"
    answers '^"' "SECGATE RENAME config $new id=hide-config" "the statement's id"
    unknown 'CONFIG GET dir'
    refused read-only-config "$new SET dir /root/.ssh"
}

show_audit_again() {
    title 'SECAUDIT again: its head, and what is left to mend'
    report SECAUDIT
    awk '/^$/ { exit } { print }' <<<"$ANSWER"
    grep -E '^[A-Z]+ +[a-z]+\.[a-z-]+: ' <<<"$ANSWER" || true
    for check in auth.password cmd.dangerous cmd.config; do
        expect "^  ok ${check/./\\.} " "a report where $check is ok"
    done
    printf '\n%sbefore:%s  %s\n' "$BOLD" "$PLAIN" "$BEFORE"
    printf '%snow:%s     %s\n' "$BOLD" "$PLAIN" "$(verdict)"
    if [[ $EUID -eq 0 ]]; then
        echo '         (proc.root: you ran this script as root, so its server runs as root)'
    fi
    answers '^OK$' 'SECGATE SAVE' 'OK: the policy stands in its file, for the next start'
}

keep() {
    title 'The server keeps running. In another terminal:'
    printf '    %-53s  # %s\n' "export REDISCLI_AUTH=$PASSWORD" 'its password' \
        "redis-cli -p $PORT" 'try FLUSHALL, or SECGATE HELP' "redis-cli -p $PORT --raw SECAUDIT" 'the whole report' \
        "redis-cli -p $PORT SECGATE RESET" 'lifts everything' "ls $WORK" 'its configuration, policy and log'
    title 'Its log follows. Ctrl-C stops the server and removes its folder'
    setsid tail -n 12 -f -- "$WORK/redis.log" </dev/null &
    JOB=$!
    wait "$SERVER_PID" || true
    sleep 0.2  # the log's last lines
    SERVER_PID=''
    die 'the server has ended'
}

read_options() {
    local path
    while [[ $# -gt 0 ]]; do
        case $1 in
            --help | -h) usage; exit ;;
            --keep) KEEP=yes ;;
            --server | --server=*)
                if [[ $1 = --server ]]; then path=${2:-}; shift "$(($# > 1))"; else path=${1#*=}; fi
                SERVER=$(type -P -- "$path" || true)
                if [[ -z $SERVER ]]; then
                    echo "run.sh: --server wants the path of a redis-server or valkey-server, not '$path'" >&2
                    exit 2
                fi
                SERVER=$(realpath -s -- "$SERVER") ;;
            *) echo "run.sh: unknown option $1: see --help" >&2; exit 2 ;;
        esac
        shift
    done
}

main() {
    read_options "$@"
    if [[ -n ${SECAUDIT_MODULE:-} ]]; then SECAUDIT_MODULE=$(realpath -s -- "$SECAUDIT_MODULE"); fi
    cd -- "$(dirname -- "$0")/.."
    unset REDISCLI_AUTH  # a password for other servers
    trap cleanup EXIT
    trap 'printf "\nrun.sh: stopped\n" >&2; exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    WORK=$(mktemp -d)
    prepare
    find_module
    SERVER=${SERVER:-$(type -P redis-server)}
    start_server
    show_audit
    show_deny
    show_names
    show_no_way_round
    show_records
    show_the_rest
    show_audit_again
    if [[ $KEEP = yes ]]; then keep; fi
    stop_server
    title 'Every refusal was one. The server is stopped; nothing is left of it'
}

main "$@"
