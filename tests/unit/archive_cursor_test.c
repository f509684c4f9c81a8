/* Reading from anywhere, beside a writer, and past what is damaged. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hw/clock.h"
#include "sequencer/archive/scan.h"
#include "sequencer/archive/segment_index.h"
#include "tests/unit/archive_rig.h"

#define MANY 20000

static void long_segments(void)
{
	rig.config.segment_len = 2 << 20;
	rig_open();
	rig_append(1, MANY, 64);
}

static void reading_begins_at_any_position(void **state)
{
	struct archive_cursor *cursor;

	(void)state;
	long_segments();
	cursor = rig_cursor(0);
	for (uint64_t p = 1; p < MANY; p += 97) {
		archive_cursor_seek(cursor, p);
		rig_expect_slots(cursor, p, p + 3 < MANY ? p + 3 : MANY);
	}
	archive_cursor_seek(cursor, MANY + 1);
	rig_expect(cursor, ARCHIVE_NOT_YET, MANY + 1, MANY + 1);
	archive_cursor_seek(cursor, MANY + 1000);
	rig_expect(cursor, ARCHIVE_NOT_YET, MANY + 1000, MANY + 1000);
	archive_cursor_close(cursor);
}

/* Bytes read to find one position. */
static uint64_t cost_of(struct archive_cursor *cursor, uint64_t position)
{
	uint64_t before = rig_disk.read_bytes;

	archive_cursor_seek(cursor, position);
	rig_expect_slots(cursor, position, position);
	return rig_disk.read_bytes - before;
}

static void index_damage(uint64_t first, uint64_t offset)
{
	unsigned char byte = 0x5a;
	char path[256];
	int fd;

	rig_file(path, sizeof(path), first, ".idx");
	fd = open(path, O_RDWR);
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
	(void)close(fd);
}

static void the_index_saves_reading_the_segment(void **state)
{
	uint64_t with, without;
	struct archive_cursor *cursor;
	char path[256];

	(void)state;
	long_segments();
	cursor = rig_cursor(0);
	with = cost_of(cursor, 11000);
	assert_true(with < 3 * SCAN_WINDOW_LEN);
	rig_file(path, sizeof(path), 1, ".idx");
	assert_int_equal(unlink(path), 0);
	without = cost_of(cursor, 11000);
	assert_true(without > 1 << 20);
	archive_cursor_close(cursor);
	/* The next life makes it anew for the segment that it goes on with. */
	rig_abandon();
	rig_open();
	cursor = rig_cursor(0);
	assert_true(cost_of(cursor, MANY - 1) < 3 * SCAN_WINDOW_LEN);
	archive_cursor_close(cursor);
}

static void a_damaged_index_only_costs_time(void **state)
{
	struct archive_cursor *cursor;
	struct stat status;
	char path[256];

	(void)state;
	long_segments();
	rig_file(path, sizeof(path), 1, ".idx");
	assert_int_equal(stat(path, &status), 0);
	assert_true(status.st_size > 20 * SEGMENT_INDEX_ENTRY_LEN);
	cursor = rig_cursor(0);
	for (uint64_t at = 0; at < (uint64_t)status.st_size; at += 11) {
		index_damage(1, at);
		(void)cost_of(cursor, 1 + at * 31);
	}
	assert_int_equal(truncate(path, 5), 0);
	(void)cost_of(cursor, 11000);
	archive_cursor_close(cursor);
}

/* Entries of another file, whole but wrong, are not believed either. */
static void an_index_that_lies_is_found_out(void **state)
{
	struct archive_place place;
	struct segment_index_writer writer;
	struct archive_cursor *cursor;

	(void)state;
	long_segments();
	assert_int_equal(archive_place_open(rig.path, &rig.config.identity, &rig_files,
				 false, &place, &rig.err),
		0);
	segment_index_begin(&place, segment_index_create(&place, 1), 1, 4096, &writer);
	for (uint64_t p = 1; p < 11000; p += 100)
		segment_index_note(&place, &writer, p, 4096 + (p / 100) * 65536 + 8);
	(void)close(writer.fd);
	archive_place_close(&place);
	cursor = rig_cursor(0);
	for (uint64_t p = 1; p < 11000; p += 301)
		(void)cost_of(cursor, p);
	archive_cursor_close(cursor);
}

