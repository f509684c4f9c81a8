/* When the steps of a change of epoch were reached, as the machine shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sequencer/daemon/timeline.h"

#define S UINT64_C(1000000000)

static void machine_step(struct epoch_machine *m, struct timeline *t,
	enum epoch_step step, uint64_t now_ns)
{
	m->proposal.step = step;
	timeline_look(t, m, now_ns);
}

static void change_through(struct epoch_machine *m, struct timeline *t, uint64_t at_ns)
{
	machine_step(m, t, EPOCH_CLAIMING, at_ns + 1);
	machine_step(m, t, EPOCH_SEALING, at_ns + 2);
	machine_step(m, t, EPOCH_INSTALLING, at_ns + 3);
	machine_step(m, t, EPOCH_ACTIVATING, at_ns + 4);
	m->seen.active_epoch = m->proposal.claim;
	m->known = true;
	machine_step(m, t, EPOCH_IDLE, at_ns + 5);
}

static void every_step_has_its_time(void **state)
{
	static struct epoch_machine m;
	struct timeline t = {.done_count = 0};
	const struct takeover *done = &t.done[0];

	(void)state;
	m.proposal.claim = 3;
	m.seen.active_epoch = 2;
	timeline_cause(&t, "replica 1: gone", S);
	change_through(&m, &t, S);
	assert_int_equal(t.done_count, 1);
	assert_int_equal(done->epoch, 3);
	assert_int_equal(done->from, 2);
	assert_string_equal(done->cause, "replica 1: gone");
	assert_int_equal(done->noticed_ns, S);
	assert_int_equal(done->claimed_ns, S + 2);
	assert_int_equal(done->sealed_ns, S + 3);
	assert_int_equal(done->installed_ns, S + 4);
	assert_int_equal(done->activated_ns, S + 5);
}

/* The first of several signs is when it was noticed; an old one is about something else. */
static void the_first_cause_counts_unless_it_is_old(void **state)
{
	static struct epoch_machine m;
	struct timeline t = {.done_count = 0};

	(void)state;
	m.proposal.claim = 3;
	timeline_cause(&t, "first", S);
	timeline_cause(&t, "second", 2 * S);
	change_through(&m, &t, 3 * S);
	assert_string_equal(t.done[0].cause, "first");
	assert_int_equal(t.done[0].noticed_ns, S);
	m.proposal.claim = 4;
	timeline_cause(&t, "long ago", 4 * S);
	change_through(&m, &t, 100 * S);
	assert_int_equal(t.done[0].noticed_ns, 100 * S + 1);
}

/* What another replica's change was about is not the cause of this replica's next one. */
static void a_change_of_others_takes_its_cause_along(void **state)
{
	static struct epoch_machine m;
	struct timeline t = {.done_count = 0};

	(void)state;
	m.known = true;
	m.seen.active_epoch = 2;
	timeline_look(&t, &m, S);
	timeline_cause(&t, "replica 1: gone", S + 1);
	m.seen.active_epoch = 3;
	timeline_look(&t, &m, S + 2);
	timeline_cause(&t, "replica 2 joins", S + 3);
	m.proposal.claim = 4;
	change_through(&m, &t, S + 3);
	assert_string_equal(t.done[0].cause, "replica 2 joins");
}

static void a_claim_that_is_lost_leaves_nothing(void **state)
{
	static struct epoch_machine m;
	struct timeline t = {.done_count = 0};

	(void)state;
	m.proposal.claim = 3;
	machine_step(&m, &t, EPOCH_CLAIMING, S);
	machine_step(&m, &t, EPOCH_IDLE, S + 1);
	assert_int_equal(t.done_count, 0);
}

static void the_newest_are_kept(void **state)
{
	static struct epoch_machine m;
	struct timeline t = {.done_count = 0};

	(void)state;
	for (uint64_t epoch = 1; epoch <= TIMELINE_KEPT + 2; epoch++) {
		m.proposal.claim = epoch;
		change_through(&m, &t, epoch * S);
	}
	assert_int_equal(t.done_count, TIMELINE_KEPT);
	assert_int_equal(t.done[0].epoch, TIMELINE_KEPT + 2);
	assert_int_equal(t.done[TIMELINE_KEPT - 1].epoch, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_has_its_time),
		cmocka_unit_test(the_first_cause_counts_unless_it_is_old),
		cmocka_unit_test(a_change_of_others_takes_its_cause_along),
		cmocka_unit_test(a_claim_that_is_lost_leaves_nothing),
		cmocka_unit_test(the_newest_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
