# What the lab tests with several machines share: machines on one network that a test, which runs
# beside them on this host, can command, kill, cut off and stop; and an end that leaves nothing
# behind, however the test ends.  A test sources it and speaks with the words below; N is the
# number of a machine.
# shellcheck shell=bash
#
#   machines COUNT              boots them, and waits until all are there; $lab is their /lab
#   on N COMMAND...             runs it in machine N, at most 60 s; its output and its status
#   begin N NAME COMMAND...     starts it in machine N; its output is in $lab/N.jobs/NAME.out
#   signal N NAME SIGNAL        sends it a signal
#   ended N NAME [STATUS]       waits for it, at most 60 s
#   power_cut N... / power_on N...  the machines and all their memory are gone / they boot again
#   boot N... / booted N...     the halves of power_on: they begin to boot / waits until they are up
#   cut N / heal N              no packet reaches it or leaves it / they do again
#   separate N... / unite N...  these machines do not reach each other, all others do / they do
#   hang N / wake N             it stops; its clock goes on meanwhile
#   suspend N / resume N        it stops, and its clock stands still
#   here COMMAND...             runs it on this host, as $here in the machines' network
#   here_begin NAME COMMAND...  the same in the background, as $here_pid; output in $lab/NAME.log
#   story TEXT                  says what comes next, and when
#   and the words of tests/words.sh
#
# Machine N has the address $(address_of N).  All need root; see tests/lab/guest.  What is started
# here ends with the test, even if the test is killed.
. "$(dirname "${BASH_SOURCE[0]}")/../words.sh"
await_step=0.1

lab=$(mktemp -d "${TMPDIR:-/tmp}/pawl-lab.XXXXXX")
here=10.9.9.100
guest_pid='' started=() jobs_count=0

tear_down() {
	local result=$? pid
	trap '' INT TERM HUP
	set +e
	for pid in "${started[@]}"; do
		kill -CONT "$pid" 2>/dev/null
		kill -KILL "$pid" 2>/dev/null
	done
	[ -z "$guest_pid" ] || kill -TERM "$guest_pid" 2>/dev/null
	wait 2>/dev/null
	if [ "$result" != 0 ] && [ "$result" != 77 ]; then
		tails
	fi
	rm -rf "$lab"
}
tears_down

# The last words of everybody, for a test that failed.
tails() {
	local file
	for file in "$lab"/*.log "$lab"/*.jobs/*.err "$lab"/*.console; do
		[ ! -s "$file" ] || { echo "--- ${file#"$lab/"}" && tail -n "${LAB_TAIL:-25}" "$file"; }
	done
}

begun=$SECONDS
story() {
	echo "* $* ($((SECONDS - begun)) s)"
}

address_of() {
	echo "10.9.9.$1"
}

all_ready() {
	local host
	for ((host = 1; host <= $1; host++)); do
		[ -e "$lab/$host.jobs/ready" ] || return 1
	done
}

machines() {
	local host status=0 deadline=$((SECONDS + 240))
	for ((host = 1; host <= $1; host++)); do
		mkdir "$lab/$host.jobs"
	done
	setpriv --pdeathsig TERM "$PAWL_SOURCE/tests/lab/guest" -n "$1" -c 1 -m 768M -t 900 \
		-k -w "$lab" -- "$PAWL_SOURCE/tests/lab/agent" >"$lab/guest.log" 2>&1 </dev/null &
	guest_pid=$!
	until all_ready "$1"; do
		if dead "$guest_pid"; then
			wait "$guest_pid" || status=$?
			guest_pid=''
			[ "$status" != 77 ] || skip "$(tail -n 1 "$lab/guest.log")"
			fail "the machines ended"
		fi
		[ "$SECONDS" -le "$deadline" ] || fail "the machines are not up within 240 s"
		sleep 0.1
	done
	netns=$(cat "$lab/netns")
	ip -n "$netns" link set lo up
	ip -n "$netns" addr add "$here/24" dev br0
}

begin() {
	local jobs=$lab/$1.jobs name=$2
	shift 2
	rm -f "$jobs/$name".*
	echo "exec $(printf '%q ' "$@")" >"$jobs/$name.new"
	mv "$jobs/$name.new" "$jobs/$name.sh"
}

ended() {
	await 60 test -e "$lab/$1.jobs/$2.exit"
	is "exit status of $2 in machine $1" "${3:-0}" "$(cat "$lab/$1.jobs/$2.exit")"
}

signal() {
	on "$1" kill "-$3" "$(cat "$lab/$1.jobs/$2.pid")"
}

on() {
	local host=$1 name=on$((++jobs_count))
	shift
	begin "$host" "$name" timeout -k 5 60 "$@"
	await 70 test -e "$lab/$host.jobs/$name.exit"
	cat "$lab/$host.jobs/$name.out"
	cat "$lab/$host.jobs/$name.err" >&2
	return "$(cat "$lab/$host.jobs/$name.exit")"
}

pid_of() {
	cat "$lab/$1.pid"
}

power_cut() {
	local host pid pids=()
	for host in "$@"; do
		pids+=("$(pid_of "$host")")
	done
	kill -KILL "${pids[@]}"
	for pid in "${pids[@]}"; do
		await 10 dead "$pid"
	done
}

boot() {
	local host
	for host in "$@"; do
		rm -rf "$lab/$host.jobs"
		mkdir "$lab/$host.jobs"
		setpriv --pdeathsig KILL bash "$lab/$host.boot" </dev/null 2>"$lab/$host.qemu" &
		started+=($!)
	done
}

booted() {
	local host
	for host in "$@"; do
		await 150 test -e "$lab/$host.jobs/ready"
	done
}

power_on() {
	boot "$@"
	booted "$@"
}

cut() {
	ip -n "$netns" link set "tap$1" down
}

heal() {
	ip -n "$netns" link set "tap$1" up
}

isolated() { # isolated on|off N...
	local host
	for host in "${@:2}"; do
		ip -n "$netns" link set "tap$host" type bridge_slave isolated "$1"
	done
}

separate() {
	isolated on "$@"
}

unite() {
	isolated off "$@"
}

hang() {
	kill -STOP "$(pid_of "$1")"
}

wake() {
	kill -CONT "$(pid_of "$1")"
}

suspend() {
	echo stop >"$lab/$1.monitor.in"
}

resume() {
	echo cont >"$lab/$1.monitor.in"
}

here() {
	ip netns exec "$netns" "$@"
}

here_begin() {
	local name=$1
	shift
	setpriv --pdeathsig KILL ip netns exec "$netns" "$@" >"$lab/$name.log" 2>&1 </dev/null &
	here_pid=$!
	started+=("$here_pid")
}
