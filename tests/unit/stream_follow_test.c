/* A replica outside the chain copies the log of a member while the stream runs. */
#include <errno.h>

#include "sequencer/stream/follow.h"
#include "tests/unit/stream_copy_rig.h"

#define PATIENCE 1000000

static struct member source, own;
static struct stream_follow *follow;
static uint64_t now;

static int begin_rc(uint64_t from, uint64_t base)
{
	struct stream_follow_config config = {.device = own.device,
		.log_address = shm_memory_ops.address(source.log),
		.words_address = shm_memory_ops.address(source.words),
		.token = TOKEN,
		.limits = &rig_limits,
		.log = &own.b.log,
		.memory = own.b.memory,
		.epoch = EPOCH,
		.from = from,
		.base = base,
		.patience_ns = PATIENCE};
	struct error err;

	return stream_follow_begin(&config, &follow, &err);
}

static void begin(void)
{
	assert_int_equal(begin_rc(0, 0), 0);
}

/* The source leads epoch EPOCH, alone or not. */
static void members_open(bool tail)
{
	now = 0;
	follow = NULL;
	member_open(&source);
	member_open(&own);
	member_create(&source, 0);
	member_enter(&source, EPOCH, tail);
}

static void members_close(void)
{
	stream_follow_end(follow);
	member_close(&source);
	member_close(&own);
}

static void steps(int count)
{
	while (count-- > 0)
		(void)stream_follow_step(follow, now);
}

/* Until it rests, which is a while after it has found nothing new. */
static void catch_up(void)
{
	now += STREAM_FOLLOW_REST_NS;
	for (int i = 0; i < 100 && stream_follow_step(follow, now); i++)
		;
	assert_false(stream_follow_step(follow, now));
}

static void expect(enum stream_follow_state state, uint64_t end)
{
	struct stream_follow_status status = stream_follow_status(follow);

	assert_int_equal(status.state, state);
	assert_int_equal(status.end, end);
}

static void a_stream_is_copied_and_kept_up_with(void **state)
{
	(void)state;
	members_open(true);
	publish(&source, 1, 5);
	begin();
	catch_up();
	expect(STREAM_FOLLOW_BEHIND, 5);
	same_logs(&own, &source);
	publish(&source, 6, 20);
	catch_up(); /* it was lapped, and has begun again */
	expect(STREAM_FOLLOW_BEHIND, 20);
	same_logs(&own, &source);
	publish(&source, 21, 23);
	catch_up();
	expect(STREAM_FOLLOW_BEHIND, 23);
	same_logs(&own, &source);
	assert_int_equal(stream_follow_status(follow).begun, 2);
	assert_int_equal(own.b.log.control->epoch, EPOCH);
	members_close();
}

static void the_copy_is_kept_for_the_next_epoch(void **state)
{
	(void)state;
	members_open(true);
	publish(&source, 1, 12);
	begin();
	catch_up();
	assert_true(stream_log_keeps(&own.b.log, EPOCH, 12));
	assert_true(stream_log_keeps(&own.b.log, EPOCH, 13));
	assert_false(stream_log_keeps(&own.b.log, EPOCH, 11));
	member_enter(&own, EPOCH + 1, true);
	publish(&own, 13, 15);
	members_close();
}

static void nothing_beyond_the_commit_point_is_copied(void **state)
{
	(void)state;
	members_open(false);
	committed_set(&source, 0);
	publish(&source, 1, 6);
	committed_set(&source, 4);
	begin();
	catch_up();
	assert_int_equal(stream_log_end(&own.b.log), 4);
	committed_set(&source, 6);
	catch_up();
	expect(STREAM_FOLLOW_BEHIND, 6);
	same_logs(&own, &source);
	members_close();
}

static void the_copy_counts_when_its_table_is_right(void **state)
{
	(void)state;
	members_open(false);
	committed_set(&source, 0);
	publish(&source, 1, 6);
	committed_set(&source, 4);
	begin();
	catch_up();
	expect(STREAM_FOLLOW_COPYING, 4); /* the table is that of position 6 */
	assert_int_equal(own.b.log.control->epoch, 0);
	assert_false(stream_log_keeps(&own.b.log, EPOCH, 6));
	committed_set(&source, 5);
	catch_up();
	expect(STREAM_FOLLOW_COPYING, 5);
	committed_set(&source, 6);
	catch_up();
	expect(STREAM_FOLLOW_BEHIND, 6);
	members_close();
}

static void who_is_lapped_begins_again_nearer_to_the_end(void **state)
{
	uint64_t p = 8;

	(void)state;
	members_open(true);
	publish(&source, 1, 8);
	begin();
	steps(5); /* words, control, table, control, slots */
	publish(&source, p + 1, p + 8);
	steps(1); /* the control behind the slots */
	p += 8;
	steps(4); /* words, control, table, control */
	assert_int_equal(own.b.log.control->begin, 12);
	publish(&source, p + 1, p + 8);
	catch_up();
	expect(STREAM_FOLLOW_BEHIND, p + 8);
	same_logs(&own, &source);
	assert_true(stream_follow_status(follow).begun >= 3);
	members_close();
}

/* It was lapped, has begun again behind 12, and has 13 to 16; the source has 9 to 16. */
static void lapped_follower_open(void)
{
	members_open(true);
	publish(&source, 1, 8);
	begin();
	steps(5); /* words, control, table, control, slots */
	publish(&source, 9, 16);
	steps(1); /* control */
	steps(4); /* words, control, table, control */
	steps(4); /* slots, control; and those from the begin of the ring */
	assert_int_equal(own.b.log.control->begin, 12);
	expect(STREAM_FOLLOW_COPYING, 16);
}

