/*
 * Storages that are applied beside a log of the test's own: from the first position on, out of log
 * and archive, and asked meanwhile.
 */
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

static void on_news(void *context)
{
	(void)context;
	atomic_fetch_add(&news, 1);
}

/* ---- The log ---- */

static void slot_put(uint8_t flags, const void *payload, size_t len)
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

static void commit(void)
{
	word_store(&shelf.commit, shelf.end);
}

/* As many slots as it takes. */
static void message_put(const void *bytes, size_t len)
{
	const unsigned char *from = bytes;
	size_t room = SLOT_LEN - STREAM_SLOT_HEADER;
	uint8_t flags = STREAM_FIRST;

	shelf.id++;
	for (; len > room; len -= room, from += room, flags = 0)
		slot_put(flags, from, room);
	slot_put(flags | STREAM_LAST, from, len);
}

static void void_put(void)
{
	slot_put(STREAM_VOID, "", 0);
}

static void operation_put(const struct kv_operation *operation)
{
	unsigned char bytes[4096];
	size_t len = kv_command_encode(operation, 0, bytes, sizeof(bytes));

	assert_true(len > 0);
	message_put(bytes, len);
}

static void found(void)
{
	unsigned char bytes[KV_LIMITS_LEN];
	const struct kv_operation operation = {
		.kind = KV_FOUND, .value = {bytes, sizeof(bytes)}};

	kv_limits_encode(&store_limits, bytes);
	operation_put(&operation);
}

static void put(const char *key, const char *value)
{
	const struct kv_operation operation = {.kind = KV_PUT,
		.key = {key, strlen(key)},
		.value = {value, strlen(value)}};

	operation_put(&operation);
}

/* ---- The answers ---- */

static void answers_begin_with(uint64_t memory, bool archived)
{
	const struct answers_config config = {.memory_max = memory, .news = on_news};
	const struct keeper_place archive = {
		.path = rig.path, .identity = rig.config.identity, .files = &rig_files};

	assert_int_equal(answers_make(&config, &shelf.answers, &rig.err), 0);
	assert_int_equal(answers_store_make(shelf.answers, "orders", &limits,
				 archived ? &archive : NULL, &shelf.store, &rig.err),
		0);
}

static void attach(void)
{
	const struct applier_source source = {
		.ring = {.bytes = shelf.ring, .slot_len = SLOT_LEN, .mask = SLOTS - 1},
		.commit = &shelf.commit,
		.oldest = &shelf.oldest};

	answers_attach(shelf.store, &source);
}

static void begin(void)
{
	answers_begin_with(MEMORY, false);
	attach();
}

static int ask_rc(const char *key, uint64_t upto, uint64_t wait_ns)
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

static struct answer *await(void)
{
	uint64_t deadline = clock_now_ns() + WAIT_NS;

	free(shelf.answer);
	while ((shelf.answer = answers_take(shelf.answers)) == NULL) {
		assert_true(clock_now_ns() < deadline);
		(void)poll(NULL, 0, 1);
	}
	return shelf.answer;
}

static struct answer *ask(const char *key, uint64_t upto)
{
	assert_int_equal(ask_rc(key, upto, WAIT_NS), 0);
	(void)await();
	assert_int_equal(shelf.answer->number, shelf.numbers);
	return shelf.answer;
}

/* NULL: there is no such key. */
static void has(const char *key, const char *value)
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

static void is_refused(const char *key, int code, const char *why)
{
	const struct answer *answer = ask(key, shelf.commit);

	assert_int_equal(answer->code, code);
	if (!strstr((const char *)answer->bytes, why))
		fail_msg("'%s' does not say '%s'", (const char *)answer->bytes, why);
}

static int set_up(void **state)
{
	if (rig_set_up(state))
		return -1;
	memset(&shelf, 0, sizeof(shelf));
	shelf.oldest = 1;
	shelf.ring = aligned_alloc(64, (size_t)SLOTS * SLOT_LEN);
	return shelf.ring ? 0 : -1;
}

static int tear_down(void **state)
{
	answers_detach(shelf.store);
	answers_free(shelf.answers, WAIT_NS);
	free(shelf.answer);
	free(shelf.ring);
	return rig_tear_down(state);
}

/* ---- The stories ---- */

