/*
 * The archive of a stream: it follows the log, its troubles are told, it stops in time and goes
 * on in the next life.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hw/clock.h"
#include "sequencer/archive/archive_survey.h"
#include "tests/unit/readers_rig.h"

static struct archive_identity identity(void)
{
	return (struct archive_identity){
		.instance = 7, .stream = BED_STREAM, .slot_len = BED_SLOT_LEN};
}

static const char *archive_path(void)
{
	static char path[ARCHIVE_PATH_MAX];

	assert_int_equal(keeper_path(&bed.settings, BED_STREAM, path, &bed.err), 0);
	return path;
}

/* From the oldest on the archive has these, without a gap. */
static void expect_archived(uint64_t first, uint64_t last)
{
	struct archive_identity whose = identity();
	struct archive_cursor *cursor;
	struct archive_item item;

	assert_int_equal(
		archive_cursor_open(archive_path(), &whose, NULL, &cursor, &bed.err), 0);
	for (uint64_t p = first; p <= last; p++) {
		assert_int_equal(archive_cursor_next(cursor, &item, &bed.err), 0);
		assert_int_equal(item.kind, ARCHIVE_SLOT);
		assert_int_equal(item.first, p);
	}
	assert_int_equal(archive_cursor_next(cursor, &item, &bed.err), 0);
	assert_int_equal(item.kind, ARCHIVE_NOT_YET);
	archive_cursor_close(cursor);
}

/* With the readers, who ask it. */
static void keeper_end(void)
{
	readers_free(bed.readers);
	bed.readers = NULL;
	if (keeper_stop(bed.keeper, BED_WAIT_NS, &bed.err))
		fail_msg("%s", bed.err.text);
	bed.keeper = NULL;
}

