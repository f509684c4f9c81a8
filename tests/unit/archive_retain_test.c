/* Whole segments go, oldest first, by size, by age and by what was acknowledged. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sequencer/archive/segment_format.h"
#include "tests/unit/archive_rig.h"

/* Bytes that a new segment may take. */
#define ROOM (ARCHIVE_SEGMENT_LEN_MIN + SEGMENT_BLOCK_LEN + RIG_ROWS * SEGMENT_ENTRY_LEN)

static void expect_begins_with(uint64_t oldest, uint64_t last)
{
	struct archive_cursor *cursor = rig_cursor(1);

	assert_int_equal(archive_oldest(rig.archive), oldest);
	assert_true(rig_has_segment(oldest));
	assert_false(rig_has_segment(1));
	rig_expect(cursor, ARCHIVE_GONE, 1, oldest - 1);
	rig_expect_slots(cursor, oldest, last);
	archive_cursor_close(cursor);
}

static void all_is_kept_without_a_rule(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 4000, 50);
	rig_disk.wall_ns = UINT64_C(1) << 62;
	archive_acknowledge(rig.archive, 4000);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	rig_expect_all(1, 4000);
}

static void the_size_is_never_exceeded(void **state)
{
	(void)state;
	rig.config.size_max = 3 * ROOM;
	rig_open();
	for (uint64_t p = 1; p <= 5000; p++) {
		rig_append(p, p, 1);
		assert_true(archive_size(rig.archive) <= rig.config.size_max);
	}
	assert_true(archive_size(rig.archive) > ROOM);
	expect_begins_with(archive_oldest(rig.archive), 5000);
	rig_abandon();
	rig_open();
	assert_true(archive_size(rig.archive) <= rig.config.size_max);
	rig_append(5001, 6000, 10);
	expect_begins_with(archive_oldest(rig.archive), 6000);
}

static void age_counts_from_the_last_append(void **state)
{
	uint64_t oldest;

	(void)state;
	rig.config.age_max_ns = 100;
	rig_disk.wall_ns = 1000;
	rig_open();
	rig_append(1, 1500, 10);
	rig_disk.wall_ns = 1050;
	rig_append(1501, 3000, 10);
	rig_disk.wall_ns = 1100;
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	assert_true(rig_has_segment(1));
	rig_disk.wall_ns = 1101;
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	oldest = archive_oldest(rig.archive);
	/* The one in which the second run began is younger. */
	assert_in_range(oldest, 1000, 1501);
	expect_begins_with(oldest, 3000);
	rig_abandon();
	/* The ages are known to the next life. */
	rig_disk.wall_ns = 1150;
	rig_open();
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	assert_int_equal(archive_oldest(rig.archive), oldest);
	rig_disk.wall_ns = 2000;
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	/* The open one stays however old it is. */
	assert_in_range(archive_oldest(rig.archive), oldest + 1, 3000);
	expect_begins_with(archive_oldest(rig.archive), 3000);
}

/* The first position of the second segment. */
static uint64_t second_first(void)
{
	for (uint64_t p = 2; p < 5000; p++)
		if (rig_has_segment(p))
			return p;
	return 0;
}

static void a_snapshot_lets_go_of_whole_segments_only(void **state)
{
	uint64_t second;

	(void)state;
	rig.config.snapshots = true;
	rig_open();
	rig_append(1, 4000, 50);
	second = second_first();
	archive_acknowledge(rig.archive, second - 2);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	rig_expect_all(1, 4000);
	archive_acknowledge(rig.archive, second - 1);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	expect_begins_with(second, 4000);
	archive_acknowledge(rig.archive, 1); /* never taken back */
	archive_acknowledge(rig.archive, UINT64_MAX);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	expect_begins_with(archive_oldest(rig.archive), 4000);
	rig_append(4001, 4010, 1);
}

static void what_is_not_acknowledged_outlives_size_and_age(void **state)
{
	uint64_t second;

	(void)state;
	rig.config.snapshots = true;
	rig.config.size_max = 2 * ROOM;
	rig.config.age_max_ns = 1;
	rig_open();
	rig_append(1, 4000, 50);
	rig_disk.wall_ns = 1000000;
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	rig_expect_all(1, 4000);
	second = second_first();
	archive_acknowledge(rig.archive, second);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	expect_begins_with(second, 4000);
}

