# rates.sh - scripts/bench.sh --rates: requests per second in every setup, by those of the bare server.
# shellcheck shell=bash disable=SC2153 # some variables belong to the other parts

# bare-again shows the noise: nothing differs from bare but the process.
readonly RATED_SETUPS='bare bare-again empty 0 14 1014 2014 from observe'
readonly THREADED_SETUPS='bare bare-again 14 2014'  # with I/O threads
readonly CALLS='GET k|SET k v'
readonly THREADS=2          # more than cores to run them would measure the scheduler
readonly PERIOD=0.4       # seconds that one run is to take
ROUNDS=7
RATES=''                  # the lines of the closing table

# All rates of SERVER; adds NAME's lines to RATES.
measure_rates() {
    rate_setups "$1" "$2" 1 "$RATED_SETUPS"
    rate_setups "$1" "$2" "$THREADS" "$THREADED_SETUPS"
}

# The rates of SERVER with THREADS I/O threads in SETUPS: one server for each, asked in turn.
rate_setups() {
    local name=$1 server=$2 threads=$3 setup started='' ports='' call deep calls
    for setup in $4; do
        if [[ $setup = from && $TELLS = no ]]; then continue; fi
        if ! start_server "$server" "$setup" "--io-threads $threads"; then continue; fi
        started+=" $setup" ports+=" $PORT"
    done
    IFS='|' read -ra calls <<<"$CALLS"
    for call in "${calls[@]}"; do
        for deep in 1 64; do rate_call "$name" "$threads" "$deep" "$call" "$started" "$ports"; done
    done
    stop_servers
}

# One line of RATES: CALL, DEEP in a pipeline, on each of PORTS, ROUNDS times; each round begins with the next server.
rate_call() {
    local name=$1 threads=$2 deep=$3 call setups ports n i round line
    read -ra call <<<"$4"
    read -ra setups <<<"$5"
    read -ra ports <<<"$6"
    n=$(rate "${ports[0]}" 20000 "$deep" "${call[@]}") && n=$(rate "${ports[0]}" "${n%.*}" "$deep" "${call[@]}") || n=''
    n=$(awk -v rate="${n:-0}" -v period="$PERIOD" 'BEGIN { printf "%d", rate * period }')
    if [[ $n -eq 0 ]]; then problem "$name, $4: no rate could be measured"; return; fi
    line=$(for ((round = 0; round < ROUNDS; round++)); do
        for ((i = 0; i < ${#ports[@]}; i++)); do
            echo "$round ${setups[(i + round) % ${#ports[@]}]} $(rate "${ports[(i + round) % ${#ports[@]}]}" "$n" "$deep" "${call[@]}")"
        done
    done | ratios "$RATED_SETUPS")
    printf -v line '%-11s %-4s -P %-3s %7s %s' "$name" "${call[0]}" "$deep" "$threads" "$line"
    printf '    %s\n' "${line#* }"
    RATES+=$line$'\n'
}

# Reads "ROUND SETUP RATE" and prints the bare median in thousands a second, then for each of SETUPS but bare the median of
# its ratios to the bare server of its round, with the smallest and the largest.
ratios() {
    awk -v setups="$1" '
        function sort(v, n,   i, j, t) {
            for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j - 1] > v[j]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
        }
        function median(v, n) { sort(v, n); return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2 }
        NF == 3 { rate[$1, $2] = $3; if ($1 + 1 > rounds) rounds = $1 + 1 }
        END {
            for (r = 0; r < rounds; r++) if ((r, "bare") in rate) bare[++b] = rate[r, "bare"]
            printf "%6d k/s", median(bare, b) / 1000
            count = split(setups, name, " ")
            for (s = 2; s <= count; s++) {
                n = 0
                for (r = 0; r < rounds; r++)
                    if ((r, name[s]) in rate && (r, "bare") in rate) of[++n] = rate[r, name[s]] / rate[r, "bare"]
                if (n) { m = median(of, n); printf "  %4.2f (%4.2f-%4.2f)", m, of[1], of[n] } else printf "  %16s", "-"
            }
        }'
}

# Prints the requests per second of N times CALL, DEEP in a pipeline, on PORT.
rate() {
    local port=$1 n=$2 deep=$3
    shift 3
    "$BENCHMARK" -p "$port" -n "$n" -P "$deep" -q "$@" 2>/dev/null | tr '\r' '\n' |
        sed -nE 's/.*: ([0-9.]+) requests per second.*/\1/p' | tail -n 1
}

report_rates() {
    local setup
    if [[ -z $RATES ]]; then return; fi
    title "requests per second by those of the bare server: median of $ROUNDS rounds (least-most)"
    printf '%-11s %-4s %-6s %7s %10s' server call deep threads bare
    for setup in ${RATED_SETUPS#bare }; do printf '  %-16s' "$setup"; done
    printf '\n%s' "$RATES"
}
