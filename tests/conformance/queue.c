/* Order of effects and completions, full queues, links side by side, links in plenty. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw/fault/random.h"
#include "tests/conformance/conformance.h"
#include "tests/open_files.h"

/* Posts one of the operations. */
static int post_any(struct fixture *fixture, struct link *link, uint64_t which,
	void *buffer, uint64_t cookie)
{
	switch (which % 6) {
	case 0:
		return fixture->ops->fetch_add(link, 0, 1, cookie);
	case 1:
		return fixture->ops->compare_swap(link, 8, cookie, cookie + 1, cookie);
	case 2:
		return fixture->ops->write(link, 64, buffer, 8, cookie);
	case 3:
		return fixture->ops->write(link, 128, buffer, 700, cookie);
	case 4:
		return fixture->ops->write_read(link, 64, cookie, 8, buffer, cookie);
	default:
		return fixture->ops->read(link, 64, buffer, 1 + which % 900, cookie);
	}
}

static void operations_complete_in_posting_order_each_once(void **state)
{
	static unsigned char buffers[FIXTURE_DEPTH][1024];
	struct fixture *fixture = *state;
	struct random random = {.state = 42};
	uint64_t posted = 0, completed = 0;

	while (completed < 3000) {
		uint64_t burst = random_below(&random, FIXTURE_DEPTH + 1);

		for (; burst > 0 && posted < 3000 && posted - completed < FIXTURE_DEPTH;
			burst--) {
			int rc = post_any(fixture, fixture->link, random_next(&random),
				buffers[posted % FIXTURE_DEPTH], posted);

			if (rc == -EAGAIN)
				break; /* the back end has less room for this kind */
			assert_int_equal(rc, 0);
			posted++;
		}
		burst = random_below(&random, FIXTURE_DEPTH + 1);
		for (; burst > 0 && completed < posted; burst--) {
			(void)fixture_wait_well(fixture, fixture->link, completed);
			completed++;
		}
	}
	fixture_expect_idle(fixture, fixture->link);
}

static void operations_take_effect_in_posting_order(void **state)
{
	struct fixture *fixture = *state;
	const struct memory_ops *ops = fixture->ops;
	struct link *link = fixture->link;
	uint64_t hundred = 100, seen[2] = {0};

	for (int round = 0; round < 50; round++) {
		assert_int_equal(ops->write(link, 0, &hundred, 8, 0), 0);
		assert_int_equal(ops->fetch_add(link, 0, 1, 1), 0);
		assert_int_equal(ops->read(link, 0, &seen[0], 8, 2), 0);
		assert_int_equal(ops->compare_swap(link, 0, 101, 7, 3), 0);
		assert_int_equal(ops->fetch_add(link, 0, 1, 4), 0);
		assert_int_equal(ops->read(link, 0, &seen[1], 8, 5), 0);
		assert_int_equal(fixture_wait_well(fixture, link, 0), 0);
		assert_int_equal(fixture_wait_well(fixture, link, 1), 100);
		assert_int_equal(fixture_wait_well(fixture, link, 2), 0);
		assert_int_equal(fixture_wait_well(fixture, link, 3), 101);
		assert_int_equal(fixture_wait_well(fixture, link, 4), 7);
		assert_int_equal(fixture_wait_well(fixture, link, 5), 0);
		assert_int_equal(seen[0], 101);
		assert_int_equal(seen[1], 8);
	}
}

static void expect_full(struct fixture *fixture, struct link *link)
{
	uint64_t word = 0;

	assert_int_equal(fixture->ops->fetch_add(link, 0, 1, 99), -EAGAIN);
	assert_int_equal(fixture->ops->compare_swap(link, 8, 0, 1, 99), -EAGAIN);
	assert_int_equal(fixture->ops->write(link, 16, "12345678", 8, 99), -EAGAIN);
	assert_int_equal(fixture->ops->write(link, 16, "12345678", 4, 99), -EAGAIN);
	assert_int_equal(fixture->ops->read(link, 24, &word, 8, 99), -EAGAIN);
	assert_int_equal(fixture->ops->write_read(link, 16, 1, 24, &word, 99), -EAGAIN);
}

/* M1, for one depth: fills the queue, takes one, fills it again, empties it. */
static void full_queue_check(struct fixture *fixture, unsigned int depth)
{
	struct link *link = fixture_connect(
		fixture, fixture->peer, fixture->memory, depth, depth);
	uint64_t before = fixture->ops->load(fixture->memory, 0);

	for (uint64_t i = 0; i < depth; i++)
		assert_int_equal(fixture->ops->fetch_add(link, 0, 1, i), 0);
	expect_full(fixture, link);
	for (int i = 0; i < 50; i++) /* completed is not polled */
		fixture_let_time_pass(fixture);
	expect_full(fixture, link);
	assert_int_equal(fixture_wait_well(fixture, link, 0), before);
	assert_int_equal(fixture->ops->fetch_add(link, 0, 1, depth), 0);
	expect_full(fixture, link);
	for (uint64_t i = 1; i <= depth; i++)
		assert_int_equal(fixture_wait_well(fixture, link, i), before + i);
	fixture_expect_idle(fixture, link);
	assert_int_equal(fixture->ops->load(fixture->memory, 0), before + depth + 1);
	assert_int_equal(fixture->ops->load(fixture->memory, 8), 0);
	assert_int_equal(fixture->ops->load(fixture->memory, 16), 0);
	fixture_disconnect(fixture, link);
}

