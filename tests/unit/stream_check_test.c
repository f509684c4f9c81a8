/* What messages about streams must be before anybody acts on them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hw/memory.h"
#include "sequencer/control/message_check.h"
#include "sequencer/control/stream_message.h"
#include "sequencer/core/limits.h"
#include "tests/unit/message_trip.h"

static char longest[MEMORY_ADDRESS_MAX + 1];

static struct stream_limits good_limits(void)
{
	return (struct stream_limits){.slot_len = 256,
		.slots = 1024,
		.rows = 8,
		.blocks = true,
		.archiving = STREAM_ARCHIVE_REQUIRED,
		.hole_timeout_ns = 1000000,
		.message_max = 1 << 20};
}

static void limits_come_back_as_they_went(void **state)
{
	struct stream_limits limits = good_limits(), back;
	Control__StreamLimits wire;

	(void)state;
	stream_limits_to_wire(&limits, &wire);
	back = stream_limits_from_wire(&wire);
	assert_true(stream_limits_same(&limits, &back));
	back = stream_limits_from_wire(NULL);
	assert_int_equal(back.slot_len, 0);
}

static void expect_open(const Control__OpenStream *open, int code)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	struct error err;

	request.id = 1;
	request.body_case = CONTROL__REQUEST__BODY_OPEN_STREAM;
	request.open_stream = (Control__OpenStream *)(uintptr_t)open;
	assert_int_equal(request_round_trip(&request, &err), code);
}

static void who_does_not_publish_has_no_name(void **state)
{
	Control__OpenStream open = CONTROL__OPEN_STREAM__INIT;
	Control__StreamLimits limits = CONTROL__STREAM_LIMITS__INIT;

	(void)state;
	open.name = (char *)"orders";
	expect_open(&open, 0);
	open.limits = &limits; /* out of range: the user gets an answer */
	expect_open(&open, 0);
	open.publisher = 7;
	expect_open(&open, -EBADMSG);
	open.publishes = true;
	expect_open(&open, 0);
	open.name = (char *)"a\nb";
	expect_open(&open, -EBADMSG);
	open.name = longest;
	expect_open(&open, -EBADMSG);
}

static void expect_subscribe(const Control__Subscribe *subscribe, int code)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	struct error err;

	request.id = 1;
	request.body_case = CONTROL__REQUEST__BODY_SUBSCRIBE;
	request.subscribe = (Control__Subscribe *)(uintptr_t)subscribe;
	assert_int_equal(request_round_trip(&request, &err), code);
}

static void an_inbox_has_slots_and_only_then(void **state)
{
	Control__Subscribe subscribe = CONTROL__SUBSCRIBE__INIT;

	(void)state;
	expect_subscribe(&subscribe, 0);
	subscribe.inbox_slots = 64;
	expect_subscribe(&subscribe, -EBADMSG);
	subscribe.inbox = (char *)"shm path=/dev/shm/a len=4096";
	expect_subscribe(&subscribe, 0);
	subscribe.inbox_slots = 63;
	expect_subscribe(&subscribe, -EBADMSG);
	subscribe.inbox_slots = STREAM_RING_MAX * 2;
	expect_subscribe(&subscribe, -EBADMSG);
	subscribe.inbox_slots = 0;
	expect_subscribe(&subscribe, -EBADMSG);
	subscribe.inbox_slots = 64;
	subscribe.inbox = longest;
	expect_subscribe(&subscribe, -EBADMSG);
	subscribe.inbox = (char *)"";
	subscribe.inbox_slots = 0;
	subscribe.consumed = COUNTER_LIMIT;
	expect_subscribe(&subscribe, -EBADMSG);
	subscribe.consumed = 0;
	subscribe.counter = COUNTERS_MAX;
	expect_subscribe(&subscribe, -EBADMSG);
}

static void nobody_unsubscribes_without_a_reader(void **state)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Unsubscribe unsubscribe = CONTROL__UNSUBSCRIBE__INIT;
	struct error err;

	(void)state;
	request.id = 1;
	request.body_case = CONTROL__REQUEST__BODY_UNSUBSCRIBE;
	request.unsubscribe = &unsubscribe;
	assert_int_equal(request_round_trip(&request, &err), -EBADMSG);
	unsubscribe.reader = 1;
	assert_int_equal(request_round_trip(&request, &err), 0);
}