static void a_question_is_answered_from_all_that_was_committed(void **state)
{
	struct answers_status status;

	(void)state;
	begin();
	found();
	put("a", "1");
	commit();
	has("a", "1");
	has("b", NULL);
	for (int i = 0; i < 200; i++) {
		char value[16];

		(void)snprintf(value, sizeof(value), "%d", i);
		put("a", value);
		if (i % 7 == 0)
			void_put();
		commit();
		has("a", value);
	}
	answers_status(shelf.store, &status);
	assert_int_equal(status.answered, 202);
	assert_int_equal(status.refused, 0);
	assert_int_equal(status.applied, shelf.commit);
	assert_true(atomic_load(&news) > 0);
}

static void what_is_not_committed_is_not_seen(void **state)
{
	(void)state;
	begin();
	found();
	put("a", "1");
	commit();
	put("a", "2");
	has("a", "1");
	commit();
	has("a", "2");
}

static void an_answer_waits_for_what_its_question_wants(void **state)
{
	(void)state;
	begin();
	found();
	put("a", "1");
	commit();
	assert_int_equal(ask_rc("a", shelf.commit + 1, WAIT_NS), 0);
	(void)poll(NULL, 0, 30);
	assert_null(answers_take(shelf.answers));
	put("a", "2");
	commit();
	assert_int_equal(await()->code, 0);
	assert_true(shelf.answer->position >= shelf.commit);
}

static void nobody_is_kept_waiting_beyond_the_deadline(void **state)
{
	(void)state;
	begin();
	found();
	commit();
	assert_int_equal(ask_rc("a", shelf.commit + 1, SOON_NS), 0);
	assert_int_equal(await()->code, -EAGAIN);
	has("a", NULL);
}

static void messages_of_many_slots_are_applied_whole(void **state)
{
	char value[1000];

	(void)state;
	begin();
	found();
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	put("long", value);
	put("short", "1");
	commit();
	has("long", value);
	has("short", "1");
}

/* Nothing before the founding counts, and what is too long for a command changes nothing. */
static void what_is_no_command_changes_nothing(void **state)
{
	static char noise[6000];

	(void)state;
	begin();
	put("a", "early");
	message_put(noise, sizeof(noise));
	found();
	message_put("", 0);
	message_put("noise", 5);
	message_put(noise, sizeof(noise));
	commit();
	has("a", NULL);
	put("a", "1");
	commit();
	has("a", "1");
}

static void a_stream_that_nobody_founded_is_no_storage(void **state)
{
	(void)state;
	begin();
	message_put("hello", 5);
	commit();
	is_refused("a", -ENOTSUP, "is no storage");
	found();
	put("a", "1");
	commit();
	has("a", "1");
}

static void a_log_that_has_lapped_it_is_no_begin(void **state)
{
	(void)state;
	begin();
	found();
	for (int i = 0; i < SLOTS; i++)
		put("a", "1");
	commit();
	is_refused("a", -ENOTSUP, "neither in the log nor in an archive");
}

static void what_the_log_has_no_more_comes_out_of_the_archive(void **state)
{
	(void)state;
	rig_open();
	answers_begin_with(MEMORY, true);
	found();
	put("first", "1");
	for (int i = 0; i < 5 * SLOTS; i++) {
		put("a", "old");
		if (i % 5 == 0)
			void_put();
	}
	put("a", "new");
	commit();
	attach();
	has("first", "1");
	has("a", "new");
	for (int i = 0; i < 3 * SLOTS; i++)
		put("b", "2");
	commit();
	has("b", "2");
	has("first", "1");
}

/* Its files begin later, so nobody can know what the storage was before. */
static void an_archive_that_begins_later_is_no_begin(void **state)
{
	(void)state;
	found();
	put("a", "1");
	rig_open();
	assert_int_equal(archive_skip(rig.archive, shelf.end + 1, NULL, &rig.err), 0);
	for (int i = 0; i < 2 * SLOTS; i++)
		put("a", "2");
	commit();
	answers_begin_with(MEMORY, true);
	attach();
	is_refused("a", -ENOTSUP, "positions 1 to");
}

