/*
 * Tries a device's atomics on a scratch word of its own, through a connection to itself,
 * before anybody's counter depends on them.  judge.c decides about the answers.
 */
#include <errno.h>
#include <string.h>

#include "hw/clock.h"
#include "hw/verbs/judge.h"
#include "hw/verbs/verbs_internal.h"

#define SELFTEST_NS UINT64_C(5000000000) /* for all of it */
#define SCRATCH_WORDS 3			 /* a guard, the word, a guard */

struct selftest {
	struct verbs_device *device; /* its own, with a listener on any port */
	struct memory *memory;
	struct link *link;
	uint64_t deadline_ns;
};

static uint64_t time_left(const struct selftest *test)
{
	uint64_t now = clock_now_ns();

	return now < test->deadline_ns ? test->deadline_ns - now : 0;
}

/* Waits for the one operation in flight.  -EPROTO: it failed or did not complete. */
static int answer_wait(struct selftest *test, uint64_t *old_p, struct error *err)
{
	struct completion done = {.status = -ETIMEDOUT};
	int rc = link_wait_completion(test->link, time_left(test), &done);

	if (!rc)
		rc = done.status;
	if (rc)
		return error_set(err, -EPROTO, "an operation did not complete: %s",
			error_reason(rc));
	*old_p = done.value;
	return 0;
}

static int scratch_prepare(struct selftest *test, struct error *err)
{
	const uint64_t words[SCRATCH_WORDS] = {JUDGE_GUARD, judge_start, JUDGE_GUARD};
	uint64_t ignored;
	int rc = verbs_write(test->link, 0, words, sizeof(words), 0);

	if (rc)
		return error_set(
			err, -EPROTO, "a write was not taken: %s", error_reason(rc));
	return answer_wait(test, &ignored, err);
}

static int step_run(struct selftest *test, const struct judge_step *step, uint64_t *old_p,
	struct error *err)
{
	int rc = step->swap ? verbs_compare_swap(
				      test->link, 8, step->expected, step->operand, 0)
			    : verbs_fetch_add(test->link, 8, step->operand, 0);

	if (rc)
		return error_set(
			err, -EPROTO, "an atomic was not taken: %s", error_reason(rc));
	return answer_wait(test, old_p, err);
}

static int series_run(
	struct selftest *test, struct judge_answers *answers, struct error *err)
{
	int rc = scratch_prepare(test, err);

	for (int i = 0; i < JUDGE_STEPS && !rc; i++) {
		rc = step_run(test, &judge_series[i], &answers->old[i], err);
		answers->word[i] = verbs_memory_load(test->memory, 8);
	}
	answers->before = verbs_memory_load(test->memory, 0);
	answers->after = verbs_memory_load(test->memory, 16);
	return rc;
}

static int loopback_connect(struct selftest *test, struct error *err)
{
	const struct memory_config memory = {
		.pages = {.len = SCRATCH_WORDS * 8, .huge = PAGES_OFF, .node = -1},
		.hot_len = SCRATCH_WORDS * 8,
	};
	const struct link_config link = {.depth = 1};
	int rc = verbs_expose(&test->device->base, &memory, &test->memory, err);

	if (!rc)
		rc = verbs_connect(&test->device->base,
			verbs_memory_address(test->memory), &link, &test->link, err);
	if (!rc)
		rc = link_wait_connected(test->link, time_left(test), err);
	return rc;
}

static void selftest_end(struct selftest *test)
{
	if (test->link)
		verbs_disconnect(test->link);
	if (test->memory)
		verbs_withdraw(test->memory);
	verbs_close(&test->device->base);
}

/* Device and reason into one line, with what to do. */
static int broken(
	const struct verbs_device *device, const struct error *why, struct error *err)
{
	return error_set(err, -EPROTO,
		"verbs: %s: self-test: %.300s; pick another with device=", device->name,
		why->text);
}

static int answers_judge(struct verbs_device *device, const struct judge_answers *answers,
	struct error *err)
{
	struct error why = {""};
	enum judge_verdict verdict = judge_answers(answers, &why);

	if (verdict == JUDGE_BROKEN)
		return broken(device, &why, err);
	device->big_endian = verdict == JUDGE_BIG_ENDIAN;
	return 0;
}

/* One series, with the word on the card or in pages.  Running out of memory is its own.
 */
static int selftest_try(struct verbs_device *device, bool card_memory, struct error *err)
{
	struct device_config config = {.listen = true, .device_memory = card_memory};
	struct selftest test = {.deadline_ns = clock_now_ns() + SELFTEST_NS};
	struct judge_answers answers = {.before = 0};
	struct error why = {""};
	int rc = verbs_device_start(&config, &device->local, &test.device, err);

	if (rc)
		return rc;
	rc = loopback_connect(&test, &why);
	if (!rc)
		rc = series_run(&test, &answers, &why);
	selftest_end(&test);
	if (rc == -ENOMEM || rc == -ENOSPC)
		return error_set(err, -ENOMEM, "%s", why.text);
	if (rc)
		return broken(device, &why, err);
	return answers_judge(device, &answers, err);
}

int verbs_selftest(struct verbs_device *device, struct error *err)
{
	if (device->card_memory && selftest_try(device, true, NULL) == 0)
		return 0;
	device->card_memory = false; /* words on the card are an offer, not a need */
	return selftest_try(device, false, err);
}
