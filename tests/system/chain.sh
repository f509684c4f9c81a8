# What the tests of chains share, on top of lib.sh: replicas that are started and lost one by one,
# clients that keep a history of what they drew, and a judge.  The cluster is called "desk".
# shellcheck shell=bash
#
#   chain_start N [OPTION...]     a chain of the replicas 1 to N, which is complete on return
#   replica_start ID [OPTION...]  one of them, with the options of chain_start and more
#   replica_kill ID...            as a power cut would end it; all of them at once
#   replica_signal SIGNAL ID...
#   chain_await 2,1 [SECONDS]     until the chain is this, the head first
#   chain_has_all N               whether the chain has so many
#   epoch_settles                 until no change of the chain is on its way
#   epoch_now / chain_now
#   clients_start N [OPTION...]   so many chain_draw on desk/orders, besides those that there are
#   clients_go_on                 until each of them has drawn more
#   clients_end [STATUS]          they end, and had no error
#   history_is_right [OPTION...]  check_history, of all of them, up to the counter as it is
#   commit_of STREAM < STATUS     how far a stream goes, out of a status as JSON
#   stream_commit STREAM          the same, so far; 0 while nobody says
#   event_has CLIENT PATTERN      one of a client's events
#   nap SECONDS                   without a process; or nap_ms N, nap_us N
#   etcd_start                    an etcd of the test's own; sets $etcd_store; or skips the test
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cluster=desk
where=$cluster
chain_options=()
replica_pids=()
client_pids=()
clients_ended=0
mkfifo "$work/silence"
exec {silence}<>"$work/silence"

commit_of() {
	awk -v name="\"$1\"," '$1 == "\"name\":" { here = $2 == name }
		here && $1 == "\"commit\":" { print $2 + 0; exit }'
}

stream_commit() {
	local commit
	commit=$(timeout 10 pawl status --json "$where" 2>/dev/null | commit_of "$1")
	echo "${commit:-0}"
}

nap() {
	read -r -t "$1" -u "$silence" || true
}

nap_us() {
	nap "$(($1 / 1000000)).$(printf '%06d' $(($1 % 1000000)))"
}

nap_ms() {
	nap_us $(($1 * 1000))
}

replica_start() {
	local id=$1
	shift
	pawld --cluster="$cluster" --id="$id" --memory-dir="$memory" "${chain_options[@]}" "$@" \
		>>"$work/pawld-$id.err" 2>&1 </dev/null &
	replica_pids[id]=$!
	spawned+=("$!")
}

replica_signal() {
	local signal=$1 id pids=()
	shift
	for id in "$@"; do
		pids+=("${replica_pids[id]}")
	done
	kill "-$signal" "${pids[@]}" || fail "replicas $*: can not send $signal"
}

# A process that has ended gives its id back, so it is forgotten here.
replica_reap() {
	local i code=0
	wait "${replica_pids[$1]}" 2>/dev/null || code=$?
	for i in "${!spawned[@]}"; do
		[ "${spawned[i]}" != "${replica_pids[$1]}" ] || unset "spawned[i]"
	done
	return "$code"
}

replica_kill() {
	local id
	replica_signal KILL "$@"
	for id in "$@"; do
		replica_reap "$id" || true
	done
}

# In order, by itself or by a signal.
replica_ended() {
	await "${2:-20}" dead "${replica_pids[$1]}"
	replica_reap "$1" || fail "replica $1: exit status $?: $(tail -n 5 "$work/pawld-$1.err")"
}

# Nothing while an epoch is being prepared.
chain_now() {
	timeout 10 pawl status "$where" 2>/dev/null |
		sed -n '1{/: epoch [0-9]*$/!q}; s/ (head)//; s/, /,/g; s/^  chain     \(.*\)$/\1/p'
}

epoch_now() {
	timeout 10 pawl status "$where" 2>/dev/null | sed -n '1s/^.*: epoch \([0-9]*\).*$/\1/p'
}

# Nothing has changed for a while, and so nothing is on its way.
epoch_settles() {
	local epoch='' same deadline=$((SECONDS + 20))
	for ((same = 0; same < 15; same++)); do
		[ "$SECONDS" -lt "$deadline" ] || fail "the epoch changes again and again; it is $epoch now"
		[ "$(epoch_now)" = "$epoch" ] || { epoch=$(epoch_now) && same=0; }
		nap 0.1
	done
}