static void the_log_of_the_next_epoch_goes_on(void **state)
{
	unsigned char *former = shelf.ring;

	(void)state;
	begin();
	found();
	put("a", "1");
	commit();
	has("a", "1");
	answers_detach(shelf.store);
	assert_int_equal(ask_rc("a", shelf.commit + 1, SOON_NS), 0);
	assert_int_equal(await()->code, -EAGAIN);
	shelf.ring = aligned_alloc(64, (size_t)SLOTS * SLOT_LEN);
	assert_non_null(shelf.ring);
	memcpy(shelf.ring, former, (size_t)SLOTS * SLOT_LEN);
	memset(former, 0xa5, (size_t)SLOTS * SLOT_LEN);
	free(former);
	attach();
	put("a", "2");
	commit();
	has("a", "2");
}

static void a_storage_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	answers_begin_with(200000, false);
	attach();
	found();
	commit();
	is_refused("a", -ENOTSUP, "raise tail-memory");
}

static void without_memory_nothing_is_asked(void **state)
{
	(void)state;
	answers_begin_with(0, false);
	attach();
	assert_int_equal(ask_rc("a", 0, WAIT_NS), -ENOTSUP);
	rig_expect_text("set tail-memory");
}

static void there_is_an_end_to_those_who_wait(void **state)
{
	(void)state;
	begin();
	found();
	commit();
	for (int i = 0; i < ANSWERS_WAITING_MAX; i++)
		assert_int_equal(ask_rc("a", shelf.commit + 1, WAIT_NS), 0);
	assert_int_equal(ask_rc("a", shelf.commit + 1, WAIT_NS), -EAGAIN);
	rig_expect_text("waiting here already");
	put("a", "1");
	commit();
	for (uint64_t i = 1; i <= ANSWERS_WAITING_MAX; i++) {
		assert_int_equal(await()->code, 0);
		assert_int_equal(shelf.answer->number, i);
	}
	has("a", "1");
}

static void what_nobody_waits_for_any_more_is_freed(void **state)
{
	(void)state;
	begin();
	found();
	commit();
	assert_int_equal(ask_rc("a", shelf.commit, WAIT_NS), 0);
	assert_int_equal(ask_rc("a", shelf.commit + 1, WAIT_NS), 0);
}

/* A machine that was given up begins anew, with everything. */
static void what_was_dropped_begins_again(void **state)
{
	struct applier_room room = {.max = MEMORY};
	const struct applier_config config = {
		.stream = "orders", .limits = &limits, .room = &room};
	const struct applier_source source = {
		.ring = {.bytes = shelf.ring, .slot_len = SLOT_LEN, .mask = SLOTS - 1},
		.commit = &shelf.commit,
		.oldest = &shelf.oldest};
	struct applier *applier = applier_make(&config);
	bool moved = true;

	(void)state;
	begin(); /* for the end of the test */
	assert_non_null(applier);
	found();
	put("a", "1");
	commit();
	applier_attach(applier, &source);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(applier_step(applier, &moved, &rig.err), 0);
		assert_int_equal(applier_consumed(applier), shelf.commit);
		assert_true(room.taken > 0);
		applier_drop(applier);
		assert_int_equal(room.taken, 0);
		assert_int_equal(applier_consumed(applier), 0);
	}
	applier_free(applier);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_question_is_answered_from_all_that_was_committed),
		STORY(what_is_not_committed_is_not_seen),
		STORY(an_answer_waits_for_what_its_question_wants),
		STORY(nobody_is_kept_waiting_beyond_the_deadline),
		STORY(messages_of_many_slots_are_applied_whole),
		STORY(what_is_no_command_changes_nothing),
		STORY(a_stream_that_nobody_founded_is_no_storage),
		STORY(a_log_that_has_lapped_it_is_no_begin),
		STORY(what_the_log_has_no_more_comes_out_of_the_archive),
		STORY(an_archive_that_begins_later_is_no_begin),
		STORY(the_log_of_the_next_epoch_goes_on),
		STORY(a_storage_that_does_not_fit_is_refused),
		STORY(without_memory_nothing_is_asked),
		STORY(there_is_an_end_to_those_who_wait),
		STORY(what_nobody_waits_for_any_more_is_freed),
		STORY(what_was_dropped_begins_again),
	};

	return cmocka_run_group_tests_name("stream answers", tests, NULL, NULL);
}
