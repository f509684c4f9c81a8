#include "tests/linear/read.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

/* An operation while it is read: everything points into @object. */
struct reading {
	const json_t *object;
	uint32_t line;
	struct error *err;
	struct linear_call call;
	struct linear_result result;
	struct linear_item items[LINEAR_ITEMS_MAX];
	size_t items_count;
	struct linear_found found[LINEAR_ITEMS_MAX];
	const char *keys[LINEAR_ITEMS_MAX];
};

static const char *const fields[] = {"process", "op", "key", "keys", "prefix", "value",
	"expect", "expect_version", "owner", "token", "compare", "then", "else", "read",
	"invoked", "returned", "outcome", "done", "result", "version", "position",
	"note"};

#define FIELDS_COUNT (sizeof(fields) / sizeof(fields[0]))

static int refuse(struct reading *r, const char *field, const char *what)
{
	return error_set(r->err, -EINVAL,
		"linear: line %u: field \"%s\" %s; see docs/histories.md", r->line, field,
		what);
}

/* A word that is spelt wrongly must not make the judge look away. */
static int fields_check(struct reading *r)
{
	void *at = json_object_iter((json_t *)(uintptr_t)r->object);

	for (; at; at = json_object_iter_next((json_t *)(uintptr_t)r->object, at)) {
		size_t i = 0;

		while (i < FIELDS_COUNT &&
			strcmp(json_object_iter_key(at), fields[i]) != 0)
			i++;
		if (i == FIELDS_COUNT)
			return refuse(r, json_object_iter_key(at), "is not known");
	}
	return 0;
}

static int number_read(
	struct reading *r, const json_t *object, const char *field, uint64_t *number_p)
{
	const json_t *value = json_object_get(object, field);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return refuse(r, field, "is not a number from 0 on");
	*number_p = (uint64_t)json_integer_value(value);
	return 0;
}

static int text_read(
	struct reading *r, const json_t *object, const char *field, const char **text_p)
{
	const json_t *value = json_object_get(object, field);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return refuse(r, field, "is neither a string nor null");
	*text_p = json_string_value(value);
	return 0;
}

/* One of the words; what is not there is the first. */
static int word_read(struct reading *r, const json_t *object, const char *field,
	const char *const *words, unsigned int count, unsigned int *number_p)
{
	const char *text = NULL;
	int rc = text_read(r, object, field, &text);

	*number_p = 0;
	if (rc || !text)
		return rc;
	while (*number_p < count && strcmp(text, words[*number_p]) != 0)
		(*number_p)++;
	return *number_p < count ? 0 : refuse(r, field, "is not one of its words");
}

static int kind_read(struct reading *r)
{
	const char *text = NULL;
	unsigned int kind = 0;
	int rc = text_read(r, r->object, "op", &text);

	if (rc)
		return rc;
	while (text && kind < LINEAR_KINDS &&
		strcmp(text, linear_kind_name((enum linear_kind)kind)) != 0)
		kind++;
	if (!text || kind == LINEAR_KINDS)
		return refuse(r, "op", "is not one of its words");
	r->call.kind = (enum linear_kind)kind;
	return 0;
}

/* {"key": K, "value": V}, {"key": K, "version": N} or {"key": K, "exists": true or false}. */
static int comparison_read(
	struct reading *r, const json_t *object, struct linear_item *item)
{
	const json_t *exists = json_object_get(object, "exists");
	int rc = text_read(r, object, "value", &item->value);

	item->kind = LINEAR_IF_VALUE;
	if (rc)
		return rc;
	if (exists && !json_is_boolean(exists))
		return refuse(r, "exists", "is neither true nor false");
	if (json_is_true(exists))
		item->kind = LINEAR_IF_PRESENT;
	if (json_object_get(object, "version"))
		item->kind = LINEAR_IF_VERSION;
	if (!exists && item->kind == LINEAR_IF_VALUE && !json_object_get(object, "value"))
		return refuse(r, "compare", "compares with nothing");
	return number_read(r, object, "version", &item->version);
}

