/* What a stream thread does between looks, as a machine without a clock of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hw/clock.h"
#include "sequencer/stream/idleness.h"

#define STEP_NS 1000 /* that a look away or a yield takes */
#define RUSH_SLOTS 10000u

struct idle_rig {
	struct idleness idle;
	uint64_t now_ns;
	uint64_t wakes;
	uint64_t switches;
	bool quiet;
	uint64_t nap_ns; /* the last */
};

static struct idle_rig rig_make(void)
{
	return (struct idle_rig){.now_ns = 1000 * NS_PER_MS, .switches = 37};
}

static enum idle_step step(struct idle_rig *r)
{
	bool quiet = r->quiet && idleness_is_long(&r->idle, r->now_ns);
	enum idle_step what;

	if (idleness_wants_crowd(&r->idle, r->now_ns))
		idleness_crowd(&r->idle, r->now_ns, r->switches);
	what = idleness_step(&r->idle, r->now_ns, r->wakes, quiet, &r->nap_ns);
	r->now_ns += what == IDLE_NAP ? r->nap_ns : STEP_NS;
	return what;
}

/* Work of @slots slots within a millisecond, and then none. */
static void work(struct idle_rig *r, uint32_t slots)
{
	r->now_ns += NS_PER_MS;
	idleness_worked(&r->idle, slots);
}

/* Steps before the first nap, which ends a millisecond later at the latest. */
static uint32_t steps_awake(struct idle_rig *r)
{
	uint32_t count = 0;

	while (step(r) != IDLE_NAP) {
		count++;
		assert_in_range(count, 1, 2 * NS_PER_MS / STEP_NS);
	}
	return count;
}

static void it_looks_then_yields_then_sleeps_longer_and_longer(void **state)
{
	struct idle_rig r = rig_make();
	uint64_t since_ns = r.now_ns, before;

	(void)state;
	assert_int_equal(step(&r), IDLE_LOOK_AWAY);
	while (step(&r) == IDLE_LOOK_AWAY)
		assert_true(r.now_ns < since_ns + 100 * STEP_NS);
	assert_int_equal(step(&r), IDLE_YIELD);
	(void)steps_awake(&r);
	assert_true(r.now_ns >= since_ns + NS_PER_MS); /* I2 */
	do {
		before = r.nap_ns;
		assert_int_equal(step(&r), IDLE_NAP);
		assert_true(r.nap_ns >= before);
	} while (r.nap_ns > before);
	assert_int_equal(r.nap_ns, NS_PER_MS);
}

static void it_sleeps_long_only_when_nothing_can_come(void **state)
{
	struct idle_rig r = rig_make();

	(void)state;
	for (int i = 0; i < 3000; i++)
		(void)step(&r);
	assert_int_equal(r.nap_ns, NS_PER_MS);
	r.quiet = true;
	assert_int_equal(step(&r), IDLE_NAP);
	assert_int_equal(r.nap_ns, 100 * NS_PER_MS);
}

static void woken_it_looks_again(void **state)
{
	struct idle_rig r = rig_make();

	(void)state;
	(void)steps_awake(&r);
	r.wakes++;
	assert_int_equal(step(&r), IDLE_LOOK_AWAY); /* I1 */
	assert_int_equal(step(&r), IDLE_LOOK_AWAY);
}

/* A rush whose work ends now; the processor was taken away in it @times times. */
static void rush(struct idle_rig *r, uint32_t slots, uint64_t times)
{
	for (int i = 0; i < 2; i++) {
		work(r, slots); /* whatever came before it is forgotten */
		(void)steps_awake(r);
	}
	r->switches += times;
	work(r, slots);
}

static void in_a_rush_and_in_a_crowd_it_sleeps_soon(void **state)
{
	struct idle_rig r = rig_make();

	(void)state;
	rush(&r, RUSH_SLOTS, 1);
	assert_in_range(steps_awake(&r), 1, 20);
	assert_in_range(r.nap_ns, 1, NS_PER_MS / 2);
	work(&r, RUSH_SLOTS);
	assert_in_range(steps_awake(&r), 1, 20); /* the crowd is expected to last */
}

static void alone_it_never_sleeps_soon(void **state)
{
	struct idle_rig r = rig_make();

	(void)state;
	rush(&r, RUSH_SLOTS, 0);
	assert_true(steps_awake(&r) >= NS_PER_MS / STEP_NS - 1); /* I2 */
}

static void without_a_rush_it_never_sleeps_soon(void **state)
{
	struct idle_rig r = rig_make();

	(void)state;
	rush(&r, 100, 1);
	assert_true(steps_awake(&r) >= NS_PER_MS / STEP_NS - 1); /* I2 */
}

static void where_publishers_wait_for_it_it_never_sleeps_soon(void **state)
{
	struct idle_rig r = rig_make();

	(void)state;
	rush(&r, RUSH_SLOTS, 1);
	(void)steps_awake(&r); /* it sleeps soon */
	idleness_worked(&r.idle, 64);
	for (int i = 0; i < 10; i++) {
		rush(&r, RUSH_SLOTS, 1);
		assert_true(steps_awake(&r) >= NS_PER_MS / STEP_NS - 1); /* I3 */
	}
	r.now_ns += 100 * NS_PER_MS;
	rush(&r, RUSH_SLOTS, 1);
	assert_in_range(steps_awake(&r), 1, 20);
}

/* As fast as a rush, but for a moment only. */
static void a_few_slots_at_once_are_no_rush(void **state)
{
	struct idle_rig r = rig_make();

	(void)state;
	rush(&r, RUSH_SLOTS, 1);
	for (int i = 0; i < 10; i++) {
		(void)steps_awake(&r);
		idleness_worked(&r.idle, 64);
	}
	assert_true(steps_awake(&r) >= NS_PER_MS / STEP_NS - 1); /* I2 */
}

static void a_crowd_that_has_gone_is_forgotten(void **state)
{
	struct idle_rig r = rig_make();

	(void)state;
	rush(&r, RUSH_SLOTS, 1);
	(void)steps_awake(&r);
	for (int i = 0; i < 200; i++)
		rush(&r, RUSH_SLOTS, 0);
	assert_true(steps_awake(&r) >= NS_PER_MS / STEP_NS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_looks_then_yields_then_sleeps_longer_and_longer),
		cmocka_unit_test(it_sleeps_long_only_when_nothing_can_come),
		cmocka_unit_test(woken_it_looks_again),
		cmocka_unit_test(in_a_rush_and_in_a_crowd_it_sleeps_soon),
		cmocka_unit_test(alone_it_never_sleeps_soon),
		cmocka_unit_test(without_a_rush_it_never_sleeps_soon),
		cmocka_unit_test(where_publishers_wait_for_it_it_never_sleeps_soon),
		cmocka_unit_test(a_few_slots_at_once_are_no_rush),
		cmocka_unit_test(a_crowd_that_has_gone_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
