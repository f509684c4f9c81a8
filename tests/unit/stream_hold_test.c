/* What the head of a stream that blocks holds back for subscribers of a lost member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sequencer/stream/hold.h"

#define RING 64
#define GRACE_NS 1000

static const struct stream_chain both = {.count = 2,
	.at = {{.replica = 1, .incarnation = 1}, {.replica = 2, .incarnation = 1}}};
static const struct stream_chain second = {
	.count = 1, .at = {{.replica = 2, .incarnation = 1}}};
static const struct stream_chain joined = {.count = 2,
	.at = {{.replica = 2, .incarnation = 1}, {.replica = 1, .incarnation = 2}}};

static struct stream_hold hold;
static struct stream_log log_here;

static int begin(void **state)
{
	(void)state;
	hold = STREAM_HOLD_NONE;
	log_here = (struct stream_log){.ring = {.mask = RING - 1}};
	return 0;
}

/* This replica, at @place of @chain, enters the next epoch, which follows the one before. */
static void enter(
	const struct stream_chain *chain, uint32_t place, uint64_t base, uint64_t now_ns)
{
	struct stream_change change = {.epoch = hold.epoch + 1,
		.from = hold.epoch,
		.base = base,
		.chain = *chain};

	change.chain.place = place;
	stream_hold_enter(&hold, &change, &log_here, now_ns, GRACE_NS);
	log_here.head = place == 0;
}

static void a_lost_heads_readers_have_time_to_come_back(void **state)
{
	(void)state;
	enter(&both, 1, 0, 1);
	assert_int_equal(stream_hold_position(&hold, 2), UINT64_MAX);
	enter(&second, 0, 500, 10);
	assert_int_equal(stream_hold_position(&hold, 10), 500 - (RING - 1));
	assert_int_equal(
		stream_hold_position(&hold, 10 + GRACE_NS - 1), 500 - (RING - 1));
	assert_int_equal(stream_hold_position(&hold, 10 + GRACE_NS), UINT64_MAX);
}

static void who_was_the_head_already_knows_what_was_released(void **state)
{
	(void)state;
	enter(&joined, 0, 0, 1);
	log_here.released = 490;
	enter(&second, 0, 500, 10);
	assert_int_equal(stream_hold_position(&hold, 10), 490);
}

static void a_second_loss_holds_what_the_first_did_for_longer(void **state)
{
	(void)state;
	enter(&both, 1, 0, 1);
	enter(&second, 0, 500, 10);
	log_here.released = 500 - (RING - 1);
	enter(&joined, 0, 510, 20);
	enter(&second, 0, 520, 30);
	assert_int_equal(
		stream_hold_position(&hold, 30 + GRACE_NS - 1), 500 - (RING - 1));
}

/* It tells its predecessors, and the new head does not know what to hold. */
static void who_is_the_head_no_more_goes_on_holding(void **state)
{
	(void)state;
	enter(&both, 1, 0, 1);
	enter(&second, 0, 500, 10);
	enter(&joined, 0, 500, 20);
	enter(&joined, 1, 500, 30);
	assert_int_equal(stream_hold_position(&hold, 40), 500 - (RING - 1));
	assert_int_equal(stream_hold_position(&hold, 10 + GRACE_NS), UINT64_MAX);
}

static void a_change_that_loses_nobody_holds_nothing(void **state)
{
	(void)state;
	enter(&second, 0, 0, 1);
	enter(&joined, 0, 500, 10);
	assert_int_equal(stream_hold_position(&hold, 10), UINT64_MAX);
}

/* Its subscribers wait for the first message. */
static void a_member_that_is_lost_before_anything_was_published_is_one_too(void **state)
{
	(void)state;
	enter(&both, 1, 0, 1);
	enter(&second, 0, 0, 10);
	assert_int_equal(stream_hold_position(&hold, 10), 0);
}

static void a_new_stream_waits_for_nobody(void **state)
{
	struct stream_change change = {.epoch = 7, .from = 6, .base = 0, .chain = second};

	(void)state;
	stream_hold_enter(&hold, &change, &log_here, 10, GRACE_NS);
	assert_int_equal(stream_hold_position(&hold, 10), UINT64_MAX);
}

#define STORY(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_lost_heads_readers_have_time_to_come_back),
		STORY(who_was_the_head_already_knows_what_was_released),
		STORY(a_second_loss_holds_what_the_first_did_for_longer),
		STORY(who_is_the_head_no_more_goes_on_holding),
		STORY(a_change_that_loses_nobody_holds_nothing),
		STORY(a_member_that_is_lost_before_anything_was_published_is_one_too),
		STORY(a_new_stream_waits_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
