/* The thread that moves heartbeats while the loop is busy, and not while it hangs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "hw/clock.h"
#include "sequencer/daemon/pulse.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true /* which needs address space of its own for a thread */
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED false
#endif

#define BEAT_NS NS_PER_MS
#define AGES_NS (60000 * NS_PER_MS)
#define PATIENCE_MS 5000 /* of the test, on a busy machine */
#define QUIET_MS 30	 /* that long a word is watched that must stand still */

static struct pulse *begin(uint64_t limit_ns)
{
	struct pulse_config config = {.beat_ns = BEAT_NS, .limit_ns = limit_ns};
	struct pulse *pulse = NULL;
	struct error err = {0};

	assert_int_equal(pulse_start(&config, &pulse, &err), 0);
	return pulse;
}

/* Whether it moved within @ms. */
static bool moves(const _Atomic uint64_t *word, int ms)
{
	uint64_t before = atomic_load(word);

	for (int i = 0; i < ms && atomic_load(word) == before; i++)
		(void)usleep(1000);
	return atomic_load(word) != before;
}

/* Nobody shows himself here for many beats. */
static void a_busy_loop_is_alive(void **state)
{
	struct pulse *pulse = begin(AGES_NS);
	_Atomic uint64_t word = 7;

	(void)state;
	pulse_add(pulse, &word);
	for (int i = 0; i < 20; i++)
		assert_true(moves(&word, PATIENCE_MS));
	assert_true(atomic_load(&word) >= 27);
	pulse_stop(pulse);
	assert_false(moves(&word, QUIET_MS));
}

static bool comes_to_rest(const _Atomic uint64_t *word)
{
	uint64_t deadline_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;

	while (moves(word, QUIET_MS)) {
		if (clock_now_ns() >= deadline_ns)
			return false;
	}
	return true;
}

static void a_loop_that_hangs_is_found_out(void **state)
{
	uint64_t limit_ns = 200 * NS_PER_MS, began_ns = clock_now_ns();
	struct pulse *pulse = begin(limit_ns);
	_Atomic uint64_t word = 0;

	(void)state;
	pulse_add(pulse, &word);
	assert_true(moves(&word, PATIENCE_MS));
	assert_true(comes_to_rest(&word));
	assert_true(clock_now_ns() - began_ns >= limit_ns);
	pulse_show(pulse);
	assert_true(moves(&word, PATIENCE_MS));
	assert_true(comes_to_rest(&word));
	pulse_stop(pulse);
}

/* It goes at once: a sanitizer, or the page that is missing, tells of any later touch. */
static void a_word_that_was_removed_is_left_alone(void **state)
{
	struct pulse *pulse = begin(AGES_NS);
	_Atomic uint64_t kept = 0;

	(void)state;
	pulse_add(pulse, &kept);
	for (int i = 0; i < 2 * PULSE_WORDS_MAX; i++) {
		_Atomic uint64_t *word = malloc(sizeof(*word));

		assert_non_null(word);
		atomic_init(word, 0);
		pulse_add(pulse, word);
		assert_true(moves(word, PATIENCE_MS));
		pulse_remove(pulse, word);
		assert_false(moves(word, 5));
		pulse_remove(pulse, word);
		free((void *)word);
		assert_true(moves(&kept, PATIENCE_MS));
	}
	pulse_stop(pulse);
}

static void every_word_moves(void **state)
{
	_Atomic uint64_t words[PULSE_WORDS_MAX];
	struct pulse *pulse = begin(AGES_NS);

	(void)state;
	for (int i = 0; i < PULSE_WORDS_MAX; i++) {
		atomic_init(&words[i], 0);
		pulse_add(pulse, &words[i]);
	}
	for (int i = 0; i < PULSE_WORDS_MAX; i++)
		assert_true(moves(&words[i], PATIENCE_MS));
	pulse_remove(pulse, &words[0]);
	assert_false(moves(&words[0], QUIET_MS));
	assert_true(moves(&words[1], PATIENCE_MS));
	pulse_stop(pulse);
}

/* The end does not wait for the next beat. */
static void it_stops_at_once(void **state)
{
	struct pulse_config config = {.beat_ns = AGES_NS, .limit_ns = AGES_NS};
	uint64_t began_ns = clock_now_ns();
	struct pulse *pulse = NULL;
	struct error err = {0};

	(void)state;
	assert_int_equal(pulse_start(&config, &pulse, &err), 0);
	(void)usleep(2000);
	pulse_stop(pulse);
	assert_true(clock_now_ns() - began_ns < PATIENCE_MS * NS_PER_MS);
	pulse_stop(NULL);
}

/* No address space for the thread's stack, nor an older one that is used again: this is first. */
static void no_thread_is_one_clear_line(void **state)
{
	struct pulse_config config = {.beat_ns = BEAT_NS, .limit_ns = AGES_NS};
	struct pulse *pulse = NULL;
	struct rlimit before, none;
	struct error err = {0};
	int rc;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	none = (struct rlimit){.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
	if (SANITIZED || setrlimit(RLIMIT_AS, &none))
		skip();
	rc = pulse_start(&config, &pulse, &err);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	assert_int_equal(rc, -EAGAIN);
	assert_null(pulse);
	assert_string_equal(err.text,
		"pawld: heartbeat: thread: Resource temporarily unavailable; let this "
		"user and service have more threads (ulimit -u, TasksMax)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_thread_is_one_clear_line),
		cmocka_unit_test(a_busy_loop_is_alive),
		cmocka_unit_test(a_loop_that_hangs_is_found_out),
		cmocka_unit_test(a_word_that_was_removed_is_left_alone),
		cmocka_unit_test(every_word_moves),
		cmocka_unit_test(it_stops_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
