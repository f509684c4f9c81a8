#include "tests/conformance/conformance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "tests/conformance/peer.h"

static int bed_run(const struct conformance_bed *bed)
{
	int failed = 0;

	failed += conformance_words(bed);
	failed += conformance_transfers(bed);
	failed += conformance_pairs(bed);
	failed += conformance_puts(bed);
	failed += conformance_queue(bed);
	failed += conformance_ends(bed);
	failed += conformance_threads(bed);
	failed += conformance_processes(bed);
	return failed;
}

int conformance_main(int argc, char **argv, const struct conformance_bed *beds)
{
	int failed = 0;

	if (argc == 6 && strcmp(argv[1], "peer") == 0)
		return peer_main(beds, argv + 2);
	for (const struct conformance_bed *bed = beds; bed->name; bed++)
		failed += bed_run(bed);
	return failed != 0;
}

void story_needs(bool has, const char *reason)
{
	if (has)
		return;
	print_message("skipped: %s\n", reason);
	skip();
}

/* Puts @object on a list of @count, or ends the story. */
static void list_add(void *list, size_t count, void *object)
{
	void **slots = list;

	for (size_t i = 0; i < count; i++) {
		if (slots[i])
			continue;
		slots[i] = object;
		return;
	}
	fail_msg("a story has more open than the fixture has room for");
}

static void list_remove(void *list, size_t count, const void *object)
{
	void **slots = list;

	for (size_t i = 0; i < count; i++) {
		if (slots[i] == object)
			slots[i] = NULL;
	}
}

struct device *fixture_open(struct fixture *fixture, bool owner)
{
	struct device *device = NULL;
	struct error err = {""};

	if (fixture->bed->open(owner, &device, &err))
		fail_msg("%s", err.text);
	list_add(fixture->devices, FIXTURE_DEVICES, device);
	return device;
}

static struct memory *memory_expose(
	struct fixture *fixture, struct device *device, size_t len, bool source)
{
	struct memory_config config = {
		.pages = {.len = len, .huge = PAGES_OFF, .node = -1}, .source = source};
	struct memory *memory = NULL;
	struct error err = {""};

	if (fixture->bed->path)
		config.pages.path = fixture->bed->path();
	if (fixture->ops->expose(device, &config, &memory, &err))
		fail_msg("%s", err.text);
	list_add(fixture->memories, FIXTURE_MEMORIES, memory);
	return memory;
}

struct memory *fixture_expose(struct fixture *fixture, size_t len)
{
	return memory_expose(fixture, fixture->owner, len, false);
}

struct memory *fixture_expose_source(
	struct fixture *fixture, struct device *device, size_t len)
{
	return memory_expose(fixture, device, len, true);
}

void fixture_withdraw(struct fixture *fixture, struct memory *memory)
{
	list_remove(fixture->memories, FIXTURE_MEMORIES, memory);
	if (fixture->memory == memory)
		fixture->memory = NULL;
	fixture->ops->withdraw(memory);
}

void fixture_disconnect(struct fixture *fixture, struct link *link)
{
	list_remove(fixture->links, FIXTURE_LINKS, link);
	fixture->ops->disconnect(link);
}

void fixture_let_time_pass(struct fixture *fixture)
{
	if (fixture->bed->let_time_pass)
		fixture->bed->let_time_pass();
	for (int i = 0; i < FIXTURE_DEVICES; i++) {
		struct device *device = fixture->devices[i];

		if (device) /* one that a story has made fail says so all the time */
			(void)fixture->ops->progress(device, NULL);
	}
}

int fixture_try_connect(struct fixture *fixture, struct device *device,
	const char *address, const struct link_config *config, struct link **link_p)
{
	uint64_t deadline = clock_now_ns() + FIXTURE_TIMEOUT_NS;
	struct error err = {""};
	struct link *link;
	int rc = fixture->ops->connect(device, address, config, &link, &err);

	if (!rc) {
		list_add(fixture->links, FIXTURE_LINKS, link);
		while ((rc = fixture->ops->state(link, &err)) == -EAGAIN) {
			fixture_let_time_pass(fixture);
			if (clock_now_ns() > deadline)
				fail_msg("the back end has no deadline for connecting");
		}
		if (rc)
			fixture_disconnect(fixture, link);
		else
			*link_p = link;
	}
	if (rc && !err.text[0])
		fail_msg("error %d without a word", rc);
	return rc;
}

