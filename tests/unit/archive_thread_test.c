/*
 * The archiver beside a log: it archives what is committed, sleeps when there is nothing, is
 * lapped without stopping, and ends in time.
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/archive/archiver.h"
#include "tests/unit/archive_rig.h"

#define SLOTS 256
#define WAIT_NS (20000 * NS_PER_MS)

/* A log of this test: a ring, and the two words. */
static struct {
	unsigned char *ring;
	uint64_t commit;
	uint64_t oldest;
} ring_log;

static struct archiver *archiver;
static atomic_bool disk_stuck;
static atomic_bool disk_reached;

/* The disk does not answer while it is stuck. */
static void stuck_here(void)
{
	if (!atomic_load(&disk_stuck))
		return;
	atomic_store(&disk_reached, true);
	while (atomic_load(&disk_stuck))
		(void)poll(NULL, 0, 1);
}

static void word_store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* As a log does it: the oldest moves before its slot is overwritten, the commit point last. */
static void log_append(uint64_t first, uint64_t last)
{
	static unsigned char slot[STREAM_SLOT_LEN_MAX] __attribute__((aligned(64)));
	uint32_t len = rig.config.identity.slot_len;

	for (uint64_t p = first; p <= last; p++) {
		struct stream_slot taken;

		if (p > SLOTS - 1 && p - SLOTS + 1 > ring_log.oldest)
			word_store(&ring_log.oldest, p - SLOTS + 1);
		rig_slot(slot, len, p);
		assert_true(stream_slot_take(
			ring_log.ring + p % SLOTS * len, slot, len, p, 0, &taken));
	}
	word_store(&ring_log.commit, last);
	archiver_wake(archiver);
}

static void attach(void)
{
	struct archiver_source source = {.ring = {.bytes = ring_log.ring,
						 .slot_len = rig.config.identity.slot_len,
						 .mask = SLOTS - 1},
		.commit = &ring_log.commit,
		.oldest = &ring_log.oldest,
		.begin = ring_log.oldest};

	archiver_attach(archiver, &source);
}

static void begin(void)
{
	rig_open();
	assert_int_equal(archiver_start(rig.archive, &archiver, &rig.err), 0);
	attach();
}

static void wait_for(uint64_t position)
{
	uint64_t deadline = clock_now_ns() + WAIT_NS;

	while (archiver_consumed(archiver) < position) {
		assert_true(clock_now_ns() < deadline);
		(void)poll(NULL, 0, 1);
	}
}

static void stop(void)
{
	if (archiver_stop(archiver, WAIT_NS, &rig.err))
		fail_msg("%s", rig.err.text);
}

static int set_up(void **state)
{
	memset(&ring_log, 0, sizeof(ring_log));
	ring_log.oldest = 1;
	ring_log.ring = aligned_alloc(64, SLOTS * STREAM_SLOT_LEN_MAX);
	memset(ring_log.ring, 0, SLOTS * STREAM_SLOT_LEN_MAX);
	atomic_store(&disk_stuck, false);
	atomic_store(&disk_reached, false);
	return ring_log.ring ? rig_set_up(state) : -1;
}

static int tear_down(void **state)
{
	free(ring_log.ring);
	return rig_tear_down(state);
}

static void what_is_committed_is_archived(void **state)
{
	(void)state;
	begin();
	for (uint64_t p = 1; p < 5000; p += 50) {
		log_append(p, p + 49);
		wait_for(p + 49); /* as a log does whose archive is required */
	}
	stop();
	rig_expect_all(1, 5000);
}

static void what_is_not_committed_is_not_archived(void **state)
{
	(void)state;
	begin();
	log_append(1, 20);
	wait_for(20);
	archiver_detach(archiver);
	log_append(21, 60);
	word_store(&ring_log.commit, 50); /* before anybody looks */
	attach();
	wait_for(50);
	(void)poll(NULL, 0, 20);
	assert_int_equal(archiver_consumed(archiver), 50);
	stop();
	rig_expect_all(1, 50);
}

