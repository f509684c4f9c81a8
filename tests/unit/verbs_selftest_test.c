/* Devices that answer wrongly, in every way that was ever seen, and the one that does
 * not. */
#include <byteswap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "hw/verbs/judge.h"

/* How a device does one step on a word; returns the old value it reports. */
typedef uint64_t (*device_fn)(uint64_t *word, const struct judge_step *step);

static struct judge_answers answers_of(device_fn device)
{
	struct judge_answers answers = {.before = JUDGE_GUARD, .after = JUDGE_GUARD};
	uint64_t word = judge_start;

	for (int i = 0; i < JUDGE_STEPS; i++) {
		answers.old[i] = device(&word, &judge_series[i]);
		answers.word[i] = word;
	}
	return answers;
}

static uint64_t right(uint64_t *word, const struct judge_step *step)
{
	uint64_t old = *word;

	if (!step->swap)
		*word += step->operand;
	else if (old == step->expected)
		*word = step->operand;
	return old;
}

static uint64_t big_endian_answers(uint64_t *word, const struct judge_step *step)
{
	return bswap_64(right(word, step));
}

static uint64_t big_endian_memory(uint64_t *word, const struct judge_step *step)
{
	uint64_t value = bswap_64(*word);
	uint64_t old = right(&value, step);

	*word = bswap_64(value);
	return old;
}

static uint64_t does_nothing(uint64_t *word, const struct judge_step *step)
{
	(void)step;
	return *word;
}

static uint64_t answers_nothing(uint64_t *word, const struct judge_step *step)
{
	(void)right(word, step);
	return 0;
}

static uint64_t answers_the_new_value(uint64_t *word, const struct judge_step *step)
{
	(void)right(word, step);
	return *word;
}

static uint64_t swaps_without_comparing(uint64_t *word, const struct judge_step *step)
{
	uint64_t old = *word;

	*word = step->swap ? step->operand : *word + step->operand;
	return old;
}

static uint64_t never_swaps(uint64_t *word, const struct judge_step *step)
{
	return step->swap ? *word : right(word, step);
}

static uint64_t adds_32_bits(uint64_t *word, const struct judge_step *step)
{
	uint64_t old = *word;

	if (step->swap)
		return right(word, step);
	*word = (old & UINT64_C(0xffffffff00000000)) | (uint32_t)(old + step->operand);
	return old;
}

static uint64_t adds_without_carry(uint64_t *word, const struct judge_step *step)
{
	uint64_t old = *word;

	if (step->swap)
		return right(word, step);
	for (int byte = 0; byte < 64; byte += 8)
		*word = (*word & ~(UINT64_C(0xff) << byte)) |
			((((old >> byte) + (step->operand >> byte)) & 0xff) << byte);
	return old;
}

static uint64_t saturates(uint64_t *word, const struct judge_step *step)
{
	uint64_t old = *word;

	if (!step->swap && old + step->operand < old) {
		*word = UINT64_MAX;
		return old;
	}
	return right(word, step);
}

static void right_device_is_taken_as_it_is(void **state)
{
	struct judge_answers answers = answers_of(right);
	struct error why = {""};

	(void)state;
	assert_int_equal(judge_answers(&answers, &why), JUDGE_OK);
	assert_string_equal(why.text, "");
}

static void big_endian_answers_are_recognised(void **state)
{
	struct judge_answers answers = answers_of(big_endian_answers);
	struct error why = {""};

	(void)state;
	assert_int_equal(judge_answers(&answers, &why), JUDGE_BIG_ENDIAN);
	assert_string_equal(why.text, "");
}

static void broken_devices_are_refused_with_a_reason(void **state)
{
	static const struct {
		device_fn device;
		const char *reason;
	} broken[] = {
		{big_endian_memory, "in memory"},
		{does_nothing, "in memory"},
		{answers_nothing, "fetch-add returned 0x0000000000000000"},
		{answers_the_new_value, "fetch-add returned"},
		{swaps_without_comparing, "compare-swap left"},
		{never_swaps, "compare-swap left"},
		{adds_32_bits, "fetch-add left"},
		{adds_without_carry, "fetch-add left"},
		{saturates, "fetch-add left"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct judge_answers answers = answers_of(broken[i].device);
		struct error why = {""};

		assert_int_equal(judge_answers(&answers, &why), JUDGE_BROKEN);
		if (!strstr(why.text, broken[i].reason))
			fail_msg("device %zu: '%s'", i, why.text);
	}
}

static void one_wrong_answer_is_enough(void **state)
{
	(void)state;
	for (int i = 0; i < JUDGE_STEPS; i++) {
		struct judge_answers answers = answers_of(right);

		answers.old[i] ^= 1;
		assert_int_equal(judge_answers(&answers, NULL), JUDGE_BROKEN);
		answers = answers_of(big_endian_answers);
		answers.old[i] = bswap_64(answers.old[i]);
		assert_int_equal(judge_answers(&answers, NULL), JUDGE_BROKEN);
		answers = answers_of(right);
		answers.word[i] ^= UINT64_C(1) << 63;
		assert_int_equal(judge_answers(&answers, NULL), JUDGE_BROKEN);
	}
}

static void touched_neighbour_is_refused(void **state)
{
	struct judge_answers answers = answers_of(right);
	struct error why = {""};

	(void)state;
	answers.after++;
	assert_int_equal(judge_answers(&answers, &why), JUDGE_BROKEN);
	assert_non_null(strstr(why.text, "neighbour"));
	answers = answers_of(right);
	answers.before = 0;
	assert_int_equal(judge_answers(&answers, NULL), JUDGE_BROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_device_is_taken_as_it_is),
		cmocka_unit_test(big_endian_answers_are_recognised),
		cmocka_unit_test(broken_devices_are_refused_with_a_reason),
		cmocka_unit_test(one_wrong_answer_is_enough),
		cmocka_unit_test(touched_neighbour_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