static void an_empty_archive_has_nothing_yet(void **state)
{
	struct archive_cursor *cursor, *other;

	(void)state;
	assert_int_equal(archive_cursor_open(rig.path, &rig.config.identity, &rig_files,
				 &other, &rig.err),
		-ENOENT);
	rig_expect_text("check the archive's directory");
	rig_open();
	cursor = rig_cursor(0);
	rig_expect(cursor, ARCHIVE_NOT_YET, 0, 0);
	rig_append(1, 3, 1);
	rig_expect_slots(cursor, 1, 3);
	archive_cursor_close(cursor);
}

static void whoever_only_reads_need_not_know_whose_it_is(void **state)
{
	struct archive_identity nobody = {0};
	struct archive_cursor *cursor;

	(void)state;
	rig_open();
	rig_append(1, 20, 5);
	assert_int_equal(
		archive_cursor_open(rig.path, &nobody, NULL, &cursor, &rig.err), 0);
	rig_expect_slots(cursor, 1, 20);
	archive_cursor_close(cursor);
}

static void a_reader_keeps_up_with_a_writer(void **state)
{
	struct archive_cursor *cursor;
	uint64_t p = 1;

	(void)state;
	rig_open();
	cursor = rig_cursor(1);
	for (uint32_t run = 1; run <= 60; run++) {
		rig_append(p, p + run - 1, run);
		rig_expect_slots(cursor, p, p + run - 1);
		p += run;
		rig_expect(cursor, ARCHIVE_NOT_YET, p, p);
	}
	archive_cursor_close(cursor);
}

/* In another process, until it is killed. */
static void write_for_ever(void)
{
	uint64_t p;

	rig.config.files = NULL;
	rig_open();
	p = archive_next(rig.archive);
	for (;;) {
		uint32_t run = (uint32_t)(p % 13) + 1;

		rig_append(p, p + run - 1, run);
		p += run;
	}
}

static uint64_t read_for_a_while(struct archive_cursor *cursor, uint64_t next)
{
	uint64_t until = clock_now_ns() + 60 * NS_PER_MS;
	struct archive_item item;

	while (clock_now_ns() < until) {
		rig_next(cursor, &item);
		assert_int_equal(item.first, next);
		if (item.kind == ARCHIVE_NOT_YET) {
			(void)poll(NULL, 0, 1);
			continue;
		}
		assert_int_equal(item.kind, ARCHIVE_SLOT);
		next++;
	}
	return next;
}

