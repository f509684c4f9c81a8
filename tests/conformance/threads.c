/* What more than one thread may do with a device (M10). */
#include <pthread.h>

#include "tests/conformance/conformance.h"

#define ROUNDS 20

struct exposer {
	const struct memory_ops *ops;
	struct device *device;
	struct memory_config config;
	struct memory *memory;
	struct error err;
	int rc;
};

static void *expose(void *argument)
{
	struct exposer *e = argument;

	e->rc = e->ops->expose(e->device, &e->config, &e->memory, &e->err);
	return NULL;
}

/* Links come and go at the same device until the memory is there. */
static void expose_beside(struct fixture *fixture, struct exposer *e)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, expose, e), 0);
	for (unsigned int i = 0; i < 3; i++) {
		struct link *link = fixture_connect(
			fixture, fixture->peer, fixture->memory, 1, FIXTURE_TOKEN);

		fixture_disconnect(fixture, link);
		fixture_let_time_pass(fixture);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	if (e->rc)
		fail_msg("%s", e->err.text);
}

static void memory_is_exposed_by_another_thread_while_links_come_and_go(void **state)
{
	struct fixture *fixture = *state;

	story_needs(!fixture->bed->one_thread, "a simulation has one thread");
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct exposer e = {.ops = fixture->ops,
			.device = fixture->owner,
			.config = {.pages = {.len = FIXTURE_MEMORY,
					   .huge = PAGES_OFF,
					   .node = -1}}};
		struct link *link;
		uint64_t word = 0;

		if (fixture->bed->path)
			e.config.pages.path = fixture->bed->path();
		expose_beside(fixture, &e);
		link = fixture_connect(
			fixture, fixture->peer, e.memory, 1, FIXTURE_TOKEN);
		assert_int_equal(fixture->ops->fetch_add(link, 8, i + 1, 1), 0);
		word = fixture_wait_well(fixture, link, 1);
		assert_true(word == 0);
		fixture_disconnect(fixture, link);
		assert_true(e.ops->load(e.memory, 8) == i + 1);
		fixture->ops->withdraw(e.memory);
	}
	assert_true(fixture_add(fixture, 0, 1) == 0);
}

int conformance_threads(const struct conformance_bed *bed)
{
	const struct CMUnitTest tests[] = {
		STORY(memory_is_exposed_by_another_thread_while_links_come_and_go),
	};

	print_message("%s: threads\n", bed->name);
	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
