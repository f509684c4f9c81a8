# What the tests of streams share, on top of chain.sh: publishers that are fed with messages and write
# down what was acknowledged, subscribers that write what they deliver, and a judge.
# A message is "NAME N", the name of its publisher and its number there, 1, 2, 3, ..., or longer by the
# begin of $text.
# shellcheck shell=bash
#
#   stream_make STREAM [OPTION...]      makes it; what is started below is of the one made last
#   stream_end                          the newest position that is acknowledged
#   text_is BYTES                       messages are longer by 0 to so many bytes
#   publisher_start NAME [EACH [MS]]    so many messages (10) every so many ms (5)
#   publisher_goes_on NAME              until it has more acknowledged
#   publisher_kill NAME
#   publishers_end                      they end, and everything that they were fed is acknowledged
#   subscriber_start NAME [OPTION...]   from the oldest message on
#   subscriber_goes_on NAME
#   subscriber_kill NAME / subscriber_again NAME    it goes on behind what it has written
#   subscriber_has_all NAME             until it has delivered what $work/delivered has
#   subscribers_end                     by SIGTERM
#   delivered_is_right                  everything from the oldest, into $work/delivered, and the judge
. "$(dirname "${BASH_SOURCE[0]}")/chain.sh"
stream='' text=''
declare -A publisher_pids=() subscriber_pids=() publishers_killed=() stream_of=()

stream_make() {
	stream=$1
	shift
	run pawl publish "$@" "$where/$stream"
	succeeds
	rm -f "$work"/feed-stop
}

text_is() {
	text=$(seq -s . 1 $(($1 / 2 + 1)))
	text=${text:0:$1}
}

# How much of the text a message has is told by its number; the judge knows it too.
feeder() { # feeder NAME EACH MS
	local n=0 k
	while [ ! -e "$work/feed-stop" ]; do
		for ((k = 0; k < $2; k++)); do
			n=$((n + 1))
			echo "$1 $n${text:+ ${text:0:n * 7919 % (${#text} + 1)}}"
		done
		nap_ms "$3"
	done
	echo "$n" >"$work/fed-$stream-$1"
}

publisher_start() {
	local name=$1
	stream_of[$name]=$stream
	: >"$work/ack-$stream-$name"
	pawl publish --timeout 60 --positions "$where/$stream" < <(feeder "$name" "${2:-10}" "${3:-5}") \
		>"$work/ack-$stream-$name" 2>"$work/publisher-$stream-$name.err" &
	publisher_pids[$name]=$!
	spawned+=("$!")
}

acknowledged() { # acknowledged NAME
	local stream=${stream_of[$1]}
	wc -l <"$work/ack-$stream-$1"
}

publisher_has() {
	local stream=${stream_of[$1]}
	alive "${publisher_pids[$1]}" || fail "publisher $1 ended: $(cat "$work/publisher-$stream-$1.err")"
	[ "$(acknowledged "$1")" -ge "$2" ]
}

publisher_goes_on() {
	await "${2:-20}" publisher_has "$1" $(($(acknowledged "$1") + 20))
}

# Of all processes that are killed here: the shell forgets their ids.
process_kill() {
	local i
	kill -KILL "$1"
	wait "$1" 2>/dev/null || true
	for i in "${!spawned[@]}"; do
		[ "${spawned[i]}" != "$1" ] || unset "spawned[i]"
	done
}

publisher_kill() {
	process_kill "${publisher_pids[$1]}"
	unset "publisher_pids[$1]"
	publishers_killed[$1]=yes
}

publishers_end() {
	local name stream
	: >"$work/feed-stop"
	for name in "${!publisher_pids[@]}"; do
		stream=${stream_of[$name]}
		await 60 dead "${publisher_pids[$name]}"
		wait "${publisher_pids[$name]}" ||
			fail "publisher $name: exit status $?: $(cat "$work/publisher-$stream-$name.err")"
		is "messages of $name that were acknowledged" "$(cat "$work/fed-$stream-$name")" "$(acknowledged "$name")"
		unset "publisher_pids[$name]"
	done
}

subscriber_run() { # subscriber_run NAME OPTION...
	local name=$1
	shift
	pawl subscribe --numbered --voids --timeout 60 "$@" "$where/$stream" \
		>>"$work/sub-$stream-$name" 2>>"$work/subscriber-$stream-$name.err" </dev/null &
	subscriber_pids[$name]=$!
	spawned+=("$!")
}

subscriber_start() {
	local name=$1
	shift
	stream_of[$name]=$stream
	: >"$work/sub-$stream-$name"
	: >"$work/subscriber-$stream-$name.err"
	subscriber_run "$name" --from oldest "$@"
}

