/* Keys and values, each kept once and known by a number.  0 stands for no string at all. */
#ifndef PAWL_TESTS_LINEAR_STRINGS_H
#define PAWL_TESTS_LINEAR_STRINGS_H

#include <stddef.h>
#include <stdint.h>

#include "tests/linear/budget.h"

struct strings {
	char *bytes;
	size_t bytes_count, bytes_room;
	size_t *begins; /* in bytes, by number */
	size_t count, begins_room;
	uint32_t *table; /* of numbers, by hash; 0: free */
	size_t table_room;
};

/* @text may be NULL, which is 0.  -ENOBUFS, -ENOMEM. */
int strings_add(struct strings *strings, struct budget *budget, const char *text,
	uint32_t *number_p) __attribute__((warn_unused_result));
void strings_free(struct strings *strings, struct budget *budget);

/* NULL for 0.  Good until the next one is added. */
const char *strings_text(const struct strings *strings, uint32_t number);

#endif
