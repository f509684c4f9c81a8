#include <string.h>

#include "sequencer/core/bytes.h"
#include "sequencer/core/kv_command.h"

/* What is written so far; @len only counts once it is more than @room. */
struct writer {
	unsigned char *bytes;
	size_t room;
	size_t len;
	bool fits;
};

static unsigned char *writer_take(struct writer *w, size_t len)
{
	unsigned char *at = w->bytes + w->len;

	if (!w->fits || len > w->room - w->len) {
		w->fits = false;
		return NULL;
	}
	w->len += len;
	return at;
}

static void slice_write(struct writer *w, const struct kv_slice *slice)
{
	unsigned char *at = writer_take(w, slice->len);

	if (at && slice->len > 0)
		memcpy(at, slice->bytes, slice->len);
}

static void operation_write(struct writer *w, const struct kv_operation *o)
{
	unsigned char *at;

	/* What their fields can not carry is no command, and would look like another one. */
	if (o->key.len > UINT16_MAX || o->value.len > UINT32_MAX ||
		o->other.len > UINT32_MAX || (unsigned int)o->kind > UINT8_MAX)
		w->fits = false;
	at = writer_take(w, KV_OPERATION_HEADER);
	if (!at)
		return;
	at[0] = (unsigned char)o->kind;
	at[1] = o->option;
	bytes_put(at + 2, o->key.len, 2);
	bytes_put(at + 4, o->value.len, 4);
	bytes_put(at + 8, o->number, 8);
	bytes_put(at + 16, o->since, 8);
	bytes_put(at + 24, o->other.len, 4);
	bytes_put(at + 28, 0, 4);
	slice_write(w, &o->key);
	slice_write(w, &o->value);
	slice_write(w, &o->other);
}

static void part_write(
	struct writer *w, const struct kv_operation *operations, uint32_t count)
{
	if (count > KV_OPERATIONS_MAX)
		w->fits = false;
	for (uint32_t i = 0; i < count && w->fits; i++)
		operation_write(w, &operations[i]);
}

static size_t command_write(const struct kv_transaction *t, unsigned char flags,
	uint64_t session, void *bytes, size_t room)
{
	struct writer w = {.bytes = bytes, .room = room, .fits = true};
	unsigned char *at = writer_take(&w, KV_COMMAND_HEADER);
	struct kv_command command;

	part_write(&w, t->comparisons, t->comparisons_count);
	part_write(&w, t->thens, t->thens_count);
	part_write(&w, t->elses, t->elses_count);
	if (!w.fits || w.len > UINT32_MAX)
		return 0;
	memcpy(at, "kv", 2);
	at[2] = KV_COMMAND_VERSION;
	at[3] = flags;
	bytes_put(at + 4, w.len, 4);
	bytes_put(at + 8, session, 8);
	bytes_put(at + 16, t->comparisons_count, 2);
	bytes_put(at + 18, t->thens_count, 2);
	bytes_put(at + 20, t->elses_count, 2);
	bytes_put(at + 22, 0, 2);
	return kv_command_decode(bytes, w.len, &command) ? w.len : 0;
}

size_t kv_command_encode(
	const struct kv_operation *operation, uint64_t session, void *bytes, size_t len)
{
	struct kv_transaction alone = {.thens = operation, .thens_count = 1};

	return command_write(&alone, 0, session, bytes, len);
}

size_t kv_transaction_encode(const struct kv_transaction *transaction, uint64_t session,
	void *bytes, size_t len)
{
	return command_write(transaction, KV_TRANSACTION, session, bytes, len);
}