subscriber_has() { # subscriber_has NAME LINES
	local stream=${stream_of[$1]}
	alive "${subscriber_pids[$1]}" ||
		fail "subscriber $1 ended: $(cat "$work/subscriber-$stream-$1.err")"
	[ "$(wc -l <"$work/sub-$stream-$1")" -ge "$2" ]
}

subscriber_goes_on() {
	local stream=${stream_of[$1]}
	await "${2:-20}" subscriber_has "$1" $(($(wc -l <"$work/sub-$stream-$1") + 20))
}

subscriber_kill() {
	process_kill "${subscriber_pids[$1]}"
	unset "subscriber_pids[$1]"
}

# The last line may be cut; what is behind the last whole one comes again.
subscriber_again() {
	local stream=${stream_of[$1]} last=0
	local file=$work/sub-$stream-$1
	[ -z "$(tail -c 1 "$file")" ] || sed -i '$d' "$file"
	[ ! -s "$file" ] || last=$(tail -n 1 "$file" | cut -f 1)
	subscriber_run "$1" --from $((last + 1))
}

subscriber_has_what_is_delivered() {
	local stream=${stream_of[$1]}
	alive "${subscriber_pids[$1]}" ||
		fail "subscriber $1 ended: $(cat "$work/subscriber-$stream-$1.err")"
	cmp -s "$work/delivered" "$work/sub-$stream-$1"
}

subscriber_has_all() {
	local deadline=$((SECONDS + 20)) stream=${stream_of[$1]}
	until subscriber_has_what_is_delivered "$1"; do
		[ "$SECONDS" -le "$deadline" ] ||
			fail "subscriber $1 delivered something else: $(cmp "$work/delivered" "$work/sub-$stream-$1" 2>&1)"
		nap 0.05
	done
}

subscribers_end() { # subscribers_end [STATUS]
	local name
	for name in "${!subscriber_pids[@]}"; do
		kill -TERM "${subscriber_pids[$name]}"
		ended "${subscriber_pids[$name]}" "${1:-0}"
		unset "subscriber_pids[$name]"
	done
}

# Positions are dense, if all messages fit into a slot; no message comes twice; those of a publisher are in order; what was
# acknowledged is there, where it was acknowledged (0: it is in, and was not told where).
judge='
BEGIN {
	FS = "\t"
	text = ENVIRON["text"]
	text_len = length(text)
}
function wrong(what) {
	if (++errors <= 5)
		printf "position %s: %s\n", $1, what >"/dev/stderr"
}
FILENAME == delivered {
	if (FNR > 1 && (text_len ? $1 <= position : $1 != position + 1))
		wrong("comes after " position)
	position = $1
	if ($2 == "0000000000000000") {
		voids++
		next
	}
	messages++
	part[3] = ""
	split($4, part, " ")
	what = part[1] " " part[2]
	if (what in at)
		wrong("\"" what "\" was delivered at " at[what] " already")
	if (part[2] != last[part[1]] + 1)
		wrong("\"" what "\" comes after number " last[part[1]] + 0)
	if (part[3] != substr(text, 1, text_len ? part[2] * 7919 % (text_len + 1) : 0))
		wrong("\"" what "\" has a text of " length(part[3]) " bytes that is another")
	last[part[1]] = part[2]
	at[what] = $1
	next
}
FNR == 1 { name = FILENAME; sub(prefix, "", name) }
NF == 2 {
	what = name " " $1
	if (!(what in at))
		wrong("\"" what "\" was acknowledged and is missing")
	else if ($2 > 0 && at[what] != $2)
		wrong("\"" what "\" was acknowledged here and delivered at " at[what])
	acknowledged++
}
END {
	if (errors)
		exit 1
	printf "%d messages at the positions up to %d, %d voids; %d acknowledged\n", messages, position, voids, acknowledged
}'

stream_end() {
	run pawl status --json "$where"
	succeeds
	sed -n '/"streams"/,/"sessions_max"/p' "$work/run.out" |
		commit_of "$stream"
}

# judge_run DELIVERED: with everything that was acknowledged in the stream.
judge_run() {
	local said
	said=$(text=$text awk -v delivered="$1" -v prefix="^$work/ack-$stream-" "$judge" "$1" "$work/ack-$stream"-* 2>&1) ||
		fail "the deliveries are wrong: $said"
	echo "  $said"
}

delivered_is_right() {
	timeout 120 pawl subscribe --numbered --voids --from oldest --until end "$where/$stream" \
		>"$work/delivered" 2>"$work/delivered.err" </dev/null ||
		fail "what there is can not be read: exit $?: $(cat "$work/delivered.err")"
	judge_run "$work/delivered"
}
