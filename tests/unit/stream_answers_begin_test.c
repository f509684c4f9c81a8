/* Where a storage that is read at the tail begins, and how it goes on. */
#include "sequencer/archive/snapshots.h"
#include "sequencer/core/crc32c.h"
#include "tests/unit/answers_rig.h"

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

/* A machine of the test's own that has the limits and one key. */
static struct kv *kv_of(const char *key, const char *value, uint64_t position)
{
	unsigned char bytes[256], encoded[KV_LIMITS_LEN];
	const struct kv_operation founds = {
		.kind = KV_FOUND, .value = {encoded, sizeof(encoded)}};
	const struct kv_operation puts = {.kind = KV_PUT,
		.key = {key, strlen(key)},
		.value = {value, strlen(value)}};
	struct machine_result unused;
	uint64_t len = 0;
	struct kv *kv;

	assert_true(kv_memory_len(&store_limits, &len));
	kv = kv_create(
		&store_limits, aligned_alloc(64, (len + 63) / 64 * 64), NULL, NULL);
	kv_limits_encode(&store_limits, encoded);
	kv_apply(kv, position - 1, bytes,
		kv_command_encode(&founds, 0, bytes, sizeof(bytes)), &unused);
	kv_apply(kv, position, bytes, kv_command_encode(&puts, 0, bytes, sizeof(bytes)),
		&unused);
	return kv;
}

/* As the replica's own thread keeps one. */
static void snapshot_keep(const char *key, const char *value, uint64_t position)
{
	struct snapshot_id id = {.position = position};
	unsigned char bytes[4096];
	struct machine_piece piece;
	struct snapshots snapshots;
	struct kv *kv = kv_of(key, value, position);
	unsigned int passed;
	uint64_t upto;

	kv_snapshot_begin(kv);
	while (kv_snapshot_next(kv, &piece)) {
		assert_true(id.len + piece.len <= sizeof(bytes));
		memcpy(bytes + id.len, piece.bytes, piece.len);
		id.len += piece.len;
	}
	free(kv);
	id.crc = crc32c_update(0, bytes, id.len);
	assert_int_equal(snapshots_open(&snapshots, rig.path, &rig.config.identity,
				 1 << 20, &rig_files, &passed, &rig.err),
		0);
	assert_int_equal(
		snapshots_put(&snapshots, &id, 0, bytes, id.len, &upto, &rig.err), 0);
	assert_int_equal(upto, id.len);
	snapshots_close(&snapshots);
}

/* What came before it is nowhere any more, and is in the snapshot. */
static void it_begins_behind_a_snapshot(void **state)
{
	(void)state;
	found();
	put("a", "1");
	rig_open();
	snapshot_keep("a", "1", shelf.end);
	assert_int_equal(archive_skip(rig.archive, shelf.end + 1, NULL, &rig.err), 0);
	for (int i = 0; i < 2 * SLOTS; i++)
		put("b", "2");
	commit();
	answers_begin_with(MEMORY, true);
	attach();
	has("a", "1");
	has("b", "2");
	put("a", "3");
	commit();
	has("a", "3");
}

/* The newest one is of something else, and the one before it is taken. */
static void a_snapshot_that_is_none_is_passed_over(void **state)
{
	struct snapshot_id id = {.position = 4, .len = 5};
	struct snapshots snapshots;
	unsigned int passed;
	uint64_t upto;

	(void)state;
	rig_open();
	found();
	put("a", "1");
	snapshot_keep("a", "1", shelf.end);
	put("a", "2");
	put("a", "3");
	id.crc = crc32c_update(0, "other", 5);
	assert_int_equal(snapshots_open(&snapshots, rig.path, &rig.config.identity,
				 1 << 20, &rig_files, &passed, &rig.err),
		0);
	assert_int_equal(
		snapshots_put(&snapshots, &id, 0, "other", 5, &upto, &rig.err), 0);
	snapshots_close(&snapshots);
	commit();
	answers_begin_with(MEMORY, true);
	attach();
	has("a", "3");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELF_STORY(a_log_that_has_lapped_it_is_no_begin),
		SHELF_STORY(what_the_log_has_no_more_comes_out_of_the_archive),
		SHELF_STORY(an_archive_that_begins_later_is_no_begin),
		SHELF_STORY(it_begins_behind_a_snapshot),
		SHELF_STORY(a_snapshot_that_is_none_is_passed_over),
		SHELF_STORY(the_log_of_the_next_epoch_goes_on),
		SHELF_STORY(what_was_dropped_begins_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
