# What stream_campaign does to publishers, subscribers and replicas, on top of stream.sh.  A deed is a
# word without arguments, which says in $what what it does to whom.  Replicas that it kills are in $lost;
# publishers and subscribers are there again when it returns.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154
#
#   random LIMIT          sets $any, 0 to LIMIT - 1
#   publisher_add STREAM  one more publisher
#   deeds_choose          sets $deeds to those that the campaign's shape allows, the frequent ones twice
#   deed                  one of them

random() {
	any=$(((RANDOM * 32768 + RANDOM) % $1))
}

nap_random() { # nap_random MS: up to so long
	random "$1"
	nap_ms "$any"
}

# A name out of the arguments.
one_of() {
	local names=("$@")
	random $#
	name=${names[any]}
}

publisher_any() {
	one_of "${!publisher_pids[@]}" && publisher=$name
}

subscriber_any() {
	one_of "${!subscriber_pids[@]}" && subscriber=$name
}

publisher_add() {
	local stream=$1
	publishers=$((publishers + 1))
	publisher_start "p$publishers" "${feed[@]}"
}

replicas_kill() {
	replica_kill "$@"
	lost+=("$@")
}

chain_is_without() {
	local now
	now=$(chain_now)
	[ -n "$now" ] && [[ ",$now," != *",$1,"* ]]
}

process_sleeps() { # process_sleeps PID
	kill -STOP "$1"
	nap_random 1000
	kill -CONT "$1"
}

# It may be anywhere between drawing and writing; somebody else begins.
kill_publisher() {
	local stream
	publisher_any
	what="kill publisher $publisher"
	stream=${stream_of[$publisher]}
	publisher_kill "$publisher"
	publisher_add "$stream"
}

stop_publisher() {
	publisher_any
	what="stop publisher $publisher"
	process_sleeps "${publisher_pids[$publisher]}"
}

kill_subscriber() {
	subscriber_any
	what="kill subscriber $subscriber"
	subscriber_kill "$subscriber"
	nap_random 200
	subscriber_again "$subscriber"
}

stop_subscriber() {
	subscriber_any
	what="stop subscriber $subscriber"
	process_sleeps "${subscriber_pids[$subscriber]}"
}

kill_head() {
	what="kill head ${members[0]}"
	replicas_kill "${members[0]}"
}

kill_tail() {
	what="kill tail ${members[-1]}"
	replicas_kill "${members[-1]}"
}

# The second one is killed in the middle of whatever the first one's death has begun.
kill_two() {
	what="kill head ${members[0]} and then ${members[1]}"
	replicas_kill "${members[0]}"
	random 6000
	nap_us "$any"
	replicas_kill "${members[1]}"
}

# Nobody is left; their memory is.
kill_all() {
	what="kill all of ${members[*]}"
	replicas_kill "${members[@]}"
}

# A zombie, whose memory answers.
stop_head() {
	what="stop head ${members[0]}"
	process_sleeps "${replica_pids[members[0]]}"
}

stop_tail() {
	what="stop tail ${members[-1]}"
	process_sleeps "${replica_pids[members[-1]]}"
}

# It sleeps with the head that it has drawn from.
stop_head_and_publisher() {
	publisher_any
	what="stop head ${members[0]} and publisher $publisher"
	kill -STOP "${publisher_pids[$publisher]}"
	process_sleeps "${replica_pids[members[0]]}"
	kill -CONT "${publisher_pids[$publisher]}"
}

# What it has drawn is of an epoch that is over when it wakes up.
stop_publisher_over_takeover() {
	publisher_any
	what="stop publisher $publisher while head ${members[0]} is killed"
	kill -STOP "${publisher_pids[$publisher]}"
	nap_random 5
	replicas_kill "${members[0]}"
	[ ${#members[@]} = 1 ] || await 20 chain_is_without "${members[0]}"
	nap_random 200
	kill -CONT "${publisher_pids[$publisher]}"
}

# The log that it reads in place is a dead one's when it wakes up.
stop_subscriber_over_takeover() {
	subscriber_any
	what="stop subscriber $subscriber while tail ${members[-1]} is killed"
	kill -STOP "${subscriber_pids[$subscriber]}"
	nap_random 5
	replicas_kill "${members[-1]}"
	[ ${#members[@]} = 1 ] || await 20 chain_is_without "${members[-1]}"
	nap_random 200
	kill -CONT "${subscriber_pids[$subscriber]}"
}

deeds_choose() {
	deeds=(kill_publisher kill_publisher stop_publisher stop_subscriber kill_head kill_head kill_tail
		kill_all stop_head stop_tail stop_head_and_publisher stop_publisher_over_takeover
		stop_subscriber_over_takeover)
	[ "$replicas" -lt 2 ] || deeds+=(kill_two)
	# What it missed is nowhere if the ring has gone on and there is no archive.
	[ -z "$everything_stays" ] || deeds+=(kill_subscriber kill_subscriber)
	[ -z "$only" ] || read -r -a deeds <<<"${only//,/ }"
}

deed() {
	one_of "${deeds[@]}"
	"$name"
}
