/* When archives may let go of what is in a snapshot: all chains of up to three members, whatever they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sequencer/core/snapshot_kept.h"

#define POSITION 100
#define MEMBERS_MAX 3

/* What a member can be. */
static const struct snapshot_keeper kinds[] = {
	{.known = false},
	{.known = false, .keeps = true, .position = POSITION}, /* in a former life */
	{.known = true, .keeps = false},
	{.known = true, .keeps = true, .position = 0},
	{.known = true, .keeps = true, .position = POSITION - 1},
	{.known = true, .keeps = true, .position = POSITION},
	{.known = true, .keeps = true, .position = POSITION + 1},
	{.known = true, .keeps = true, .position = POSITION - 1, .trouble = true},
	{.known = true, .keeps = true, .position = POSITION + 1, .trouble = true},
	{.known = true, .keeps = false, .position = POSITION, .trouble = true},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* What would be lost: a member that archives, or may, and has no such snapshot. */
static bool would_lose(const struct snapshot_keeper *member)
{
	bool archives = !member->known || member->keeps;
	bool has = member->known && member->position >= POSITION;

	return archives && !has;
}

static void chain_check(const struct snapshot_keeper *members, uint32_t count)
{
	uint32_t losers = 0, savers = 0, at = UINT32_MAX;
	enum snapshot_kept kept = snapshot_kept_look(members, count, POSITION, &at);

	for (uint32_t i = 0; i < count; i++) {
		losers += would_lose(&members[i]);
		savers += members[i].known && members[i].keeps &&
			  members[i].position >= POSITION;
	}
	assert_int_equal(kept == SNAPSHOT_KEPT, losers == 0 && savers > 0); /* Z12 */
	assert_int_equal(kept == SNAPSHOT_KEPT_BY_NOBODY, losers == 0 && savers == 0);
	if (kept == SNAPSHOT_KEPT || kept == SNAPSHOT_KEPT_BY_NOBODY)
		return;
	assert_true(at < count);
	assert_true(would_lose(&members[at]));
	assert_int_equal(kept == SNAPSHOT_KEPT_TROUBLE, members[at].trouble);
}

static void nothing_is_let_go_of_that_a_member_lacks(void **state)
{
	struct snapshot_keeper members[MEMBERS_MAX];

	(void)state;
	for (uint32_t count = 1; count <= MEMBERS_MAX; count++) {
		for (size_t n = 0; n < KINDS * KINDS * KINDS; n++) {
			members[0] = kinds[n % KINDS];
			members[1] = kinds[n / KINDS % KINDS];
			members[2] = kinds[n / KINDS / KINDS];
			chain_check(members, count);
		}
	}
}

static void the_first_in_the_way_is_named(void **state)
{
	const struct snapshot_keeper members[] = {kinds[5], kinds[2], kinds[7], kinds[3]};
	uint32_t at = 0;

	(void)state;
	assert_int_equal(
		snapshot_kept_look(members, 4, POSITION, &at), SNAPSHOT_KEPT_TROUBLE);
	assert_int_equal(at, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_let_go_of_that_a_member_lacks),
		cmocka_unit_test(the_first_in_the_way_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