/* {"op": "get", "put" or "delete", "key": K, "value": V}. */
static int step_read(struct reading *r, const json_t *object, struct linear_item *item)
{
	static const char *const words[] = {"get", "put", "delete"};
	static const enum linear_item_kind kinds[] = {
		LINEAR_DO_GET, LINEAR_DO_PUT, LINEAR_DO_DELETE};
	unsigned int number;
	int rc = word_read(r, object, "op", words, 3, &number);

	if (rc)
		return rc;
	item->kind = kinds[number];
	return text_read(r, object, "value", &item->value);
}

static int items_read(struct reading *r, const char *field,
	const struct linear_item **items_p, size_t *count_p)
{
	const json_t *array = json_object_get(r->object, field);
	bool compare = strcmp(field, "compare") == 0;

	*items_p = &r->items[r->items_count];
	*count_p = json_array_size(array);
	if (array && !json_is_array(array))
		return refuse(r, field, "is not a list");
	if (*count_p > LINEAR_ITEMS_MAX - r->items_count)
		return refuse(r, field, "is too long");
	for (size_t i = 0; i < *count_p; i++) {
		struct linear_item *item = &r->items[r->items_count++];
		const json_t *object = json_array_get(array, i);
		int rc;

		*item = (struct linear_item){0};
		rc = text_read(r, object, "key", &item->key);
		if (!rc)
			rc = compare ? comparison_read(r, object, item)
				     : step_read(r, object, item);
		if (rc)
			return rc;
	}
	return 0;
}

static int keys_read(struct reading *r)
{
	const json_t *array = json_object_get(r->object, "keys");
	size_t count = json_array_size(array);

	if (array && !json_is_array(array))
		return refuse(r, "keys", "is not a list");
	if (count > LINEAR_ITEMS_MAX)
		return refuse(r, "keys", "is too long");
	for (size_t i = 0; i < count; i++) {
		r->keys[i] = json_string_value(json_array_get(array, i));
		if (!r->keys[i])
			return refuse(r, "keys", "has something that is not a string");
	}
	r->call.keys = r->keys;
	r->call.keys_count = count;
	return 0;
}

/* The token of a lock is its position; to an unlock and a fence it is an argument. */
static int token_read(struct reading *r)
{
	if (r->call.kind == LINEAR_LOCK)
		return number_read(r, r->object, "token", &r->result.position);
	if (r->call.kind == LINEAR_UNLOCK || r->call.kind == LINEAR_FENCE)
		return number_read(r, r->object, "token", &r->call.version);
	return json_object_get(r->object, "token")
		       ? refuse(r, "token", "does not belong there")
		       : 0;
}

static int arguments_read(struct reading *r)
{
	struct linear_call *call = &r->call;
	const char *key = call->kind == LINEAR_LIST ? "prefix" : "key";
	const char *owner = call->kind == LINEAR_LOCK || call->kind == LINEAR_UNLOCK ||
					    call->kind == LINEAR_EXPIRE
				    ? "owner"
				    : "value";
	int rc = text_read(r, r->object, key, &call->key);

	if (!rc)
		rc = text_read(r, r->object, owner, &call->value);
	if (!rc)
		rc = text_read(r, r->object, "expect", &call->expected);
	call->by_version = json_object_get(r->object, "expect_version") != NULL;
	if (!rc)
		rc = number_read(r, r->object, "expect_version", &call->version);
	if (!rc)
		rc = token_read(r);
	if (!rc)
		rc = keys_read(r);
	if (!rc)
		rc = items_read(r, "compare", &call->compare, &call->compare_count);
	if (!rc)
		rc = items_read(r, "then", &call->then, &call->then_count);
	if (!rc)
		rc = items_read(r, "else", &call->otherwise, &call->otherwise_count);
	return rc;
}