static void a_snapshot_has_a_position(void **state)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__AcknowledgeSnapshot snapshot = CONTROL__ACKNOWLEDGE_SNAPSHOT__INIT;
	Control__SnapshotAcknowledged done = CONTROL__SNAPSHOT_ACKNOWLEDGED__INIT;
	struct error err;

	(void)state;
	request.id = 1;
	request.body_case = CONTROL__REQUEST__BODY_ACKNOWLEDGE_SNAPSHOT;
	request.acknowledge_snapshot = &snapshot;
	assert_int_equal(request_round_trip(&request, &err), -EBADMSG);
	snapshot.position = COUNTER_LIMIT;
	assert_int_equal(request_round_trip(&request, &err), -EBADMSG);
	snapshot.position = COUNTER_LIMIT - 1;
	assert_int_equal(request_round_trip(&request, &err), 0);
	snapshot.counter = COUNTERS_MAX;
	assert_int_equal(request_round_trip(&request, &err), -EBADMSG);
	reply.body_case = CONTROL__REPLY__BODY_SNAPSHOT_ACKNOWLEDGED;
	reply.snapshot_acknowledged = &done;
	assert_int_equal(reply_round_trip(&reply), 0);
}

static void expect_put(Control__PutSnapshot *put, int code)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	struct error err;

	request.id = 1;
	request.body_case = CONTROL__REQUEST__BODY_PUT_SNAPSHOT;
	request.put_snapshot = put;
	assert_int_equal(request_round_trip(&request, &err), code);
}

static void a_snapshot_is_put_in_pieces_of_what_it_says(void **state)
{
	static uint8_t bytes[MESSAGE_PIECE_MAX + 1];
	Control__PutSnapshot put = CONTROL__PUT_SNAPSHOT__INIT;

	(void)state;
	put.len = 3 * (uint64_t)MESSAGE_PIECE_MAX;
	put.offset = put.len - MESSAGE_PIECE_MAX;
	put.piece.data = bytes;
	put.piece.len = MESSAGE_PIECE_MAX;
	expect_put(&put, -EBADMSG);
	put.position = 1;
	expect_put(&put, 0);
	put.offset++;
	expect_put(&put, -EBADMSG);
	put.offset = UINT64_MAX;
	expect_put(&put, -EBADMSG);
	put.offset = 0;
	put.piece.len++;
	expect_put(&put, -EBADMSG);
	put.piece.len = 0;
	put.position = COUNTER_LIMIT;
	expect_put(&put, -EBADMSG);
	put.position = COUNTER_LIMIT - 1;
	expect_put(&put, 0);
	put.counter = COUNTERS_MAX;
	expect_put(&put, -EBADMSG);
}

static void expect_get(Control__GetSnapshot *get, int code)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__StreamAsk ask = CONTROL__STREAM_ASK__INIT;
	struct error err;

	request.id = 1;
	request.body_case = CONTROL__REQUEST__BODY_GET_SNAPSHOT;
	request.get_snapshot = get;
	assert_int_equal(request_round_trip(&request, &err), code);
	ask.snapshot = get; /* of a replica */
	request.body_case = CONTROL__REQUEST__BODY_STREAM_ASK;
	request.stream_ask = &ask;
	assert_int_equal(request_round_trip(&request, &err), code);
}

static void a_snapshot_is_asked_for_by_position_or_as_the_newest(void **state)
{
	Control__GetSnapshot get = CONTROL__GET_SNAPSHOT__INIT;

	(void)state;
	expect_get(&get, 0);
	get.position = COUNTER_LIMIT - 1;
	expect_get(&get, 0);
	get.position++;
	expect_get(&get, -EBADMSG);
	get.position = 1;
	get.counter = COUNTERS_MAX;
	expect_get(&get, -EBADMSG);
}

static void expect_piece(Control__SnapshotPiece *piece, int code)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__StreamTell tell = CONTROL__STREAM_TELL__INIT;

	reply.id = 1;
	reply.body_case = CONTROL__REPLY__BODY_SNAPSHOT_PIECE;
	reply.snapshot_piece = piece;
	assert_int_equal(reply_round_trip(&reply), code);
	tell.replica = 1;
	tell.incarnation = 1;
	tell.snapshot = piece; /* of a replica */
	reply.body_case = CONTROL__REPLY__BODY_STREAM_TELL;
	reply.stream_tell = &tell;
	assert_int_equal(reply_round_trip(&reply), code);
}

