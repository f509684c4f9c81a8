/* What becomes of the commands of a participant that are in flight. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sequencer/core/commands.h"

#define SELF 77
#define DEPTH 4

static struct command ring[DEPTH];
static struct commands commands;

static int begin(void **state)
{
	(void)state;
	commands_init(&commands, ring, DEPTH);
	return 0;
}

static void submit_many(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		(void)commands_submit(
			&commands, commands.submitted + 10, 100 + commands.submitted, 0);
}

static bool delivered(uint64_t publisher, uint64_t id, struct command_outcome *outcome_p)
{
	return commands_on_delivery(&commands, SELF, publisher, id, 5, outcome_p);
}

static void a_command_is_decided_by_its_delivery(void **state)
{
	struct command_outcome outcome;

	(void)state;
	assert_int_equal(commands_submit(&commands, 9, 42, 7), 1);
	assert_true(delivered(SELF, 9, &outcome));
	assert_int_equal(outcome.number, 1);
	assert_int_equal(outcome.cookie, 42);
	assert_int_equal(outcome.position, 5);
	assert_int_equal(outcome.status, 0);
	assert_int_equal(outcome.listener, 7);
	assert_int_equal(commands_in_flight(&commands), 0);
}

static void the_same_id_of_somebody_else_is_not_ones_own(void **state)
{
	struct command_outcome outcome;

	(void)state;
	submit_many(1);
	assert_false(delivered(SELF + 1, 10, &outcome));
	assert_int_equal(commands_in_flight(&commands), 1);
}

static void what_was_decided_is_not_decided_again(void **state)
{
	struct command_outcome outcome;

	(void)state;
	submit_many(2);
	assert_true(delivered(SELF, 10, &outcome));
	assert_false(delivered(SELF, 10, &outcome));
	assert_false(delivered(SELF, 9, &outcome));
	assert_int_equal(commands_in_flight(&commands), 1);
}

static void there_are_as_many_as_the_depth(void **state)
{
	struct command_outcome outcome;

	(void)state;
	submit_many(DEPTH);
	assert_true(commands_are_full(&commands));
	for (uint64_t id = 10; id < 10 + 3 * DEPTH; id++) {
		assert_true(delivered(SELF, id, &outcome));
		assert_int_equal(outcome.number, id - 9);
		assert_int_equal(outcome.cookie, 90 + id);
		assert_false(commands_are_full(&commands));
		submit_many(1);
	}
}

static void a_sync_without_doubt_drops_nothing(void **state)
{
	(void)state;
	submit_many(1);
	commands_sync_begin(&commands, 0);
	assert_false(commands_sync_end(&commands));
}

static void a_sync_that_began_before_the_doubt_resolves_nothing(void **state)
{
	(void)state;
	submit_many(1);
	commands_sync_begin(&commands, true);
	commands_sync_begin(&commands, 0);
	assert_false(commands_sync_end(&commands));
}

static void a_doubt_is_resolved_by_a_sync_that_was_begun_in_it(void **state)
{
	struct command_outcome outcome;

	(void)state;
	submit_many(3);
	commands_sync_begin(&commands, true);
	assert_true(delivered(SELF, 10, &outcome));
	assert_true(commands_sync_end(&commands));
	for (uint64_t number = 2; number <= 3; number++) {
		assert_true(commands_drop(&commands, -ECANCELED, &outcome));
		assert_int_equal(outcome.number, number);
		assert_int_equal(outcome.status, -ECANCELED);
		assert_int_equal(outcome.position, 0);
	}
	assert_false(commands_drop(&commands, -ECANCELED, &outcome));
	assert_false(commands_sync_end(&commands));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_command_is_decided_by_its_delivery, begin),
		cmocka_unit_test_setup(
			the_same_id_of_somebody_else_is_not_ones_own, begin),
		cmocka_unit_test_setup(what_was_decided_is_not_decided_again, begin),
		cmocka_unit_test_setup(there_are_as_many_as_the_depth, begin),
		cmocka_unit_test_setup(a_sync_without_doubt_drops_nothing, begin),
		cmocka_unit_test_setup(
			a_sync_that_began_before_the_doubt_resolves_nothing, begin),
		cmocka_unit_test_setup(
			a_doubt_is_resolved_by_a_sync_that_was_begun_in_it, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
