/*
 * Storages that are applied beside a log of the test's own, out of log and archive, and asked
 * meanwhile.
 */
#ifndef PAWL_TESTS_ANSWERS_RIG_H
#define PAWL_TESTS_ANSWERS_RIG_H

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/core/words.h"
#include "sequencer/stream/answers.h"
#include "tests/unit/archive_rig.h"

#define SLOTS 64
#define SLOT_LEN 256 /* the rig's archive has it */
#define MEMORY (UINT64_C(64) << 20)
#define WAIT_NS (20000 * NS_PER_MS)
#define SOON_NS (50 * NS_PER_MS)

struct shelf {
	struct answers *answers;
	struct answers_store *store;
	unsigned char *ring;
	uint64_t end; /* written, committed or not */
	uint64_t id;  /* of the newest message */
	uint64_t commit;
	uint64_t oldest;
	uint64_t numbers;
	struct answer *answer; /* the newest */
};

static struct shelf shelf;
static atomic_uint news;

static const struct stream_limits limits = {.slot_len = SLOT_LEN,
	.slots = SLOTS,
	.rows = RIG_ROWS,
	.hole_timeout_ns = NS_PER_MS,
	.message_max = 1 << 20};

static const struct kv_limits store_limits = {.bytes_max = 100000,
	.keys_max = 100,
	.key_max = 100,
	.value_max = 1000,
	.sessions_max = 4,
	.locks_max = 4,
	.waiters_max = 5,
	.command_max = 4096,
	.reply_max = 4096};

static inline void on_news(void *context)
{
	(void)context;
	atomic_fetch_add(&news, 1);
}

/* ---- The log ---- */

static inline void slot_put(uint8_t flags, const void *payload, size_t len)
{
	uint64_t p = ++shelf.end;
	struct stream_slot slot = {.position = p,
		.epoch = 1,
		.publisher = stream_publisher_name(1, 1),
		.id = flags & STREAM_VOID ? 0 : shelf.id,
		.len = (uint16_t)len,
		.flags = flags};
	unsigned char *to = shelf.ring + p % SLOTS * SLOT_LEN;

	if (flags & STREAM_VOID)
		slot.publisher = 0;
	if (p > SLOTS - 1 && p - SLOTS + 1 > shelf.oldest)
		word_store(&shelf.oldest, p - SLOTS + 1);
	stream_slot_write(to, &slot, payload);
	if (rig.archive)
		assert_int_equal(archive_append(rig.archive, to, 1, &rig.err), 0);
}

static inline void commit(void)
{
	word_store(&shelf.commit, shelf.end);
}

/* As many slots as it takes. */
static inline void message_put(const void *bytes, size_t len)
{
	const unsigned char *from = bytes;
	size_t room = SLOT_LEN - STREAM_SLOT_HEADER;
	uint8_t flags = STREAM_FIRST;

	shelf.id++;
	for (; len > room; len -= room, from += room, flags = 0)
		slot_put(flags, from, room);
	slot_put(flags | STREAM_LAST, from, len);
}

static inline void void_put(void)
{
	slot_put(STREAM_VOID, "", 0);
}

static inline void operation_put(const struct kv_operation *operation)
{
	unsigned char bytes[4096];
	size_t len = kv_command_encode(operation, 0, bytes, sizeof(bytes));

	assert_true(len > 0);
	message_put(bytes, len);
}

static inline void found(void)
{
	unsigned char bytes[KV_LIMITS_LEN];
	const struct kv_operation operation = {
		.kind = KV_FOUND, .value = {bytes, sizeof(bytes)}};

	kv_limits_encode(&store_limits, bytes);
	operation_put(&operation);
}

static inline void put(const char *key, const char *value)
{
	const struct kv_operation operation = {.kind = KV_PUT,
		.key = {key, strlen(key)},
		.value = {value, strlen(value)}};

	operation_put(&operation);
}

/* ---- The answers ---- */

static inline void answers_begin_with(uint64_t memory, bool archived)
{
	const struct answers_config config = {.memory_max = memory, .news = on_news};
	const struct keeper_place archive = {
		.path = rig.path, .identity = rig.config.identity, .files = &rig_files};

	assert_int_equal(answers_make(&config, &shelf.answers, &rig.err), 0);
	assert_int_equal(answers_store_make(shelf.answers, "orders", &limits,
				 archived ? &archive : NULL, &shelf.store, &rig.err),
		0);
}

static inline void attach(void)
{
	const struct applier_source source = {
		.ring = {.bytes = shelf.ring, .slot_len = SLOT_LEN, .mask = SLOTS - 1},
		.commit = &shelf.commit,
		.oldest = &shelf.oldest};

	answers_attach(shelf.store, &source);
}

static inline void begin(void)
{
	answers_begin_with(MEMORY, false);
	attach();
}

static inline int ask_rc(const char *key, uint64_t upto, uint64_t wait_ns)
{
	const struct kv_operation get = {.kind = KV_GET, .key = {key, strlen(key)}};
	unsigned char bytes[256];
	const struct answers_question question = {.number = ++shelf.numbers,
		.upto = upto,
		.deadline_ns = clock_now_ns() + wait_ns,
		.bytes = bytes,
		.len = (uint32_t)kv_command_encode(&get, 0, bytes, sizeof(bytes))};

	return answers_ask(shelf.store, &question, &rig.err);
}

static inline struct answer *await(void)
{
	uint64_t deadline = clock_now_ns() + WAIT_NS;

	free(shelf.answer);
	while ((shelf.answer = answers_take(shelf.answers)) == NULL) {
		assert_true(clock_now_ns() < deadline);
		(void)poll(NULL, 0, 1);
	}
	return shelf.answer;
}

static inline struct answer *ask(const char *key, uint64_t upto)
{
	assert_int_equal(ask_rc(key, upto, WAIT_NS), 0);
	(void)await();
	assert_int_equal(shelf.answer->number, shelf.numbers);
	return shelf.answer;
}

/* NULL: there is no such key. */
static inline void has(const char *key, const char *value)
{
	const struct answer *answer = ask(key, shelf.commit);
	struct kv_reply reply;

	if (answer->code)
		fail_msg("%s", (const char *)answer->bytes);
	assert_true(answer->position >= shelf.commit);
	assert_true(kv_reply_decode(answer->bytes, answer->len, &reply));
	assert_int_equal(reply.status, value ? KV_OK : KV_ABSENT);
	if (!value)
		return;
	assert_int_equal(reply.value.len, strlen(value));
	assert_memory_equal(reply.value.bytes, value, reply.value.len);
}

static inline void is_refused(const char *key, int code, const char *why)
{
	const struct answer *answer = ask(key, shelf.commit);

	assert_int_equal(answer->code, code);
	if (!strstr((const char *)answer->bytes, why))
		fail_msg("'%s' does not say '%s'", (const char *)answer->bytes, why);
}

static inline int shelf_set_up(void **state)
{
	if (rig_set_up(state))
		return -1;
	memset(&shelf, 0, sizeof(shelf));
	shelf.oldest = 1;
	shelf.ring = aligned_alloc(64, (size_t)SLOTS * SLOT_LEN);
	return shelf.ring ? 0 : -1;
}

static inline int shelf_tear_down(void **state)
{
	answers_detach(shelf.store);
	answers_free(shelf.answers, WAIT_NS);
	free(shelf.answer);
	free(shelf.ring);
	return rig_tear_down(state);
}

#define SHELF_STORY(story) \
	cmocka_unit_test_setup_teardown(story, shelf_set_up, shelf_tear_down)

#endif