static void a_piece_of_a_snapshot_is_within_it(void **state)
{
	static uint8_t bytes[MESSAGE_PIECE_MAX + 1];
	Control__SnapshotPiece piece = CONTROL__SNAPSHOT_PIECE__INIT;

	(void)state;
	piece.len = MESSAGE_PIECE_MAX;
	piece.piece.data = bytes;
	piece.piece.len = MESSAGE_PIECE_MAX;
	expect_piece(&piece, -EBADMSG); /* of none */
	piece.position = 7;
	expect_piece(&piece, 0);
	piece.older = 7;
	expect_piece(&piece, -EBADMSG);
	piece.older = 6;
	expect_piece(&piece, 0);
	piece.offset = 1;
	expect_piece(&piece, -EBADMSG);
	piece.len++;
	expect_piece(&piece, 0);
	piece.len = UINT64_MAX;
	piece.piece.len++;
	expect_piece(&piece, -EBADMSG);
	piece.piece.len = 0;
	piece.coming = COUNTER_LIMIT;
	expect_piece(&piece, -EBADMSG);
	piece.coming = COUNTER_LIMIT - 1;
	expect_piece(&piece, 0);
	piece.counter = COUNTERS_MAX;
	expect_piece(&piece, -EBADMSG);
}

static void expect_tail_read(Control__TailRead *read, int code)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	struct error err;

	request.id = 1;
	request.body_case = CONTROL__REQUEST__BODY_TAIL_READ;
	request.tail_read = read;
	assert_int_equal(request_round_trip(&request, &err), code);
}

static void a_read_at_the_tail_has_an_epoch_and_a_short_query(void **state)
{
	static uint8_t bytes[MESSAGE_QUERY_MAX + 1];
	Control__TailRead read = CONTROL__TAIL_READ__INIT;

	(void)state;
	read.query.data = bytes;
	read.query.len = MESSAGE_QUERY_MAX;
	expect_tail_read(&read, -EBADMSG);
	read.epoch = 1;
	expect_tail_read(&read, 0);
	read.query.len++;
	expect_tail_read(&read, -EBADMSG);
	read.query.len = 0;
	expect_tail_read(&read, -EBADMSG);
	read.query.len = 1;
	read.epoch = MESSAGE_EPOCH_MAX + 1;
	expect_tail_read(&read, -EBADMSG);
	read.epoch = MESSAGE_EPOCH_MAX;
	read.counter = COUNTERS_MAX;
	expect_tail_read(&read, -EBADMSG);
}

static void expect_tail_answer(Control__TailAnswer *answer, int code)
{
	Control__Reply reply = CONTROL__REPLY__INIT;

	reply.id = 1;
	reply.body_case = CONTROL__REPLY__BODY_TAIL_ANSWER;
	reply.tail_answer = answer;
	assert_int_equal(reply_round_trip(&reply), code);
}

static void an_answer_of_a_tail_is_a_piece_of_what_it_says(void **state)
{
	static uint8_t bytes[MESSAGE_PIECE_MAX + 1];
	Control__TailAnswer answer = CONTROL__TAIL_ANSWER__INIT;

	(void)state;
	answer.len = MESSAGE_ANSWER_MAX;
	answer.offset = MESSAGE_ANSWER_MAX - MESSAGE_PIECE_MAX;
	answer.piece.data = bytes;
	answer.piece.len = MESSAGE_PIECE_MAX;
	expect_tail_answer(&answer, -EBADMSG);
	answer.epoch = 1;
	expect_tail_answer(&answer, 0);
	answer.offset++;
	expect_tail_answer(&answer, -EBADMSG);
	answer.offset = 0;
	answer.piece.len++;
	expect_tail_answer(&answer, -EBADMSG);
	answer.piece.len = 1;
	answer.len = MESSAGE_ANSWER_MAX + 1;
	expect_tail_answer(&answer, -EBADMSG);
	answer.len = 1;
	answer.offset = 2;
	expect_tail_answer(&answer, -EBADMSG);
	answer.offset = 0;
	answer.position = COUNTER_LIMIT;
	expect_tail_answer(&answer, -EBADMSG);
}

static void expect_opened(Control__StreamOpened *opened, int code)
{
	Control__Reply reply = CONTROL__REPLY__INIT;

	reply.body_case = CONTROL__REPLY__BODY_STREAM_OPENED;
	reply.stream_opened = opened;
	assert_int_equal(reply_round_trip(&reply), code);
}