static uint64_t rounds(void)
{
	struct archiver_status status;

	archiver_status(archiver, &status);
	return status.rounds;
}

static void it_sleeps_when_there_is_nothing_and_wakes_at_once(void **state)
{
	uint64_t before, began, slowest = 0;

	(void)state;
	begin();
	log_append(1, 10);
	wait_for(10);
	(void)poll(NULL, 0, 50);
	before = rounds();
	(void)poll(NULL, 0, 300);
	assert_true(rounds() - before <= 2);
	/* By itself it would look once in a second. */
	for (uint64_t p = 11; p <= 30; p++) {
		began = clock_now_ns();
		log_append(p, p);
		wait_for(p);
		if (clock_now_ns() - began > slowest)
			slowest = clock_now_ns() - began;
		(void)poll(NULL, 0, 2);
	}
	assert_true(slowest < 800 * NS_PER_MS);
	stop();
}

static void missed(struct archiver_status *status_p)
{
	uint64_t deadline = clock_now_ns() + WAIT_NS;

	do {
		assert_true(clock_now_ns() < deadline);
		archiver_status(archiver, status_p);
		(void)poll(NULL, 0, 1);
	} while (status_p->missing_count == 0);
}

static void a_lapped_archiver_goes_on_behind_what_it_missed(void **state)
{
	struct archiver_status status;
	struct archive_cursor *cursor;

	(void)state;
	rig_disk.on_write = stuck_here;
	begin();
	log_append(1, 10);
	wait_for(10);
	atomic_store(&disk_stuck, true);
	log_append(11, 20);
	while (!atomic_load(&disk_reached))
		(void)poll(NULL, 0, 1);
	/* It has 11 to 20 in hand. */
	log_append(21, 1000);
	atomic_store(&disk_stuck, false);
	missed(&status);
	wait_for(1000);
	assert_int_equal(status.missing_first, 21);
	assert_int_equal(status.missing_last, 1000 - SLOTS);
	assert_int_equal(status.missing_count, 1000 - SLOTS - 20);
	stop();
	cursor = rig_cursor(1);
	rig_expect_slots(cursor, 1, 20);
	rig_expect(cursor, ARCHIVE_MISSING, 21, 1000 - SLOTS);
	rig_expect_slots(cursor, 1001 - SLOTS, 1000);
	archive_cursor_close(cursor);
}

/* As after the loss of all memory: nothing was overwritten, and the archive goes on. */
static void a_log_that_begins_behind_a_jump_has_lost_nothing(void **state)
{
	const uint64_t behind = (UINT64_C(1) << 32) + 1;
	struct archiver_status status;
	struct archive_cursor *cursor;

	(void)state;
	begin();
	log_append(1, 10);
	wait_for(10);
	archiver_detach(archiver);
	word_store(&ring_log.oldest, behind);
	attach();
	log_append(behind, behind + 9);
	wait_for(behind + 9);
	archiver_status(archiver, &status);
	assert_int_equal(status.missing_count, 0);
	stop();
	cursor = rig_cursor(1);
	rig_expect_slots(cursor, 1, 10);
	rig_expect(cursor, ARCHIVE_MISSING, 11, behind - 1);
	rig_expect_slots(cursor, behind, behind + 9);
	archive_cursor_close(cursor);
}

static void an_archive_that_is_new_begins_with_what_the_log_has(void **state)
{
	struct archiver_status status;

	(void)state;
	rig_open();
	assert_int_equal(archiver_start(rig.archive, &archiver, &rig.err), 0);
	log_append(1, 900);
	attach();
	wait_for(900);
	archiver_status(archiver, &status);
	assert_int_equal(status.missing_count, 0);
	stop();
	assert_int_equal(archive_oldest(rig.archive), 901 - SLOTS);
	rig_expect_all(901 - SLOTS, 900);
}

static void alarm_wait(int expected, struct archiver_status *status_p)
{
	uint64_t deadline = clock_now_ns() + WAIT_NS;

	do {
		assert_true(clock_now_ns() < deadline);
		archiver_status(archiver, status_p);
		(void)poll(NULL, 0, 1);
	} while (status_p->alarm != expected);
}

