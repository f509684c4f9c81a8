/* Reads at the tail: asked, answered, and checked at every member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sequencer/core/region.h"
#include "sequencer/core/stream_tail_read.h"

#define EPOCH 7
#define POSITION 40

static void want(struct stream_tail_read *read, enum stream_tail_read_effect_kind kind,
	uint32_t member)
{
	struct stream_tail_read_effect effect;

	assert_true(stream_tail_read_next(read, &effect));
	assert_int_equal(effect.kind, kind);
	assert_int_equal(effect.member, member);
	stream_tail_read_posted(read, &effect);
}

static void want_nothing(const struct stream_tail_read *read)
{
	struct stream_tail_read_effect effect;

	assert_false(stream_tail_read_next(read, &effect));
}

static void begin_and_ask(struct stream_tail_read *read, uint32_t members)
{
	stream_tail_read_begin(read, EPOCH, members);
	want(read, STREAM_TAIL_READ_ASK, members - 1);
	want_nothing(read);
}

static void answer(struct stream_tail_read *read, uint32_t members)
{
	stream_tail_read_on_answer(read, EPOCH, POSITION);
	for (uint32_t i = 0; i < members; i++)
		want(read, STREAM_TAIL_READ_STATE, i);
	want_nothing(read);
}

static void states_are_read_at_all_members_after_the_answer(void **state)
{
	struct stream_tail_read read;

	(void)state;
	begin_and_ask(&read, 3);
	answer(&read, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(read.phase, STREAM_TAIL_READ_CHECKING);
		stream_tail_read_on_state(&read, region_state_open(EPOCH));
	}
	assert_int_equal(read.phase, STREAM_TAIL_READ_VALID);
	assert_int_equal(read.position, POSITION);
	want_nothing(&read);
}

/* The one that is in the next epoch is sealed, whichever it is; the others live on as zombies. */
static void one_sealed_member_of_any_place_makes_it_invalid(void **state)
{
	struct stream_tail_read read;

	(void)state;
	for (uint32_t sealed = 0; sealed < 3; sealed++) {
		begin_and_ask(&read, 3);
		answer(&read, 3);
		for (uint32_t i = 0; i < 3; i++)
			stream_tail_read_on_state(
				&read, i == sealed ? region_state_sealed(EPOCH)
						   : region_state_open(EPOCH));
		assert_int_equal(read.phase, STREAM_TAIL_READ_INVALID);
		want_nothing(&read);
	}
}

static void the_open_state_of_another_epoch_is_none(void **state)
{
	struct stream_tail_read read;

	(void)state;
	begin_and_ask(&read, 1);
	answer(&read, 1);
	stream_tail_read_on_state(&read, region_state_open(EPOCH + 1));
	assert_int_equal(read.phase, STREAM_TAIL_READ_INVALID);
}

static void a_lone_head_is_asked_and_checked_too(void **state)
{
	struct stream_tail_read read;

	(void)state;
	begin_and_ask(&read, 1);
	answer(&read, 1);
	stream_tail_read_on_state(&read, region_state_open(EPOCH));
	assert_int_equal(read.phase, STREAM_TAIL_READ_VALID);
}

static void an_answer_of_another_epoch_is_invalid(void **state)
{
	struct stream_tail_read read;

	(void)state;
	begin_and_ask(&read, 2);
	stream_tail_read_on_answer(&read, EPOCH + 1, POSITION);
	assert_int_equal(read.phase, STREAM_TAIL_READ_INVALID);
	want_nothing(&read);
}

static void what_is_lost_on_the_way_is_invalid(void **state)
{
	struct stream_tail_read read;

	(void)state;
	begin_and_ask(&read, 2);
	stream_tail_read_on_lost(&read);
	assert_int_equal(read.phase, STREAM_TAIL_READ_INVALID);
	stream_tail_read_on_answer(&read, EPOCH, POSITION);
	assert_int_equal(read.phase, STREAM_TAIL_READ_INVALID);
	begin_and_ask(&read, 2);
	answer(&read, 2);
	stream_tail_read_on_state(&read, region_state_open(EPOCH));
	stream_tail_read_on_lost(&read);
	stream_tail_read_on_state(&read, region_state_open(EPOCH));
	assert_int_equal(read.phase, STREAM_TAIL_READ_INVALID);
}

static void a_valid_answer_stays_valid(void **state)
{
	struct stream_tail_read read;

	(void)state;
	begin_and_ask(&read, 1);
	answer(&read, 1);
	stream_tail_read_on_state(&read, region_state_open(EPOCH));
	stream_tail_read_on_lost(&read);
	assert_int_equal(read.phase, STREAM_TAIL_READ_VALID);
}

static void only_the_tail_of_the_epoch_takes_a_question(void **state)
{
	struct stream_tail_seat seat = {
		.epoch = EPOCH, .tail = true, .commit = POSITION, .applied = 3};
	uint64_t upto = 0;

	(void)state;
	assert_false(stream_tail_question_take(&seat, EPOCH - 1, &upto));
	assert_false(stream_tail_question_take(&seat, EPOCH + 1, &upto));
	seat.tail = false;
	assert_false(stream_tail_question_take(&seat, EPOCH, &upto));
	seat = (struct stream_tail_seat){.tail = true};
	assert_false(stream_tail_question_take(&seat, 0, &upto));
	assert_int_equal(upto, 0);
}

static void it_answers_from_what_was_committed_when_the_question_came(void **state)
{
	const struct stream_tail_seat seat = {
		.epoch = EPOCH, .tail = true, .commit = POSITION, .applied = 3};
	uint64_t upto = 0;

	(void)state;
	assert_true(stream_tail_question_take(&seat, EPOCH, &upto));
	assert_int_equal(upto, POSITION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_are_read_at_all_members_after_the_answer),
		cmocka_unit_test(one_sealed_member_of_any_place_makes_it_invalid),
		cmocka_unit_test(the_open_state_of_another_epoch_is_none),
		cmocka_unit_test(a_lone_head_is_asked_and_checked_too),
		cmocka_unit_test(an_answer_of_another_epoch_is_invalid),
		cmocka_unit_test(what_is_lost_on_the_way_is_invalid),
		cmocka_unit_test(a_valid_answer_stays_valid),
		cmocka_unit_test(only_the_tail_of_the_epoch_takes_a_question),
		cmocka_unit_test(
			it_answers_from_what_was_committed_when_the_question_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
