#include "hw/verbs/judge.h"

#include <byteswap.h>
#include <inttypes.h>
#include <stddef.h>

/* No byte equals its mirror image, so a swapped value never passes for a right one. */
const uint64_t judge_start = UINT64_C(0x01020304050607ff);

const struct judge_step judge_series[JUDGE_STEPS] = {
	{.operand = 1},				   /* the carry crosses a byte */
	{.operand = UINT64_C(0x0000000100000000)}, /* the upper half counts too */
	{.swap = true,
		.expected = UINT64_C(0x0102030505060800),
		.operand = UINT64_C(0x1112131415161718)},
	{.swap = true,
		.expected = UINT64_C(0x1817161514131211),
		.operand = 7},	 /* must miss */
	{.operand = UINT64_MAX}, /* wraps: one less */
	{.operand = 0},		 /* changes nothing, and still answers */
};

static uint64_t word_after(uint64_t word, const struct judge_step *step)
{
	if (!step->swap)
		return word + step->operand;
	return word == step->expected ? step->operand : word;
}

static const char *step_name(const struct judge_step *step)
{
	return step->swap ? "compare-swap" : "fetch-add";
}

/* The memory must be right in any case; no swapping of answers repairs it. */
static bool memory_right(const struct judge_answers *answers, struct error *why)
{
	uint64_t word = judge_start;

	for (int i = 0; i < JUDGE_STEPS; i++) {
		word = word_after(word, &judge_series[i]);
		if (answers->word[i] == word)
			continue;
		(void)error_set(why, 0,
			"%s left 0x%016" PRIx64 " in memory instead of 0x%016" PRIx64,
			step_name(&judge_series[i]), answers->word[i], word);
		return false;
	}
	if (answers->before == JUDGE_GUARD && answers->after == JUDGE_GUARD)
		return true;
	(void)error_set(why, 0, "an atomic changed a neighbouring word");
	return false;
}

static bool answers_right(
	const struct judge_answers *answers, bool swapped, struct error *why)
{
	uint64_t word = judge_start;

	for (int i = 0; i < JUDGE_STEPS; i++) {
		uint64_t old = swapped ? bswap_64(answers->old[i]) : answers->old[i];

		if (old != word) {
			(void)error_set(why, 0,
				"%s returned 0x%016" PRIx64 " instead of 0x%016" PRIx64,
				step_name(&judge_series[i]), answers->old[i], word);
			return false;
		}
		word = word_after(word, &judge_series[i]);
	}
	return true;
}

enum judge_verdict judge_answers(const struct judge_answers *answers, struct error *why)
{
	if (!memory_right(answers, why))
		return JUDGE_BROKEN;
	if (answers_right(answers, true, NULL))
		return JUDGE_BIG_ENDIAN;
	return answers_right(answers, false, why) ? JUDGE_OK : JUDGE_BROKEN;
}
