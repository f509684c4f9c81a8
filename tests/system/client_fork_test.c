/* Handles across fork() and beside each other in threads. */
#include <pthread.h>
#include <unistd.h>

#include "tests/system/client_test.h"

#define THREADS 4
#define DRAWS 20000

struct family {
	struct pawl *pawl;
	struct pawl_counter *counter;
};

static bool everything_is_refused(void *context)
{
	struct family *f = context;
	struct pawl_counter *other;
	struct pawl_result result;
	struct pawl_stats stats;
	uint64_t number;
	int count;
	bool refused = pawl_next(f->counter, &number) == -EBADF &&
		       pawl_add(f->counter, 7, &number) == -EBADF &&
		       pawl_read(f->counter, &number) == -EBADF &&
		       pawl_submit(f->counter, 1, 0) == -EBADF &&
		       pawl_poll(f->pawl, &result, 1, &count) == -EBADF &&
		       pawl_counter_open(f->pawl, "other", &other) == -EBADF &&
		       strstr(pawl_errmsg(f->pawl), "fork()") != NULL &&
		       pawl_stats_get(f->pawl, &stats) == -EBADF;

	pawl_close(f->pawl);
	return refused;
}

void a_child_may_not_use_its_parents_handle(void **state)
{
	struct family f = {.pawl = test_open(NULL)};
	struct pawl_stats stats;
	uint64_t before;

	(void)state;
	f.counter = test_counter(f.pawl, "family");
	before = test_next(f.counter);
	test_in_child(everything_is_refused, &f);
	assert_int_equal(test_next(f.counter), before + 1);
	(void)test_counter(f.pawl, "opened after the child closed its copy");
	assert_int_equal(pawl_stats_get(f.pawl, &stats), 0);
	assert_int_equal(stats.rejoins, 0);
	pawl_close(f.pawl);
}

static bool nothing(void *context)
{
	(void)context;
	return true;
}

void a_child_that_just_exits_does_not_disturb_its_parent(void **state)
{
	struct family f = {.pawl = test_open(NULL)};
	uint64_t before;

	(void)state;
	f.counter = test_counter(f.pawl, "family");
	before = test_next(f.counter);
	for (int i = 0; i < 3; i++)
		test_in_child(nothing, NULL);
	assert_int_equal(test_next(f.counter), before + 1);
	(void)test_counter(f.pawl, "opened after the children ended");
	pawl_close(f.pawl);
}

static bool own_handle_draws(void *context)
{
	uint64_t before = *(uint64_t *)context;
	struct pawl_counter *counter;
	struct pawl *pawl;
	uint64_t number;
	bool drawn = pawl_open(test_cluster(), NULL, &pawl) == 0 &&
		     pawl_counter_open(pawl, "family", &counter) == 0 &&
		     pawl_next(counter, &number) == 0 && number == before + 1;

	pawl_close(pawl);
	return drawn;
}

void a_child_opens_a_handle_of_its_own(void **state)
{
	struct pawl *pawl = test_open(NULL);
	struct pawl_counter *counter = test_counter(pawl, "family");
	uint64_t before = test_next(counter);

	(void)state;
	test_in_child(own_handle_draws, &before);
	assert_int_equal(test_next(counter), before + 2);
	pawl_close(pawl);
}

struct drawer {
	pthread_t thread;
	enum pawl_wait wait;
	uint64_t numbers[DRAWS];
	bool in_order;
};

static void *draw_all(void *context)
{
	struct drawer *d = context;
	struct pawl_options options = PAWL_OPTIONS_INIT;
	struct pawl_counter *counter;
	struct pawl *pawl;

	options.wait = d->wait;
	d->in_order = pawl_open(test_cluster(), &options, &pawl) == 0 &&
		      pawl_counter_open(pawl, "threads", &counter) == 0;
	for (int i = 0; i < DRAWS && d->in_order; i++) {
		d->in_order = pawl_next(counter, &d->numbers[i]) == 0 &&
			      (i == 0 || d->numbers[i] > d->numbers[i - 1]);
	}
	pawl_close(pawl);
	return NULL;
}

void threads_with_handles_of_their_own_draw_in_one_order(void **state)
{
	static struct drawer drawers[THREADS];
	static bool seen[THREADS * DRAWS + 1];

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		drawers[i].wait = (enum pawl_wait)(i % 3);
		assert_int_equal(
			pthread_create(&drawers[i].thread, NULL, draw_all, &drawers[i]),
			0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(drawers[i].thread, NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_true(drawers[i].in_order);
		for (int k = 0; k < DRAWS; k++) {
			uint64_t number = drawers[i].numbers[k];

			assert_in_range(number, 1, THREADS * DRAWS);
			assert_false(seen[number]);
			seen[number] = true;
		}
	}
}
