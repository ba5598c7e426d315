#!/usr/bin/env bash
# peers.sh - the same misconfigured servers, looked at by Lynis and by SECAUDIT, side by side.
#
# Usage: scripts/peers.sh [--markdown] [--server PATH]
#        scripts/peers.sh --help
#
# Lynis (Debian's package; installed when it is missing) is the one widely used audit that knows Redis. It looks for redis.conf
# in /etc/redis: each server here runs in a network and a mount namespace of its own, with its folder bound there, so that
# nothing of the machine is touched and no port is opened to anybody. Needs root, as Lynis does for a whole audit.
# Every server but the first has what Lynis asks for (requirepass, CONFIG renamed, bind 127.0.0.1, mode 640) and one fault.
# A fault counts as found when the tool names it: Lynis by a warning or suggestion, SECAUDIT by the failed check.
#
#   --markdown     print the table as the README has it
#   --server PATH  use this redis-server instead of the one on PATH
#
# Environment: SECAUDIT_MODULE  the libsecaudit.so to load, instead of building one
# Exit status: 0 the table was made and SECAUDIT found every fault; 1 it missed one, or something did not start; 2 wrong call.
set -euo pipefail

readonly LYNIS_TESTS='DBS-1880 DBS-1882 DBS-1884 DBS-1886 DBS-1888'
readonly PASSWORD='Hq7vKx2nWd94LrTz8mYb3Pc6Fs1Gj5Ae'  # of the servers here, which end within seconds
readonly CONFIG_NAME='c0nf-5f0e8d1b9a72'              # what rename-command calls CONFIG on them
MARKDOWN=no
SERVER=redis-server
MODULE=${SECAUDIT_MODULE:-}
WORK=''

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
die() { printf 'peers.sh: %s\n' "$*" >&2; exit 1; }
say() { if [[ $MARKDOWN = no ]]; then printf '%s\n' "$*"; fi; }

# What is wrong | the check that names it | the Lynis test that could | how the server is changed (a function below)
readonly FAULTS='
No password, every address, everything open | auth.password   | DBS-1884 | wide_open
A public address beside 127.0.0.1 in bind   | net.bind        | DBS-1888 | second_address
The password is an example from the internet| auth.known-password | DBS-1884 | known_password
Another user needs no password              | auth.nopass-users | -      | nopass_user
The password was taken away at run time     | auth.password   | DBS-1884 | password_gone
CONFIG is renamed to config2                | cmd.rename-guessable | DBS-1886 | guessable_name
Everybody may read redis.conf               | file.config     | DBS-1882 | readable_conf
Everybody may read a file that it includes  | file.config     | DBS-1882 | readable_include
Everybody may look into the data directory  | file.data-dir   | -        | open_data
dir points at a .ssh folder                 | file.staging    | -        | staging
The unix socket is open to every account    | net.unixsocket  | -        | open_socket
DEBUG is switched on                        | cmd.debug       | -        | debug_on
Modules may be loaded by clients            | cmd.module-load | -        | modules_on
The server runs as root                     | proc.root       | -        | as_root
The server could rewrite a module it loads  | file.module     | -        | writable_module
The log of denied calls is off              | log.acl-log     | -        | no_acl_log
'

