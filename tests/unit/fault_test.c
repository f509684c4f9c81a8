/* What the fault back end does to operations over shared memory, plan by plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw/fault/fault.h"

#define DEPTH 8
#define POLLS_ENOUGH 1000

struct rig {
	struct device *device;
	struct memory *memory;
	struct link *link;
};

static const struct memory_ops *const ops = &fault_memory_ops;

static void rig_open(struct rig *rig, const struct fault_plan *plan)
{
	struct memory_config memory = {
		.pages = {.len = 4096, .huge = PAGES_OFF, .node = -1}};
	struct device_config device = {.listen = true};
	struct link_config link = {.depth = DEPTH};
	struct device *inner;

	assert_int_equal(shm_memory_ops.open(&device, &inner, NULL), 0);
	assert_int_equal(
		fault_device_open(plan, &shm_memory_ops, inner, &rig->device), 0);
	assert_int_equal(ops->expose(rig->device, &memory, &rig->memory, NULL), 0);
	assert_int_equal(ops->connect(rig->device, ops->address(rig->memory), &link,
				 &rig->link, NULL),
		0);
}

static void rig_close(struct rig *rig)
{
	ops->disconnect(rig->link);
	ops->withdraw(rig->memory);
	ops->close(rig->device);
}

/* Polls until @count completions have come; the number of polls that took. */
static unsigned int rig_take(struct rig *rig, struct completion *done, int count)
{
	unsigned int polls = 0;

	while (count > 0 && polls < POLLS_ENOUGH) {
		int taken;

		assert_int_equal(ops->poll(rig->link, done, count, &taken), 0);
		done += taken;
		count -= taken;
		polls++;
	}
	assert_int_equal(count, 0);
	return polls;
}

static void late_completions_come_in_order_and_within_the_plan(void **state)
{
	const struct fault_plan plan = {.seed = 3, .delay = 500000, .delay_polls = 5};
	struct completion done[DEPTH];
	unsigned int late = 0;
	struct rig rig;

	(void)state;
	rig_open(&rig, &plan);
	for (uint64_t round = 0; round < 100; round++) {
		unsigned int polls;

		for (uint64_t i = 0; i < DEPTH; i++)
			assert_int_equal(ops->fetch_add(rig.link, 0, 1, i), 0);
		polls = rig_take(&rig, done, DEPTH);
		assert_in_range(polls, 1, 5);
		late += polls > 1;
		for (uint64_t i = 0; i < DEPTH; i++) {
			assert_int_equal(done[i].cookie, i);
			assert_int_equal(done[i].value, round * DEPTH + i);
		}
	}
	assert_in_range(late, 50, 100);
	rig_close(&rig);
}

static void full_queue_is_pretended_and_nothing_posted(void **state)
{
	const struct fault_plan plan = {.seed = 4, .full = 250000};
	unsigned int refused = 0, posted = 0;
	struct completion done;
	struct rig rig;

	(void)state;
	rig_open(&rig, &plan);
	for (uint64_t i = 0; i < 1000; i++) {
		int rc = ops->fetch_add(rig.link, 0, 1, i);

		if (rc == -EAGAIN) {
			refused++;
			continue;
		}
		assert_int_equal(rc, 0);
		(void)rig_take(&rig, &done, 1);
		assert_int_equal(done.value, posted++);
	}
	assert_in_range(refused, 200, 300);
	assert_int_equal(ops->load(rig.memory, 0), posted);
	rig_close(&rig);
}

/* Adds until the link fails, and checks M4; what became of the failed ones. */
struct outcome {
	uint64_t well; /* completed well */
	uint64_t posted;
	uint64_t effects;
	int status; /* of the first failure */
};

static void outcome_take(struct outcome *outcome, const struct completion *done)
{
	if (outcome->status)
		assert_int_equal(done->status, -ECANCELED);
	else if (done->status)
		outcome->status = done->status;
	else
		outcome->well++;
}

static struct outcome outcome_find(const struct fault_plan *plan)
{
	struct outcome outcome = {0};
	uint64_t completed = 0;
	struct rig rig;
	int rc = 0;

