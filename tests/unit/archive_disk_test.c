/*
 * Disks that are full, slow to remember, or broken: nothing half-written counts, one line says
 * what to do, and it goes on by itself.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sequencer/archive/segment_format.h"
#include "tests/unit/archive_rig.h"

static void expect_alarm(int status, const char *part)
{
	const struct archive_alarm *alarm = archive_alarm(rig.archive);

	assert_int_equal(alarm->status, status);
	assert_string_equal(alarm->err.text, rig.err.text);
	rig_expect_text(part);
	rig_expect_text(rig.path);
}

/*
 * All that counts is there.  The record behind it may be there as well, if it was only the
 * state that could not be told; nothing else.
 */
static void expect_readable(uint64_t last)
{
	struct archive_cursor *cursor = rig_cursor(1);
	struct archive_item item;

	rig_expect_slots(cursor, 1, last);
	rig_next(cursor, &item);
	if (item.kind == ARCHIVE_SLOT)
		rig_next(cursor, &item);
	assert_int_equal(item.kind, ARCHIVE_NOT_YET);
	assert_in_range(item.first, last + 1, last + 2);
	archive_cursor_close(cursor);
}

/* The disk is full after any number of bytes of a write; then there is room again. */
static void a_full_disk_stops_and_goes_on(void **state)
{
	uint64_t last = 0;

	(void)state;
	rig_open();
	for (uint64_t room = 0; room < 400; room++) {
		rig_disk.room = room;
		while (rig_append_rc(last + 1) == 0)
			last++;
		expect_alarm(-ENOSPC, "goes on by itself");
		assert_true(archive_alarm(rig.archive)->since_ns == 1);
		assert_int_equal(archive_last(rig.archive), last);
		assert_int_equal(rig_append_rc(last + 1), -ENOSPC);
		assert_int_equal(archive_alarm(rig.archive)->failures, 2);
		if (last > 0)
			expect_readable(last);
		rig_disk.room = UINT64_MAX;
		rig_append(last + 1, last + 1, 1);
		last++;
		assert_int_equal(archive_alarm(rig.archive)->status, 0);
	}
	rig_expect_all(1, last);
}

/* A process that ends while the disk is full leaves nothing that is taken for a record. */
static void a_full_disk_and_a_crash(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (uint64_t room = 1; room < 300; room += 3) {
		rig_open();
		assert_in_range(archive_last(rig.archive), last, last + 1);
		last = archive_last(rig.archive);
		rig_disk.room = UINT64_MAX;
		rig_append(last + 1, last + 3, 1);
		last += 3;
		rig_disk.room = room;
		while (rig_append_rc(last + 1) == 0)
			last++;
		rig_disk.room = UINT64_MAX;
		rig_abandon();
	}
	rig_open();
	rig_expect_all(1, archive_last(rig.archive));
}

static void a_segment_that_can_not_be_made_leaves_nothing(void **state)
{
	struct archive_cursor *cursor;
	char path[256];

	(void)state;
	rig_open();
	rig_append(1, 100, 10);
	/* A gap ends the segment; there is no room for the next one. */
	assert_int_equal(archive_skip(rig.archive, 111, NULL, &rig.err), 0);
	rig_disk.room = 0;
	assert_int_equal(rig_append_rc(111), -ENOSPC);
	rig_disk.room = SEGMENT_BLOCK_LEN / 2;
	assert_int_equal(rig_append_rc(111), -ENOSPC);
	(void)snprintf(path, sizeof(path), "%s/segment.new", rig.path);
	assert_int_equal(access(path, F_OK), -1);
	assert_false(rig_has_segment(111));
	assert_int_equal(archive_last(rig.archive), 100);
	/* It missed more meanwhile. */
	assert_int_equal(archive_skip(rig.archive, 121, NULL, &rig.err), 0);
	rig_disk.room = UINT64_MAX;
	rig_append(121, 130, 5);
	cursor = rig_cursor(100);
	rig_expect_slots(cursor, 100, 100);
	rig_expect(cursor, ARCHIVE_MISSING, 101, 120);
	rig_expect_slots(cursor, 121, 130);
	archive_cursor_close(cursor);
}

/* Whichever write fails, and goes well the next time. */
static void one_write_that_fails_loses_nothing(void **state)
{
	uint64_t last = 0;

	(void)state;
	rig_open();
	for (unsigned int n = 1; n <= 1500; n++) {
		unsigned int before = rig_disk.writes;
		int rc;

		rig_disk.fail_write = before + 1 + n % 4;
		rc = rig_append_rc(last + 1);
		if (rc) {
			assert_int_equal(rc, -EIO);
			assert_int_equal(archive_last(rig.archive), last);
			rig_append(last + 1, last + 1, 1);
		}
		last++;
	}
	rig_expect_all(1, last);
}

static void never_syncs_never(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 3000, 10);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	rig_close();
	rig_open();
	rig_append(3001, 3100, 10);
	rig_close();
	assert_int_equal(rig_disk.syncs, 0);
}

