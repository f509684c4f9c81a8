/*
 * A history inside: every operation is a transaction of *items*, comparisons and two lists of
 * steps of which one is taken.
 */
#ifndef PAWL_TESTS_LINEAR_HISTORY_H
#define PAWL_TESTS_LINEAR_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/linear/budget.h"
#include "tests/linear/linear.h"
#include "tests/linear/strings.h"

#define OPERATION_NEVER UINT64_MAX /* when what has an unknown outcome returned */

enum item_kind {
	IF_VALUE,   /* 0: nothing is there */
	IF_VERSION, /* 0: nothing is there */
	IF_PRESENT,
	IF_FREE, /* nothing is there, or this owner, who may or may not be let in again */
	IF_FRESH, /* no larger token was seen */
	DO_GET,
	DO_PUT,
	DO_DELETE,
	DO_LOCK,    /* puts the owner, unless it is there already */
	DO_RELEASE, /* deletes, if it is this owner */
	DO_RAISE,   /* a token was seen */
	DO_LIST,    /* the key is what keys begin with; what was found stands behind it */
};

struct item {
	uint64_t version; /* compared, or found if not 0 */
	uint32_t key;
	uint32_t value; /* compared, written, or found */
	enum item_kind kind;
	bool told; /* of a get: what it found is known */
};

struct operation {
	uint64_t invoked, returned, position;
	uint32_t process, line;
	uint32_t first; /* item; comparisons, then, otherwise, one behind the other */
	uint32_t compare, then, otherwise; /* how many */
	enum linear_kind kind;
	enum linear_read read;
	enum linear_outcome outcome;
	enum linear_answer answer;
};

struct linear_history {
	struct budget budget;
	uint32_t operations_max;
	struct strings strings;
	struct operation *operations;
	size_t count, operations_room;
	struct item *items;
	size_t items_count, items_room;
};

/* The operation's items, which are only appended: of the newest operation.  compile.c. */
int compile_call(struct linear_history *h, const struct linear_call *call,
	struct operation *operation, struct error *err)
	__attribute__((warn_unused_result));
int compile_result(struct linear_history *h, struct operation *operation,
	const struct linear_result *result, struct error *err)
	__attribute__((warn_unused_result));

/* It changes nothing, whichever way it goes, or the way that it went if that is known. */
bool operation_only_reads(
	const struct linear_history *h, const struct operation *operation);

/* Its position is the newest that it knew of, and not its own. */
static inline bool operation_stands_behind(const struct operation *operation)
{
	return (operation->kind == LINEAR_GET || operation->kind == LINEAR_LIST) &&
	       operation->read != LINEAR_READ_LOG;
}

static inline bool operation_is_local(const struct operation *operation)
{
	return operation_stands_behind(operation) && operation->read == LINEAR_READ_LOCAL;
}

#endif
