#!/usr/bin/env bash
# bench.sh - what the gate costs a call that it lets pass, and what it costs to refuse one, on real servers.
#
# Usage: scripts/bench.sh [NAME...]                 all measures, all servers of scripts/servers.sh from version 7.0 on
#        scripts/bench.sh --instructions [NAME...]  only the instructions per command (valgrind)
#        scripts/bench.sh --rates [NAME...]         only the requests per second (redis-benchmark)
#        scripts/bench.sh --refusals [NAME...]      only refusals: 10 million of them, memory before and after
#        scripts/bench.sh --rounds N                N rounds per rate (default 7)
#        scripts/bench.sh --help
#
# Setups: bare (without the module); empty (another module, whose filter returns at once); 0 (loaded, nothing to filter); 14
# rules (one per command of the tutorial); 1014 (1,000 more, whose names share GET's first byte and length, or nearly); 2014
# (as many again with conditions on arguments and, where the server tells who calls, users and addresses); from (the one rule
# deny * from=!127.0.0.0/8, which looks at every client; not on Redis 7.0); observe (14 rules and one that records every GET
# and SET, with a log file).
#
# Instructions: what the server's own moduleCallCommandFilters and all it calls execute per command, counted by callgrind for
# GET, 16 deep in a pipeline. Two runs of different length; their difference is divided, so that the start drops out. These
# figures repeat on any machine, busy or not.
# Rates: requests per second by those of the bare server, all servers side by side and asked in turn; the median of the rounds'
# ratios, with the smallest and the largest. Below 1 is slower. bare-again is a second bare server: what it differs from 1 by is
# noise. With 1 and with 2 I/O threads.
# Refusals: 10 million denied FLUSHALLs, against as many that an ACL denies on a server without the module and as many calls
# of a command that the server does not know, 400,000 in one pipeline: the processor time that the server takes for each, and
# its memory before and after. Under callgrind, the instructions that the server executes for one of each, all in all. (How
# many a client sees in a second is the client's figure: it reads errors slower than servers write them.)
#
# Servers must have been fetched by scripts/servers.sh; nothing is installed.
#
# Environment: SECAUDIT_MODULE   measure this libsecaudit.so (default: cargo build --release, then that)
#              SECAUDIT_SERVERS  see scripts/servers.sh
# Exit status: 0 measured; 1 something is missing or a server did not do its part; 2 wrong call.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

WORK=''                   # this run's temporary folder
MODULE='' CLI='' BENCHMARK=''
TELLS=yes                 # whether the server tells modules who calls
WANTED=''                 # the measures that are asked for
FAILED=0

# shellcheck source=scripts/bench/servers.sh
. scripts/bench/servers.sh
# shellcheck source=scripts/bench/instructions.sh
. scripts/bench/instructions.sh
# shellcheck source=scripts/bench/rates.sh
. scripts/bench/rates.sh
# shellcheck source=scripts/bench/refusals.sh
. scripts/bench/refusals.sh

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then BOLD=$'\e[1m' PLAIN=$'\e[0m'; else BOLD='' PLAIN=''; fi

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "scripts/${0##*/}"; }
title() { printf '\n%s==> %s%s\n' "$BOLD" "$*" "$PLAIN"; }
wrong_call() { printf 'bench.sh: %s\n' "$*" >&2; exit 2; }
problem() { printf '    bench.sh: %s\n' "$*" >&2; FAILED=1; }

cleanup() {
    stop_servers
    if [[ -n $WORK ]]; then rm -rf -- "$WORK"; fi
}

# Prints where TOOL is: in PATH, else beside a fetched server.
find_tool() {
    local path
    command -v "$1" && return
    while IFS=$'\t' read -r _ _ path; do
        path=${path%/*}/$1
        if [[ -x $path ]]; then printf '%s\n' "$path"; return; fi
    done < <(scripts/servers.sh --list)
    return 1
}

# Says which tools are missing, all at once.
check_tools() {
    local missing=''
    CLI=$(find_tool redis-cli) || missing+=$'\n    redis-cli: apt-get install redis-tools'
    BENCHMARK=$(find_tool redis-benchmark) || missing+=$'\n    redis-benchmark: apt-get install redis-tools'
    if [[ $1 = yes ]] && ! { command -v valgrind && command -v callgrind_annotate; } >/dev/null; then
        missing+=$'\n    valgrind with callgrind_annotate: apt-get install valgrind (or ask for --rates only)'
    fi
    command -v "${CC:-cc}" >/dev/null || missing+=$'\n    a C compiler: apt-get install gcc libc6-dev'
    if [[ -n $missing ]]; then echo "bench.sh: missing:$missing" >&2; exit 1; fi
}

# All that is asked for of one server.
measure() {
    local name=$1 version=$2 path=$3
    case $version in 7.0.*) TELLS=no ;; *) TELLS=yes ;; esac
    write_conditions "$TELLS"
    if [[ $WANTED = *instructions* ]]; then count_instructions "$name" "$version" "$path"; fi
    if [[ $WANTED = *refusals* ]]; then measure_refusals "$name" "$path"; fi
    if [[ $WANTED = *rates* ]]; then measure_rates "$name" "$path"; fi
}

main() {
    local names=() name version path list valgrind=yes
    while [[ $# -gt 0 ]]; do
        case $1 in
            --help | -h) usage; return ;;
            --instructions | --rates | --refusals) WANTED+=" $1" ;;
            --rounds) [[ ${2:-} =~ ^[1-9][0-9]?$ ]] || wrong_call '--rounds takes a number from 1 to 99'; ROUNDS=$2; shift ;;
            -*) wrong_call "unknown option $1: see --help" ;;
            *) names+=("$1") ;;
        esac
        shift
    done
    WANTED=${WANTED:-instructions refusals rates}
    list=$(scripts/servers.sh --list "${names[@]}") || exit 2
    if [[ $WANTED = ' --rates' ]]; then valgrind=no; fi
    check_tools "$valgrind"
    if [[ -z ${SECAUDIT_MODULE:-} ]]; then
        title 'building the module: cargo build --release'
        cargo build --release
    fi
    MODULE=$(realpath -e -- "${SECAUDIT_MODULE:-${CARGO_TARGET_DIR:-target}/release/libsecaudit.so}") || exit 1
    trap cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    WORK=$(mktemp -d)
    write_setups
    while IFS=$'\t' read -r -u 3 name version path; do
        title "$name ($version)"
        if [[ $version = missing ]]; then problem "not fetched: scripts/servers.sh $name"; continue; fi
        if [[ ${version%%.*} -lt 7 ]]; then echo '    older than 7.0: does not load the module'; continue; fi
        measure "$name" "$version" "$path"
    done 3<<<"$list"
    report_instructions
    report_refusals
    report_rates
    return "$FAILED"
}

main "$@"