static void always_syncs_every_append(void **state)
{
	unsigned int before;

	(void)state;
	rig.config.sync = ARCHIVE_SYNC_ALWAYS;
	rig.config.sync_interval_ns = UINT64_C(1) << 60; /* does not count */
	rig_open();
	rig_append(1, 1, 1);
	/* The file and its name when it is made, and the record. */
	assert_int_equal(rig_disk.syncs, 3);
	for (uint64_t p = 2; p <= 50; p++) {
		before = rig_disk.syncs;
		rig_append(p, p, 1);
		assert_int_equal(rig_disk.syncs, before + 1);
		assert_int_equal(archive_synced(rig.archive), p);
	}
	before = rig_disk.syncs;
	rig_append(51, 110, 60);
	assert_int_equal(rig_disk.syncs, before + 1);
	rig_close();
	assert_int_equal(rig_disk.syncs, before + 1);
}

static void interval_syncs_when_it_is_due(void **state)
{
	unsigned int before;

	(void)state;
	rig.config.sync = ARCHIVE_SYNC_INTERVAL;
	rig.config.sync_interval_ns = 1000;
	rig_open();
	rig_append(1, 1, 1);
	before = rig_disk.syncs;
	assert_int_equal(archive_due_ns(rig.archive), 1001);
	rig_disk.now_ns = 1000;
	rig_append(2, 10, 1);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	assert_int_equal(rig_disk.syncs, before);
	rig_disk.now_ns = 1001;
	rig_append(11, 11, 1);
	assert_int_equal(rig_disk.syncs, before + 1);
	assert_int_equal(archive_synced(rig.archive), 11);
	/* What nothing follows is synced by the clock alone. */
	rig_append(12, 12, 1);
	rig_disk.now_ns = 5000;
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	assert_int_equal(archive_synced(rig.archive), 12);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	assert_int_equal(rig_disk.syncs, before + 2);
	assert_int_equal(archive_due_ns(rig.archive), 0);
}

/*
 * After a sync that failed the system may have dropped the bytes, and the next sync would say
 * that all is well: what was not synced is asked for again.
 */
static void a_failed_sync_goes_back_to_what_is_safe(void **state)
{
	(void)state;
	rig.config.sync = ARCHIVE_SYNC_INTERVAL;
	rig.config.sync_interval_ns = 1000;
	rig_open();
	rig_append(1, 30, 10);
	assert_int_equal(archive_sync_now(rig.archive, &rig.err), 0);
	rig_append(31, 40, 10);
	rig_disk.sync_rc = -EIO;
	rig_disk.now_ns = 10000;
	assert_int_equal(archive_tick(rig.archive, &rig.err), -EIO);
	expect_alarm(-EIO, "can not be synced");
	assert_int_equal(archive_next(rig.archive), 31);
	assert_int_equal(archive_last(rig.archive), 30);
	assert_int_equal(
		stream_table_id(archive_table(rig.archive), stream_publisher_name(1, 0)),
		30);
	assert_int_equal(rig_append_rc(41), -EINVAL);
	rig_expect_all(1, 30);
	rig_disk.sync_rc = 0;
	rig_append(31, 60, 10);
	assert_int_equal(archive_alarm(rig.archive)->status, 0);
	rig_expect_all(1, 60);
	rig_close();
	rig_open();
	assert_int_equal(archive_synced(rig.archive), 60);
}

static void with_always_an_append_that_is_not_synced_did_not_happen(void **state)
{
	(void)state;
	rig.config.sync = ARCHIVE_SYNC_ALWAYS;
	rig_open();
	rig_append(1, 30, 10);
	rig_disk.sync_rc = -EIO;
	assert_int_equal(rig_append_rc(31), -EIO);
	assert_int_equal(archive_next(rig.archive), 31);
	assert_int_equal(rig_append_rc(31), -EIO);
	rig_disk.sync_rc = 0;
	rig_append(31, 40, 1);
	rig_expect_all(1, 40);
}

/* It can not even be read back: the next append tries that first. */
static void a_disk_that_fails_altogether_comes_back(void **state)
{
	(void)state;
	rig.config.sync = ARCHIVE_SYNC_ALWAYS;
	rig_open();
	rig_append(1, 30, 10);
	rig_disk.sync_rc = -EIO;
	rig_disk.read_rc = -EIO;
	assert_int_equal(rig_append_rc(31), -EIO);
	assert_int_equal(archive_next(rig.archive), 31);
	rig_disk.sync_rc = 0;
	assert_int_equal(rig_append_rc(31), -EIO);
	expect_alarm(-EIO, "can not be read");
	rig_disk.read_rc = 0;
	rig_append(31, 40, 1);
	rig_expect_all(1, 40);
}