/* What the disk below says; the thread asks, the test changes it. */
static atomic_int disk_rc;

static int failing_write(int fd, const void *bytes, size_t len, uint64_t offset)
{
	int rc = atomic_load(&disk_rc);

	return rc ? rc : archive_files_system.write(fd, bytes, len, offset);
}

static struct archive_files failing_files(void)
{
	struct archive_files files = archive_files_system;

	files.write = failing_write;
	return files;
}

static void a_full_disk_is_an_alarm_and_ends_by_itself(void **state)
{
	struct archive_files files = failing_files();
	struct archiver_status status;

	(void)state;
	rig.config.files = &files;
	begin();
	log_append(1, 10);
	wait_for(10);
	atomic_store(&disk_rc, -ENOSPC);
	log_append(11, 20);
	alarm_wait(-ENOSPC, &status);
	rig.err = status.err;
	rig_expect_text("goes on by itself");
	assert_int_equal(archiver_consumed(archiver), 10);
	atomic_store(&disk_rc, 0);
	wait_for(20); /* nobody wakes it */
	alarm_wait(0, &status);
	stop();
	rig_expect_all(1, 20);
}

static void stopping_with_a_full_disk_says_so(void **state)
{
	struct archive_files files = failing_files();

	(void)state;
	rig.config.files = &files;
	begin();
	log_append(1, 10);
	wait_for(10);
	atomic_store(&disk_rc, -ENOSPC);
	log_append(11, 20);
	assert_int_equal(archiver_stop(archiver, WAIT_NS, &rig.err), -ENOSPC);
	rig_expect_text("goes on by itself");
	atomic_store(&disk_rc, 0);
	rig_expect_all(1, 10);
}

static void stopping_has_a_deadline(void **state)
{
	uint64_t began;

	(void)state;
	rig_disk.on_write = stuck_here;
	begin();
	log_append(1, 10);
	wait_for(10);
	atomic_store(&disk_stuck, true);
	log_append(11, 20);
	began = clock_now_ns();
	assert_int_equal(archiver_stop(archiver, 50 * NS_PER_MS, &rig.err), -ETIMEDOUT);
	assert_true(clock_now_ns() - began < WAIT_NS);
	rig_expect_text("after 50 ms");
	atomic_store(&disk_stuck, false);
	stop();
	rig_expect_all(1, 20);
}

/* In several rounds: so long are the slots. */
static void stopping_archives_all_that_is_committed(void **state)
{
	(void)state;
	rig.config.identity.slot_len = STREAM_SLOT_LEN_MAX;
	rig_disk.on_write = stuck_here;
	rig_open();
	assert_int_equal(archiver_start(rig.archive, &archiver, &rig.err), 0);
	log_append(1, 200);
	atomic_store(&disk_stuck, true);
	attach();
	while (!atomic_load(&disk_reached))
		(void)poll(NULL, 0, 1);
	assert_int_equal(archiver_stop(archiver, NS_PER_MS, &rig.err), -ETIMEDOUT);
	atomic_store(&disk_stuck, false);
	stop();
	rig_expect_all(1, 200);
}

static void stopping_archives_what_is_committed_and_syncs(void **state)
{
	(void)state;
	rig.config.sync = ARCHIVE_SYNC_INTERVAL;
	rig.config.sync_interval_ns = UINT64_C(1) << 60;
	begin();
	log_append(1, 200);
	stop();
	assert_int_equal(archive_last(rig.archive), 200);
	assert_int_equal(archive_synced(rig.archive), 200);
	rig_expect_all(1, 200);
}

