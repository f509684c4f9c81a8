#include "tests/unit/linear_brute.h"

#include <string.h>

void brute_apply(struct brute_operation *o, int values[BRUTE_KEYS])
{
	int before = values[o->key];

	memcpy(o->found, values, sizeof(o->found));
	o->done = true;
	switch (o->kind) {
	case BRUTE_PUT:
		values[o->key] = o->value;
		break;
	case BRUTE_CAS:
	case BRUTE_CLAIM:
		o->done = before == (o->kind == BRUTE_CAS ? o->expected : 0);
		values[o->key] = o->done ? o->value : before;
		break;
	case BRUTE_MOVE:
		o->done = values[0] == o->expected;
		for (int key = 0; key < BRUTE_KEYS && o->done; key++)
			values[key] = o->value;
		break;
	default:
		break;
	}
}

static bool same_answer(const struct brute_operation *a, const struct brute_operation *b)
{
	if (a->kind == BRUTE_GET)
		return a->found[a->key] == b->found[b->key];
	if (a->kind == BRUTE_BOTH)
		return memcmp(a->found, b->found, sizeof(a->found)) == 0;
	return a->kind == BRUTE_PUT || a->done == b->done;
}

/* Nothing that has not been put in order had returned before it was asked for. */
static bool may_be_next(const struct brute_operation *operations, int count,
	unsigned int ordered, int next)
{
	for (int i = 0; i < count; i++)
		if (!(ordered >> i & 1) && operations[i].to < operations[next].from)
			return false;
	return !(ordered >> next & 1);
}

static bool rest_is_linearizable(const struct brute_operation *operations, int count,
	unsigned int ordered, const int values[BRUTE_KEYS])
{
	bool rest = false;

	for (int i = 0; i < count; i++)
		rest = rest || (!(ordered >> i & 1) && operations[i].to != UINT64_MAX);
	if (!rest)
		return true;
	for (int i = 0; i < count; i++) {
		struct brute_operation o = operations[i];
		int after[BRUTE_KEYS];

		if (!may_be_next(operations, count, ordered, i))
			continue;
		memcpy(after, values, sizeof(after));
		brute_apply(&o, after);
		if (o.to != UINT64_MAX && !same_answer(&o, &operations[i]))
			continue;
		if (rest_is_linearizable(operations, count, ordered | 1u << i, after))
			return true;
	}
	return false;
}

bool brute_is_linearizable(const struct brute_operation *operations, int count)
{
	const int values[BRUTE_KEYS] = {0};

	return rest_is_linearizable(operations, count, 0, values);
}