static void what_is_acknowledged_stays_while_size_and_age_allow(void **state)
{
	(void)state;
	rig.config.snapshots = true;
	rig.config.size_max = 100 * ROOM;
	rig_open();
	rig_append(1, 3000, 50);
	archive_acknowledge(rig.archive, 3000);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	rig_expect_all(1, 3000);
}

static void an_acknowledgement_outlives_the_archive(void **state)
{
	uint64_t second;

	(void)state;
	rig_open();
	rig_append(1, 4000, 50);
	second = second_first();
	archive_acknowledge(rig.archive, second);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	rig_expect_all(1, 4000); /* it is known, and nobody asked to let go */
	rig_abandon();
	rig.config.snapshots = true;
	rig_open();
	assert_int_equal(archive_acknowledged(rig.archive), second);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	expect_begins_with(second, 4000);
}

/* Nothing that is kept depends on it, so it is no alarm either. */
static void an_acknowledgement_that_is_not_whole_is_none(void **state)
{
	char path[256];
	FILE *file;

	(void)state;
	rig.config.snapshots = true;
	rig_open();
	rig_append(1, 4000, 50);
	archive_acknowledge(rig.archive, 10);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	rig_abandon();
	(void)snprintf(path, sizeof(path), "%s/snapshot", rig.path);
	file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 25, SEEK_SET), 0);
	assert_int_equal(fputc(0x0f, file), 0x0f); /* of the position: 3850 */
	assert_int_equal(fclose(file), 0);
	rig_open();
	assert_int_equal(archive_acknowledged(rig.archive), 0);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	rig_expect_all(1, 4000);
}

static void a_full_disk_is_freed_all_the_same(void **state)
{
	uint64_t second;

	(void)state;
	rig.config.snapshots = true;
	rig_open();
	rig_append(1, 4000, 50);
	second = second_first();
	rig_disk.room = 0;
	archive_acknowledge(rig.archive, second);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	expect_begins_with(second, 4000);
	rig_disk.room = UINT64_MAX;
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	rig_abandon();
	rig_open();
	assert_int_equal(archive_acknowledged(rig.archive), second);
}

/* Also when there is no open one: its table is needed. */
static void the_newest_segment_stays(void **state)
{
	(void)state;
	rig.config.age_max_ns = 1;
	rig_open();
	rig_append(1, 50, 50);
	assert_int_equal(archive_skip(rig.archive, 100, NULL, &rig.err), 0);
	rig_disk.wall_ns = 1000000;
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	assert_true(rig_has_segment(1));
	rig_append(100, 100, 1);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	assert_false(rig_has_segment(1));
}

static void indexes_go_with_their_segments(void **state)
{
	struct stat status;
	char path[256];

	(void)state;
	rig.config.size_max = 2 * ROOM;
	rig_open();
	rig_file(path, sizeof(path), 1, ".idx");
	rig_append(1, 10, 10);
	assert_int_equal(stat(path, &status), 0);
	rig_append(11, 3000, 50);
	assert_int_equal(stat(path, &status), -1);
}

/* A reader that is in a segment when it goes reads it to its end. */
static void a_reader_is_not_cut_off_in_a_segment(void **state)
{
	struct archive_cursor *cursor;
	uint64_t second;

	(void)state;
	rig.config.snapshots = true;
	rig_open();
	rig_append(1, 4000, 50);
	second = second_first();
	cursor = rig_cursor(1);
	rig_expect_slots(cursor, 1, 5);
	archive_acknowledge(rig.archive, 3500);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	assert_false(rig_has_segment(second));
	rig_expect_slots(cursor, 6, second - 1);
	rig_expect(cursor, ARCHIVE_GONE, second, archive_oldest(rig.archive) - 1);
	rig_expect_slots(cursor, archive_oldest(rig.archive), 4000);
	archive_cursor_close(cursor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_STORY(all_is_kept_without_a_rule),
		RIG_STORY(the_size_is_never_exceeded),
		RIG_STORY(age_counts_from_the_last_append),
		RIG_STORY(a_snapshot_lets_go_of_whole_segments_only),
		RIG_STORY(what_is_not_acknowledged_outlives_size_and_age),
		RIG_STORY(what_is_acknowledged_stays_while_size_and_age_allow),
		RIG_STORY(an_acknowledgement_outlives_the_archive),
		RIG_STORY(an_acknowledgement_that_is_not_whole_is_none),
		RIG_STORY(a_full_disk_is_freed_all_the_same),
		RIG_STORY(the_newest_segment_stays),
		RIG_STORY(indexes_go_with_their_segments),
		RIG_STORY(a_reader_is_not_cut_off_in_a_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
