# The words that the scripts of tests/system and tests/lab have in common.  Their libraries source
# this file and say what tear_down has to do.
# shellcheck shell=bash
#
#   tears_down                 tear_down is called when the test ends, however it ends
#   fail TEXT / skip TEXT      the test ends
#   is WHAT WANTED GOT         compares
#   await SECONDS COMMAND...   until the command is true; looks every $await_step seconds
#   alive PID / dead PID       whether the process runs
#   history_join FILE...       prints the histories that store_mix wrote, each operation once
set -euo pipefail
export LC_ALL=C
: "${PAWL_BIN:?is set by ctest}" "${PAWL_BUILD:?}" "${PAWL_SOURCE:?}"
await_step=0.02

tears_down() {
	trap tear_down EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	# shellcheck disable=SC2173
	trap : KILL # so that the shell does not report each process that a test kills
}

# Names the line of the test itself, also when a library's word failed.
fail() {
	local frame=0 from
	while from=$(caller $frame) && [[ $from == *.sh ]]; do
		frame=$((frame + 1))
	done
	echo "FAIL (line ${from%% *}): $*"
	exit 1
}

skip() {
	echo "skipped: $*"
	exit 77
}

is() {
	[ "$2" = "$3" ] || fail "$1: wanted '$2', got '$3'"
}

await() {
	local deadline=$((SECONDS + $1)) what="${*:2}"
	shift
	until "$@"; do
		[ "$SECONDS" -le "$deadline" ] || fail "this did not become true: $what"
		sleep "$await_step"
	done
}

alive() {
	[ -e "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}

dead() {
	! alive "$1"
}

# Of what was written when it was asked for and again with its answer, the answer.
history_join() {
	local file
	for file in "$@"; do
		awk '{ match($0, /"note":[0-9]+/); note = substr($0, RSTART, RLENGTH) }
			NR == FNR { if ($0 !~ /"outcome":"unknown"/) answered[note] = 1; next }
			/"outcome":"unknown"/ && answered[note] { next }
			{ sub(/"note":[0-9]+,?/, ""); print }' "$file" "$file"
	done
}