/* It is open, and no log is attached yet. */
static void found_wait(uint64_t position)
{
	uint64_t deadline = clock_now_ns() + BED_WAIT_NS;

	while (keeper_archived(bed.keeper) != position) {
		assert_true(clock_now_ns() < deadline);
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(keeper_oldest(bed.keeper), 1);
}

static struct keeper_status status(void)
{
	struct keeper_status status;

	keeper_status(bed.keeper, &status);
	return status;
}

static void what_is_committed_is_archived_when_it_stops(void **state)
{
	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_REQUIRED;
	bed_open();
	bed_publish_all(1000);
	keeper_end();
	expect_archived(1, 1000);
}

static void it_says_how_far_it_is(void **state)
{
	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed.settings.sync = ARCHIVE_SYNC_ALWAYS;
	bed_open();
	for (uint64_t p = 20; p <= 200; p += 20) {
		bed_publish_all(p);
		bed_wait_archived(p);
	}
	assert_true(status().archiving);
	assert_int_equal(status().oldest, 1);
	assert_int_equal(status().archived, 200);
	assert_int_equal(status().synced, 200);
	assert_int_equal(status().missing, 0);
	assert_string_equal(status().alarm.text, "");
	assert_int_equal(keeper_waited_for(bed.keeper), 200);
	keeper_detach(bed.keeper);
	assert_false(status().archiving);
}

static void a_publisher_does_not_outrun_an_archive_that_is_well(void **state)
{
	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	bed_publish_all(100 * BED_SLOTS);
	bed_wait_archived(100 * BED_SLOTS);
	assert_int_equal(status().missing, 0);
	keeper_end();
	expect_archived(1, 100 * BED_SLOTS);
}

/* It is in no alarm; nobody can know for how long it is stuck. */
static void a_disk_that_hangs_holds_the_stream_up_for_a_moment_only(void **state)
{
	uint64_t deadline, since;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	bed_publish_all(20);
	bed_wait_archived(20);
	atomic_store(&bed_disk.stuck, true);
	since = clock_now_ns();
	for (int i = 0; i < 1000; i++)
		(void)bed_publish(1000);
	assert_true(bed.log.commit < 20 + BED_SLOTS ||
		    clock_now_ns() - since > KEEPER_PATIENCE_NS);
	deadline = since + BED_WAIT_NS;
	while (bed_publish(1000) < 1000)
		assert_true(clock_now_ns() < deadline);
	assert_true(clock_now_ns() - since >= KEEPER_PATIENCE_NS);
	atomic_store(&bed_disk.stuck, false);
	bed_wait_archived(1000);
	bed_publish_all(100 * BED_SLOTS); /* it is well again, and waited for */
	bed_wait_archived(100 * BED_SLOTS);
	assert_true(status().missing < 1000);
}

/* The log is sealed, and its words with the commit point are gone. */
static void what_the_log_has_up_to_the_base_is_archived_at_the_end(void **state)
{
	uint64_t len;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	bed_publish_all(100);
	bed_wait_archived(100);
	keeper_detach(bed.keeper);
	bed_publish_all(130);
	assert_true(stream_log_seal(&bed.log, bed.epoch, &len));
	assert_int_equal(len, 130);
	keeper_finish(bed.keeper, &bed.log, 125);
	keeper_end();
	expect_archived(1, 125);
}

static void a_full_disk_stops_the_archive_and_not_the_stream(void **state)
{
	struct error line;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	bed_publish_all(20);
	bed_wait_archived(20);
	atomic_store(&bed_disk.full, true);
	bed_publish_all(1000);
	keeper_line_wait("No space left on device");
	assert_false(keeper_line(bed.keeper, &line));
	assert_false(status().archiving);
	assert_non_null(strstr(status().alarm.text, archive_path()));
	bed_publish_all(2000);
	atomic_store(&bed_disk.full, false);
	bed_wait_archived(2000);
	keeper_line_wait("archiving goes on");
	keeper_line_wait("were overwritten before they were archived");
	assert_false(keeper_line(bed.keeper, &line));
	assert_true(status().archiving);
	assert_in_range(status().missing, 1900 - BED_SLOTS, 1980);
}

static void a_full_disk_stops_a_stream_whose_archive_is_required(void **state)
{
	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_REQUIRED;
	bed_open();
	bed_publish_all(100);
	bed_wait_archived(100);
	atomic_store(&bed_disk.full, true);
	for (int i = 0; i < 1000; i++)
		(void)bed_publish(1000);
	assert_int_equal(bed.log.commit, 100 + BED_SLOTS - 1);
	assert_int_equal(bed.log.released, 100);
	keeper_line_wait("No space left on device");
	atomic_store(&bed_disk.full, false);
	bed_publish_all(1000);
	bed_wait_archived(1000);
	assert_int_equal(status().missing, 0);
	keeper_end();
	expect_archived(1, 1000);
}

/* Its directory can not be made: a stream that requires it has no room beyond its ring. */
/* A segment is read whole when it is opened, which a cold disk does in more than a moment. */
static void what_is_slow_to_open_loses_nothing(void **state)
{
	uint64_t since;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	bed_publish_all(20);
	bed_wait_archived(20);
	keeper_end();
	atomic_store(&bed_disk.stuck, true);
	bed_keeper_start();
	bed_readers_open();
	keeper_attach(bed.keeper, &bed.log);
	since = clock_now_ns();
	while (clock_now_ns() - since < KEEPER_PATIENCE_NS + 200 * NS_PER_MS)
		(void)bed_publish(1000);
	assert_true(bed.log.commit < 1000);
	assert_true(keeper_is_opening(bed.keeper));
	atomic_store(&bed_disk.stuck, false);
	bed_publish_all(1000);
	bed_wait_archived(1000);
	assert_int_equal(status().missing, 0);
	keeper_end();
	expect_archived(1, 1000);
}

static void an_archive_that_can_not_be_opened_is_tried_again(void **state)
{
	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_REQUIRED;
	bed.settings.directory = "/proc/pawl/archives";
	bed_open();
	keeper_line_wait("/proc/pawl/archives");
	for (int i = 0; i < 100; i++)
		(void)bed_publish(1000);
	assert_int_equal(bed.log.commit, BED_SLOTS - 1);
	assert_int_equal(keeper_waited_for(bed.keeper), 0);
	assert_false(status().archiving);
}

static void opening_goes_on_when_there_is_room_again(void **state)
{
	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_REQUIRED;
	/* Something that is no directory is in its place. */
	assert_int_equal(mkdir(bed.archives, 0700), 0);
	{
		FILE *file = fopen(archive_path(), "w");

		assert_non_null(file);
		assert_int_equal(fclose(file), 0);
	}
	bed_open();
	keeper_line_wait("archive");
	bed_publish_all(30);
	assert_int_equal(unlink(archive_path()), 0);
	keeper_line_wait("archiving goes on");
	bed_publish_all(300);
	bed_wait_archived(300);
	assert_int_equal(status().oldest, 1);
}

/* The process was killed; its log is still there. */
static void the_next_life_goes_on_without_a_hole(void **state)
{
	uint64_t oldest;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_REQUIRED;
	bed_open();
	bed_publish_all(500);
	bed_wait_archived(500);
	/* What is committed then is not archived any more, but still in the log. */
	keeper_detach(bed.keeper);
	bed_publish_all(540);
	keeper_end();
	oldest = stream_log_oldest(&bed.log);
	assert_true(oldest <= 501);
	bed_keeper_start();
	found_wait(500);
	bed_readers_open();
	keeper_attach(bed.keeper, &bed.log);
	bed_wait_archived(540);
	assert_int_equal(status().missing, 0);
	keeper_end();
	expect_archived(1, 540);
}

static void a_tail_that_is_not_whole_is_cut_and_told(void **state)
{
	char path[ARCHIVE_PATH_MAX + 40];
	struct stat before;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	bed_publish_all(50);
	bed_wait_archived(50);
	keeper_end();
	(void)snprintf(path, sizeof(path), "%s/00000000000000000001.seg", archive_path());
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(truncate(path, before.st_size + 7), 0);
	{
		FILE *file = fopen(path, "r+");

		assert_non_null(file);
		assert_int_equal(fseek(file, -7, SEEK_END), 0);
		assert_int_equal(fwrite("garbage", 7, 1, file), 1);
		assert_int_equal(fclose(file), 0);
	}
	bed_keeper_start();
	keeper_line_wait("bytes were cut");
}

/* A log of its own that begins behind @begin, in memory of the bed's. */
static struct stream_words *log_begin(uint64_t begin, uint64_t epoch)
{
	struct stream_entry entries[BED_ROWS] = {
		{.publisher = stream_publisher_name(1, 0), .id = 17}};
	struct stream_words *words = calloc(1, stream_words_len(BED_ROWS));
	struct stream_entering entering = {.epoch = epoch,
		.ceiling = 1000,
		.head = true,
		.tail = true,
		.places = {.words = words, .inbox = bed.fed, .ring = bed.ring}};

	assert_non_null(words);
	stream_log_create(&bed.log, shm_memory_ops.base(bed.log_memory), BED_SLOTS,
		BED_SLOT_LEN, BED_ROWS, begin);
	stream_log_entries_set(&bed.log, entries, BED_ROWS);
	stream_log_prepare(&bed.log, epoch, words, bed.fed);
	stream_log_enter(&bed.log, &entering);
	return words;
}

/* Somebody restored an archive that goes further than this stream does. */
static void an_archive_of_another_history_is_left_alone(void **state)
{
	struct stream_words *words;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_REQUIRED;
	bed_open();
	bed_publish_all(50);
	bed_wait_archived(50);
	keeper_detach(bed.keeper);
	words = log_begin(20, 2);
	keeper_attach(bed.keeper, &bed.log);
	keeper_line_wait("of another history");
	assert_int_equal(keeper_waited_for(bed.keeper), 0);
	assert_false(status().archiving);
	keeper_detach(bed.keeper);
	keeper_end();
	expect_archived(1, 50);
	free(words);
}

/* Its table is the log's: whoever begins from it knows all that was published. */
static void an_archive_that_begins_with_an_empty_log_is_exact(void **state)
{
	struct archive_identity whose = identity();
	struct stream_entry entries[BED_ROWS];
	struct archive_survey survey;
	struct stream_words *words;

	(void)state;
	bed_open();
	words = log_begin(20, 2);
	bed.epoch = 2;
	bed.published = 20;
	bed_keeper_start();
	keeper_attach(bed.keeper, &bed.log);
	bed_publish_all(40);
	bed_wait_archived(40);
	assert_int_equal(archive_survey(archive_path(), &whose, NULL, entries, BED_ROWS,
				 &survey, &bed.err),
		0);
	assert_int_equal(survey.last, 40);
	assert_int_equal(survey.oldest, 21);
	assert_int_equal(survey.inexact, 0);
	assert_int_equal(entries[0].id, 20);
	keeper_end();
	free(words);
}

static void a_disk_that_hangs_does_not_hold_up_the_end(void **state)
{
	uint64_t before;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	bed_publish_all(20);
	bed_wait_archived(20);
	atomic_store(&bed_disk.stuck, true);
	bed_publish_all(30);
	while (atomic_load(&bed_disk.stuck_count) == 0)
		(void)poll(NULL, 0, 1);
	before = clock_now_ns();
	assert_int_equal(keeper_stop(bed.keeper, 50 * NS_PER_MS, &bed.err), -ETIMEDOUT);
	assert_in_range(clock_now_ns() - before, 40 * NS_PER_MS, 5000 * NS_PER_MS);
	/* The log may go now. */
	assert_false(status().archiving);
	memset(shm_memory_ops.base(bed.log_memory), 0xee, 4096);
	atomic_store(&bed_disk.stuck, false);
	keeper_end();
}

static void a_name_becomes_one_directory(void **state)
{
	struct stream_archive_settings settings = {.directory = "/a"};
	char path[ARCHIVE_PATH_MAX];
	char name[70];

	(void)state;
	assert_int_equal(keeper_path(&settings, "../x y%", path, &bed.err), 0);
	assert_string_equal(path, "/a/%2E.%2Fx%20y%25");
	memset(name, '/', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	settings.directory = "/a/directory/that/is/about/sixty/bytes/long/and/no/shorter";
	assert_int_equal(keeper_path(&settings, name, path, &bed.err), -ENAMETOOLONG);
}

static void oldest_wait(uint64_t position)
{
	uint64_t deadline = clock_now_ns() + BED_WAIT_NS;

	while (status().oldest < position) {
		assert_true(clock_now_ns() < deadline);
		(void)poll(NULL, 0, 1);
	}
}

/* Also what is said before it is open. */
static void what_is_in_a_snapshot_may_go(void **state)
{
	uint64_t oldest;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_REQUIRED;
	bed.settings.segment_len = ARCHIVE_SEGMENT_LEN_MIN;
	bed.settings.snapshots = true;
	bed_open();
	bed_publish_all(6000);
	bed_wait_archived(6000);
	assert_int_equal(status().oldest, 1);
	assert_true(keeper_acknowledge(bed.keeper, 3000));
	assert_false(keeper_acknowledge(bed.keeper, 2000));
	assert_int_equal(keeper_acknowledged(bed.keeper), 3000);
	oldest_wait(2);
	oldest = status().oldest;
	assert_in_range(oldest, 1000, 3001);
	keeper_end();
	bed_keeper_start();
	bed_readers_open();
	assert_true(keeper_acknowledge(bed.keeper, 6000));
	keeper_attach(bed.keeper, &bed.log);
	oldest_wait(oldest + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_STORY(what_is_committed_is_archived_when_it_stops),
		BED_STORY(it_says_how_far_it_is),
		BED_STORY(a_publisher_does_not_outrun_an_archive_that_is_well),
		BED_STORY(a_disk_that_hangs_holds_the_stream_up_for_a_moment_only),
		BED_STORY(what_the_log_has_up_to_the_base_is_archived_at_the_end),
		BED_STORY(a_full_disk_stops_the_archive_and_not_the_stream),
		BED_STORY(a_full_disk_stops_a_stream_whose_archive_is_required),
		BED_STORY(what_is_slow_to_open_loses_nothing),
		BED_STORY(an_archive_that_can_not_be_opened_is_tried_again),
		BED_STORY(opening_goes_on_when_there_is_room_again),
		BED_STORY(the_next_life_goes_on_without_a_hole),
		BED_STORY(a_tail_that_is_not_whole_is_cut_and_told),
		BED_STORY(an_archive_of_another_history_is_left_alone),
		BED_STORY(an_archive_that_begins_with_an_empty_log_is_exact),
		BED_STORY(a_disk_that_hangs_does_not_hold_up_the_end),
		BED_STORY(a_name_becomes_one_directory),
		BED_STORY(what_is_in_a_snapshot_may_go),
	};

	return cmocka_run_group_tests_name("keeper", tests, NULL, NULL);
}
