# A network between the programs and the sink, for bench/run --netem. The sink gets a network namespace of its own; what
# passes the link to it waits, as long there as back: by tc netem, or by bench/wire.c where the kernel has no sch_netem.
# shellcheck shell=bash

configure_link() { # HERE THERE SUBNET: THERE is in the namespace already
    ip address add "$3.1/30" dev "$1" && ip link set "$1" up &&
        ip -n "$namespace" address add "$3.2/30" dev "$2" && ip -n "$namespace" link set "$2" up
}

delay_link() { # LINK US COMMAND...: with a queue that is long enough to drop nothing
    "${@:3}" tc qdisc add dev "$1" root netem delay "$2us" limit 1000000
}

link_by_netem() { # HERE THERE SUBNET US
    ip link add "$1" type veth peer name "$2" netns "$namespace" && configure_link "$1" "$2" "$3" &&
        delay_link "$1" "$4" && delay_link "$2" "$4" ip netns exec "$namespace"
}

link_by_wire() { # HERE THERE SUBNET US
    on_core $SINK_CORE "$(dirname "$PUSHERD_BIN")/wire" "$1" "$2" "$4" 2>"$tmp/wire.err" &
    pids+=($!)
    wait_for "a link by TUN" ip link show "$2"
    ip link set "$2" netns "$namespace" && configure_link "$1" "$2" "$3"
}

no_network() { # WHY
    echo "bench: --netem needs root, iproute2, and a kernel with veth and sch_netem, or with TUN: $1" >&2
    exit 69
}

# Sets namespace, and sink_host to the sink's address.
make_network() { # MS: there and back
    local why us link=pdb$$ subnet=198.18.$((RANDOM % 256)) # of the block for benchmarks, RFC 2544
    us=$(awk "BEGIN { print $1 * 500 }")
    command -v ip >/dev/null && command -v tc >/dev/null || no_network "ip and tc are not installed"
    [ "$(id -u)" -eq 0 ] || no_network "only root may make one"
    why=$(ip netns add "pdbench$$" 2>&1) || no_network "$why"
    namespace=pdbench$$ sink_host=$subnet.2
    ip -n "$namespace" link set lo up
    why=$(link_by_netem "$link" "${link}s" "$subnet" "$us" 2>&1) && return
    ip link delete "$link" 2>/dev/null || true
    [ -c /dev/net/tun ] || no_network "$why"
    echo "bench: no netem ($why): bench/wire.c delays the packets" >&2
    link_by_wire "${link}w" "${link}x" "$subnet" "$us"
}

# The links go with it, and with the wire.
remove_network() {
    [ -z "$namespace" ] || ip netns delete "$namespace"
}
