#include "sequencer/core/kv_command.h"

#include <string.h>

#include "sequencer/core/bytes.h"

#define MAGIC 0x766b /* "kv" */

/* Where an operation may stand. */
enum place {
	PLACE_NONE,
	PLACE_ALONE,	  /* a command of its own only */
	PLACE_BRANCH,	  /* in a branch of a transaction, too */
	PLACE_COMPARISON, /* and nowhere else */
};

/* What an operation of a kind consists of; everything else is 0 or empty. */
struct form {
	enum place place;
	bool key, value, other, number, since;
	bool key_may_be_empty;
	bool speaks; /* there must be a session */
	bool reads;
	uint8_t options; /* the largest; flags are the same as numbers here */
};

static const struct form forms[] = {
	[KV_FOUND] = {.place = PLACE_ALONE, .value = true},
	[KV_GET] = {.place = PLACE_BRANCH, .key = true, .reads = true},
	[KV_LIST] = {.place = PLACE_ALONE,
		.key = true,
		.key_may_be_empty = true,
		.other = true,
		.number = true,
		.reads = true,
		.options = KV_KEYS_ONLY},
	[KV_LOOK] = {.place = PLACE_ALONE, .key = true, .reads = true},
	[KV_SESSION] = {.place = PLACE_ALONE, .number = true, .reads = true},
	[KV_PUT] = {.place = PLACE_BRANCH,
		.key = true,
		.value = true,
		.options = KV_EPHEMERAL},
	[KV_DELETE] = {.place = PLACE_BRANCH, .key = true},
	[KV_CLAIM] = {.place = PLACE_ALONE,
		.key = true,
		.value = true,
		.options = KV_EPHEMERAL},
	[KV_SET_VERSION] = {.place = PLACE_ALONE,
		.key = true,
		.value = true,
		.number = true,
		.options = KV_EPHEMERAL},
	[KV_SET_VALUE] = {.place = PLACE_ALONE,
		.key = true,
		.value = true,
		.other = true,
		.options = KV_EPHEMERAL},
	[KV_OPEN] = {.place = PLACE_ALONE, .number = true},
	[KV_KEEP_ALIVE] = {.place = PLACE_ALONE, .speaks = true},
	[KV_CLOSE] = {.place = PLACE_ALONE, .speaks = true},
	[KV_EXPIRE] = {.place = PLACE_ALONE, .number = true, .since = true},
	[KV_LOCK] = {.place = PLACE_ALONE,
		.key = true,
		.speaks = true,
		.options = KV_TRY},
	[KV_UNLOCK] = {.place = PLACE_ALONE, .key = true, .number = true, .speaks = true},
	[KV_IF_VERSION] = {.place = PLACE_COMPARISON,
		.key = true,
		.number = true,
		.options = KV_GREATER},
	[KV_IF_VALUE] = {.place = PLACE_COMPARISON,
		.key = true,
		.value = true,
		.options = KV_GREATER},
	[KV_IF_HOLDER] = {.place = PLACE_COMPARISON,
		.key = true,
		.number = true,
		.options = KV_GREATER},
	[KV_IF_FENCE] = {.place = PLACE_COMPARISON,
		.key = true,
		.number = true,
		.options = KV_GREATER},
};

#define FORMS_COUNT (sizeof(forms) / sizeof(forms[0]))

static size_t operation_len(const struct kv_operation *o)
{
	return KV_OPERATION_HEADER + o->key.len + o->value.len + o->other.len;
}

/* Whether it has what its kind needs and nothing else. */
static bool fields_valid(const struct kv_operation *o, const struct form *form)
{
	bool key = form->key ? o->key.len > 0 || form->key_may_be_empty : !o->key.len;
	bool rest = (form->value || !o->value.len) && (form->other || !o->other.len) &&
		    (form->number || !o->number) && (form->since || !o->since);
	struct kv_limits limits;

	if (o->kind == KV_FOUND && (o->value.len != KV_LIMITS_LEN ||
					   !kv_limits_decode(o->value.bytes, &limits)))
		return false;
	return key && rest && o->option <= form->options && o->key.len <= KV_KEY_LIMIT;
}

static bool session_there(
	const struct kv_operation *o, const struct form *form, uint64_t session)
{
	bool ephemeral = form->options == KV_EPHEMERAL && o->option == KV_EPHEMERAL &&
			 form->value;

	return session != 0 || !(form->speaks || ephemeral);
}

static bool operation_valid(
	const struct kv_operation *o, enum place place, uint64_t session)
{
	const struct form *form;

	if ((size_t)o->kind >= FORMS_COUNT)
		return false;
	form = &forms[o->kind];
	if (form->place != place &&
		!(form->place == PLACE_BRANCH && place == PLACE_ALONE))
		return false;
	return form->place != PLACE_NONE && fields_valid(o, form) &&
	       session_there(o, form, session);
}

