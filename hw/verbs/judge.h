/*
 * Judges a device by its answers to a fixed series of atomic operations on one word.
 *
 * Some devices return the old value of an atomic in big-endian order, which a swap of
 * bytes repairs.  Others accept atomics and do nothing, do them on a word in the wrong
 * order, or answer at random: those must never hold a counter.
 *
 * Pure: the series is data, the answers are an argument, and nothing here needs a device.
 */
#ifndef PAWL_HW_VERBS_JUDGE_H
#define PAWL_HW_VERBS_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"

#define JUDGE_STEPS 6
#define JUDGE_GUARD \
	UINT64_C(0xa5a55a5aa5a55a5a) /* the words on both sides, untouched \
				      */

struct judge_step {
	bool swap; /* compare-swap(expected -> operand); otherwise fetch-add(operand) */
	uint64_t expected;
	uint64_t operand;
};

/* The series, for a word that begins as judge_start. */
extern const struct judge_step judge_series[JUDGE_STEPS];
extern const uint64_t judge_start;

struct judge_answers {
	uint64_t old[JUDGE_STEPS];  /* what each step returned */
	uint64_t word[JUDGE_STEPS]; /* what the owner's processor saw after it */
	uint64_t before, after;	    /* the neighbours, at the end */
};

enum judge_verdict {
	JUDGE_OK,
	JUDGE_BIG_ENDIAN, /* memory is right, every old value has its bytes swapped */
	JUDGE_BROKEN,
};

/* With JUDGE_BROKEN, @why names the first wrong answer (without module and device). */
enum judge_verdict judge_answers(const struct judge_answers *answers, struct error *why);

#endif