chain_is() {
	[ "$(chain_now)" = "$1" ]
}

chain_has_all() {
	[ "$(chain_now | tr , '\n' | grep -c .)" = "$1" ]
}

chain_await() {
	await "${2:-10}" chain_is "$1"
}

chain_start() {
	local count=$1 id
	shift
	chain_options=("$@")
	for ((id = 1; id <= count; id++)); do
		replica_start "$id"
	done
	await 20 chain_has_all "$count"
}

clients_start() {
	local count=$1 from=$((${#client_pids[@]} + 1)) c
	shift
	for ((c = from; c < from + count; c++)); do
		spawn "client-$c" "$PAWL_BUILD/tests/chain_draw" "$@" "$where" orders "$work/client-$c.history"
		client_pids+=("$pid")
	done
}

drawn() { # drawn CLIENT: how many additions it has an outcome of
	local hash count=0
	[ ! -s "$work/client-$1.history" ] || read -r hash count <"$work/client-$1.history" || true
	echo "${count:-0}"
}

client_has() {
	local pid=${client_pids[$1 - 1]}
	alive "$pid" || fail "client $1 ended: $(cat "$work/client-$1.err")"
	[ "$(drawn "$1")" -ge "$2" ]
}

client_goes_on() {
	await "${2:-15}" client_has "$1" $(($(drawn "$1") + 20))
}

clients_go_on() {
	local c
	for ((c = clients_ended + 1; c <= ${#client_pids[@]}; c++)); do
		client_goes_on "$c" "$@"
	done
}

clients_end() {
	local c
	for ((c = clients_ended + 1; c <= ${#client_pids[@]}; c++)); do
		kill -TERM "${client_pids[c - 1]}" || fail "client $c is gone: $(cat "$work/client-$c.err")"
	done
	for ((c = clients_ended + 1; c <= ${#client_pids[@]}; c++)); do
		ended "${client_pids[c - 1]}" "${1:-0}"
	done
	clients_ended=${#client_pids[@]}
}

history_is_right() {
	run pawl read "$where/orders"
	succeeds
	run timeout 30 "$PAWL_BUILD/tests/check_history" --end "$out" "$@" "$work"/client-*.history
	[ "$status" = 0 ] || fail "the history is wrong: $err"
	echo "  $out"
}

event_has() {
	grep -Eq -- "$2" "$work/client-$1.out" || fail "client $1: no event '$2' in: $(cat "$work/client-$1.out")"
}

etcd_answers() {
	alive "$etcd_pid" || return 0
	timeout 5 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" &&
		printf "GET /health HTTP/1.0\r\n\r\n" >&3 && grep -q "\"health\": *\"true\"" <&3' - "$etcd_port" 2>/dev/null
}

# etcd_run NAME PORT PEER_PORT
etcd_run() {
	spawn etcd etcd --data-dir "$work/$1" --log-level error --unsafe-no-fsync \
		--listen-client-urls "http://127.0.0.1:$2" --advertise-client-urls "http://127.0.0.1:$2" \
		--listen-peer-urls "http://127.0.0.1:$3" --initial-advertise-peer-urls "http://127.0.0.1:$3" \
		--initial-cluster "default=http://127.0.0.1:$3"
	etcd_pid=$pid
	await 20 etcd_answers
}

etcd_start() {
	local try
	command -v etcd >/dev/null || skip "etcd is not installed; apt-get install etcd-server"
	for ((try = 1; try <= 20; try++)); do
		etcd_name=etcd-$try etcd_port=$((20000 + RANDOM % 6000)) etcd_peer=$((26000 + RANDOM % 6000))
		etcd_run "$etcd_name" "$etcd_port" "$etcd_peer"
		etcd_store=etcd:http://127.0.0.1:$etcd_port/pawl-test
		! alive "$etcd_pid" || return 0
	done
	fail "etcd does not start: $(cat "$work/etcd.err")"
}

# The same one, with what it had, after it was killed.
etcd_again() {
	etcd_run "$etcd_name" "$etcd_port" "$etcd_peer"
	alive "$etcd_pid" || fail "etcd does not start again: $(cat "$work/etcd.err")"
}
