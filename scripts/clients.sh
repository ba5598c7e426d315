#!/usr/bin/env bash
# clients.sh - ordinary clients against a gated server: what they make of refusals, transactions, pipelines, pub/sub, scripts,
# RESP3 and a Cluster, and what a Prometheus exporter reads.
#
# Usage: scripts/clients.sh [--server NAME]...    default: redis-7.0, redis-8.2 and valkey-8.1
#        scripts/clients.sh --help
#
# redis-py comes from PyPI, ioredis and node-redis from npm, prometheus-redis-exporter from Debian; they are kept in
# target/clients. redis-cli and redis-rs are in the integration tests. A client that cannot be fetched is skipped by name and
# counted. Servers listen on loopback only, and are gone at the end.
#
# Environment: SECAUDIT_MODULE  the libsecaudit.so to load, instead of building one
# Exit status: 0 all that ran holds; 1 something does not; 2 wrong call.
set -euo pipefail

SERVERS=()
MODULE=${SECAUDIT_MODULE:-}
WORK=''
PIDS=()
PASSED=0 FAILED=0 SKIPPED=0

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
die() { printf 'clients.sh: %s\n' "$*" >&2; exit 1; }
skip() { printf '    skipped: %s\n' "$*"; SKIPPED=$((SKIPPED + 1)); }

