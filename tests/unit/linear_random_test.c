/* Histories by chance: those of a store that works are good, and the search agrees with brute force. */
#include "tests/unit/linear_brute.h"
#include "tests/unit/linear_rig.h"

#define SMALL_HISTORIES 20000

static uint64_t seed;

/* splitmix64. */
static uint64_t chance(uint64_t of)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % of;
}

static const char *value_text(int value)
{
	static const char *const texts[] = {NULL, "1", "2", "3", "4"};

	return texts[value];
}

static const char *const key_texts[BRUTE_KEYS] = {"a", "b"};

static void finish(const struct linear_call *call, const struct brute_operation *o,
	const struct linear_found *found, size_t found_count)
{
	bool conditional = o->kind == BRUTE_CAS || o->kind == BRUTE_CLAIM ||
			   o->kind == BRUTE_MOVE;
	struct linear_result result = {
		.outcome = o->to == UINT64_MAX ? LINEAR_UNKNOWN : LINEAR_OK,
		.answer = o->done || !conditional ? LINEAR_DONE : LINEAR_REFUSED,
		.returned = o->to,
		.found = found,
		.found_count = found_count};
	uint32_t operation;

	assert_int_equal(linear_history_add(history, call, &operation, &err), 0);
	assert_int_equal(linear_history_finish(history, operation, &result, &err), 0);
}

static void txn_tell(const struct brute_operation *o)
{
	struct linear_item compare = {LINEAR_IF_VALUE, "a", value_text(o->expected), 0};
	struct linear_item then[BRUTE_KEYS];
	struct linear_found found[BRUTE_KEYS];
	struct linear_call call = {.kind = LINEAR_TXN,
		.invoked = o->from,
		.compare = &compare,
		.compare_count = o->kind == BRUTE_MOVE,
		.then = then,
		.then_count = BRUTE_KEYS};

	for (int key = 0; key < BRUTE_KEYS; key++) {
		then[key] = (struct linear_item){
			o->kind == BRUTE_MOVE ? LINEAR_DO_PUT : LINEAR_DO_GET,
			key_texts[key], value_text(o->value), 0};
		found[key] = (struct linear_found){.value = value_text(o->found[key])};
	}
	finish(&call, o, found, o->kind == BRUTE_BOTH ? BRUTE_KEYS : 0);
}

static void brute_tell(const struct brute_operation *o)
{
	static const enum linear_kind kinds[] = {[BRUTE_GET] = LINEAR_GET,
		[BRUTE_PUT] = LINEAR_PUT,
		[BRUTE_CAS] = LINEAR_CAS,
		[BRUTE_CLAIM] = LINEAR_CLAIM,
		[BRUTE_BOTH] = LINEAR_TXN,
		[BRUTE_MOVE] = LINEAR_TXN};
	struct linear_found found = {.value = value_text(o->found[o->key])};
	struct linear_call call = {.kind = kinds[o->kind],
		.invoked = o->from,
		.key = key_texts[o->key],
		.value = value_text(o->value),
		.expected = value_text(o->expected)};

	if (call.kind == LINEAR_TXN)
		txn_tell(o);
	else
		finish(&call, o, &found, o->kind == BRUTE_GET);
}

/*
 * A history of a store that works: operations take effect one after the other at 10, 20, ... and
 * their intervals lie around that.  Some never return, and some of these never happen.
 */
static int history_make(struct brute_operation *operations, int kinds)
{
	int values[BRUTE_KEYS] = {0};
	int count = 2 + (int)chance(BRUTE_OPERATIONS_MAX - 1);

	for (int i = 0; i < count; i++) {
		struct brute_operation *o = &operations[i];
		uint64_t when = 100 + 10 * (uint64_t)i;

		*o = (struct brute_operation){
			.kind = (enum brute_kind)chance((uint64_t)kinds),
			.key = (int)chance(BRUTE_KEYS),
			.expected = (int)chance(3),
			.value = 1 + (int)chance(3),
			.from = when - chance(35),
			.to = chance(4) ? when + chance(35) : UINT64_MAX};
		if (o->to != UINT64_MAX || chance(2))
			brute_apply(o, values);
	}
	return count;
}

/* One thing in it is changed, so that it may be bad. */
static void history_spoil(struct brute_operation *operations, int count)
{
	struct brute_operation *o = &operations[chance((uint64_t)count)];

	switch (chance(3)) {
	case 0:
		o->found[o->key] = (int)chance(4);
		break;
	case 1:
		o->done = !o->done;
		break;
	default:
		if (o->to == UINT64_MAX)
			break;
		o->from += 30;
		o->to += 30;
	}
}

static void history_tell(const struct brute_operation *operations, int count)
{
	linear_history_end(history);
	assert_int_equal(linear_history_begin(NULL, &history), 0);
	for (int i = 0; i < count; i++)
		brute_tell(&operations[i]);
}

static void histories_of_a_store_that_works_are_good(void **state)
{
	struct brute_operation operations[BRUTE_OPERATIONS_MAX];

	(void)state;
	for (int i = 0; i < SMALL_HISTORIES; i++) {
		seed = (uint64_t)i << 20;
		history_tell(operations, history_make(operations, BRUTE_KINDS));
		good();
	}
}

static void the_search_agrees_with_brute_force(void **state)
{
	struct brute_operation operations[BRUTE_OPERATIONS_MAX];
	int good_count = 0, bad_count = 0;

	(void)state;
	for (int i = 0; i < SMALL_HISTORIES; i++) {
		int count;
		bool linearizable;

		seed = (uint64_t)(i + SMALL_HISTORIES) << 20;
		count = history_make(operations, i % 2 ? BRUTE_KINDS : BRUTE_BOTH);
		history_spoil(operations, count);
		history_spoil(operations, count);
		linearizable = brute_is_linearizable(operations, count);
		history_tell(operations, count);
		judged(linearizable ? LINEAR_GOOD : LINEAR_BAD);
		good_count += linearizable;
		bad_count += !linearizable;
	}
	assert_true(good_count > SMALL_HISTORIES / 10);
	assert_true(bad_count > SMALL_HISTORIES / 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(histories_of_a_store_that_works_are_good),
		TEST(the_search_agrees_with_brute_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
