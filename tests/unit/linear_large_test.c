/* Long histories, operations whose outcome nobody knows, and the limits that end a search. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/unit/linear_rig.h"

#define PROCESSES 8
#define OPERATIONS 20000
#define KEYS 50

struct event {
	uint64_t from, when, to;
	uint32_t process;
	uint32_t key;
	bool reads;
	bool unknown;
	uint32_t value; /* written or found; 0: nothing */
};

static uint64_t seed;
static struct event events[OPERATIONS];

static uint64_t chance(uint64_t of)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % of;
}

static int by_when(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return (x->when > y->when) - (x->when < y->when);
}

/* Processes ask one thing after the other; each takes effect somewhere in its interval. */
static void events_make(uint32_t keys, uint64_t unknown_of_1000)
{
	uint64_t clocks[PROCESSES] = {0};
	uint32_t values[OPERATIONS] = {0};

	for (uint32_t i = 0; i < OPERATIONS; i++) {
		struct event *e = &events[i];

		e->process = i % PROCESSES;
		e->from = clocks[e->process] + 1 + chance(20);
		e->when = e->from + chance(100);
		e->to = e->when + chance(100);
		e->key = (uint32_t)chance(keys);
		e->unknown = chance(1000) < unknown_of_1000;
		e->reads = chance(2) && !e->unknown;
		clocks[e->process] = e->to;
	}
	qsort(events, OPERATIONS, sizeof(events[0]), by_when);
	for (uint32_t i = 0; i < OPERATIONS; i++) {
		struct event *e = &events[i];

		e->value = e->reads ? values[e->key] : i + 1;
		if (!e->reads && (!e->unknown || chance(2)))
			values[e->key] = e->value;
	}
}

static void event_tell(const struct event *e)
{
	char key[16], value[16];

	(void)snprintf(key, sizeof(key), "k%u", e->key);
	(void)snprintf(value, sizeof(value), "%u", e->value);
	if (e->reads)
		get(e->from, e->to, key, e->value ? value : NULL);
	else
		put(e->from, e->unknown ? 0 : e->to, key, value);
}

static void events_tell(void)
{
	for (uint32_t i = 0; i < OPERATIONS; i++)
		event_tell(&events[i]);
}

static uint64_t judged_within_ns(enum linear_verdict verdict)
{
	struct timespec before, after;

	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	judged(verdict);
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	return (uint64_t)(after.tv_sec - before.tv_sec) * UINT64_C(1000000000) +
	       (uint64_t)after.tv_nsec - (uint64_t)before.tv_nsec;
}

/* A second is what people wait for; the test allows ten, for machines that are busy. */
static void twenty_thousand_operations_are_soon_judged(void **state)
{
	uint64_t ns;

	(void)state;
	seed = 1;
	events_make(KEYS, 0);
	events_tell();
	ns = judged_within_ns(LINEAR_GOOD);
	print_message("%u operations on %u keys: %lu us, %lu states\n", OPERATIONS, KEYS,
		(unsigned long)ns / 1000, (unsigned long)report.states);
	assert_int_equal(report.partitions, KEYS);
	assert_true(ns < UINT64_C(10000000000));
}

static void so_are_they_if_each_hundredth_is_unknown(void **state)
{
	uint64_t ns;

	(void)state;
	seed = 2;
	events_make(KEYS, 10);
	events_tell();
	ns = judged_within_ns(LINEAR_GOOD);
	print_message("unknown: %lu us, %lu states\n", (unsigned long)ns / 1000,
		(unsigned long)report.states);
	assert_true(ns < UINT64_C(10000000000));
}

static void so_are_they_on_one_key(void **state)
{
	uint64_t ns;

	(void)state;
	seed = 3;
	events_make(1, 1);
	events_tell();
	ns = judged_within_ns(LINEAR_GOOD);
	print_message("one key: %lu us, %lu states\n", (unsigned long)ns / 1000,
		(unsigned long)report.states);
	assert_true(ns < UINT64_C(20000000000));
}

