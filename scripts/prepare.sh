#!/usr/bin/env bash
# prepare.sh - make a Debian or Ubuntu machine ready to build the module and run it.
#
# Usage: scripts/prepare.sh [--quiet]      --quiet: say only what is missing and what is being done
#        scripts/prepare.sh --help
#
# Looks for cargo, a C compiler, libclang with its headers (the redis-module crate generates its bindings with it),
# redis-server and redis-cli, and prints one line for each. What is missing is installed with apt where that is possible
# (as root, or with a sudo that asks no password); else the command to run is printed. Rust itself is never installed.
# A redis-server that this script installs is wanted for its binary only: its service is neither started nor enabled.
#
# Exit status: 0 ready, 1 something is missing, 2 wrong call.
set -euo pipefail

QUIET=no
MISSING=()   # the apt packages to install
READY=yes    # no: something is missing that apt cannot bring
AS_ROOT=()   # what to put before a command that needs root
POLICY=''    # our temporary policy-rc.d, removed at the end

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then GREEN=$'\e[32m' RED=$'\e[31m' PLAIN=$'\e[0m'; else GREEN='' RED='' PLAIN=''; fi

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
ok() { if [[ $QUIET = no ]]; then printf '%sok%s       %s\n' "$GREEN" "$PLAIN" "$*"; fi; }
missing() { printf '%smissing%s  %s\n' "$RED" "$PLAIN" "$*"; }
doing() { printf '==> %s\n' "$*"; }

cleanup() { if [[ -n $POLICY ]]; then "${AS_ROOT[@]}" rm -f -- "$POLICY"; fi; }

# Prints the first version number on standard input.
version_in() { grep -oE '[0-9]+(\.[0-9]+)+' | sed -n 1p || true; }

check_cargo() {
    local version wanted
    if ! command -v cargo >/dev/null; then
        missing "cargo: install a Rust toolchain with rustup, see https://rustup.rs, then run this script again"
        READY=no
        return
    fi
    version=$(cargo --version | version_in)
    wanted=$(sed -nE 's/^rust-version *= *"([0-9.]+)".*/\1/p' "$(dirname -- "$0")/../Cargo.toml")
    if [[ -n $wanted && $(printf '%s\n' "$wanted" "$version" | sort -V | head -n 1) != "$wanted" ]]; then
        missing "cargo $wanted or newer (here: $version): run 'rustup update stable', then this script again"
        READY=no
    else
        ok "cargo $version ($(command -v cargo))"
    fi
}

check_compiler() {
    local compiler=${CC:-cc}
    if command -v "$compiler" >/dev/null && echo 'int main(void) { return 0; }' | "$compiler" -x c - -o /dev/null 2>/dev/null; then
        ok "C compiler $("$compiler" -dumpfullversion 2>/dev/null || "$compiler" -dumpversion) ($(command -v "$compiler"))"
    else
        missing "a C compiler that compiles and links (packages gcc libc6-dev)"
        MISSING+=(gcc libc6-dev)
    fi
}

# The places are those where the clang-sys crate looks.
check_libclang() {
    local library headers
    library=$(compgen -G "${LIBCLANG_PATH:-/nowhere}/libclang*.so*" || compgen -G '/usr/lib/llvm-*/lib/libclang.so*' ||
        compgen -G '/usr/lib/*-linux-gnu/libclang[.-]*so*' || compgen -G '/usr/lib*/libclang.so*' || true)
    headers=$(compgen -G '/usr/lib/llvm-*/lib/clang/*/include/stddef.h' || compgen -G '/usr/lib*/clang/*/include/stddef.h' || true)
    library=$(grep -v libclang-cpp <<<"$library" | sort -V | tail -n 1 || true)
    if [[ -n $library && ( -n $headers || -n ${LIBCLANG_PATH:-} ) ]]; then
        ok "libclang $(realpath -- "$library" | sed -E 's/.*\.so//; s/^\.//' | version_in) ($library)"
    else
        missing "libclang (package libclang-dev)"
        MISSING+=(libclang-dev)
    fi
}

# A program that says its version.
check_program() {
    local program=$1 package=$2
    if command -v "$program" >/dev/null; then
        ok "$program $("$program" --version | version_in) ($(command -v "$program"))"
    else
        missing "$program (package $package)"
        MISSING+=("$package")
    fi
}

check_all() {
    MISSING=()
    check_cargo
    check_compiler
    check_libclang
    check_program redis-server redis-server
    check_program redis-cli redis-tools
}

# Nothing may start redis while we install it. A policy that the machine has already is the machine's business.
forbid_services() {
    if [[ -e /usr/sbin/policy-rc.d ]]; then return; fi
    doing 'no service may start meanwhile: a temporary /usr/sbin/policy-rc.d'
    POLICY=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' | "${AS_ROOT[@]}" tee "$POLICY" >/dev/null
    "${AS_ROOT[@]}" chmod 755 "$POLICY"
}

# Undoes what the package did for its service. Only called when we installed it.
leave_no_service() {
    if [[ -d /run/systemd/system ]]; then
        doing 'only the binary is wanted: systemctl disable --now redis-server'
        "${AS_ROOT[@]}" systemctl disable --quiet --now redis-server || true
    elif command -v systemctl >/dev/null; then
        doing 'only the binary is wanted: systemctl disable redis-server'
        "${AS_ROOT[@]}" systemctl disable --quiet redis-server || true
    fi
}

apt_install() {
    "${AS_ROOT[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -qq "$@" </dev/null
}

install_missing() {
    local command="apt-get install -y --no-install-recommends ${MISSING[*]}"
    if ! command -v apt-get >/dev/null; then
        echo "This machine has no apt-get. Install what these Debian packages hold, then run this script again: ${MISSING[*]}" >&2
        exit 1
    fi
    if [[ $EUID -ne 0 ]]; then
        AS_ROOT=(sudo -n)
        if ! sudo -n true 2>/dev/null; then
            printf 'Run this, then this script again:\n\n    sudo apt-get update && sudo %s\n\n' "$command" >&2
            exit 1
        fi
    fi
    if [[ " ${MISSING[*]} " = *' redis-server '* ]]; then forbid_services; fi
    doing "${AS_ROOT[*]:+${AS_ROOT[*]} }$command"
    if ! apt-cache policy "${MISSING[0]}" 2>/dev/null | grep -E 'Candidate: [^(]' >/dev/null || ! apt_install "${MISSING[@]}"; then
        doing 'the package lists are missing or old: apt-get update'
        "${AS_ROOT[@]}" apt-get update -qq || true  # one bad source of several must not stop us: the installation decides
        apt_install "${MISSING[@]}" ||
            { echo "apt could not install them: run 'sudo $command' to see why, then this script again" >&2; exit 1; }
    fi
    if [[ " ${MISSING[*]} " = *' redis-server '* ]]; then leave_no_service; fi
}

main() {
    local option
    for option in "$@"; do
        case $option in
            --quiet | -q) QUIET=yes ;;
            --help | -h) usage; return ;;
            *) echo "prepare.sh: unknown option $option: see --help" >&2; exit 2 ;;
        esac
    done
    trap cleanup EXIT
    trap 'exit 130' INT TERM
    check_all
    if [[ ${#MISSING[@]} -gt 0 ]]; then
        install_missing
        READY=yes
        check_all
    fi
    if [[ $READY = no || ${#MISSING[@]} -gt 0 ]]; then
        echo 'Not ready: see the lines above.' >&2
        exit 1
    fi
}

main "$@"
