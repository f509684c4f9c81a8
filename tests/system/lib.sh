# What the system tests share: directories of their own, real processes, and an end that leaves
# nothing behind, however the test ends.  A test sources it and speaks with the words below.
# A test that fails leaves its files, and the status of its chain, in the directory PAWL_TEST_KEEP, if
# that is set.
# shellcheck shell=bash
#
#   story TEXT                 says what comes next
#   up CLUSTER [OPTION...]     starts a cluster whose regions are in $memory
#   run COMMAND...             runs it; afterwards $status, $out and $err say how it went
#   succeeds / fails           about the last run; 'fails STATUS PATTERN' wants one line of error
#   spawn NAME COMMAND...      in the background; its output in $work/NAME.out and NAME.err,
#                              its process in $pid
#   ended PID [STATUS]         waits for a spawned process
#   history [OPTION...] FILE.. deploy/check-stamps
#   and those of tests/words.sh
. "$(dirname "${BASH_SOURCE[0]}")/../words.sh"
PATH=$PAWL_BIN:$PATH
draw=$PAWL_BUILD/tests/draw

work=$(mktemp -d "${TMPDIR:-/tmp}/pawl-test.XXXXXX")
memory=$(mktemp -d /dev/shm/pawl-test.XXXXXX)
export PAWL_RUNTIME_DIR=$work/run PAWL_STATE_DIR=$work/state
spawned=()

# The process of a cluster's replica (daemon_pid CLUSTER [ID]), which holds its lock, if it lives.
daemon_pid() {
	local pid='' lock=$PAWL_RUNTIME_DIR/$1/${2:-1}.lock
	[ ! -e "$lock" ] || read -r pid 2>/dev/null <"$lock" || true
	[ -n "$pid" ] && [ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$PAWL_BIN/pawld")" ] || return 1
	echo "$pid"
}

tear_down() {
	local result=$? pid lock log
	trap '' INT TERM HUP
	set +e
	[ "$result" = 0 ] || [ -z "${where:-}" ] || timeout 5 pawl status "$where" >"$work/status.err" 2>&1
	for pid in "${spawned[@]}"; do
		kill -KILL "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	for lock in "$PAWL_RUNTIME_DIR"/*/*.lock; do
		pid=$(daemon_pid "$(basename "$(dirname "$lock")")" "$(basename "$lock" .lock)" 2>/dev/null) &&
			kill -KILL "$pid"
	done
	if [ "$result" != 0 ] && [ "$result" != 77 ]; then
		for log in "$PAWL_STATE_DIR"/*/*.log "$work"/*.err; do
			[ ! -s "$log" ] || { echo "--- ${log#"$work/"}" && tail -n 20 "$log"; }
		done
		[ -z "${last_words:-}" ] || echo "$last_words"
	fi
	[ "$result" = 0 ] || [ -z "${PAWL_TEST_KEEP:-}" ] || cp -r "$work" "$PAWL_TEST_KEEP"
	[ -z "${PAWL_TEST_NAMESPACE:-}" ] || umount -l "$work"/* 2>/dev/null
	rm -rf "$work" "$memory"
}
tears_down

story() {
	echo "* $*"
}

run() {
	status=0
	timeout -k 5 30 "$@" >"$work/run.out" 2>"$work/run.err" </dev/null || status=$?
	out=$(cat "$work/run.out")
	err=$(cat "$work/run.err")
	command="$*"
}

succeeds() {
	[ "$status" = 0 ] || fail "$command: exit $status: $err"
}

# One line that matches the pattern, which says what to do; nothing on standard output.
fails() {
	[ "$status" = "$1" ] || fail "$command: wanted exit $1, got $status: $out$err"
	[ "$(wc -l <"$work/run.err")" = 1 ] || fail "$command: not one line of error: $err"
	[[ $err =~ $2 ]] || fail "$command: wanted '$2' in: $err"
	[ -z "$out" ] || fail "$command: failed, but said: $out"
}

up() {
	local cluster=$1
	shift
	run pawl up "$cluster" -- --memory-dir="$memory" "$@"
	succeeds
}

down() {
	run pawl down "$@"
	succeeds
}

next_is() { # next_is CLUSTER/COUNTER NUMBER
	run pawl next "$1"
	succeeds
	is "next number of $1" "$2" "$out"
}

# Ends the replica as a power cut would end it.
daemon_kill() { # daemon_kill CLUSTER [ID]
	local pid
	pid=$(daemon_pid "$@") || fail "$*: no replica is running"
	kill -KILL "$pid"
	await 10 daemon_gone "$@"
}

daemon_gone() { # daemon_gone CLUSTER [ID]
	local lock=$PAWL_RUNTIME_DIR/$1/${2:-1}.lock
	[ ! -e "$lock" ] || flock -n "$lock" true 2>/dev/null
}

spawn() {
	local name=$1
	shift
	"$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null &
	pid=$!
	spawned+=("$pid")
}

ended() {
	local got=0
	await 20 dead "$1"
	wait "$1" || got=$?
	is "exit status of process $1" "${2:-0}" "$got"
}

# At least so many lines are in the output of a spawned process.
lines() {
	[ -e "$work/$1.out" ] && [ "$(wc -l <"$work/$1.out")" -ge "$2" ]
}

# The output of a spawned process grows.
goes_on() {
	await 10 lines "$1" $(($(wc -l <"$work/$1.out") + 20))
}

sessions_are() {
	timeout 10 pawl status "$1" >"$work/status" && grep -q "sessions  $2 of" "$work/status"
}

history() {
	local said
	said=$("$PAWL_SOURCE/deploy/check-stamps" "$@" 2>&1) || fail "the history is wrong: $said"
	echo "  $said"
}

# No region is left in the memory directory.
memory_is_empty() {
	is "files in the memory directory" "" "$(ls -A "$memory")"
}
