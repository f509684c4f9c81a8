# What the tests share whose replicas are cut off from each other and from the store, on top of
# chain.sh: two replicas, 1 and 2, which reach each other and an etcd by relays only.
# shellcheck shell=bash
#
#   members_start                 etcd, relays, and a chain of both; or skips the test
#   cut NAME... / heal NAME...    relays: door-ID, to a replica, and store-ID, from it to the store
. "$(dirname "${BASH_SOURCE[0]}")/chain.sh"

# relay_start NAME PORT: sets $relay, the port to use instead.
relay_start() {
	spawn "relay-$1" "$PAWL_BUILD/tests/relay" "$2"
	relays[$1]=$pid
	await 10 lines "relay-$1" 1
	relay=$(cat "$work/relay-$1.out")
}

port_find() { # a port that nobody listens on; sets $port
	for ((port = 20000 + RANDOM % 12000; ; port++)); do
		(: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
	done
}

# The others and the store are reached by relays only: nobody sees another one's socket.
member_start() {
	unshare -m --propagation private \
		bash -c 'mount -t tmpfs tmpfs "$PAWL_RUNTIME_DIR" && exec pawld "$@"' - \
		--cluster=desk --id="$1" --memory-dir="$memory" --listen="127.0.0.1:${ports[$1]}" \
		--advertise="127.0.0.1:${doors[$1]}" --store="etcd:http://127.0.0.1:${stores[$1]}/pawl-test" \
		>>"$work/pawld-$1.err" 2>&1 </dev/null &
	replica_pids[$1]=$!
	spawned+=("$!")
}

cut() {
	local name
	for name in "$@"; do
		kill -USR1 "${relays[$name]}"
	done
}

heal() {
	local name
	for name in "$@"; do
		kill -USR2 "${relays[$name]}"
	done
}

members_start() {
	local id
	unshare -m true 2>/dev/null || skip "can not make a mount namespace; needs root"
	mkdir -p "$PAWL_RUNTIME_DIR"
	etcd_start
	for id in 1 2; do
		port_find
		ports[id]=$port
		relay_start "door-$id" "$port"
		doors[id]=$relay
		relay_start "store-$id" "$etcd_port"
		stores[id]=$relay
	done
	where=127.0.0.1:${ports[1]},127.0.0.1:${ports[2]}
	member_start 1
	member_start 2
	await 20 chain_has_all 2
}

declare -A relays
ports=() doors=() stores=()
