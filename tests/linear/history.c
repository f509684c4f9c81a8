#include "tests/linear/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define OPERATIONS_MAX 1000000
#define POSITION_MAX (UINT64_MAX / 4)
#define LEN_MAX ((size_t)512 << 20)

int linear_history_begin(
	const struct linear_limits *limits, struct linear_history **history_p)
{
	struct linear_history *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->budget.left = limits && limits->len_max ? limits->len_max : LEN_MAX;
	h->operations_max = limits && limits->operations_max ? limits->operations_max
							     : OPERATIONS_MAX;
	*history_p = h;
	return 0;
}

void linear_history_end(struct linear_history *h)
{
	if (!h)
		return;
	strings_free(&h->strings, &h->budget);
	free(h->operations);
	free(h->items);
	free(h);
}

static int out_of_room(const struct linear_history *h, int rc, struct error *err)
{
	if (rc == -ENOBUFS)
		return error_set(err, rc,
			"linear: history: operation %zu: out of the memory allowed; "
			"allow more, "
			"or record less",
			h->count + 1);
	return error_set(err, rc, "linear: history: operation %zu: %s; free some memory",
		h->count + 1, error_reason(rc));
}

int linear_history_add(struct linear_history *h, const struct linear_call *call,
	uint32_t *operation_p, struct error *err)
{
	struct operation *o;
	int rc;

	if (h->count >= h->operations_max)
		return error_set(err, -ENOBUFS,
			"linear: history: it has %zu operations: all that are allowed; "
			"allow "
			"more, or record less",
			h->count);
	rc = budget_grow(&h->budget, &h->operations, &h->operations_room, h->count + 1,
		sizeof(*h->operations));
	if (rc)
		return out_of_room(h, rc, err);
	o = &h->operations[h->count];
	*o = (struct operation){.invoked = call->invoked,
		.returned = OPERATION_NEVER,
		.process = call->process,
		.line = call->line,
		.first = (uint32_t)h->items_count,
		.kind = call->kind,
		.read = call->read};
	rc = compile_call(h, call, o, err);
	if (rc) {
		h->items_count = o->first;
		return rc == -EINVAL ? rc : out_of_room(h, rc, err);
	}
	*operation_p = (uint32_t)h->count++;
	return 0;
}

int linear_history_finish(struct linear_history *h, uint32_t operation,
	const struct linear_result *result, struct error *err)
{
	struct operation *o;
	int rc;

	if (operation >= h->count || h->operations[operation].outcome != LINEAR_UNKNOWN)
		return error_set(err, -EINVAL,
			"linear: history: operation %u: can not be finished: %s; finish "
			"each once",
			operation + 1,
			operation >= h->count ? "there is none"
					      : "it was finished before");
	o = &h->operations[operation];
	if (result->outcome == LINEAR_OK && result->returned < o->invoked)
		return error_set(err, -EINVAL,
			"linear: history: operation %u: returned before it was invoked; "
			"use one "
			"clock",
			operation + 1);
	if (result->position > POSITION_MAX)
		return error_set(err, -EINVAL,
			"linear: history: operation %u: position %" PRIu64
			": too large; they end at %" PRIu64,
			operation + 1, result->position, POSITION_MAX);
	rc = compile_result(h, o, result, err);
	if (rc)
		return rc == -EINVAL ? rc : out_of_room(h, rc, err);
	o->outcome = result->outcome;
	o->answer = result->outcome == LINEAR_OK ? result->answer : LINEAR_UNTOLD;
	o->returned = result->outcome == LINEAR_OK ? result->returned : OPERATION_NEVER;
	o->position = result->position;
	return 0;
}

uint32_t linear_history_count(const struct linear_history *h)
{
	return (uint32_t)h->count;
}

bool operation_only_reads(const struct linear_history *h, const struct operation *o)
{
	uint32_t i = o->first + o->compare, end = i + o->then + o->otherwise;

	if (o->outcome == LINEAR_OK && o->answer == LINEAR_DONE)
		end -= o->otherwise;
	else if (o->outcome == LINEAR_OK && o->answer == LINEAR_REFUSED)
		i += o->then;
	for (; i < end; i++)
		if (h->items[i].kind > DO_GET && h->items[i].kind != DO_LIST)
			return false;
	return true;
}

const char *linear_kind_name(enum linear_kind kind)
{
	static const char *const names[LINEAR_KINDS] = {[LINEAR_GET] = "get",
		[LINEAR_PUT] = "put",
		[LINEAR_DELETE] = "delete",
		[LINEAR_CAS] = "cas",
		[LINEAR_CLAIM] = "claim",
		[LINEAR_LOCK] = "lock",
		[LINEAR_UNLOCK] = "unlock",
		[LINEAR_EXPIRE] = "expire",
		[LINEAR_FENCE] = "fence",
		[LINEAR_TXN] = "txn",
		[LINEAR_LIST] = "list"};

	return kind < LINEAR_KINDS ? names[kind] : "?";
}
