/* What a replica remembers of others, and what it does not let itself be told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/daemon/roster.h"

static struct roster_entry life(uint32_t id, uint64_t incarnation)
{
	return (struct roster_entry){.member = {id, incarnation}};
}

static struct roster_entry with_region(
	struct epoch_member member, uint64_t epoch, const char *memory, const char *path)
{
	struct roster_entry e = {.member = member, .memory_epoch = epoch};

	(void)snprintf(e.memory, sizeof(e.memory), "%s", memory);
	(void)snprintf(e.memory_path, sizeof(e.memory_path), "%s", path);
	return e;
}

static void roster_of_one(struct roster *roster)
{
	struct roster_entry self = life(1, 11);

	(void)snprintf(self.transport, sizeof(self.transport), "shm");
	roster_init(roster, &self);
}

static void a_replica_knows_itself_and_nobody_tells_it_otherwise(void **state)
{
	struct roster_entry lie = with_region((struct epoch_member){1, 11}, 9, "x", "");
	struct roster roster;

	(void)state;
	roster_of_one(&roster);
	assert_false(roster_learn(&roster, &lie));
	assert_string_equal(roster_self(&roster)->memory, "");
	assert_string_equal(roster_self(&roster)->transport, "shm");
	assert_ptr_equal(roster_find_id(&roster, 1), roster_self(&roster));
}

static void what_is_empty_in_the_news_stays_as_it_was(void **state)
{
	struct roster_entry news = life(2, 22);
	const struct roster_entry *known;
	struct roster roster;

	(void)state;
	roster_of_one(&roster);
	(void)snprintf(news.controls[0], RECORD_CONTROL_LEN, "127.0.0.1:7470");
	news.controls_count = 1;
	assert_true(roster_learn(&roster, &news));
	assert_false(roster_learn(&roster, &news));
	news = life(2, 22);
	(void)snprintf(news.transport, sizeof(news.transport), "verbs");
	assert_true(roster_learn(&roster, &news));
	known = roster_find(&roster, news.member);
	assert_non_null(known);
	assert_string_equal(known->transport, "verbs");
	assert_int_equal(known->controls_count, 1);
	assert_string_equal(known->controls[0], "127.0.0.1:7470");
}

static void an_older_region_does_not_replace_a_newer_one(void **state)
{
	struct epoch_member b = {2, 22};
	struct roster_entry fifth = with_region(b, 5, "five", "/5");
	struct roster_entry fourth = with_region(b, 4, "four", "/4");
	struct roster_entry sixth = with_region(b, 6, "six", "");
	struct roster roster;

	(void)state;
	roster_of_one(&roster);
	assert_true(roster_learn(&roster, &fifth));
	assert_false(roster_learn(&roster, &fourth));
	assert_string_equal(roster_find(&roster, b)->memory, "five");
	assert_true(roster_learn(&roster, &sixth));
	assert_string_equal(roster_find(&roster, b)->memory, "six");
	assert_string_equal(roster_find(&roster, b)->memory_path, "");
	assert_int_equal(roster_find(&roster, b)->memory_epoch, 6);
}

static void lives_of_one_replica_are_kept_apart(void **state)
{
	struct roster_entry first = life(2, 22), second = life(2, 23);
	struct roster roster;

	(void)state;
	roster_of_one(&roster);
	assert_true(roster_learn(&roster, &first));
	assert_true(roster_learn(&roster, &second));
	(void)snprintf(first.transport, sizeof(first.transport), "shm");
	assert_true(roster_learn(&roster, &first)); /* old news, heard late */
	assert_int_equal(roster_find_id(&roster, 2)->member.incarnation, 23);
	assert_string_equal(roster_find(&roster, second.member)->transport, "");
	assert_true(roster_knows_incarnation(&roster, 22));
	assert_true(roster_knows_incarnation(&roster, 11));
	assert_false(roster_knows_incarnation(&roster, 24));
	assert_null(roster_find_id(&roster, 3));
}

static void nobody_is_not_learned(void **state)
{
	struct roster_entry nobody = life(0, 22), unborn = life(2, 0);
	struct roster roster;

	(void)state;
	roster_of_one(&roster);
	assert_false(roster_learn(&roster, &nobody));
	assert_false(roster_learn(&roster, &unborn));
	assert_int_equal(roster.count, 1);
}

static void a_full_roster_forgets_who_was_silent_longest(void **state)
{
	struct epoch_member quiet = {2, 1}, talker = {3, 1};
	struct roster_entry news;
	struct roster roster;

	(void)state;
	roster_of_one(&roster);
	news = life(2, 1);
	assert_true(roster_learn(&roster, &news));
	for (uint64_t i = 1; i <= 3 * ROSTER_MAX; i++) {
		news = life(3, 1);
		(void)roster_learn(&roster, &news);
		news = life(4, i);
		assert_true(roster_learn(&roster, &news));
		assert_non_null(roster_find(&roster, talker));
		assert_int_equal(roster_find_id(&roster, 4)->member.incarnation, i);
	}
	assert_int_equal(roster.count, ROSTER_MAX);
	assert_null(roster_find(&roster, quiet));
	assert_int_equal(roster_self(&roster)->member.id, 1);
}

static void a_member_travels_over_the_wire_unchanged(void **state)
{
	struct roster_entry e = with_region(
		(struct epoch_member){7, 77}, 3, "shm path=/a len=1", "/a");
	char *controls[RECORD_CONTROLS_MAX];
	struct roster_entry back;
	Control__Member member;

	(void)state;
	(void)snprintf(e.transport, sizeof(e.transport), "shm");
	(void)snprintf(e.controls[0], RECORD_CONTROL_LEN, "unix:/run/7.sock");
	(void)snprintf(e.controls[1], RECORD_CONTROL_LEN, "[::1]:7470");
	e.controls_count = 2;
	roster_to_wire(&e, &member, controls);
	roster_from_wire(&member, &back);
	assert_memory_equal(&back, &e, sizeof(e));
}

static void an_address_too_long_for_a_record_is_left_out(void **state)
{
	Control__Member member = CONTROL__MEMBER__INIT;
	char longest[RECORD_CONTROL_LEN + 1];
	char *controls[2] = {longest, (char *)"127.0.0.1:1"};
	struct roster_entry entry;

	(void)state;
	memset(longest, 'a', RECORD_CONTROL_LEN);
	longest[RECORD_CONTROL_LEN] = '\0';
	member.replica = 2;
	member.incarnation = 22;
	member.control = controls;
	member.n_control = 2;
	roster_from_wire(&member, &entry);
	assert_int_equal(entry.controls_count, 1);
	assert_string_equal(entry.controls[0], "127.0.0.1:1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replica_knows_itself_and_nobody_tells_it_otherwise),
		cmocka_unit_test(what_is_empty_in_the_news_stays_as_it_was),
		cmocka_unit_test(an_older_region_does_not_replace_a_newer_one),
		cmocka_unit_test(lives_of_one_replica_are_kept_apart),
		cmocka_unit_test(nobody_is_not_learned),
		cmocka_unit_test(a_full_roster_forgets_who_was_silent_longest),
		cmocka_unit_test(a_member_travels_over_the_wire_unchanged),
		cmocka_unit_test(an_address_too_long_for_a_record_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