static void a_copy_counts_when_it_has_what_is_older_too(void **state)
{
	(void)state;
	lapped_follower_open();
	assert_false(stream_log_keeps(&own.b.log, EPOCH, 16));
	catch_up();
	expect(STREAM_FOLLOW_BEHIND, 16);
	assert_true(stream_log_keeps(&own.b.log, EPOCH, 16));
	assert_int_equal(stream_log_oldest(&own.b.log), stream_log_oldest(&source.b.log));
	same_logs(&own, &source);
	assert_int_equal(stream_follow_status(follow).begun, 2);
	members_close();
}

static void what_is_newest_comes_before_what_is_older(void **state)
{
	(void)state;
	lapped_follower_open();
	steps(1); /* what is older */
	publish(&source, 17, 18);
	steps(1); /* the control: 9 and 10 are no more */
	assert_int_equal(stream_log_oldest(&own.b.log), 11);
	assert_int_equal(own.b.log.control->epoch, 0);
	publish(&source, 19, 19);
	steps(4); /* words, control, slots, control */
	expect(STREAM_FOLLOW_BEHIND, 19);
	same_logs(&own, &source);
	members_close();
}

static void a_copy_becomes_whole_by_what_is_published(void **state)
{
	(void)state;
	lapped_follower_open();
	steps(1);
	publish(&source, 17, 20);
	steps(1); /* nothing of it is there any more */
	assert_int_equal(stream_log_oldest(&own.b.log), 13);
	catch_up();
	expect(STREAM_FOLLOW_BEHIND, 20);
	assert_int_equal(stream_log_oldest(&own.b.log), 13);
	same_logs(&own, &source);
	members_close();
}

static void an_own_log_that_may_be_kept_goes_on(void **state)
{
	(void)state;
	members_open(true);
	publish(&source, 1, 7);
	member_create(&own, 0);
	member_enter(&own, EPOCH - 1, true);
	publish(&own, 1, 3);
	(void)seal(&own.b.log, EPOCH - 1);
	assert_int_equal(begin_rc(EPOCH - 1, 3), 0);
	catch_up();
	expect(STREAM_FOLLOW_BEHIND, 7);
	assert_int_equal(stream_follow_status(follow).begun, 0);
	same_logs(&own, &source);
	members_close();
}

static void an_own_log_beyond_the_base_is_made_anew(void **state)
{
	(void)state;
	members_open(true);
	publish(&source, 1, 7);
	member_create(&own, 0);
	member_enter(&own, EPOCH - 1, true);
	publish(&own, 1, 4);
	(void)seal(&own.b.log, EPOCH - 1);
	assert_int_equal(begin_rc(EPOCH - 1, 3), 0);
	catch_up();
	expect(STREAM_FOLLOW_BEHIND, 7);
	assert_int_equal(stream_follow_status(follow).begun, 1);
	members_close();
}

static void the_log_of_a_member_is_left_alone(void **state)
{
	(void)state;
	members_open(true);
	member_create(&own, 0);
	member_enter(&own, EPOCH, false);
	(void)seal(&own.b.log, EPOCH);
	assert_int_equal(begin_rc(0, 0), -EEXIST);
	members_close();
}

static void who_was_ended_goes_on_where_it_was(void **state)
{
	(void)state;
	members_open(true);
	publish(&source, 1, 7);
	begin();
	catch_up();
	stream_follow_end(follow);
	publish(&source, 8, 10);
	begin();
	catch_up();
	expect(STREAM_FOLLOW_BEHIND, 10);
	assert_int_equal(stream_follow_status(follow).begun, 0);
	same_logs(&own, &source);
	members_close();
}

static void a_source_that_does_not_serve_yet_is_waited_for(void **state)
{
	(void)state;
	members_open(true);
	publish(&source, 1, 3);
	source.b.log.control->epoch = EPOCH - 1;
	begin();
	catch_up();
	expect(STREAM_FOLLOW_COPYING, 0);
	source.b.log.control->epoch = EPOCH;
	catch_up();
	expect(STREAM_FOLLOW_BEHIND, 3);
	members_close();
}

static void a_source_in_a_later_epoch_is_left(void **state)
{
	struct error err;

	(void)state;
	members_open(true);
	publish(&source, 1, 3);
	begin();
	catch_up();
	source.b.log.control->epoch = EPOCH + 1;
	catch_up();
	assert_int_equal(stream_follow_status(follow).state, STREAM_FOLLOW_FAILED);
	assert_int_equal(stream_follow_error(follow, &err), -ESTALE);
	assert_true(stream_log_keeps(&own.b.log, EPOCH, 3)); /* and the copy is good */
	members_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_is_copied_and_kept_up_with),
		cmocka_unit_test(the_copy_is_kept_for_the_next_epoch),
		cmocka_unit_test(nothing_beyond_the_commit_point_is_copied),
		cmocka_unit_test(the_copy_counts_when_its_table_is_right),
		cmocka_unit_test(who_is_lapped_begins_again_nearer_to_the_end),
		cmocka_unit_test(a_copy_counts_when_it_has_what_is_older_too),
		cmocka_unit_test(what_is_newest_comes_before_what_is_older),
		cmocka_unit_test(a_copy_becomes_whole_by_what_is_published),
		cmocka_unit_test(an_own_log_that_may_be_kept_goes_on),
		cmocka_unit_test(an_own_log_beyond_the_base_is_made_anew),
		cmocka_unit_test(the_log_of_a_member_is_left_alone),
		cmocka_unit_test(who_was_ended_goes_on_where_it_was),
		cmocka_unit_test(a_source_that_does_not_serve_yet_is_waited_for),
		cmocka_unit_test(a_source_in_a_later_epoch_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