struct link *fixture_connect(struct fixture *fixture, struct device *device,
	const struct memory *memory, unsigned int depth, uint64_t token)
{
	struct link_config config = {.depth = depth, .token = token};
	struct link *link = NULL;

	assert_int_equal(fixture_try_connect(fixture, device,
				 fixture->ops->address(memory), &config, &link),
		0);
	return link;
}

int fixture_setup_bare(void **state)
{
	const struct conformance_bed *bed = *state;
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->bed = bed;
	fixture->ops = bed->ops;
	*state = fixture;
	return bed->begin ? bed->begin() : 0;
}

int fixture_setup(void **state)
{
	struct fixture *fixture;
	int rc = fixture_setup_bare(state);

	if (rc)
		return rc;
	fixture = *state;
	fixture->owner = fixture_open(fixture, true);
	fixture->peer = fixture_open(fixture, false);
	fixture->memory = fixture_expose(fixture, FIXTURE_MEMORY);
	fixture->link = fixture_connect(
		fixture, fixture->peer, fixture->memory, FIXTURE_DEPTH, FIXTURE_TOKEN);
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < FIXTURE_LINKS; i++) {
		if (fixture->links[i])
			fixture->ops->disconnect(fixture->links[i]);
	}
	for (int i = 0; i < FIXTURE_MEMORIES; i++) {
		if (fixture->memories[i])
			fixture->ops->withdraw(fixture->memories[i]);
	}
	for (int i = 0; i < FIXTURE_DEVICES; i++) {
		if (fixture->devices[i])
			fixture->ops->close(fixture->devices[i]);
	}
	if (fixture->bed->end)
		fixture->bed->end();
	free(fixture);
	return 0;
}

struct completion fixture_wait(struct fixture *fixture, struct link *link)
{
	uint64_t deadline = clock_now_ns() + FIXTURE_TIMEOUT_NS;
	struct completion done = {.status = 1};
	int count = 0;

	for (;;) {
		assert_int_equal(fixture->ops->poll(link, &done, 1, &count), 0);
		if (count == 1)
			return done;
		assert_int_equal(count, 0);
		fixture_let_time_pass(fixture);
		if (clock_now_ns() > deadline)
			fail_msg("an operation was posted and never completed");
	}
}

uint64_t fixture_wait_well(struct fixture *fixture, struct link *link, uint64_t cookie)
{
	struct completion done = fixture_wait(fixture, link);

	assert_int_equal(done.status, 0);
	assert_int_equal(done.cookie, cookie);
	return done.value;
}

uint64_t fixture_add(struct fixture *fixture, uint64_t offset, uint64_t n)
{
	assert_int_equal(fixture->ops->fetch_add(fixture->link, offset, n, 11), 0);
	return fixture_wait_well(fixture, fixture->link, 11);
}

uint64_t fixture_swap(
	struct fixture *fixture, uint64_t offset, uint64_t expected, uint64_t desired)
{
	assert_int_equal(
		fixture->ops->compare_swap(fixture->link, offset, expected, desired, 12),
		0);
	return fixture_wait_well(fixture, fixture->link, 12);
}

void fixture_write(
	struct fixture *fixture, uint64_t offset, const void *bytes, size_t len)
{
	assert_int_equal(fixture->ops->write(fixture->link, offset, bytes, len, 13), 0);
	assert_int_equal(fixture_wait_well(fixture, fixture->link, 13), 0);
}

void fixture_read(struct fixture *fixture, uint64_t offset, void *bytes, size_t len)
{
	assert_int_equal(fixture->ops->read(fixture->link, offset, bytes, len, 14), 0);
	assert_int_equal(fixture_wait_well(fixture, fixture->link, 14), 0);
}

uint64_t fixture_pair(struct fixture *fixture, uint64_t write_offset, uint64_t word,
	uint64_t read_offset)
{
	uint64_t seen = ~UINT64_C(0);

	assert_int_equal(fixture->ops->write_read(fixture->link, write_offset, word,
				 read_offset, &seen, 15),
		0);
	assert_int_equal(fixture_wait_well(fixture, fixture->link, 15), 0);
	return seen;
}

void fixture_expect_idle(struct fixture *fixture, struct link *link)
{
	struct completion done;
	int count = -1;

	for (int i = 0; i < 20; i++) {
		fixture_let_time_pass(fixture);
		assert_int_equal(fixture->ops->poll(link, &done, 1, &count), 0);
		assert_int_equal(count, 0);
	}
}
