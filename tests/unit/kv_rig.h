/*
 * A storage with small limits, commands in short, and the changes that it reported.  What a test
 * does takes the next position each time.
 */
#ifndef PAWL_TESTS_UNIT_KV_RIG_H
#define PAWL_TESTS_UNIT_KV_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/core/kv.h"

#define CHANGES_MAX 64
#define COMMAND_ROOM 8192

/* The change as text: "written a=1 @3", "granted l to 2 @4". */
struct change_text {
	char text[256];
};

struct rig {
	struct kv_limits limits;
	struct kv *kv;
	uint64_t position;
	struct machine_result result; /* the newest, */
	struct kv_reply reply;	      /*   and what it says */
	struct change_text changes[CHANGES_MAX];
	unsigned int changes_count;
};

static const struct kv_limits rig_limits = {.bytes_max = 2000,
	.keys_max = 12,
	.key_max = 100,
	.value_max = 400,
	.sessions_max = 4,
	.locks_max = 4,
	.waiters_max = 5,
	.command_max = 2048,
	.reply_max = 1024};

static inline struct kv_slice text(const char *s)
{
	return (struct kv_slice){s, strlen(s)};
}

static inline void rig_changed(void *context, const struct kv_change *c)
{
	static const char *const kinds[] = {
		"written", "deleted", "granted", "released", "opened", "ended"};
	struct rig *rig = context;

	assert_true(rig->changes_count < CHANGES_MAX);
	assert_int_equal(c->position, rig->position);
	(void)snprintf(rig->changes[rig->changes_count++].text,
		sizeof(rig->changes[0].text), "%s %.*s=%.*s by %llu @%llu",
		kinds[c->kind], (int)c->key.len,
		c->key.len ? (const char *)c->key.bytes : "", (int)c->value.len,
		c->value.len ? (const char *)c->value.bytes : "",
		(unsigned long long)c->session, (unsigned long long)c->version);
}

static inline void *rig_memory(const struct kv_limits *limits)
{
	uint64_t len = 0;
	void *memory;

	assert_true(kv_memory_len(limits, &len));
	memory = aligned_alloc(64, (len + 63) / 64 * 64);
	assert_non_null(memory);
	/* A machine has to do with memory that has anything in it. */
	return memset(memory, 0xa5, len);
}

static inline void rig_make_unfounded(struct rig *rig, const struct kv_limits *limits)
{
	memset(rig, 0, sizeof(*rig));
	rig->limits = *limits;
	rig->kv = kv_create(limits, rig_memory(limits), rig_changed, rig);
}

static inline void rig_sound(const struct rig *rig)
{
	const char *reason = "";

	if (!kv_sound(rig->kv, &reason))
		fail_msg("the machine is not sound: %s", reason);
}

static inline void rig_free(struct rig *rig)
{
	rig_sound(rig);
	free(rig->kv);
}

/* Applies bytes at the next position; the answer is in rig->reply, and its status is returned. */
static inline enum kv_status rig_apply(struct rig *rig, const void *bytes, size_t len)
{
	const struct kv_slice message = {bytes, len};

	rig->changes_count = 0;
	kv_prepare(rig->kv, &message, 1); /* whatever it is, nothing comes of that */
	kv_apply(rig->kv, ++rig->position, bytes, len, &rig->result);
	assert_int_equal(kv_applied(rig->kv), rig->position);
	assert_true(kv_reply_decode(rig->result.bytes, rig->result.len, &rig->reply));
	return rig->reply.status;
}

static inline enum kv_status rig_do(
	struct rig *rig, uint64_t session, const struct kv_operation *o)
{
	unsigned char bytes[COMMAND_ROOM];
	size_t len = kv_command_encode(o, session, bytes, sizeof(bytes));

	assert_int_not_equal(len, 0);
	return rig_apply(rig, bytes, len);
}

static inline enum kv_status rig_found(struct rig *rig, const struct kv_limits *limits)
{
	unsigned char bytes[KV_LIMITS_LEN];
	struct kv_operation o = {.kind = KV_FOUND, .value = {bytes, sizeof(bytes)}};

	kv_limits_encode(limits, bytes);
	return rig_do(rig, 0, &o);
}

static inline void rig_make_with(struct rig *rig, const struct kv_limits *limits)
{
	rig_make_unfounded(rig, limits);
	assert_int_equal(rig_found(rig, limits), KV_OK);
}

static inline void rig_make(struct rig *rig)
{
	rig_make_with(rig, &rig_limits);
}