# Each changes the conf file $CONF before the start; a function NAME_later changes the running server.
wide_open() { printf '# Redis\nbind 0.0.0.0\nprotected-mode no\nsave ""\nloadmodule /etc/redis/libsecaudit.so\n' >"$CONF"; chmod 644 "$CONF"; }
second_address() { sed -i 's/^bind .*/bind 127.0.0.1 203.0.113.7/' "$CONF"; }
known_password() { sed -i 's/^requirepass .*/requirepass foobared/' "$CONF"; LOGIN=foobared; }
nopass_user() { echo 'user legacy on nopass ~* &* +@all' >>"$CONF"; }
password_gone() { :; }
password_gone_later() { cli "$CONFIG_NAME" SET requirepass '' >/dev/null; LOGIN=''; }
guessable_name() { sed -i 's/^rename-command CONFIG .*/rename-command CONFIG config2/' "$CONF"; }
readable_conf() { chmod 644 "$CONF"; }
readable_include() { echo 'timeout 300' >"$HOME_DIR/more.inc"; chmod 644 "$HOME_DIR/more.inc"; echo 'include /etc/redis/more.inc' >>"$CONF"; }
open_data() { chmod 755 "$HOME_DIR/data"; }
staging() { install -d -m 700 -o nobody "$HOME_DIR/data/.ssh"; sed -i 's#^dir .*#dir /etc/redis/data/.ssh#' "$CONF"; }
open_socket() { printf 'unixsocket /etc/redis/data/redis.sock\nunixsocketperm 777\n' >>"$CONF"; }
debug_on() { echo 'enable-debug-command yes' >>"$CONF"; }
modules_on() { echo 'enable-module-command yes' >>"$CONF"; }
as_root() { AS_ROOT=yes; }
writable_module() { chown nobody "$HOME_DIR/libsecaudit.so"; }
no_acl_log() { echo 'acllog-max-len 0' >>"$CONF"; }

main() {
    if [[ ${1:-} = --inside ]]; then shift; inside "$@"; return; fi
    read_options "$@"
    cd -- "$(dirname -- "$0")/.."
    [[ $EUID -eq 0 ]] || die 'needs root (Lynis looks at files of root, and namespaces are made)'
    SERVER=$(type -P -- "$SERVER") || die 'no such server: see --server'
    need lynis lynis; need unshare util-linux; need setpriv util-linux; need ip iproute2; need jq jq; need redis-cli redis-tools
    find_module
    WORK=$(mktemp -d)
    trap 'rm -rf -- "$WORK"' EXIT
    chmod 755 "$WORK"
    [[ -d /etc/redis ]] || { mkdir /etc/redis; trap 'rmdir /etc/redis; rm -rf -- "$WORK"' EXIT; }
    compare
}

read_options() {
    while [[ $# -gt 0 ]]; do
        case $1 in
            --markdown) MARKDOWN=yes; shift ;;
            --server) [[ $# -ge 2 ]] || { echo 'peers.sh: --server wants a path' >&2; exit 2; }; SERVER=$2; shift 2 ;;
            --help | -h) usage; exit ;;
            *) echo "peers.sh: unknown option $1: see --help" >&2; exit 2 ;;
        esac
    done
}

need() {
    command -v "$1" >/dev/null && return
    say "==> installing $2"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2"; } </dev/null >/dev/null 2>&1 ||
        die "$1 is missing: install the package $2"
}

find_module() {
    if [[ -z $MODULE ]]; then
        say '==> building the module: cargo build --release'
        MODULE=$(cargo build --release --message-format=json-render-diagnostics | grep -oE '"[^"]*/libsecaudit\.so"' | tail -n 1 | tr -d '"')
    fi
    MODULE=$(realpath -e -- "$MODULE") || die 'there is no such module'
}