	rig_open(&rig, plan);
	while (rc != -ENOTCONN || completed < outcome.posted) {
		struct completion done;
		int count;

		rc = ops->fetch_add(rig.link, 0, 1, outcome.posted);
		outcome.posted += rc == 0;
		assert_int_equal(ops->poll(rig.link, &done, 1, &count), 0);
		if (count == 0)
			continue;
		assert_int_equal(done.cookie, completed++);
		outcome_take(&outcome, &done);
	}
	assert_int_equal(ops->state(rig.link, NULL), -ENOTCONN);
	outcome.effects = ops->load(rig.memory, 0);
	rig_close(&rig);
	return outcome;
}

/* Over many seeds a failed operation must have been seen with its effect and without. */
static void both_outcomes_check(struct fault_plan plan, int status)
{
	unsigned int with = 0, without = 0, behind = 0;

	for (plan.seed = 0; plan.seed < 200; plan.seed++) {
		struct outcome outcome = outcome_find(&plan);

		assert_int_equal(outcome.status, status);
		assert_in_range(outcome.effects, outcome.well, outcome.posted);
		without += outcome.effects == outcome.well;
		with += outcome.effects > outcome.well;
		behind += outcome.effects > outcome.well + 1;
	}
	assert_true(with > 20 && without > 20);
	if (status == -ETIMEDOUT)
		assert_true(behind > 5); /* those behind a lost one have effects too */
}

static void lost_completion_ends_the_link_with_or_without_the_effect(void **state)
{
	(void)state;
	both_outcomes_check(
		(struct fault_plan){.lose = 50000, .lose_polls = 6}, -ETIMEDOUT);
}

static void cut_link_fails_with_or_without_the_effect(void **state)
{
	(void)state;
	both_outcomes_check((struct fault_plan){.cut = 50000}, -EIO);
}

/* With the one word and the other as the one that is written. */
static void pair_is_checked(struct link *link, uint64_t one, uint64_t other, int rc)
{
	uint64_t word = 5;

	assert_int_equal(ops->write_read(link, one, 1, other, &word, 0), rc);
	assert_int_equal(ops->write_read(link, other, 1, one, &word, 0), rc);
	assert_int_equal(word, 5);
}

static void put_is_checked(struct rig *rig)
{
	struct memory_config config = {
		.pages = {.len = 8192, .huge = PAGES_OFF, .node = -1}, .source = true};
	struct memory *source;

	assert_int_equal(ops->put(rig->link, 0, rig->memory, 0, 8, 0), -EINVAL);
	assert_int_equal(ops->expose(rig->device, &config, &source, NULL), 0);
	assert_int_equal(ops->put(rig->link, 0, source, 0, 0, 0), -EINVAL);
	assert_int_equal(ops->put(rig->link, 0, source, 0, 4097, 0), -ERANGE);
	assert_int_equal(ops->put(rig->link, UINT64_MAX, source, 0, 100, 0), -ERANGE);
	assert_int_equal(ops->put(rig->link, 0, source, 8192, 1, 0), -ERANGE);
	assert_int_equal(ops->load(rig->memory, 0), 0);
	ops->withdraw(source);
}

static void operation_without_effect_is_checked_like_any_other(void **state)
{
	const struct fault_plan plan = {.seed = 1, .lose = 1000000, .lose_polls = 100};
	uint64_t word = 5;

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct rig rig;

		rig_open(&rig, &plan);
		assert_int_equal(ops->fetch_add(rig.link, 4, 1, 0), -EINVAL);
		assert_int_equal(ops->fetch_add(rig.link, 4096, 1, 0), -ERANGE);
		assert_int_equal(ops->compare_swap(rig.link, 4, 0, 1, 0), -EINVAL);
		assert_int_equal(ops->write(rig.link, 4090, &word, 8, 0), -ERANGE);
		assert_int_equal(ops->read(rig.link, 0, &word, 0, 0), -EINVAL);
		put_is_checked(&rig);
		pair_is_checked(rig.link, 4, 4096, -EINVAL);
		pair_is_checked(rig.link, 0, 4, -EINVAL);
		pair_is_checked(rig.link, 0, 4096, -ERANGE);
		pair_is_checked(rig.link, 0, UINT64_MAX - 7, -ERANGE);
		assert_int_equal(word, 5);
		rig_close(&rig);
	}
}

