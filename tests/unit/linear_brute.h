/*
 * Small histories judged by trying every order of every choice of operations, with a store of its
 * own: slow, and too simple to be wrong.  What the search says is held against it.
 */
#ifndef PAWL_TESTS_UNIT_LINEAR_BRUTE_H
#define PAWL_TESTS_UNIT_LINEAR_BRUTE_H

#include <stdbool.h>
#include <stdint.h>

#define BRUTE_KEYS 2
#define BRUTE_OPERATIONS_MAX 8

enum brute_kind {
	BRUTE_GET,
	BRUTE_PUT,
	BRUTE_CAS,
	BRUTE_CLAIM,
	BRUTE_BOTH, /* reads all keys */
	BRUTE_MOVE, /* if the first key has .expected, all keys become .value */
	BRUTE_KINDS
};

/* Values are small numbers; 0: nothing is there. */
struct brute_operation {
	enum brute_kind kind;
	int key, expected, value;
	uint64_t from, to; /* .to is UINT64_MAX: its outcome is unknown */
	bool done;
	int found[BRUTE_KEYS];
};

/* Does it to @values, and gives the answer that it gets. */
void brute_apply(struct brute_operation *operation, int values[BRUTE_KEYS]);

bool brute_is_linearizable(const struct brute_operation *operations, int count);

#endif