compare() {
    local faults=0 lynis_found=0 ours_found=0 what check test change lynis ours row
    local lynis_version server_version
    lynis_version=$(lynis show version)
    server_version=$(LC_ALL=C "$SERVER" --version | sed -nE 's/^([A-Za-z]+) server v=([^ ]+).*/\1 \2/p')
    if [[ $MARKDOWN = yes ]]; then
        printf '| what is wrong (%s) | Lynis %s | SECAUDIT |\n|---|---|---|\n' "$server_version" "$lynis_version"
    else
        printf '\n%-45s %-12s %s\n' "what is wrong ($server_version)" "Lynis $lynis_version" SECAUDIT
    fi
    while IFS='|' read -r what check test change; do
        what=$(xargs <<<"$what") check=$(xargs <<<"$check") test=$(xargs <<<"$test") change=$(xargs <<<"$change")
        [[ -n $what ]] || continue
        faults=$((faults + 1))
        mkdir "$WORK/$change"
        unshare --net --mount --propagation private bash "$0" --inside "$change" "$WORK/$change" "$MODULE" "$SERVER" ||
            { cat "$WORK/$change"/*.log >&2; die "the server for '$what' did not start"; }
        lynis=nothing ours=missed
        if [[ $test != - ]] && grep -qE "^(warning|suggestion)\[\]=$test\|" "$WORK/$change/lynis.dat"; then
            lynis=$test lynis_found=$((lynis_found + 1))
        fi
        row=$(jq -r --arg id "$check" '.findings[] | select(.id == $id and .outcome == "fail") | "\(.id) (\(.severity))"' "$WORK/$change/report.json")
        if [[ -n $row ]]; then ours=$row ours_found=$((ours_found + 1)); fi
        if [[ $MARKDOWN = yes ]]; then
            printf '| %s | %s | %s |\n' "$what" "$lynis" "\`${ours/ /\` }"
        else
            printf '%-45s %-12s %s\n' "$what" "$lynis" "$ours"
        fi
    done <<<"$FAULTS"
    if [[ $MARKDOWN = yes ]]; then
        printf '| **found** | **%d of %d** | **%d of %d** |\n' "$lynis_found" "$faults" "$ours_found" "$faults"
    else
        printf '\nLynis found %d of %d, SECAUDIT %d of %d.\n' "$lynis_found" "$faults" "$ours_found" "$faults"
    fi
    [[ $ours_found -eq $faults ]]
}

# In the namespaces: lays out the folder, starts the server, asks both.
inside() {
    local change=$1 pid
    HOME_DIR=$2 MODULE=$3 SERVER=$4
    CONF=$HOME_DIR/redis.conf LOGIN=$PASSWORD AS_ROOT=no
    ip link set lo up
    ip address add 203.0.113.7/32 dev lo
    lay_out
    "$change"
    mount --bind "$HOME_DIR" /etc/redis
    cd /etc/redis
    local as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
    if [[ $AS_ROOT = yes ]]; then as=(); else chown nobody "$CONF" data; fi
    # Lynis knows the server by its process name.
    cp -- "$SERVER" "$HOME_DIR/redis-server"
    "${as[@]}" ./redis-server ./redis.conf >"$HOME_DIR/server.log" 2>&1 </dev/null &
    pid=$!
    for _ in {1..100}; do
        if [[ $(cli PING 2>/dev/null) = PONG ]]; then break; fi
        kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.1
    done
    if declare -F "${change}_later" >/dev/null; then "${change}_later"; fi
    # The module alone is asked what the server is; Lynis reads files and the process list.
    cli SECAUDIT JSON >"$HOME_DIR/report.json"
    lynis audit system --tests "$LYNIS_TESTS" --quick --quiet --no-colors --report-file "$HOME_DIR/lynis.dat" \
        --logfile "$HOME_DIR/lynis.log" >/dev/null 2>&1 </dev/null || true
    # There is nothing to save, and a server that cannot save would not end.
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
}

# A server that Lynis is content with.
lay_out() {
    chmod 755 "$HOME_DIR"
    mkdir -m 700 "$HOME_DIR/data"
    install -m 755 "$MODULE" "$HOME_DIR/libsecaudit.so"
    cat >"$CONF" <<CONF
# Redis
bind 127.0.0.1
port 6379
dir /etc/redis/data
requirepass $PASSWORD
rename-command CONFIG $CONFIG_NAME
loadmodule /etc/redis/libsecaudit.so
save ""
CONF
    chmod 640 "$CONF"
}

cli() {
    local login=()
    if [[ -n $LOGIN ]] && grep -q '^requirepass' "$CONF"; then login=(-a "$LOGIN" --no-auth-warning); fi
    redis-cli "${login[@]}" --raw "$@"
}

main "$@"