/* A value of long ago, among all the others. */
static void one_wrong_answer_among_them_is_found(void **state)
{
	uint32_t i = OPERATIONS / 2;

	(void)state;
	seed = 4;
	events_make(KEYS, 10);
	while (!events[i].reads || events[i].value < OPERATIONS / 4)
		i++;
	for (uint32_t j = 0; j < i && events[j].when < events[i].when / 2; j++)
		if (!events[j].reads && !events[j].unknown &&
			events[j].key == events[i].key)
			events[i].value = events[j].value;
	events_tell();
	print_message(
		"wrong: %lu us\n", (unsigned long)judged_within_ns(LINEAR_BAD) / 1000);
	print_message("%s\n", report.text);
}

static void put_numbered(uint64_t from, uint64_t to, const char *key, unsigned int number)
{
	char value[16];

	(void)snprintf(value, sizeof(value), "%u", number);
	put(from, to, key, value);
}

static void an_unknown_write_may_have_happened(void **state)
{
	(void)state;
	put(1, 2, "a", "1");
	put(3, 0, "a", "2");
	get(5, 6, "a", "1");
	get(7, 8, "a", "2");
	good();
	get(9, 10, "a", "1");
	bad("found \"1\"; from 9");
}

static void an_unknown_write_may_have_never_happened(void **state)
{
	(void)state;
	put(1, 2, "a", "1");
	put(3, 0, "a", "2");
	get(5, 6, "a", "1");
	good();
}

static void an_unknown_write_does_not_happen_before_it_was_asked_for(void **state)
{
	(void)state;
	get(1, 2, "a", "2");
	put(3, 0, "a", "2");
	bad("found \"2\"");
}

static void an_unknown_write_happens_once(void **state)
{
	(void)state;
	put(1, 0, "a", "2");
	get(3, 4, "a", "2");
	put(5, 6, "a", "1");
	get(7, 8, "a", "2");
	bad("from 7");
}

static void what_failed_has_never_happened(void **state)
{
	struct linear_call call = {
		.kind = LINEAR_PUT, .key = "a", .value = "2", .process = 1, .invoked = 1};
	struct linear_result result = {.outcome = LINEAR_FAILED};
	uint32_t operation;

	(void)state;
	assert_int_equal(linear_history_add(history, &call, &operation, &err), 0);
	assert_int_equal(linear_history_finish(history, operation, &result, &err), 0);
	get(3, 4, "a", NULL);
	good();
	get(5, 6, "a", "2");
	bad("found \"2\"");
}

/* Neither is seen without the other: both have to be put right before one read. */
static void two_unknown_writes_may_be_seen_at_once(void **state)
{
	const struct linear_item then[] = {
		{LINEAR_IF_VALUE, "a", "1", 0}, {LINEAR_IF_VALUE, "b", "1", 0}};

	(void)state;
	put(1, 0, "b", "1");
	put(1, 0, "a", "1");
	TELL(3, 4, .call = {.kind = LINEAR_TXN, .compare = then, .compare_count = 2},
		.answer = LINEAR_DONE);
	good();
	TELL(5, 6, .call = {.kind = LINEAR_TXN, .compare = then, .compare_count = 2},
		.answer = LINEAR_REFUSED);
	bad("txn");
}

/* 2 to the power of 60 sets of them: what makes no difference must not be tried. */
static void sixty_unknown_writes_do_not_take_for_ever(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 60; i++)
		put_numbered(i, 0, "a", i);
	for (unsigned int i = 0; i < 30; i++)
		put_numbered(100 + 10 * i, 125 + 10 * i, "a", 100 + i);
	get(1000, 1001, "a", "7");
	good();
	get(1002, 1003, "a", "none of them");
	bad("none of them");
	assert_true(report.states < 1000000);
}

/* Each on a key of its own, and a transaction joins them all: most are nothing to most others. */
static void unknown_writes_of_joined_keys_do_not_take_for_ever(void **state)
{
	static char keys[20][8];
	struct linear_item then[20];

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		(void)snprintf(keys[i], sizeof(keys[i]), "k%u", i);
		then[i] = (struct linear_item){LINEAR_DO_PUT, keys[i], "0", 0};
	}
	TELL(1, 2, .call = {.kind = LINEAR_TXN, .then = then, .then_count = 20});
	for (unsigned int i = 0; i < 20; i++)
		put_numbered(3, 0, keys[i], i);
	for (unsigned int i = 0; i < 20; i++)
		put_numbered(10 + 10 * i, 25 + 10 * i, "k0", 100 + i);
	get(1000, 1001, "k7", "7");
	good();
	assert_int_equal(report.partitions, 1);
	get(1002, 1003, "k7", "none of them");
	bad("none of them");
	assert_true(report.states < 100000);
}