/* The interval is over, though nothing comes any more. */
static void what_is_idle_is_synced_too(void **state)
{
	struct archive_files files = archive_files_system;
	uint64_t began, deadline = clock_now_ns() + WAIT_NS;
	struct archiver_status status;

	(void)state;
	rig.config.files = &files;
	rig.config.sync = ARCHIVE_SYNC_INTERVAL;
	rig.config.sync_interval_ns = 20 * NS_PER_MS;
	begin();
	log_append(1, 10);
	wait_for(10);
	began = clock_now_ns();
	do {
		assert_true(clock_now_ns() < deadline);
		archiver_status(archiver, &status);
		(void)poll(NULL, 0, 1);
	} while (status.synced < 10);
	/* By itself it would look once in a second. */
	assert_true(clock_now_ns() - began < 800 * NS_PER_MS);
	stop();
}

/* A failed sync takes back what was archived; the log still has it. */
static void a_failed_sync_is_archived_again(void **state)
{
	struct archiver_status status;

	(void)state;
	rig.config.sync = ARCHIVE_SYNC_ALWAYS;
	begin();
	log_append(1, 100);
	wait_for(100);
	stop();
	rig_disk.sync_rc = -EIO;
	assert_int_equal(archiver_start(rig.archive, &archiver, &rig.err), 0);
	attach();
	log_append(101, 150);
	alarm_wait(-EIO, &status);
	assert_int_equal(status.consumed, 100);
	assert_int_equal(archiver_stop(archiver, WAIT_NS, &rig.err), -EIO);
	rig_disk.sync_rc = 0;
	assert_int_equal(archiver_start(rig.archive, &archiver, &rig.err), 0);
	attach();
	wait_for(150);
	stop();
	rig_expect_all(1, 150);
}

/* An epoch ends: its words go away, and the log goes on with others. */
static void another_epoch_is_another_source(void **state)
{
	uint64_t other_commit = 0;
	struct archiver_source source;

	(void)state;
	begin();
	log_append(1, 100);
	wait_for(100);
	archiver_detach(archiver);
	log_append(101, 120);
	(void)poll(NULL, 0, 20);
	assert_int_equal(archiver_consumed(archiver), 100);
	other_commit = 110;
	source = (struct archiver_source){
		.ring = {.bytes = ring_log.ring,
			.slot_len = rig.config.identity.slot_len,
			.mask = SLOTS - 1},
		.commit = &other_commit,
		.oldest = &ring_log.oldest};
	archiver_attach(archiver, &source);
	wait_for(110);
	stop();
	rig_expect_all(1, 110);
}

static void a_damaged_log_is_an_alarm(void **state)
{
	struct archiver_status status;

	(void)state;
	rig_open();
	assert_int_equal(archiver_start(rig.archive, &archiver, &rig.err), 0);
	log_append(1, 20);
	ring_log.ring[11 * 256 + 50] ^= 1;
	attach();
	alarm_wait(-EBADMSG, &status);
	rig.err = status.err;
	rig_expect_text("position 11 in the log is damaged");
	assert_int_equal(status.consumed, 10);
	log_append(21, 300);
	wait_for(300);
	archiver_status(archiver, &status);
	assert_int_equal(status.missing_first, 11);
	stop();
}

#define THREAD_STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		THREAD_STORY(what_is_committed_is_archived),
		THREAD_STORY(what_is_not_committed_is_not_archived),
		THREAD_STORY(it_sleeps_when_there_is_nothing_and_wakes_at_once),
		THREAD_STORY(a_lapped_archiver_goes_on_behind_what_it_missed),
		THREAD_STORY(a_log_that_begins_behind_a_jump_has_lost_nothing),
		THREAD_STORY(an_archive_that_is_new_begins_with_what_the_log_has),
		THREAD_STORY(a_full_disk_is_an_alarm_and_ends_by_itself),
		THREAD_STORY(stopping_with_a_full_disk_says_so),
		THREAD_STORY(stopping_has_a_deadline),
		THREAD_STORY(stopping_archives_all_that_is_committed),
		THREAD_STORY(stopping_archives_what_is_committed_and_syncs),
		THREAD_STORY(what_is_idle_is_synced_too),
		THREAD_STORY(a_failed_sync_is_archived_again),
		THREAD_STORY(another_epoch_is_another_source),
		THREAD_STORY(a_damaged_log_is_an_alarm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