/* What it has in its window it delivers; then the file ends, and that is no damage. */
static void a_reader_ahead_of_a_failed_sync_meets_each_position_once(void **state)
{
	struct archive_cursor *cursor;
	struct archive_item item;
	uint64_t next = 21;

	(void)state;
	rig.config.segment_len = 4 << 20;
	rig.config.sync = ARCHIVE_SYNC_INTERVAL;
	rig.config.sync_interval_ns = 1000000;
	rig_open();
	rig_append(1, 10, 10);
	assert_int_equal(archive_sync_now(rig.archive, &rig.err), 0);
	rig_append(11, 5000, 10);
	cursor = rig_cursor(1);
	rig_expect_slots(cursor, 1, 20);
	rig_disk.sync_rc = -EIO;
	assert_int_equal(archive_sync_now(rig.archive, &rig.err), -EIO);
	rig_disk.sync_rc = 0;
	for (;; next++) {
		rig_next(cursor, &item);
		if (item.kind != ARCHIVE_SLOT)
			break;
		assert_int_equal(item.first, next);
	}
	assert_int_equal(item.kind, ARCHIVE_NOT_YET);
	assert_int_equal(item.first, next);
	assert_in_range(next, 21, 4999);
	rig_append(11, 6000, 10);
	rig_expect_slots(cursor, next, 6000);
	archive_cursor_close(cursor);
}

#define HOLD(claim)                                                                    \
	do {                                                                           \
		if (!(claim)) {                                                        \
			fprintf(stderr, "line %d: not so: %s: %s\n", __LINE__, #claim, \
				rig.err.text);                                         \
			return 1;                                                      \
		}                                                                      \
	} while (0)

static int fill_a_disk(void)
{
	struct archive_cursor *cursor;
	struct archive_item item;
	uint64_t last = 0, read = 0;
	char filler[200];
	FILE *file;
	int rc;

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("none", rig.scratch.path, "tmpfs", 0, "size=1m"))
		return 77;
	rig.config.files = NULL;
	(void)snprintf(filler, sizeof(filler), "%s/filler", rig.scratch.path);
	file = fopen(filler, "w");
	HOLD(file);
	for (int i = 0; i < 400000; i++)
		(void)fputc(1, file);
	HOLD(fclose(file) == 0);
	HOLD(rig_open_rc() == 0);
	while ((rc = rig_append_rc(last + 1)) == 0)
		last++;
	HOLD(rc == -ENOSPC && last > 1000);
	HOLD(archive_alarm(rig.archive)->status == -ENOSPC);
	HOLD(unlink(filler) == 0);
	for (int i = 0; i < 500; i++, last++)
		HOLD(rig_append_rc(last + 1) == 0);
	HOLD(archive_alarm(rig.archive)->status == 0);
	HOLD(archive_cursor_open(
		     rig.path, &rig.config.identity, NULL, &cursor, &rig.err) == 0);
	while (archive_cursor_next(cursor, &item, &rig.err) == 0 &&
		item.kind == ARCHIVE_SLOT)
		HOLD(item.first == ++read);
	HOLD(item.kind == ARCHIVE_NOT_YET && read == last);
	return 0;
}

static int run_apart(int (*run)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(run());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_real_disk_that_is_full(void **state)
{
	int rc = run_apart(fill_a_disk);

	(void)state;
	if (rc == 77)
		skip();
	assert_int_equal(rc, 0);
}

static int limit_files(void)
{
	struct rlimit limit = {.rlim_cur = 40000, .rlim_max = 400000};
	int rc = 0;

	rig.config.files = NULL;
	(void)signal(SIGXFSZ, SIG_IGN);
	HOLD(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	HOLD(rig_open_rc() == 0);
	rc = rig_append_rc(1);
	HOLD(rc == -ENOSPC);
	rig_expect_text("limit on the size of files");
	limit.rlim_cur = limit.rlim_max;
	HOLD(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	for (uint64_t p = 1; p < 100; p++)
		HOLD(rig_append_rc(p) == 0);
	return 0;
}

static void a_limit_on_files_is_told(void **state)
{
	(void)state;
	assert_int_equal(run_apart(limit_files), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_STORY(a_full_disk_stops_and_goes_on),
		RIG_STORY(a_full_disk_and_a_crash),
		RIG_STORY(a_segment_that_can_not_be_made_leaves_nothing),
		RIG_STORY(one_write_that_fails_loses_nothing),
		RIG_STORY(never_syncs_never),
		RIG_STORY(always_syncs_every_append),
		RIG_STORY(interval_syncs_when_it_is_due),
		RIG_STORY(a_failed_sync_goes_back_to_what_is_safe),
		RIG_STORY(with_always_an_append_that_is_not_synced_did_not_happen),
		RIG_STORY(a_disk_that_fails_altogether_comes_back),
		RIG_STORY(a_reader_ahead_of_a_failed_sync_meets_each_position_once),
		RIG_STORY(a_real_disk_that_is_full),
		RIG_STORY(a_limit_on_files_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
