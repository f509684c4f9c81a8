# What the lab tests of a chain share: replicas 1 to 3 over verbs, each in a machine of its own,
# etcd beside the machines, and clients in machine 4.  A test sources it after machines.sh.
# shellcheck shell=bash
#
#   chain_begin                 starts etcd, and the replicas in the order of their ids
#   replica_begin N             starts replica N in its machine
#   replica_lives N             it is still the process that was started
#   store_hang / store_wake     etcd stops / goes on
#   chain_becomes PATTERN       waits until the chain is, say, 2,3,1 and active, and sets $chain to it
#   draws_begin N NAME...       clients in machine N that draw without end
#   draws_go_on NAME...         each of these clients of $client_host gets more numbers
#   draws_end N NAME...         the clients end, and have met no error
#   drawn N NAME                how many numbers a client has
#   history LOST N NAME...      checks what these clients have: unique, in order, and dense but
#                               for LOST numbers
#   mixes_begin N COUNTER OPTIONS NAME...  more clients, which draw and read: chain_draw
#   mixed N NAME                how many additions such a client has
#   mixes_end N NAME...         they end, and have met no error
#   mixed_history [OPTION...] N NAME...  check_history, of these clients
#
# The answer of a head that is lost to the draws in flight may be lost with it, and then nobody
# knows whether they took numbers: those are nobody's.  So for each head lost, and each client that
# had a number of draws in flight there, as many may be missing as those would have taken.

: "${lab:?is set by machines.sh}" "${here:?}" "${here_pid=}"
replicas=$(address_of 1):7470,$(address_of 2):7470,$(address_of 3):7470
client_host=4

store_answers() {
	here timeout 2 bash -c ": </dev/tcp/$here/2379" 2>"$lab/store.probe"
}

store_begin() {
	local url=http://$here
	command -v etcd >"$lab/etcd.path" || skip "etcd is not installed; apt-get install etcd-server"
	here_begin etcd etcd --name=lab --data-dir="$lab/etcd" --log-level=error \
		--listen-client-urls="$url:2379" --advertise-client-urls="$url:2379" \
		--listen-peer-urls="$url:2380" --initial-advertise-peer-urls="$url:2380" \
		--initial-cluster="lab=$url:2380"
	await 30 store_answers
}

store_hang() {
	kill -STOP "$here_pid"
}

store_wake() {
	kill -CONT "$here_pid"
}

# These machines are slow, so everybody is given more time than by default; a test may have its own.
[ -v replica_times ] || replica_times=(--suspect-ms=3000 --step-timeout-ms=2000
	--takeover-ms=6000 --link-timeout-ms=2000)

replica_begin() {
	begin "$1" pawld "$PAWL_BIN/pawld" --cluster=lab --id="$1" --transport=verbs \
		--listen="$(address_of "$1"):7470" --store="etcd:http://$here:2379/pawl" \
		--heartbeat-ms=200 --turn-ms=200 --lease-ms=1000 "${replica_times[@]}"
}

replica_lives() {
	[ ! -e "$lab/$1.jobs/pawld.exit" ] ||
		fail "replica $1 ended: $(tail -n 1 "$lab/$1.jobs/pawld.err")"
}

chain_begin() {
	store_begin
	replica_begin 1
	chain_becomes 1
	replica_begin 2
	chain_becomes 1,2
	replica_begin 3
	chain_becomes 1,2,3
}

# The ids, head first, or what is in the way.
chain_now() {
	here timeout 10 "$PAWL_BIN/pawl" status "$replicas" --json >"$lab/status" 2>"$lab/status.err" ||
		{ cat "$lab/status.err" && return; }
	jq -r 'if .phase == "active" then [.chain[].replica] | join(",") else .phase end' "$lab/status"
}

chain_becomes() {
	local deadline=$((SECONDS + 60)) now
	until now=$(chain_now) && [[ $now =~ ^($1)$ ]]; do
		[ "$SECONDS" -le "$deadline" ] || fail "the chain did not become $1: $now"
		sleep 0.1
	done
	chain=$now
	echo "  the chain is $now"
}

draws_file() {
	echo "$lab/$1.jobs/$2.out"
}

drawn() {
	wc -l <"$(draws_file "$1" "$2")"
}

drawn_over() { # drawn_over N NAME COUNT
	[ -e "$(draws_file "$1" "$2")" ] && [ "$(drawn "$1" "$2")" -gt "$3" ]
}

draws_begin() {
	local host=$1 name
	shift
	for name in "$@"; do
		begin "$host" "$name" "$PAWL_BUILD/tests/draw" "$replicas" orders 0 20000 60000
	done
	for name in "$@"; do
		await 60 drawn_over "$host" "$name" 10
	done
}

draws_go_on() {
	local name
	for name in "$@"; do
		await 60 drawn_over "$client_host" "$name" "$(($(drawn "$client_host" "$name") + 20))"
	done
}

draws_end() {
	local host=$1 name
	shift
	for name in "$@"; do
		signal "$host" "$name" TERM
	done
	for name in "$@"; do
		ended "$host" "$name"
	done
}

history() {
	local lost=$1 host=$2 name files=() said
	shift 2
	for name in "$@"; do
		files+=("$(draws_file "$host" "$name")")
	done
	said=$("$PAWL_SOURCE/deploy/check-stamps" --lost "$lost" "${files[@]}" 2>&1) ||
		fail "the history is wrong: $said"
	echo "  $said"
}

# Such a client maps its file, so that is in the memory of its machine.
mixed() {
	on "$1" head -n 1 "/run/$2" | tr -cd 0-9
}

mixed_over() { # mixed_over N NAME COUNT
	local count
	count=$(mixed "$1" "$2" 2>"$lab/mixed.err") && [ "${count:-0}" -gt "$3" ]
}

mixes_begin() {
	local host=$1 counter=$2 options name
	read -ra options <<<"$3"
	for name in "${@:4}"; do
		begin "$host" "$name" "$PAWL_BUILD/tests/chain_draw" --pause 20000 --timeout 60000 \
			"${options[@]}" "$replicas" "$counter" "/run/$name"
	done
	for name in "${@:4}"; do
		await 60 mixed_over "$host" "$name" 10
	done
}

mixes_end() {
	local host=$1 name
	draws_end "$@"
	shift
	for name in "$@"; do
		on "$host" cp "/run/$name" "/lab/$host.jobs/$name.mix"
	done
}

mixed_history() {
	local options=() files=() host name said
	while [[ $1 == --* ]]; do
		options+=("$1" "$2")
		shift 2
	done
	host=$1
	for name in "${@:2}"; do
		files+=("$lab/$host.jobs/$name.mix")
	done
	said=$("$PAWL_BUILD/tests/check_history" "${options[@]}" "${files[@]}" 2>&1) ||
		fail "the history is wrong: $said"
	echo "  $said"
}