static inline enum kv_status rig_query(struct rig *rig, const struct kv_operation *o)
{
	unsigned char bytes[COMMAND_ROOM];
	struct machine_result result;
	size_t len = kv_command_encode(o, 0, bytes, sizeof(bytes));

	assert_int_not_equal(len, 0);
	rig->changes_count = 0;
	kv_query(rig->kv, bytes, len, &result);
	assert_true(kv_reply_decode(result.bytes, result.len, &rig->reply));
	return rig->reply.status;
}

static inline enum kv_status put(struct rig *rig, const char *key, const char *value)
{
	struct kv_operation o = {.kind = KV_PUT, .key = text(key), .value = text(value)};

	return rig_do(rig, 0, &o);
}

static inline enum kv_status put_ephemeral(
	struct rig *rig, uint64_t session, const char *key, const char *value)
{
	struct kv_operation o = {.kind = KV_PUT,
		.option = KV_EPHEMERAL,
		.key = text(key),
		.value = text(value)};

	return rig_do(rig, session, &o);
}

static inline enum kv_status get(struct rig *rig, const char *key)
{
	struct kv_operation o = {.kind = KV_GET, .key = text(key)};

	return rig_query(rig, &o);
}

static inline enum kv_status erase(struct rig *rig, const char *key)
{
	struct kv_operation o = {.kind = KV_DELETE, .key = text(key)};

	return rig_do(rig, 0, &o);
}

/* The new session's name. */
static inline uint64_t session_open(struct rig *rig)
{
	struct kv_operation o = {.kind = KV_OPEN, .number = 3000};

	assert_int_equal(rig_do(rig, 0, &o), KV_OK);
	return rig->reply.session;
}

static inline enum kv_status session_close(struct rig *rig, uint64_t session)
{
	struct kv_operation o = {.kind = KV_CLOSE};

	return rig_do(rig, session, &o);
}

static inline enum kv_status expire(struct rig *rig, uint64_t session, uint64_t since)
{
	struct kv_operation o = {.kind = KV_EXPIRE, .number = session, .since = since};

	return rig_do(rig, 0, &o);
}

static inline enum kv_status lock(struct rig *rig, uint64_t session, const char *name)
{
	struct kv_operation o = {.kind = KV_LOCK, .key = text(name)};

	return rig_do(rig, session, &o);
}

static inline enum kv_status unlock(struct rig *rig, uint64_t session, const char *name)
{
	struct kv_operation o = {.kind = KV_UNLOCK, .key = text(name)};

	return rig_do(rig, session, &o);
}

static inline enum kv_status look(struct rig *rig, const char *name)
{
	struct kv_operation o = {.kind = KV_LOOK, .key = text(name)};

	return rig_query(rig, &o);
}

static inline void value_is(const struct rig *rig, const char *value)
{
	assert_int_equal(rig->reply.value.len, strlen(value));
	assert_memory_equal(rig->reply.value.bytes, value, strlen(value));
}

/* The newest command reported exactly these. */
static inline void changes_are(const struct rig *rig, unsigned int count, ...)
{
	va_list texts;

	assert_int_equal(rig->changes_count, count);
	va_start(texts, count);
	for (unsigned int i = 0; i < count; i++)
		assert_string_equal(rig->changes[i].text, va_arg(texts, const char *));
	va_end(texts);
}

/* A snapshot of the machine, to be freed. */
static inline unsigned char *snapshot_take(struct kv *kv, size_t *len_p)
{
	unsigned char *bytes = NULL;
	struct machine_piece piece;
	size_t len = 0;

	kv_snapshot_begin(kv);
	while (kv_snapshot_next(kv, &piece)) {
		assert_true(piece.len <= kv_limits_of(kv)->reply_max);
		bytes = realloc(bytes, len + piece.len);
		assert_non_null(bytes);
		memcpy(bytes + len, piece.bytes, piece.len);
		len += piece.len;
	}
	*len_p = len;
	return bytes;
}

/* Restores it in pieces of @piece_len bytes. */
static inline int snapshot_restore(struct kv *kv, const unsigned char *bytes, size_t len,
	size_t piece_len, const char **reason_p)
{
	kv_restore_begin(kv);
	while (len > 0) {
		size_t here = len < piece_len ? len : piece_len;
		int err = kv_restore_next(kv, bytes, here, reason_p);

		if (err)
			return err;
		bytes += here;
		len -= here;
	}
	return kv_restore_end(kv, reason_p);
}

#endif
