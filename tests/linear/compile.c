/* Every operation as a transaction: what it compares, and what it does if that holds or not. */
#include "tests/linear/history.h"

#include <errno.h>

struct compiling {
	struct linear_history *h;
	struct error *err;
	uint32_t operation; /* as people count them, from 1 */
};

static int item_add(struct compiling *c, enum item_kind kind, const char *key,
	const char *value, uint64_t version)
{
	struct linear_history *h = c->h;
	struct item item = {.kind = kind, .version = version};
	int rc;

	if (!key)
		return error_set(c->err, -EINVAL,
			"linear: history: operation %u: has no key; name one",
			c->operation);
	if (h->items_count >= UINT32_MAX)
		return -ENOBUFS;
	rc = strings_add(&h->strings, &h->budget, key, &item.key);
	if (rc)
		return rc;
	rc = strings_add(&h->strings, &h->budget, value, &item.value);
	if (rc)
		return rc;
	rc = budget_grow(&h->budget, &h->items, &h->items_room, h->items_count + 1,
		sizeof(*h->items));
	if (rc)
		return rc;
	h->items[h->items_count++] = item;
	return 0;
}

static int value_needed(struct compiling *c, const struct linear_call *call)
{
	if (call->value)
		return 0;
	return error_set(c->err, -EINVAL,
		"linear: history: operation %u: this %s has no value; say what is "
		"written, or who "
		"owns it",
		c->operation, linear_kind_name(call->kind));
}

/* What an operation of one key compares: none, or one or two items. */
static int compare_add(struct compiling *c, const struct linear_call *call)
{
	int rc;

	switch (call->kind) {
	case LINEAR_DELETE:
		return item_add(c, IF_PRESENT, call->key, NULL, 0);
	case LINEAR_CAS:
		if (call->by_version)
			return item_add(c, IF_VERSION, call->key, NULL, call->version);
		return item_add(c, IF_VALUE, call->key, call->expected, 0);
	case LINEAR_CLAIM:
		return item_add(c, IF_VALUE, call->key, NULL, 0);
	case LINEAR_LOCK:
		return item_add(c, IF_FREE, call->key, call->value, 0);
	case LINEAR_FENCE:
		return item_add(c, IF_FRESH, call->key, NULL, call->version);
	case LINEAR_UNLOCK:
		rc = item_add(c, IF_VALUE, call->key, call->value, 0);
		if (rc || call->version == 0)
			return rc;
		return item_add(c, IF_VERSION, call->key, NULL, call->version);
	default:
		return 0;
	}
}

static int then_add(struct compiling *c, const struct linear_call *call)
{
	switch (call->kind) {
	case LINEAR_GET:
		return item_add(c, DO_GET, call->key, NULL, 0);
	case LINEAR_LIST:
		return item_add(c, DO_LIST, call->key, NULL, 0);
	case LINEAR_DELETE:
	case LINEAR_UNLOCK:
		return item_add(c, DO_DELETE, call->key, NULL, 0);
	case LINEAR_CAS:
		return item_add(
			c, call->value ? DO_PUT : DO_DELETE, call->key, call->value, 0);
	case LINEAR_LOCK:
		return item_add(c, DO_LOCK, call->key, call->value, 0);
	case LINEAR_FENCE:
		return item_add(c, DO_RAISE, call->key, NULL, call->version);
	default:
		return item_add(c, DO_PUT, call->key, call->value, 0);
	}
}

/* Who is refused may be told what is there. */
static int otherwise_add(struct compiling *c, const struct linear_call *call)
{
	if (call->kind == LINEAR_CAS || call->kind == LINEAR_CLAIM ||
		call->kind == LINEAR_LOCK)
		return item_add(c, DO_GET, call->key, NULL, 0);
	return 0;
}

static int simple_compile(
	struct compiling *c, const struct linear_call *call, struct operation *o)
{
	int rc = compare_add(c, call);

	if (rc)
		return rc;
	o->compare = (uint32_t)c->h->items_count - o->first;
	rc = then_add(c, call);
	if (rc)
		return rc;
	o->then = (uint32_t)c->h->items_count - o->first - o->compare;
	rc = otherwise_add(c, call);
	o->otherwise = (uint32_t)c->h->items_count - o->first - o->compare - o->then;
	return rc;
}

static int expire_compile(
	struct compiling *c, const struct linear_call *call, struct operation *o)
{
	for (size_t i = 0; i < call->keys_count; i++) {
		int rc = item_add(c, DO_RELEASE, call->keys[i], call->value, 0);

		if (rc)
			return rc;
	}
	o->then = (uint32_t)call->keys_count;
	return 0;
}

static int txn_items_add(
	struct compiling *c, const struct linear_item *items, size_t count, bool compare)
{
	static const enum item_kind kinds[] = {[LINEAR_IF_VALUE] = IF_VALUE,
		[LINEAR_IF_VERSION] = IF_VERSION,
		[LINEAR_IF_PRESENT] = IF_PRESENT,
		[LINEAR_DO_GET] = DO_GET,
		[LINEAR_DO_PUT] = DO_PUT,
		[LINEAR_DO_DELETE] = DO_DELETE};

