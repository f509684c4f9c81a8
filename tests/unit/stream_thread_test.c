/* Stream threads: held, let go, idle and woken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/stream/thread.h"

struct work {
	uint64_t turns; /* the thread's, or ours while it is held */
	_Atomic uint64_t seen;
	_Atomic bool busy;
	_Atomic bool quiet;
	struct stream_thread *thread;
};

static uint32_t take_turn(void *context, uint64_t now_ns)
{
	struct work *w = context;

	(void)now_ns;
	w->turns++;
	atomic_fetch_add(&w->seen, 1);
	return atomic_load(&w->busy);
}

static bool is_quiet(void *context)
{
	return atomic_load(&((struct work *)context)->quiet);
}

static void device_is_broken(void *context, const struct error *err)
{
	(void)context;
	(void)err;
	fail();
}

static int start(struct work *w, const cpu_set_t *cpus, struct error *err)
{
	struct device_config device = {.listen = true};
	struct stream_thread_config config = {.ops = &shm_memory_ops,
		.device = &device,
		.cpus = cpus,
		.turn = take_turn,
		.quiet = is_quiet,
		.broken = device_is_broken,
		.context = w};

	memset(w, 0, sizeof(*w));
	return stream_thread_start(&config, &w->thread, err);
}

static void begin(struct work *w, bool busy, bool quiet)
{
	struct error err;

	assert_int_equal(start(w, NULL, &err), 0);
	atomic_store(&w->busy, busy);
	atomic_store(&w->quiet, quiet);
}

static void end(struct work *w)
{
	stream_thread_stop(w->thread);
	stream_thread_free(w->thread);
}

static uint64_t turns_in(struct work *w, uint64_t ms)
{
	uint64_t before = atomic_load(&w->seen);

	(void)usleep((useconds_t)(ms * 1000));
	return atomic_load(&w->seen) - before;
}

static void hammer(bool busy, bool quiet)
{
	struct work w;

	begin(&w, busy, quiet);
	for (int i = 0; i < 2000; i++) {
		uint64_t turns;

		stream_thread_hold(w.thread);
		turns = ++w.turns;
		stream_thread_hold(w.thread);
		for (int spin = 0; spin < 50; spin++)
			assert_true(w.turns == turns); /* J1 */
		stream_thread_release(w.thread);
		assert_true(w.turns == turns);
		stream_thread_release(w.thread);
		if (i % 100 == 0)
			(void)usleep(2000);
	}
	end(&w);
}

static void no_turn_runs_while_a_busy_thread_is_held(void **state)
{
	(void)state;
	hammer(true, false);
}

static void no_turn_runs_while_an_idle_thread_is_held(void **state)
{
	(void)state;
	hammer(false, false);
}

static void thread_goes_on_after_it_was_held_for_long(void **state)
{
	struct work w;

	(void)state;
	begin(&w, true, false);
	stream_thread_hold(w.thread);
	assert_true(turns_in(&w, 30) == 0);
	stream_thread_release(w.thread);
	assert_true(turns_in(&w, 50) > 0);
	end(&w);
}

static void idle_thread_steps_down_and_waits_when_nothing_can_come(void **state)
{
	struct work w;

	(void)state;
	begin(&w, true, false);
	assert_true(turns_in(&w, 50) > 1000);
	atomic_store(&w.busy, false);
	(void)usleep(50000);
	assert_true(turns_in(&w, 100) <= 120); /* naps of a millisecond, */
	atomic_store(&w.quiet, true);
	(void)usleep(1200000);
	assert_true(turns_in(&w, 400) <= 5); /*   then of a hundred */
	end(&w);
}

/* Of many tries one at least must be quick: the machine may be busy with others. */
static void sleeping_thread_is_held_where_it_sleeps(void **state)
{
	struct work w;
	uint64_t seen;

	(void)state;
	begin(&w, false, true);
	(void)turns_in(&w, 1200); /* until its naps are of a hundred milliseconds */
	seen = atomic_load(&w.seen);
	for (int i = 0; i < 50; i++) {
		stream_thread_hold(w.thread);
		stream_thread_release(w.thread);
	}
	assert_in_range(atomic_load(&w.seen) - seen, 0, 10);
	end(&w);
}

static void waiting_thread_is_woken(void **state)
{
	uint64_t quickest_ns = UINT64_MAX;
	struct work w;

	(void)state;
	begin(&w, false, true);
	for (int i = 0; i < 3; i++) {
		uint64_t since_ns, seen;

		(void)usleep(1250000);
		since_ns = clock_now_ns();
		seen = atomic_load(&w.seen);
		stream_thread_wake(w.thread);
		while (atomic_load(&w.seen) == seen)
			(void)usleep(20);
		if (clock_now_ns() - since_ns < quickest_ns)
			quickest_ns = clock_now_ns() - since_ns;
	}
	assert_true(quickest_ns < 5 * NS_PER_MS);
	/* It stays awake for a while. */
	assert_true(turns_in(&w, 100) > 20);
	end(&w);
}

static void waiting_thread_ends_at_once(void **state)
{
	uint64_t since_ns;
	struct work w;

	(void)state;
	begin(&w, false, true);
	(void)usleep(1250000);
	since_ns = clock_now_ns();
	end(&w);
	assert_true(clock_now_ns() - since_ns < 90 * NS_PER_MS);
}

static void processors_that_are_not_there_are_refused(void **state)
{
	struct error err;
	struct work w;
	cpu_set_t cpus;

	(void)state;
	CPU_ZERO(&cpus);
	CPU_SET(CPU_SETSIZE - 1, &cpus);
	assert_int_equal(start(&w, &cpus, &err), -EINVAL);
	assert_non_null(strstr(err.text, "choose others with stream-pin"));
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	assert_int_equal(start(&w, &cpus, &err), 0);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_turn_runs_while_a_busy_thread_is_held),
		cmocka_unit_test(no_turn_runs_while_an_idle_thread_is_held),
		cmocka_unit_test(thread_goes_on_after_it_was_held_for_long),
		cmocka_unit_test(idle_thread_steps_down_and_waits_when_nothing_can_come),
		cmocka_unit_test(sleeping_thread_is_held_where_it_sleeps),
		cmocka_unit_test(waiting_thread_is_woken),
		cmocka_unit_test(waiting_thread_ends_at_once),
		cmocka_unit_test(processors_that_are_not_there_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
