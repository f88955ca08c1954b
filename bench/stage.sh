# The stage of the benchmark, for bench/run and bench/latency: a sink and a Redis of its own on one core, and what is measured on the
# other. The sink is nginx; its log has a line for each request, which tells how many events arrived, and when.
# shellcheck shell=bash
. bench/network.sh
trap 'echo "$0: line $LINENO failed: $BASH_COMMAND" >&2' ERR
SINK_CORE=$(($(nproc) > 1 ? 1 : 0))
PROGRAM_CORE=0
sink_host=127.0.0.1
namespace= # of the sink; see network.sh

# What is missing is installed, and a release build made; whatever runs is ended when the script ends.
prepare() {
    scripts/packages bench
    [ -d bench/node/node_modules ] ||
        (cd bench/node && npm ci --ignore-scripts --omit=dev --omit=optional --no-audit --no-fund --silent)
    if [ -z "${PUSHERD_BIN:-}" ]; then
        echo "building ..." >&2
        cmake --preset release >/dev/null
        cmake --build --preset release -j "$(nproc)" --target pusherd pace wire >/dev/null
        PUSHERD_BIN=$PWD/build/release/bin/pusherd
    fi
    tmp=$(mktemp -d)
    pids=()
    trap cleanup EXIT
    trap 'exit 130' INT TERM
    BENCH_REDIS=$tmp/redis.sock
    BENCH_PORT=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
    export BENCH_REDIS BENCH_PORT PUSHERD_BIN
    forget_variables
}

# Those of a pusherd that is set up here are not for what is measured.
forget_variables() {
    local name
    for name in "${!PUSHERD_@}" "${!PUSHER_@}" STATE_DIRECTORY; do
        [ "$name" = PUSHERD_BIN ] || unset "$name"
    done
}
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    remove_network
    rm -rf "$tmp"
}

# BENCH_NICE=-15, as root, keeps what else the machine does out of the figures. Where the kernel schedules by
# session first, the session as a whole needs it as well.
if [ -n "${BENCH_NICE:-}" ] && [ -w /proc/self/autogroup ]; then echo "$BENCH_NICE" >/proc/self/autogroup; fi
on_core() { # CORE COMMAND...
    exec nice -n "${BENCH_NICE:-0}" taskset -c "$@"
}
redis() { redis-cli -s "$BENCH_REDIS" "$@"; }
node_() { taskset -c $SINK_CORE node "$here/node/$1.mjs" "${@:2}"; }

patience=120
wait_for() { # WHAT COMMAND...: until it succeeds, $patience seconds at most, and as long as all programs live
    local what=$1 deadline=$((SECONDS + patience))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $deadline ] || ! kill -0 "${pids[@]}"; then
            echo "bench: this did not come about: $what" >&2
            tail -n 20 "$tmp"/*.err >&2
            exit 1
        fi
        sleep 0.1
    done
}

# The program's own accounting: what all its threads ran, in user space and for it in the kernel. /proc/PID/stat has
# the same in steps of 10 ms.
cpu_us() { # PID
    awk '{ ns += $1 } END { printf "%d", ns / 1000 }' /proc/"$1"/task/*/schedstat
}
memory_kb() { awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/status"; } # PID VmHWM|VmRSS

start_sink() { # CLOSE TLS DELAY_MS: each may be empty
    local listen=$sink_host:$BENCH_PORT tls='' keep=3600s modules='' answer="return 200 '{}'"
    [ -z "$1" ] || keep=0
    if [ -n "$3" ]; then
        modules="load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;"
        answer="echo_sleep $(awk "BEGIN { print $3 / 1000 }"); echo -n '{}'"
    fi
    if [ -n "$2" ]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$sink_host" \
            -addext "subjectAltName=IP:$sink_host" -keyout "$tmp/key.pem" -out "$tmp/cert.pem" 2>/dev/null
        listen="$listen ssl"
        tls="ssl_certificate $tmp/cert.pem; ssl_certificate_key $tmp/key.pem; ssl_protocols TLSv1.3;"
    fi
    mkdir -p "$tmp/nginx"
    cat >"$tmp/nginx.conf" <<EOF
$modules
daemon off; master_process off; worker_processes 1; pid $tmp/nginx.pid; error_log $tmp/nginx.err;
events { worker_connections 4096; }
http {
    log_format sink '\$msec \$content_length \$uri';
    access_log $tmp/sink.log sink buffer=64k flush=100ms;
    client_body_temp_path $tmp/nginx; proxy_temp_path $tmp/nginx; fastcgi_temp_path $tmp/nginx;
    uwsgi_temp_path $tmp/nginx; scgi_temp_path $tmp/nginx;
    client_max_body_size 64m; client_body_buffer_size 1m;
    keepalive_timeout $keep; keepalive_requests 1000000000; tcp_nodelay on; $tls
    server { listen $listen backlog=4096; default_type application/json; location / { $answer; } }
}
EOF
    # shellcheck disable=SC2086
    on_core $SINK_CORE ${namespace:+ip netns exec $namespace} nginx -c "$tmp/nginx.conf" 2>"$tmp/sink.err" &
    pids+=($!)
    wait_for "the sink" test -s "$tmp/nginx.pid"
}

start_redis() {
    on_core $SINK_CORE redis-server --port 0 --unixsocket "$BENCH_REDIS" --dir "$tmp" --save '' \
        --appendonly no >"$tmp/redis.err" &
    pids+=($!)
    wait_for Redis redis PING
}

# What arrived: events, requests, and the seconds from the first to the last. A batch of n events of size s has
# 12 + n s + n - 1 bytes; what else is posted is one event.
sink_counts() {
    awk -v size="$event_size" '
        $3 ~ /batch_events/ { n = ($2 - 11) / (size + 1); if (n != int(n)) odd++; events += n }
        $3 !~ /batch_events/ { events++ }
        { if (NR == 1) first = $1; last = $1 }
        END { printf "%d %d %.3f %d\n", events, NR, last - first, odd }' "$tmp/sink.log"
}
sink_has() { # EVENTS: at least; looked at only when the log rests, as that costs the sink's core
    local size
    size=$(stat -c %s "$tmp/sink.log")
    sleep 0.25
    [ "$size" = "$(stat -c %s "$tmp/sink.log")" ] && [ "$(sink_counts | cut -d' ' -f1)" -ge "$1" ]
}