/* Nothing is written by a pair that is lost without its effect, and nothing is read. */
static void lost_pair_takes_effect_or_does_not(void **state)
{
	struct fault_plan plan = {.lose = 1000000, .lose_polls = 2};
	unsigned int with = 0;

	(void)state;
	for (plan.seed = 0; plan.seed < 200; plan.seed++) {
		struct completion done;
		uint64_t seen = 9;
		struct rig rig;

		rig_open(&rig, &plan);
		assert_int_equal(ops->write_read(rig.link, 8, 1, 0, &seen, 4), 0);
		(void)rig_take(&rig, &done, 1);
		assert_int_equal(done.cookie, 4);
		assert_int_equal(done.status, -ETIMEDOUT);
		assert_int_equal(seen, ops->load(rig.memory, 8) ? 0 : 9);
		with += ops->load(rig.memory, 8) == 1;
		rig_close(&rig);
	}
	assert_in_range(with, 50, 150);
}

static void link_cut_by_hand_fails_what_is_in_flight(void **state)
{
	const struct fault_plan plan = {.seed = 0};
	struct completion done[DEPTH];
	struct rig rig;

	(void)state;
	rig_open(&rig, &plan);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(ops->fetch_add(rig.link, 0, 1, i), 0);
	fault_link_cut(rig.link);
	fault_link_cut(rig.link);
	assert_int_equal(ops->fetch_add(rig.link, 0, 1, 9), -ENOTCONN);
	(void)rig_take(&rig, done, 3);
	assert_int_equal(done[0].status, -EIO);
	assert_int_equal(done[1].status, -ECANCELED);
	assert_int_equal(done[2].status, -ECANCELED);
	assert_int_equal(done[2].cookie, 2);
	rig_close(&rig);
}

static void same_seed_gives_the_same_faults(void **state)
{
	struct fault_plan plan = {.full = 100000,
		.delay = 200000,
		.delay_polls = 4,
		.lose = 3000,
		.lose_polls = 3,
		.cut = 3000};
	unsigned int different = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct outcome first, again, other;

		plan.seed = seed;
		first = outcome_find(&plan);
		again = outcome_find(&plan);
		assert_int_equal(first.well, again.well);
		assert_int_equal(first.posted, again.posted);
		assert_int_equal(first.effects, again.effects);
		assert_int_equal(first.status, again.status);
		plan.seed = seed + 1000;
		other = outcome_find(&plan);
		different += other.well != first.well;
	}
	assert_true(different > 20);
}

static void impossible_plan_is_refused(void **state)
{
	struct fault_plan plans[] = {{.full = 1000001}, {.delay = 1000001},
		{.lose = 1000001}, {.cut = UINT32_MAX}};
	struct device_config config = {.device = NULL};
	struct device *inner, *device = NULL;
	struct error err;

	(void)state;
	assert_int_equal(shm_memory_ops.open(&config, &inner, NULL), 0);
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
		assert_int_equal(
			fault_device_open(&plans[i], &shm_memory_ops, inner, &device),
			-EINVAL);
	assert_null(device);
	shm_memory_ops.close(inner);
	assert_int_equal(ops->open(&config, &device, &err), -ENODEV);
	assert_non_null(strstr(err.text, "use fault_device_open"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_completions_come_in_order_and_within_the_plan),
		cmocka_unit_test(full_queue_is_pretended_and_nothing_posted),
		cmocka_unit_test(
			lost_completion_ends_the_link_with_or_without_the_effect),
		cmocka_unit_test(cut_link_fails_with_or_without_the_effect),
		cmocka_unit_test(operation_without_effect_is_checked_like_any_other),
		cmocka_unit_test(lost_pair_takes_effect_or_does_not),
		cmocka_unit_test(link_cut_by_hand_fails_what_is_in_flight),
		cmocka_unit_test(same_seed_gives_the_same_faults),
		cmocka_unit_test(impossible_plan_is_refused),
	};

	return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
