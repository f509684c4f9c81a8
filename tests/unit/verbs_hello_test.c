/* What the two sides of a verbs connection say to each other, and how long they try. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "hw/verbs/hello.h"
#include "hw/verbs/retry.h"

static void hello_survives_the_way(void **state)
{
	const struct verbs_hello hello = {UINT64_C(0x0123456789abcdef), UINT64_MAX - 1};
	uint8_t bytes[56] = {0};
	struct verbs_hello seen;

	(void)state;
	verbs_hello_encode(&hello, bytes);
	assert_int_equal(verbs_hello_decode(bytes, VERBS_HELLO_LEN, &seen), 0);
	assert_int_equal(verbs_hello_decode(bytes, sizeof(bytes), &seen), 0);
	assert_int_equal(seen.memory, hello.memory);
	assert_int_equal(seen.token, hello.token);
}

static void hello_has_one_byte_order(void **state)
{
	static const uint8_t expected[VERBS_HELLO_LEN] = {'P', 'a', 'w', 'l', 0, 1, 0, 0,
		0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 3};
	const struct verbs_hello hello = {0x102, 3};
	uint8_t bytes[VERBS_HELLO_LEN];

	(void)state;
	verbs_hello_encode(&hello, bytes);
	assert_memory_equal(bytes, expected, sizeof(expected));
}

static void stranger_is_no_hello(void **state)
{
	const struct verbs_hello hello = {1, 2};
	uint8_t bytes[VERBS_HELLO_LEN];
	struct verbs_hello seen = {5, 6};

	(void)state;
	verbs_hello_encode(&hello, bytes);
	for (size_t len = 0; len < VERBS_HELLO_LEN; len++)
		assert_int_equal(verbs_hello_decode(bytes, len, &seen), -EINVAL);
	assert_int_equal(verbs_hello_decode(NULL, 0, &seen), -EINVAL);
	bytes[5]++;
	assert_int_equal(verbs_hello_decode(bytes, sizeof(bytes), &seen), -EPROTO);
	bytes[0]++;
	assert_int_equal(verbs_hello_decode(bytes, sizeof(bytes), &seen), -EINVAL);
	assert_int_equal(seen.memory, 5);
}

static void refusal_survives_the_way_and_is_no_hello(void **state)
{
	uint8_t bytes[VERBS_HELLO_LEN] = {0};
	enum verbs_refusal seen;
	struct verbs_hello hello;

	(void)state;
	for (int reason = VERBS_REFUSED_VERSION; reason <= VERBS_REFUSED_FULL; reason++) {
		verbs_refusal_encode((enum verbs_refusal)reason, bytes);
		assert_int_equal(
			verbs_refusal_decode(bytes, VERBS_REFUSAL_LEN, &seen), 0);
		assert_int_equal(seen, reason);
		assert_int_equal(
			verbs_hello_decode(bytes, sizeof(bytes), &hello), -EINVAL);
	}
	bytes[7] = VERBS_REFUSED_FULL + 1;
	assert_int_equal(verbs_refusal_decode(bytes, sizeof(bytes), &seen), -EINVAL);
	bytes[7] = 0;
	assert_int_equal(verbs_refusal_decode(bytes, sizeof(bytes), &seen), -EINVAL);
	assert_int_equal(verbs_refusal_decode(bytes, 7, &seen), -EINVAL);
}

static void refusal_of_another_version_says_so(void **state)
{
	uint8_t bytes[VERBS_REFUSAL_LEN];
	enum verbs_refusal seen = VERBS_REFUSED_FULL;

	(void)state;
	verbs_refusal_encode(VERBS_REFUSED_MEMORY, bytes);
	bytes[5] = 9;
	assert_int_equal(verbs_refusal_decode(bytes, sizeof(bytes), &seen), 0);
	assert_int_equal(seen, VERBS_REFUSED_VERSION);
}

static void waits_sum_up_to_what_was_asked(void **state)
{
	const uint64_t floor_ns = 2 * (UINT64_C(4096) << VERBS_RETRY_EXPONENT_MIN);

	(void)state;
	for (uint64_t ns = 1000; ns < UINT64_C(100000000000); ns += ns / 7) {
		struct verbs_retry retry = verbs_retry_choose(ns);
		uint64_t total = verbs_retry_total_ns(retry);

		assert_in_range(retry.exponent, VERBS_RETRY_EXPONENT_MIN,
			VERBS_RETRY_EXPONENT_MAX);
		assert_in_range(retry.count, 1, VERBS_RETRY_COUNT_MAX);
		assert_true(total <= ns || total == floor_ns);
		assert_true(ns < floor_ns || total > ns / 2 ||
			    retry.exponent == VERBS_RETRY_EXPONENT_MAX);
	}
}

/* On Soft-RoCE a smaller exponent never fires and a count of 7 never ends. */
static void no_choice_waits_for_ever(void **state)
{
	(void)state;
	assert_true(VERBS_RETRY_EXPONENT_MIN > 10);
	assert_true(VERBS_RETRY_COUNT_MAX < 7);
	assert_int_equal(verbs_retry_choose(1).exponent, VERBS_RETRY_EXPONENT_MIN);
	assert_true(verbs_retry_choose(UINT64_MAX).exponent <= VERBS_RETRY_EXPONENT_MAX);
	assert_int_equal(verbs_retry_choose(0).exponent,
		verbs_retry_choose(VERBS_RETRY_TIMEOUT_NS).exponent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_survives_the_way),
		cmocka_unit_test(hello_has_one_byte_order),
		cmocka_unit_test(stranger_is_no_hello),
		cmocka_unit_test(refusal_survives_the_way_and_is_no_hello),
		cmocka_unit_test(refusal_of_another_version_says_so),
		cmocka_unit_test(waits_sum_up_to_what_was_asked),
		cmocka_unit_test(no_choice_waits_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
