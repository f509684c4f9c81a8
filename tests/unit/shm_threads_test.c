/*
 * Threads of one process as peers of one shared memory, each with its own device and link:
 * the same code that other processes run, where a thread sanitizer can watch it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "hw/memory.h"

#define ADDITIONS 20000
#define MESSAGES 2000
#define MESSAGE 512 /* bytes, at an offset that is not aligned */
#define AT 4
#define NUMBER_AT 1024

static const struct memory_ops *const ops = &shm_memory_ops;

struct side {
	const char *address;
	struct device *device;
	struct link *link;
	uint64_t failures;
	unsigned char *seen; /* a byte per number, of this side only */
};

static int side_open(struct side *side)
{
	struct device_config device = {.device = NULL};
	struct link_config link = {.depth = 4};

	if (ops->open(&device, &side->device, NULL))
		return -1;
	return ops->connect(side->device, side->address, &link, &side->link, NULL);
}

static void side_close(struct side *side)
{
	ops->disconnect(side->link);
	ops->close(side->device);
}

/* One operation that was posted with @rc; counts what is wrong with it. */
static uint64_t side_finish(struct side *side, int rc)
{
	struct completion done = {.status = 1};
	int count = 0;

	if (!rc)
		rc = ops->poll(side->link, &done, 1, &count);
	side->failures += rc || count != 1 || done.status;
	return done.value;
}

static void *add_run(void *context)
{
	struct side *side = context;

	for (int i = 0; i < ADDITIONS; i++) {
		uint64_t number = side_finish(
			side, ops->fetch_add(side->link, 0, 1, (uint64_t)i));

		if (number >= 2 * ADDITIONS)
			side->failures++;
		else
			side->seen[number]++;
	}
	return NULL;
}

static void message_fill(unsigned char *bytes, uint64_t number)
{
	memset(bytes, (int)(number & 0xff), MESSAGE);
}

static void *send_run(void *context)
{
	struct side *side = context;
	unsigned char bytes[MESSAGE];
	uint64_t answer = 0;

	for (uint64_t number = 1; number <= MESSAGES; number++) {
		message_fill(bytes, number);
		(void)side_finish(side, ops->write(side->link, AT, bytes, MESSAGE, 0));
		(void)side_finish(side, ops->write(side->link, NUMBER_AT, &number, 8, 0));
		while (answer != number && side->failures == 0) {
			(void)side_finish(side,
				ops->read(side->link, NUMBER_AT + 8, &answer, 8, 0));
			(void)sched_yield();
		}
	}
	return NULL;
}

static void *receive_run(void *context)
{
	struct side *side = context;
	unsigned char bytes[MESSAGE], expected[MESSAGE];

	for (uint64_t number = 1; number <= MESSAGES; number++) {
		uint64_t word = 0;

		while (word != number && side->failures == 0) {
			(void)side_finish(
				side, ops->read(side->link, NUMBER_AT, &word, 8, 0));
			(void)sched_yield();
		}
		(void)side_finish(side, ops->read(side->link, AT, bytes, MESSAGE, 0));
		message_fill(expected, number);
		side->failures += memcmp(bytes, expected, MESSAGE) != 0;
		(void)side_finish(
			side, ops->write(side->link, NUMBER_AT + 8, &number, 8, 0));
	}
	return NULL;
}

struct rig {
	struct device *owner;
	struct memory *memory;
	struct side sides[2];
};

static int rig_open(void **state)
{
	struct memory_config memory = {
		.pages = {.len = 4096, .huge = PAGES_OFF, .node = -1}};
	struct device_config device = {.device = NULL};
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	assert_int_equal(ops->open(&device, &rig->owner, NULL), 0);
	assert_int_equal(ops->expose(rig->owner, &memory, &rig->memory, NULL), 0);
	for (int i = 0; i < 2; i++) {
		rig->sides[i].address = ops->address(rig->memory);
		rig->sides[i].seen = calloc(2 * ADDITIONS, 1);
		assert_non_null(rig->sides[i].seen);
		assert_int_equal(side_open(&rig->sides[i]), 0);
	}
	*state = rig;
	return 0;
}

static int rig_close(void **state)
{
	struct rig *rig = *state;

	for (int i = 0; i < 2; i++) {
		side_close(&rig->sides[i]);
		free(rig->sides[i].seen);
	}
	ops->withdraw(rig->memory);
	ops->close(rig->owner);
	free(rig);
	return 0;
}

static void rig_run(struct rig *rig, void *(*first)(void *), void *(*second)(void *))
{
	pthread_t threads[2];

	assert_int_equal(pthread_create(&threads[0], NULL, first, &rig->sides[0]), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, second, &rig->sides[1]), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(rig->sides[0].failures, 0);
	assert_int_equal(rig->sides[1].failures, 0);
}

static void threads_adding_to_one_word_get_every_number_once(void **state)
{
	struct rig *rig = *state;

	rig_run(rig, add_run, add_run);
	assert_int_equal(ops->load(rig->memory, 0), 2 * ADDITIONS);
	for (int i = 0; i < 2 * ADDITIONS; i++)
		assert_int_equal(rig->sides[0].seen[i] + rig->sides[1].seen[i], 1);
}

static void message_is_whole_when_its_number_is_seen(void **state)
{
	rig_run(*state, send_run, receive_run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			threads_adding_to_one_word_get_every_number_once, rig_open,
			rig_close),
		cmocka_unit_test_setup_teardown(
			message_is_whole_when_its_number_is_seen, rig_open, rig_close),
	};

	return cmocka_run_group_tests_name("shm_threads", tests, NULL, NULL);
}