static void an_opened_stream_has_limits_and_places(void **state)
{
	Control__StreamOpened opened = CONTROL__STREAM_OPENED__INIT;
	Control__StreamPlaces places = CONTROL__STREAM_PLACES__INIT;
	Control__StreamLimits limits;
	struct stream_limits good = good_limits();

	(void)state;
	stream_limits_to_wire(&good, &limits);
	opened.epoch = 3;
	opened.counter = places.counter = 2;
	expect_opened(&opened, -EBADMSG);
	opened.limits = &limits;
	expect_opened(&opened, -EBADMSG);
	opened.places = &places;
	expect_opened(&opened, 0);
	places.counter = 1;
	expect_opened(&opened, -EBADMSG);
	places.counter = 2;
	places.log_path = longest;
	expect_opened(&opened, -EBADMSG);
	places.log_path = (char *)"/dev/shm/a";
	limits.slots = 1000;
	expect_opened(&opened, -EBADMSG);
	limits.slots = 1024;
	limits.rows = 0;
	expect_opened(&opened, -EBADMSG);
	limits.rows = 1;
	limits.archiving = STREAM_ARCHIVE_REQUIRED + 1;
	expect_opened(&opened, -EBADMSG);
	limits.archiving = STREAM_ARCHIVE_OFF;
	opened.epoch = 0;
	expect_opened(&opened, -EBADMSG);
}

static void a_subscriber_learns_its_line(void **state)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Subscribed subscribed = CONTROL__SUBSCRIBED__INIT;
	Control__StreamPlaces places = CONTROL__STREAM_PLACES__INIT;

	(void)state;
	reply.body_case = CONTROL__REPLY__BODY_SUBSCRIBED;
	reply.subscribed = &subscribed;
	subscribed.reader = 1;
	assert_int_equal(reply_round_trip(&reply), -EBADMSG);
	subscribed.places = &places;
	assert_int_equal(reply_round_trip(&reply), 0);
	subscribed.reader = 0;
	assert_int_equal(reply_round_trip(&reply), -EBADMSG);
}

static void expect_tell(Control__StreamTell *tell, int code)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Reply reply = CONTROL__REPLY__INIT;
	struct error err;

	request.id = 1;
	request.body_case = CONTROL__REQUEST__BODY_STREAM_TELL;
	request.stream_tell = tell;
	assert_int_equal(request_round_trip(&request, &err), code);
	reply.body_case = CONTROL__REPLY__BODY_STREAM_TELL;
	reply.stream_tell = tell;
	assert_int_equal(reply_round_trip(&reply), code);
}

static void a_replica_tells_of_its_streams(void **state)
{
	static Control__StreamPlaces places[STREAMS_MAX + 1];
	static Control__StreamPlaces *list[STREAMS_MAX + 1];
	Control__StreamTell tell = CONTROL__STREAM_TELL__INIT;

	(void)state;
	for (uint32_t i = 0; i <= STREAMS_MAX; i++) {
		control__stream_places__init(&places[i]);
		list[i] = &places[i];
	}
	expect_tell(&tell, -EBADMSG);
	tell.replica = 2;
	tell.incarnation = 5;
	expect_tell(&tell, 0);
	tell.places = list;
	tell.n_places = STREAMS_MAX;
	expect_tell(&tell, 0);
	places[7].archived = COUNTER_LIMIT;
	expect_tell(&tell, -EBADMSG);
	places[7].archived = 0;
	places[7].snapshot = COUNTER_LIMIT;
	expect_tell(&tell, -EBADMSG);
	places[7].snapshot = COUNTER_LIMIT - 1;
	expect_tell(&tell, 0);
	tell.n_places = STREAMS_MAX + 1;
	expect_tell(&tell, -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_come_back_as_they_went),
		cmocka_unit_test(who_does_not_publish_has_no_name),
		cmocka_unit_test(an_inbox_has_slots_and_only_then),
		cmocka_unit_test(nobody_unsubscribes_without_a_reader),
		cmocka_unit_test(a_snapshot_has_a_position),
		cmocka_unit_test(a_snapshot_is_put_in_pieces_of_what_it_says),
		cmocka_unit_test(a_snapshot_is_asked_for_by_position_or_as_the_newest),
		cmocka_unit_test(a_piece_of_a_snapshot_is_within_it),
		cmocka_unit_test(a_read_at_the_tail_has_an_epoch_and_a_short_query),
		cmocka_unit_test(an_answer_of_a_tail_is_a_piece_of_what_it_says),
		cmocka_unit_test(an_opened_stream_has_limits_and_places),
		cmocka_unit_test(a_subscriber_learns_its_line),
		cmocka_unit_test(a_replica_tells_of_its_streams),
	};

	memset(longest, 'a', sizeof(longest) - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