static int call_read(struct reading *r)
{
	static const char *const words[] = {"log", "sync", "tail", "local"};
	struct linear_call *call = &r->call;
	uint64_t process = UINT64_MAX, invoked = UINT64_MAX;
	unsigned int read = 0;
	int rc = kind_read(r);

	if (!rc)
		rc = word_read(r, r->object, "read", words, 4, &read);
	if (!rc)
		rc = number_read(r, r->object, "process", &process);
	if (!rc)
		rc = number_read(r, r->object, "invoked", &invoked);
	if (rc)
		return rc;
	if (process > UINT32_MAX)
		return refuse(r, "process", "is missing or too large");
	if (invoked == UINT64_MAX)
		return refuse(r, "invoked", "is missing");
	call->read = (enum linear_read)read;
	call->process = (uint32_t)process;
	call->invoked = invoked;
	call->line = r->line;
	return arguments_read(r);
}

/* Of a transaction and a list a list of {"key", "value", "version"}, else one value. */
static int found_read(struct reading *r)
{
	const json_t *value = json_object_get(r->object, "result");
	struct linear_result *result = &r->result;
	int rc = 0;

	result->found = r->found;
	if (!value)
		return 0;
	if (!json_is_array(value)) {
		result->found_count = 1;
		r->found[0] = (struct linear_found){0};
		rc = text_read(r, r->object, "result", &r->found[0].value);
		return rc ? rc
			  : number_read(r, r->object, "version", &r->found[0].version);
	}
	result->found_count = json_array_size(value);
	if (result->found_count > LINEAR_ITEMS_MAX)
		return refuse(r, "result", "is too long");
	for (size_t i = 0; i < result->found_count && !rc; i++) {
		const json_t *one = json_array_get(value, i);

		r->found[i] = (struct linear_found){0};
		rc = text_read(r, one, "key", &r->found[i].key);
		if (!rc)
			rc = text_read(r, one, "value", &r->found[i].value);
		if (!rc)
			rc = number_read(r, one, "version", &r->found[i].version);
	}
	return rc;
}

static int result_read(struct reading *r)
{
	static const char *const words[] = {"ok", "unknown", "failed"};
	static const enum linear_outcome outcomes[] = {
		LINEAR_OK, LINEAR_UNKNOWN, LINEAR_FAILED};
	const json_t *done = json_object_get(r->object, "done");
	uint64_t returned = UINT64_MAX;
	unsigned int outcome = 0;
	int rc = word_read(r, r->object, "outcome", words, 3, &outcome);

	if (!rc)
		rc = number_read(r, r->object, "returned", &returned);
	if (!rc)
		rc = number_read(r, r->object, "position", &r->result.position);
	if (rc)
		return rc;
	r->result.outcome = outcomes[outcome];
	r->result.returned = returned;
	if (r->result.outcome != LINEAR_OK)
		return 0;
	if (returned == UINT64_MAX)
		return refuse(r, "returned", "is missing");
	if (done && !json_is_boolean(done))
		return refuse(r, "done", "is neither true nor false");
	if (done)
		r->result.answer = json_is_true(done) ? LINEAR_DONE : LINEAR_REFUSED;
	return found_read(r);
}

static int object_read(struct linear_history *history, struct reading *r)
{
	uint32_t operation;
	int rc = fields_check(r);

	if (!rc)
		rc = call_read(r);
	if (!rc)
		rc = result_read(r);
	if (!rc)
		rc = linear_history_add(history, &r->call, &operation, r->err);
	return rc ? rc : linear_history_finish(history, operation, &r->result, r->err);
}

static bool is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!memchr(" \t\r\n", text[i], 4))
			return false;
	return true;
}

int read_line(struct linear_history *history, const char *text, size_t len, uint32_t line,
	struct error *err)
{
	struct reading r;
	json_error_t why;
	json_t *object;
	int rc;

	if (is_blank(text, len))
		return 0;
	object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(object)) {
		json_decref(object);
		return error_set(err, -EINVAL,
			"linear: line %u: not a JSON object: %s; see docs/histories.md",
			line, object ? "it is something else" : why.text);
	}
	/* The lists are cleared as far as they are used. */
	r.object = object;
	r.line = line;
	r.err = err;
	r.call = (struct linear_call){0};
	r.result = (struct linear_result){0};
	r.items_count = 0;
	rc = object_read(history, &r);
	json_decref(object);
	return rc;
}