const unsigned char *kv_operation_read(
	const unsigned char *at, struct kv_operation *operation_p)
{
	const unsigned char *bytes = at + KV_OPERATION_HEADER;
	struct kv_operation o = {.kind = (enum kv_kind)at[0],
		.option = at[1],
		.key = {bytes, bytes_get(at + 2, 2)},
		.value = {NULL, bytes_get(at + 4, 4)},
		.other = {NULL, bytes_get(at + 24, 4)},
		.number = bytes_get(at + 8, 8),
		.since = bytes_get(at + 16, 8)};

	o.value.bytes = bytes + o.key.len;
	o.other.bytes = bytes + o.key.len + o.value.len;
	*operation_p = o;
	return at + operation_len(&o);
}

/* Reads one operation out of @len bytes.  False: it goes beyond them. */
static bool operation_take(const unsigned char *at, size_t len, struct kv_operation *o)
{
	uint64_t key_len, value_len, other_len;

	if (len < KV_OPERATION_HEADER || bytes_get(at + 28, 4) != 0)
		return false;
	key_len = bytes_get(at + 2, 2);
	value_len = bytes_get(at + 4, 4);
	other_len = bytes_get(at + 24, 4);
	if (key_len + value_len + other_len > len - KV_OPERATION_HEADER)
		return false;
	(void)kv_operation_read(at, o);
	return true;
}

/* A part of a command: operations that stand in one place. */
struct part {
	const unsigned char *at;
	size_t len; /* bytes from there on; part_valid takes off what is its own */
	enum place place;
	uint64_t session;
};

/* Whether none of the @count operations from @at on has this key. */
static bool key_is_new(
	const unsigned char *at, uint32_t count, const struct kv_slice *key)
{
	struct kv_operation o;

	for (; count > 0; count--) {
		at = kv_operation_read(at, &o);
		if (o.key.len == key->len &&
			memcmp(o.key.bytes, key->bytes, key->len) == 0)
			return false;
	}
	return true;
}

static bool part_valid(struct part *part, uint32_t count)
{
	const unsigned char *begin = part->at;
	struct kv_operation o;

	if (count > KV_OPERATIONS_MAX)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!operation_take(part->at, part->len, &o) ||
			!operation_valid(&o, part->place, part->session))
			return false;
		if (part->place == PLACE_BRANCH && !key_is_new(begin, i, &o.key))
			return false;
		part->at += operation_len(&o);
		part->len -= operation_len(&o);
	}
	return true;
}

static bool parts_valid(struct kv_command *c)
{
	struct part part = {.at = c->operations,
		.len = c->len - KV_COMMAND_HEADER,
		.place = PLACE_COMPARISON,
		.session = c->session};

	if (!part_valid(&part, c->comparisons_count))
		return false;
	c->thens = part.at;
	part.place = c->transaction ? PLACE_BRANCH : PLACE_ALONE;
	if (!part_valid(&part, c->thens_count))
		return false;
	c->elses = part.at;
	return part_valid(&part, c->elses_count) && part.len == 0;
}

bool kv_command_decode(const void *bytes, size_t len, struct kv_command *command_p)
{
	const unsigned char *from = bytes;
	struct kv_command c;

	if (len < KV_COMMAND_HEADER || bytes_get(from, 2) != MAGIC ||
		from[2] != KV_COMMAND_VERSION || from[3] > KV_TRANSACTION ||
		bytes_get(from + 4, 4) != len || bytes_get(from + 22, 2) != 0)
		return false;
	c = (struct kv_command){.transaction = from[3] == KV_TRANSACTION,
		.session = bytes_get(from + 8, 8),
		.comparisons_count = (uint32_t)bytes_get(from + 16, 2),
		.thens_count = (uint32_t)bytes_get(from + 18, 2),
		.elses_count = (uint32_t)bytes_get(from + 20, 2),
		.operations = from + KV_COMMAND_HEADER,
		.len = len};
	if (!c.transaction &&
		(c.comparisons_count != 0 || c.thens_count != 1 || c.elses_count != 0))
		return false;
	if (!parts_valid(&c))
		return false;
	*command_p = c;
	return true;
}

bool kv_command_reads(const struct kv_command *command)
{
	return !command->transaction && forms[command->operations[0]].reads;
}

bool kv_command_founds(const void *bytes, size_t len, struct kv_limits *limits_p)
{
	struct kv_command command;
	struct kv_operation operation;

	if (!kv_command_decode(bytes, len, &command))
		return false;
	if (command.transaction || command.operations[0] != KV_FOUND)
		return false;
	(void)kv_operation_read(command.operations, &operation);
	return kv_limits_decode(operation.value.bytes, limits_p);
}