	for (size_t i = 0; i < count; i++) {
		bool fits = items[i].kind <= LINEAR_DO_DELETE &&
			    (items[i].kind <= LINEAR_IF_PRESENT) == compare &&
			    (items[i].kind != LINEAR_DO_PUT || items[i].value);
		int rc;

		if (!fits)
			return error_set(c->err, -EINVAL,
				"linear: history: operation %u: transaction: item %zu "
				"does not "
				"belong there, or has no value; see docs/histories.md",
				c->operation, i + 1);
		rc = item_add(c, kinds[items[i].kind], items[i].key,
			items[i].kind == LINEAR_DO_GET ? NULL : items[i].value,
			items[i].version);
		if (rc)
			return rc;
	}
	return 0;
}

static int txn_compile(
	struct compiling *c, const struct linear_call *call, struct operation *o)
{
	int rc = txn_items_add(c, call->compare, call->compare_count, true);

	if (!rc)
		rc = txn_items_add(c, call->then, call->then_count, false);
	if (!rc)
		rc = txn_items_add(c, call->otherwise, call->otherwise_count, false);
	o->compare = (uint32_t)call->compare_count;
	o->then = (uint32_t)call->then_count;
	o->otherwise = (uint32_t)call->otherwise_count;
	return rc;
}

int compile_call(struct linear_history *h, const struct linear_call *call,
	struct operation *o, struct error *err)
{
	struct compiling c = {.h = h, .err = err, .operation = (uint32_t)h->count + 1};
	size_t items = call->kind == LINEAR_TXN ? call->compare_count + call->then_count +
							  call->otherwise_count
						: call->keys_count;
	int rc = 0;

	if (call->kind >= LINEAR_KINDS)
		return error_set(err, -EINVAL,
			"linear: history: operation %u: kind %u: unknown", c.operation,
			(unsigned int)call->kind);
	if (items > LINEAR_ITEMS_MAX)
		return error_set(err, -EINVAL,
			"linear: history: operation %u: %zu items, %d may be; split it",
			c.operation, items, LINEAR_ITEMS_MAX);
	if (call->kind == LINEAR_PUT || call->kind == LINEAR_CLAIM ||
		call->kind == LINEAR_LOCK || call->kind == LINEAR_UNLOCK ||
		call->kind == LINEAR_EXPIRE)
		rc = value_needed(&c, call);
	if (rc)
		return rc;
	if (call->kind == LINEAR_TXN)
		return txn_compile(&c, call, o);
	if (call->kind == LINEAR_EXPIRE)
		return expire_compile(&c, call, o);
	return simple_compile(&c, call, o);
}

/* What a list found goes behind it, and both to the end, where there is room. */
static int list_found(
	struct compiling *c, struct operation *o, const struct linear_result *result)
{
	struct linear_history *h = c->h;
	struct item list = h->items[o->first];
	uint32_t first = (uint32_t)h->items_count;
	int rc = item_add(c, DO_LIST, strings_text(&h->strings, list.key), NULL, 0);

	for (size_t i = 0; i < result->found_count && !rc; i++) {
		rc = item_add(c, DO_GET, result->found[i].key, result->found[i].value,
			result->found[i].version);
		h->items[h->items_count - 1].told = true;
	}
	if (rc) {
		h->items_count = first;
		return rc;
	}
	h->items[first].told = true;
	o->first = first;
	o->then = (uint32_t)(1 + result->found_count);
	return 0;
}

/* The gets of the way that was taken, each with what it found, if that was told. */
static int gets_found(
	struct compiling *c, struct operation *o, const struct linear_result *result)
{
	struct linear_history *h = c->h;
	bool refused = result->answer == LINEAR_REFUSED;
	uint32_t from = o->first + o->compare + (refused ? o->then : 0);
	uint32_t to = from + (refused ? o->otherwise : o->then);
	size_t gets = 0;

	for (uint32_t i = from; i < to; i++)
		gets += h->items[i].kind == DO_GET;
	if (result->found_count == 0)
		return 0;
	if (result->found_count != gets)
		return error_set(c->err, -EINVAL,
			"linear: history: operation %u: %zu values for %zu gets; give "
			"one for each, "
			"or none",
			c->operation, result->found_count, gets);
	gets = 0;
	for (uint32_t i = from; i < to; i++) {
		const struct linear_found *found = &result->found[gets];
		int rc;

		if (h->items[i].kind != DO_GET)
			continue;
		rc = strings_add(
			&h->strings, &h->budget, found->value, &h->items[i].value);
		if (rc)
			return rc;
		h->items[i].version = found->version;
		h->items[i].told = true;
		gets++;
	}
	return 0;
}

int compile_result(struct linear_history *h, struct operation *o,
	const struct linear_result *result, struct error *err)
{
	struct compiling c = {
		.h = h, .err = err, .operation = (uint32_t)(o - h->operations) + 1};

	if (result->outcome != LINEAR_OK)
		return 0;
	if (result->found_count > LINEAR_ITEMS_MAX)
		return error_set(err, -EINVAL,
			"linear: history: operation %u: found %zu, %d may be; split it",
			c.operation, result->found_count, LINEAR_ITEMS_MAX);
	if (o->compare == 0 && result->answer == LINEAR_REFUSED && o->kind != LINEAR_TXN)
		return error_set(err, -EINVAL,
			"linear: history: operation %u: a %s is never refused; say "
			"failed, or "
			"leave it out",
			c.operation, linear_kind_name(o->kind));
	if (o->kind == LINEAR_LIST)
		return list_found(&c, o, result);
	return gets_found(&c, o, result);
}