cleanup() {
    set +e
    if [[ ${#PIDS[@]} -gt 0 ]]; then kill -9 "${PIDS[@]}" 2>/dev/null; wait "${PIDS[@]}" 2>/dev/null; fi
    if [[ -n $WORK ]]; then rm -rf -- "$WORK"; fi
}

read_options() {
    while [[ $# -gt 0 ]]; do
        case $1 in
            --server) [[ $# -ge 2 ]] || { echo 'clients.sh: --server wants a name' >&2; exit 2; }; SERVERS+=("$2"); shift 2 ;;
            --help | -h) usage; exit ;;
            *) echo "clients.sh: unknown option $1: see --help" >&2; exit 2 ;;
        esac
    done
    if [[ ${#SERVERS[@]} -eq 0 ]]; then SERVERS=(redis-7.0 redis-8.2 valkey-8.1); fi
}

# Fetches the clients into target/clients, once.
fetch() {
    mkdir -p target/clients
    if [[ ! -x target/clients/venv/bin/python ]]; then
        echo '==> redis-py, from PyPI'
        { python3 -m venv target/clients/venv && target/clients/venv/bin/pip install -q redis; } >target/clients/pip.log 2>&1 || rm -rf target/clients/venv
    fi
    if [[ ! -d target/clients/node_modules/ioredis ]] && command -v npm >/dev/null; then
        echo '==> ioredis and node-redis, from npm'
        (cd target/clients && npm install --silent --no-save --prefix . ioredis redis) >target/clients/npm.log 2>&1 || true
    fi
    if ! command -v prometheus-redis-exporter >/dev/null && [[ ! -x target/clients/exporter/usr/bin/prometheus-redis-exporter ]]; then
        echo '==> prometheus-redis-exporter, from Debian'
        (cd target/clients && apt-get download -qq prometheus-redis-exporter && dpkg -x prometheus-redis-exporter_*.deb exporter) >target/clients/apt.log 2>&1 || true
    fi
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Starts a server of the policy on a free port, which is left in PORT; more lines of its configuration follow.
start() {
    local dir
    dir=$(mktemp -d -- "$WORK/server.XXXXXX")
    PORT=$(free_port)
    printf 'port %d\nbind 127.0.0.1\ndir %s\nsave ""\nloadmodule %s %s\n' "$PORT" "$dir" "$MODULE" "$dir/secaudit.policy" >"$dir/redis.conf"
    printf '%s\n' "$@" >>"$dir/redis.conf"
    cat >"$dir/secaudit.policy" <<'POLICY'
deny flushall id=no-flush
deny set arg1=forbidden* id=by-key
deny subscribe arg=secret id=no-secret
rename config cfg-71c2 id=config
POLICY
    chmod 600 "$dir/secaudit.policy"
    "$BINARY" "$dir/redis.conf" >"$dir/log" 2>&1 </dev/null &
    PIDS+=($!)
    for _ in {1..100}; do
        if [[ $(redis-cli -p "$PORT" PING 2>/dev/null) = PONG ]]; then return; fi
        sleep 0.1
    done
    cat "$dir/log" >&2
    die "$NAME does not start"
}

# Three masters; the port of one is left in CLUSTER_PORT.
start_cluster() {
    local nodes=() bus=''
    for _ in 1 2 3; do
        bus=$(free_port)
        start 'cluster-enabled yes' 'cluster-node-timeout 5000' "cluster-port $bus"
        nodes+=("127.0.0.1:$PORT")
    done
    redis-cli --cluster create "${nodes[@]}" --cluster-yes >"$WORK/cluster.log" 2>&1 || { cat "$WORK/cluster.log" >&2; die 'no cluster'; }
    CLUSTER_PORT=$PORT
    for _ in {1..100}; do
        if redis-cli -p "$CLUSTER_PORT" CLUSTER INFO | grep -q 'cluster_state:ok'; then return; fi
        sleep 0.1
    done
    die 'the cluster does not come up'
}

# Runs a client; its own lines say what holds.
try() {
    echo "$1"
    shift
    if "$@"; then PASSED=$((PASSED + 1)); else FAILED=$((FAILED + 1)); fi
}

exporter() {
    local program port pid metrics='' metric
    program=$(command -v prometheus-redis-exporter || echo target/clients/exporter/usr/bin/prometheus-redis-exporter)
    port=$(free_port)
    "$program" -redis.addr "redis://127.0.0.1:$SERVER_PORT" -web.listen-address "127.0.0.1:$port" >"$WORK/exporter.log" 2>&1 &
    pid=$!
    PIDS+=("$pid")
    for _ in {1..50}; do
        if metrics=$(python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())' "http://127.0.0.1:$port/metrics" 2>/dev/null); then break; fi
        sleep 0.1
    done
    kill "$pid" 2>/dev/null || true
    # CONFIG is renamed and FLUSHALL denied: neither keeps it from INFO.
    for metric in 'redis_up 1' redis_connected_clients redis_commands_processed_total; do
        if ! grep -q "^$metric" <<<"$metrics"; then echo "    the exporter does not tell $metric"; return 1; fi
        echo "    ok  the exporter tells $metric"
    done
    # What an exporter of key:value lines takes from our section: names of letters, numbers as values.
    if redis-cli -p "$SERVER_PORT" INFO secaudit | tr -d '\r' | grep -vE '^(#.*|[a-z0-9_:.,=<>"'"'"'@|*+ -]+:.*|)$'; then
        echo '    INFO secaudit has a line that is no field'; return 1
    fi
    echo '    ok  INFO secaudit is fields'
}

main() {
    local told
    read_options "$@"
    cd -- "$(dirname -- "$0")/.."
    trap cleanup EXIT
    trap 'exit 130' INT TERM
    WORK=$(mktemp -d)
    fetch
    if [[ -z $MODULE ]]; then
        echo '==> building the module: cargo build --release'
        MODULE=$(cargo build --release --message-format=json-render-diagnostics | grep -oE '"[^"]*/libsecaudit\.so"' | tail -n 1 | tr -d '"')
    fi
    MODULE=$(realpath -e -- "$MODULE") || die 'there is no such module'
    for NAME in "${SERVERS[@]}"; do
        BINARY=$(scripts/servers.sh --list "$NAME" | cut -f 3)
        if [[ ! -x $BINARY ]]; then scripts/servers.sh "$NAME" >"$WORK/servers.log" 2>&1 || true; fi
        if [[ ! -x $BINARY ]]; then skip "$NAME: it could not be fetched"; continue; fi
        printf '\n==> %s\n' "$("$BINARY" --version | cut -d ' ' -f 1-3)"
        start_cluster
        start
        SERVER_PORT=$PORT
        told=yes
        if [[ $NAME = redis-7.0 ]]; then told=no; fi
        if [[ -x target/clients/venv/bin/python ]]; then
            try redis-py target/clients/venv/bin/python tests/clients/with_redis_py.py "$SERVER_PORT" "$CLUSTER_PORT" "$told"
        else
            skip 'redis-py could not be fetched: see target/clients/pip.log'
        fi
        if [[ -d target/clients/node_modules/ioredis ]]; then
            export NODE_PATH=$PWD/target/clients/node_modules
            try ioredis node tests/clients/with_ioredis.js "$SERVER_PORT" "$CLUSTER_PORT"
            try node-redis node tests/clients/with_node_redis.js "$SERVER_PORT"
        else
            skip 'ioredis and node-redis could not be fetched: see target/clients/npm.log'
        fi
        if command -v prometheus-redis-exporter >/dev/null || [[ -x target/clients/exporter/usr/bin/prometheus-redis-exporter ]]; then
            try prometheus-redis-exporter exporter
        else
            skip 'prometheus-redis-exporter could not be fetched: see target/clients/apt.log'
        fi
    done
    printf '\n%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
    [[ $FAILED -eq 0 ]]
}

main "$@"