static void full_queue_refuses_and_posts_nothing(void **state)
{
	full_queue_check(*state, 1);
	full_queue_check(*state, 2);
	full_queue_check(*state, 5);
	full_queue_check(*state, FIXTURE_DEPTH);
	full_queue_check(*state, LINK_DEPTH_MAX);
}

static void depth_out_of_range_is_refused(void **state)
{
	struct fixture *fixture = *state;
	const char *address = fixture->ops->address(fixture->memory);
	struct link_config none = {.depth = 0}, many = {.depth = LINK_DEPTH_MAX + 1};
	struct link *link = NULL;

	assert_int_equal(
		fixture_try_connect(fixture, fixture->peer, address, &none, &link),
		-EINVAL);
	assert_int_equal(
		fixture_try_connect(fixture, fixture->peer, address, &many, &link),
		-EINVAL);
	assert_null(link);
}

static void poll_takes_no_more_than_asked(void **state)
{
	struct fixture *fixture = *state;
	struct completion done[FIXTURE_DEPTH];
	uint64_t taken = 0;
	int count = -1;

	for (uint64_t i = 0; i < FIXTURE_DEPTH; i++)
		assert_int_equal(fixture->ops->fetch_add(fixture->link, 0, 1, i), 0);
	assert_int_equal(fixture->ops->poll(fixture->link, done, 0, &count), 0);
	assert_int_equal(count, 0);
	for (int tries = 0; taken < FIXTURE_DEPTH && tries < 100000000; tries++) {
		memset(done, 0, sizeof(done));
		assert_int_equal(fixture->ops->poll(fixture->link, done, 3, &count), 0);
		assert_in_range(count, 0, 3);
		assert_int_equal(done[3].status | (int)done[3].cookie, 0);
		for (int i = 0; i < count; i++)
			assert_int_equal(done[i].cookie, taken++);
		fixture_let_time_pass(fixture);
	}
	assert_int_equal(taken, FIXTURE_DEPTH);
}

/* One of the links that hammer the same word side by side. */
struct hammer {
	struct link *link;
	uint64_t posted;
	uint64_t completed;
	uint64_t last; /* number, plus 1 */
};

static void hammer_post(struct fixture *fixture, struct hammer *hammer, uint64_t count)
{
	while (hammer->posted < count &&
		hammer->posted - hammer->completed < FIXTURE_DEPTH) {
		int rc = fixture->ops->fetch_add(hammer->link, 0, 1, hammer->posted);

		if (rc == -EAGAIN)
			return;
		assert_int_equal(rc, 0);
		hammer->posted++;
	}
}

static void hammer_take(
	struct fixture *fixture, struct hammer *hammer, unsigned char *seen)
{
	struct completion done[4];
	int count;

	assert_int_equal(fixture->ops->poll(hammer->link, done, 4, &count), 0);
	for (int i = 0; i < count; i++) {
		assert_int_equal(done[i].status, 0);
		assert_int_equal(done[i].cookie, hammer->completed++);
		assert_true(done[i].value >= hammer->last);
		assert_int_equal(seen[done[i].value]++, 0);
		hammer->last = done[i].value + 1;
	}
}

static void links_hammering_one_word_get_every_number_once(void **state)
{
	struct fixture *fixture = *state;
	uint64_t count = fixture->bed->hammer_count;
	unsigned char *seen = calloc(2 * count, 1);
	struct device *device = fixture_open(fixture, false);
	struct hammer hammers[2] = {
		{.link = fixture->link}, {.link = fixture_connect(fixture, device,
						  fixture->memory, FIXTURE_DEPTH, 8)}};

	assert_non_null(seen);
	while (hammers[0].completed < count || hammers[1].completed < count) {
		for (int i = 0; i < 2; i++) {
			hammer_post(fixture, &hammers[i], count);
			hammer_take(fixture, &hammers[i], seen);
		}
		if (fixture->bed->let_time_pass)
			fixture->bed->let_time_pass();
	}
	assert_int_equal(fixture->ops->load(fixture->memory, 0), 2 * count);
	for (uint64_t i = 0; i < 2 * count; i++)
		assert_int_equal(seen[i], 1);
	fixture_disconnect(fixture, hammers[1].link);
	free(seen);
}

static void links_in_plenty_leak_nothing(void **state)
{
	struct fixture *fixture = *state;
	unsigned int before = open_files_count();

	for (unsigned int i = 0; i < fixture->bed->cycles_count; i++) {
		struct link *link = fixture_connect(
			fixture, fixture->peer, fixture->memory, 1 + i % 64, 100 + i);

		assert_int_equal(fixture->ops->fetch_add(link, 0, 1, i), 0);
		if (i % 2) /* the others end with an operation in flight */
			(void)fixture_wait_well(fixture, link, i);
		fixture_disconnect(fixture, link);
	}
	for (int i = 0; i < 100; i++)
		fixture_let_time_pass(fixture);
	assert_int_equal(open_files_count(), before);
	assert_in_range(fixture_add(fixture, 0, 0), fixture->bed->cycles_count / 2,
		fixture->bed->cycles_count);
}

int conformance_queue(const struct conformance_bed *bed)
{
	const struct CMUnitTest tests[] = {
		STORY(operations_complete_in_posting_order_each_once),
		STORY(operations_take_effect_in_posting_order),
		STORY(full_queue_refuses_and_posts_nothing),
		STORY(depth_out_of_range_is_refused),
		STORY(poll_takes_no_more_than_asked),
		STORY(links_hammering_one_word_get_every_number_once),
		STORY(links_in_plenty_leak_nothing),
	};

	print_message("%s: queue\n", bed->name);
	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
