/* Verdicts in words: lines of a text of limited length, cut where it is full. */
#ifndef PAWL_TESTS_LINEAR_SAY_H
#define PAWL_TESTS_LINEAR_SAY_H

#include <stddef.h>

#include "tests/linear/history.h"
#include "tests/linear/model.h"
#include "tests/linear/plan.h"

struct saying {
	char *text;
	size_t len, room;
};

struct saying saying_of(struct linear_report *report);

void say(struct saying *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `process 3 (line 7): get "a" -> "1" at 12, from 10 to 20`. */
void say_operation(struct saying *s, const struct linear_history *h, uint32_t operation);

/* `"a" is "1" (12)`: a key and what is there. */
void say_cell(
	struct saying *s, const struct plan *plan, uint32_t cell, const struct cell *is);

/* The keys of the part, the first few of them. */
void say_part(struct saying *s, const struct plan *plan, const struct part *part);

#endif