/* Unknown swaps from anything to anything: nobody can do this in a short time. */
static void hard_case(void)
{
	for (unsigned int i = 0; i < 60; i++) {
		char before[16], after[16];

		(void)snprintf(before, sizeof(before), "%u", i % 8);
		(void)snprintf(after, sizeof(after), "%u", i / 8);
		put_numbered(1, 100, "a", i % 8);
		cas(1, 0, "a", before, after, LINEAR_UNTOLD);
	}
	get(1000, 1001, "a", "none of them");
}

static void a_hard_case_ends_with_the_states(void **state)
{
	(void)state;
	hard_case();
	limits.states_max = 20000;
	judged(LINEAR_UNDECIDED);
	assert_non_null(strstr(report.text, "number of states"));
	assert_int_equal(report.states, 20000);
}

static void a_hard_case_ends_with_the_time(void **state)
{
	(void)state;
	hard_case();
	limits.states_max = UINT64_MAX;
	limits.time_ns_max = 50000000;
	assert_true(judged_within_ns(LINEAR_UNDECIDED) < UINT64_C(5000000000));
	assert_non_null(strstr(report.text, "time allowed"));
}

static void a_hard_case_ends_with_the_memory(void **state)
{
	(void)state;
	hard_case();
	limits.states_max = UINT64_MAX;
	limits.len_max = 1 << 20;
	judged(LINEAR_UNDECIDED);
	assert_non_null(strstr(report.text, "memory allowed"));
}

/* One bad key is enough, whatever is with the others. */
static void bad_is_stronger_than_not_decided(void **state)
{
	(void)state;
	hard_case();
	get(1, 2, "b", "1");
	limits.states_max = 20000;
	bad("\"b\": no order explains");
}

static void a_history_has_a_limit(void **state)
{
	const struct linear_limits few = {.operations_max = 2};
	const struct linear_call call = {.kind = LINEAR_GET, .key = "a"};
	uint32_t operation;

	(void)state;
	linear_history_end(history);
	assert_int_equal(linear_history_begin(&few, &history), 0);
	assert_int_equal(linear_history_add(history, &call, &operation, &err), 0);
	assert_int_equal(linear_history_add(history, &call, &operation, &err), 0);
	assert_int_equal(linear_history_add(history, &call, &operation, &err), -ENOBUFS);
	assert_non_null(strstr(err.text, "all that are allowed"));
}

static void a_history_has_limited_memory(void **state)
{
	const struct linear_limits little = {.len_max = 65536};
	const struct linear_call call = {.kind = LINEAR_GET, .key = "a"};
	uint32_t operation;
	int rc = 0;

	(void)state;
	linear_history_end(history);
	assert_int_equal(linear_history_begin(&little, &history), 0);
	while (!rc && linear_history_count(history) < 10000)
		rc = linear_history_add(history, &call, &operation, &err);
	assert_int_equal(rc, -ENOBUFS);
	assert_non_null(strstr(err.text, "out of the memory allowed"));
	good();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(twenty_thousand_operations_are_soon_judged),
		TEST(so_are_they_if_each_hundredth_is_unknown),
		TEST(so_are_they_on_one_key),
		TEST(one_wrong_answer_among_them_is_found),
		TEST(an_unknown_write_may_have_happened),
		TEST(an_unknown_write_may_have_never_happened),
		TEST(an_unknown_write_does_not_happen_before_it_was_asked_for),
		TEST(an_unknown_write_happens_once),
		TEST(what_failed_has_never_happened),
		TEST(two_unknown_writes_may_be_seen_at_once),
		TEST(sixty_unknown_writes_do_not_take_for_ever),
		TEST(unknown_writes_of_joined_keys_do_not_take_for_ever),
		TEST(a_hard_case_ends_with_the_states),
		TEST(a_hard_case_ends_with_the_time),
		TEST(a_hard_case_ends_with_the_memory),
		TEST(bad_is_stronger_than_not_decided),
		TEST(a_history_has_a_limit),
		TEST(a_history_has_limited_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
