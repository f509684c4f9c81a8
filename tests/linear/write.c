#include "tests/linear/write.h"

#include <errno.h>
#include <jansson.h>

/* Null for no text. */
static json_t *text_of(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *number_of(uint64_t number)
{
	return json_integer((json_int_t)number);
}

/* What can not be made, for want of memory, makes the whole line fail: json_object_set_new says so. */
struct line {
	json_t *object;
	int failures;
};

static void set(struct line *l, const char *field, json_t *value)
{
	l->failures += json_object_set_new(l->object, field, value) != 0;
}

static void append(struct line *l, json_t *array, struct line *element)
{
	l->failures += element->failures;
	l->failures += json_array_append_new(array, element->object) != 0;
}

/* ---- What was asked for ---- */

static void comparison_set(struct line *l, const struct linear_item *item)
{
	if (item->kind == LINEAR_IF_VERSION)
		set(l, "version", number_of(item->version));
	else if (item->kind == LINEAR_IF_PRESENT)
		set(l, "exists", json_true());
	else
		set(l, "value", text_of(item->value));
}

static void step_set(struct line *l, const struct linear_item *item)
{
	static const char *const words[] = {[LINEAR_DO_GET] = "get",
		[LINEAR_DO_PUT] = "put",
		[LINEAR_DO_DELETE] = "delete"};

	set(l, "op", json_string(words[item->kind]));
	if (item->kind == LINEAR_DO_PUT)
		set(l, "value", text_of(item->value));
}

static void items_set(
	struct line *l, const char *field, const struct linear_item *items, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		struct line element = {.object = json_object()};

		set(&element, "key", text_of(items[i].key));
		if (items[i].kind <= LINEAR_IF_PRESENT)
			comparison_set(&element, &items[i]);
		else
			step_set(&element, &items[i]);
		append(l, array, &element);
	}
	set(l, field, array);
}

static void cas_set(struct line *l, const struct linear_call *call)
{
	set(l, "value", text_of(call->value));
	if (call->by_version)
		set(l, "expect_version", number_of(call->version));
	else
		set(l, "expect", text_of(call->expected));
}

static void keys_set(struct line *l, const struct linear_call *call)
{
	json_t *array = json_array();

	for (size_t i = 0; i < call->keys_count; i++)
		l->failures += json_array_append_new(array, text_of(call->keys[i])) != 0;
	set(l, "keys", array);
}

static void read_set(struct line *l, const struct linear_call *call)
{
	static const char *const words[] = {"log", "sync", "tail", "local"};

	set(l, "read", json_string(words[call->read]));
}

static void arguments_set(struct line *l, const struct linear_call *call)
{
	if (call->key)
		set(l, call->kind == LINEAR_LIST ? "prefix" : "key", text_of(call->key));
	switch (call->kind) {
	case LINEAR_GET:
	case LINEAR_LIST:
		read_set(l, call);
		break;
	case LINEAR_CAS:
		cas_set(l, call);
		break;
	case LINEAR_EXPIRE:
		keys_set(l, call);
		set(l, "owner", text_of(call->value));
		break;
	case LINEAR_LOCK:
	case LINEAR_UNLOCK:
		set(l, "owner", text_of(call->value));
		break;
	case LINEAR_TXN:
		items_set(l, "compare", call->compare, call->compare_count);
		items_set(l, "then", call->then, call->then_count);
		items_set(l, "else", call->otherwise, call->otherwise_count);
		break;
	default:
		if (call->value)
			set(l, "value", text_of(call->value));
	}
	if ((call->kind == LINEAR_UNLOCK || call->kind == LINEAR_FENCE) && call->version)
		set(l, "token", number_of(call->version));
}

/* ---- What was answered ---- */

static void found_set(struct line *l, const struct linear_found *found)
{
	if (found->key)
		set(l, "key", text_of(found->key));
	set(l, "value", text_of(found->value));
	if (found->version)
		set(l, "version", number_of(found->version));
}

static void list_set(struct line *l, const struct linear_result *result)
{
	json_t *array = json_array();

	for (size_t i = 0; i < result->found_count; i++) {
		struct line element = {.object = json_object()};

		found_set(&element, &result->found[i]);
		append(l, array, &element);
	}
	set(l, "result", array);
}

static void one_set(struct line *l, const struct linear_found *found)
{
	set(l, "result", text_of(found->value));
	if (found->version)
		set(l, "version", number_of(found->version));
}

static void result_set(struct line *l, const struct linear_call *call,
	const struct linear_result *result)
{
	if (result->outcome != LINEAR_OK) {
		set(l, "outcome",
			json_string(
				result->outcome == LINEAR_FAILED ? "failed" : "unknown"));
		return;
	}
	set(l, "returned", number_of(result->returned));
	if (result->position)
		set(l, "position", number_of(result->position));
	if (result->answer != LINEAR_UNTOLD)
		set(l, "done", json_boolean(result->answer == LINEAR_DONE));
	if (call->kind == LINEAR_LIST ||
		(call->kind == LINEAR_TXN && result->found_count > 0))
		list_set(l, result);
	else if (result->found_count == 1)
		one_set(l, &result->found[0]);
}

int linear_write(
	FILE *file, const struct linear_call *call, const struct linear_result *result)
{
	struct line l = {.object = json_object()};
	int rc = -ENOMEM;

	set(&l, "process", number_of(call->process));
	set(&l, "op", json_string(linear_kind_name(call->kind)));
	set(&l, "invoked", number_of(call->invoked));
	arguments_set(&l, call);
	result_set(&l, call, result);
	if (l.object && l.failures == 0)
		rc = json_dumpf(l.object, file, JSON_COMPACT) || putc('\n', file) == EOF
			     ? -EIO
			     : 0;
	json_decref(l.object);
	return rc;
}