static void writers_are_killed_and_a_reader_sees_one_order(void **state)
{
	struct archive_cursor *cursor = NULL;
	uint64_t next = 1;

	(void)state;
	rig_open();
	rig_abandon();
	cursor = rig_cursor(1);
	for (int life = 0; life < 12; life++) {
		pid_t child = fork();

		if (child == 0) {
			write_for_ever();
			_exit(0);
		}
		next = read_for_a_while(cursor, next);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
	archive_cursor_close(cursor);
	rig_open();
	assert_true(archive_last(rig.archive) >= next - 1);
	assert_true(next > 100);
	rig_expect_all(1, archive_last(rig.archive));
}

/* Turns a bit over in the record of a position. */
static void record_damage(uint64_t segment, uint64_t position)
{
	uint64_t offset;
	unsigned char word[8];
	char path[256];
	int fd;

	rig_file(path, sizeof(path), segment, ".seg");
	fd = open(path, O_RDONLY);
	for (offset = 4096; pread(fd, word, 8, (off_t)offset) == 8; offset += 8) {
		uint64_t found;

		memcpy(&found, word, 8);
		if (found == position)
			break;
	}
	(void)close(fd);
	rig_flip(segment, offset + 9, 1);
}

static void damage_in_an_older_segment_is_told_and_passed(void **state)
{
	struct archive_cursor *cursor;
	struct archive_item item;

	(void)state;
	long_segments();
	rig_close();
	record_damage(1, 5000);
	rig_open(); /* an older segment is looked at when it is read */
	cursor = rig_cursor(4000);
	rig_expect_slots(cursor, 4000, 4999);
	rig_next(cursor, &item);
	assert_int_equal(item.kind, ARCHIVE_DAMAGED);
	assert_int_equal(item.first, 5000);
	assert_in_range(item.last, 5000, 5999); /* to the next entry of the index */
	rig_expect_text("00000000000000000001.seg: the record of position 5000");
	rig_expect_text("at offset ");
	rig_expect_slots(cursor, item.last + 1, MANY);
	archive_cursor_seek(cursor, item.last);
	rig_expect(cursor, ARCHIVE_DAMAGED, item.last, item.last);
	archive_cursor_close(cursor);
}

static void damage_without_an_index_loses_the_rest_of_a_segment(void **state)
{
	struct archive_cursor *cursor;
	struct archive_item item;
	char path[256];

	(void)state;
	long_segments();
	record_damage(1, 5000);
	rig_file(path, sizeof(path), 1, ".idx");
	assert_int_equal(unlink(path), 0);
	cursor = rig_cursor(5000);
	rig_next(cursor, &item);
	assert_int_equal(item.kind, ARCHIVE_DAMAGED);
	assert_true(rig_has_segment(item.last + 1));
	rig_expect_slots(cursor, item.last + 1, MANY);
	archive_cursor_close(cursor);
}

static void a_damaged_header_costs_its_segment(void **state)
{
	struct archive_cursor *cursor;
	struct archive_item item;

	(void)state;
	long_segments();
	rig_flip(1, 30, 1);
	cursor = rig_cursor(10);
	rig_next(cursor, &item);
	assert_int_equal(item.kind, ARCHIVE_DAMAGED);
	assert_int_equal(item.first, 10);
	assert_true(rig_has_segment(item.last + 1));
	rig_expect_text("offset 0");
	rig_expect_slots(cursor, item.last + 1, MANY);
	archive_cursor_close(cursor);
}

/* Whoever takes a file away loses its positions, and is told. */
static void a_file_that_was_taken_away_is_missed(void **state)
{
	struct archive_cursor *cursor;
	uint64_t second = 0, third = 0;
	char path[256];

	(void)state;
	rig_open();
	rig_append(1, 3000, 50);
	for (uint64_t p = 2; p < 3000 && !third; p++) {
		if (rig_has_segment(p) && second)
			third = p;
		else if (rig_has_segment(p))
			second = p;
	}
	rig_file(path, sizeof(path), second, ".seg");
	assert_int_equal(unlink(path), 0);
	cursor = rig_cursor(1);
	rig_expect_slots(cursor, 1, second - 1);
	rig_expect(cursor, ARCHIVE_DAMAGED, second, third - 1);
	rig_expect_slots(cursor, third, 3000);
	archive_cursor_close(cursor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_STORY(reading_begins_at_any_position),
		RIG_STORY(the_index_saves_reading_the_segment),
		RIG_STORY(a_damaged_index_only_costs_time),
		RIG_STORY(an_index_that_lies_is_found_out),
		RIG_STORY(an_empty_archive_has_nothing_yet),
		RIG_STORY(whoever_only_reads_need_not_know_whose_it_is),
		RIG_STORY(a_reader_keeps_up_with_a_writer),
		RIG_STORY(writers_are_killed_and_a_reader_sees_one_order),
		RIG_STORY(damage_in_an_older_segment_is_told_and_passed),
		RIG_STORY(damage_without_an_index_loses_the_rest_of_a_segment),
		RIG_STORY(a_damaged_header_costs_its_segment),
		RIG_STORY(a_file_that_was_taken_away_is_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
