/* What is appended is read again, over segments, restarts and gaps; what is not ours is refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sequencer/archive/segment_format.h"
#include "tests/unit/archive_rig.h"

static void every_length_of_slots_comes_back(void **state)
{
	static const uint32_t lens[] = {64, 128, 256, 1024, 4096, 16384, 65536};

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		uint64_t last = lens[i] < 4096 ? 2000 : 150;

		(void)snprintf(rig.path, sizeof(rig.path), "%s/of-%u", rig.scratch.path,
			lens[i]);
		rig.config.identity.slot_len = lens[i];
		rig_open();
		rig_append(1, last, 7);
		rig_expect_all(1, last);
		rig_close();
		rig_expect_all(1, last);
	}
}

static void a_slot_takes_only_the_bytes_that_it_uses(void **state)
{
	uint64_t len = SEGMENT_BLOCK_LEN;

	(void)state;
	rig.config.identity.slot_len = 4096;
	rig_open();
	rig_append(1, 20, 20);
	assert_int_equal(archive_skip(rig.archive, 1000, NULL, &rig.err), 0);
	for (uint64_t p = 1; p <= 20; p++)
		len += rig_record_len(4096, p);
	assert_int_equal(rig_file_len(1), len);
}

static void segments_are_named_by_their_first_position(void **state)
{
	struct archive_cursor *cursor;
	struct archive_item item;
	uint64_t segments = 0;

	(void)state;
	rig_open();
	rig_append(1, 3000, 64);
	cursor = rig_cursor(1);
	for (uint64_t p = 1; p <= 3000; p++) {
		rig_next(cursor, &item);
		segments += rig_has_segment(item.first);
	}
	archive_cursor_close(cursor);
	assert_in_range(segments, 6, 12);
	assert_true(rig_has_segment(1));
}

static void a_segment_is_reserved_and_given_back_when_it_is_full(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 1, 1);
	assert_int_equal(rig_file_len(1), SEGMENT_BLOCK_LEN + ARCHIVE_SEGMENT_LEN_MIN);
	rig_append(2, 1000, 50);
	assert_true(rig_file_len(1) < SEGMENT_BLOCK_LEN + ARCHIVE_SEGMENT_LEN_MIN);
	assert_true(rig_file_len(1) > ARCHIVE_SEGMENT_LEN_MIN);
}

static void what_is_out_of_order_is_refused(void **state)
{
	unsigned char *slots = aligned_alloc(64, 3 * 256);

	(void)state;
	rig_open();
	rig_append(1, 10, 5);
	assert_int_equal(rig_append_rc(10), -EINVAL);
	assert_int_equal(rig_append_rc(12), -EINVAL);
	rig_expect_text("11 is the next");
	rig_slot(slots, 256, 11);
	rig_slot(slots + 256, 256, 13);
	rig_slot(slots + 512, 256, 12);
	assert_int_equal(archive_append(rig.archive, slots, 3, &rig.err), -EINVAL);
	assert_int_equal(archive_last(rig.archive), 11);
	slots[256 + 60] ^= 1;
	rig_slot(slots, 256, 12);
	slots[9] ^= 1;
	assert_int_equal(archive_append(rig.archive, slots, 1, &rig.err), -EINVAL);
	assert_int_equal(archive_skip(rig.archive, 11, NULL, &rig.err), -EINVAL);
	assert_int_equal(archive_alarm(rig.archive)->status, 0);
	rig_append(12, 20, 3);
	rig_expect_all(1, 20);
	free(slots);
}

static void it_goes_on_after_a_restart(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (int life = 0; life < 12; life++) {
		rig_open();
		assert_int_equal(archive_next(rig.archive), last + 1);
		assert_int_equal(rig.cut.bytes, 0);
		rig_append(last + 1, last + 177, 10);
		last += 177;
		if (life % 2)
			rig_abandon();
		else
			rig_close();
		rig_expect_all(1, last);
	}
}

static void a_gap_begins_a_segment_and_readers_are_told(void **state)
{
	struct archive_cursor *cursor;

	(void)state;
	rig_open();
	rig_append(1, 50, 10);
	assert_int_equal(archive_skip(rig.archive, 71, NULL, &rig.err), 0);
	assert_int_equal(archive_inexact(rig.archive), 70);
	rig_append(71, 90, 10);
	rig_close();
	rig_open();
	assert_int_equal(archive_inexact(rig.archive), 70);
	assert_true(rig_has_segment(71));
	cursor = rig_cursor(1);
	rig_expect_slots(cursor, 1, 50);
	rig_expect(cursor, ARCHIVE_MISSING, 51, 70);
	rig_expect_slots(cursor, 71, 90);
	archive_cursor_seek(cursor, 60);
	rig_expect(cursor, ARCHIVE_MISSING, 60, 70);
	rig_expect_slots(cursor, 71, 90);
	archive_cursor_close(cursor);
}

static void an_archive_may_begin_later_than_its_stream(void **state)
{
	struct stream_entry entries[RIG_ROWS] = {
		{.publisher = stream_publisher_name(4, 0), .id = 17}};
	struct archive_cursor *cursor;

	(void)state;
	rig_open();
	assert_int_equal(archive_skip(rig.archive, 1001, entries, &rig.err), 0);
	assert_int_equal(archive_inexact(rig.archive), 0);
	rig_append(1001, 1001, 1);
	rig_close();
	rig_open();
	assert_int_equal(archive_inexact(rig.archive), 0);
	assert_int_equal(archive_oldest(rig.archive), 1001);
	assert_int_equal(
		stream_table_id(archive_table(rig.archive), stream_publisher_name(4, 0)),
		17);
	cursor = rig_cursor(5);
	rig_expect(cursor, ARCHIVE_GONE, 5, 1000);
	rig_expect_slots(cursor, 1001, 1001);
	archive_cursor_close(cursor);
}

#define PART_LEN 56	  /* of a record with 8 bytes */
#define PART_LONG_LEN 256 /* of one with as many as a slot has room for */

static int part_append(uint64_t position, uint64_t id, uint16_t len, uint8_t flags)
{
	static const unsigned char payload[208] = "in parts";
	struct stream_slot slot = {.position = position,
		.epoch = 1,
		.publisher = stream_publisher_name(2, 6),
		.id = id,
		.len = len,
		.flags = flags};
	unsigned char *bytes = aligned_alloc(64, 256);
	int rc;

	stream_slot_write(bytes, &slot, payload);
	rc = archive_append(rig.archive, bytes, 1, &rig.err);
	free(bytes);
	return rc;
}

/* Fills the first segment, so that a short record has room and then a long one has not. */
static uint64_t segment_fill(void)
{
	uint64_t room = ARCHIVE_SEGMENT_LEN_MIN, next = 1;

	while (room >= PART_LEN + PART_LONG_LEN) {
		assert_int_equal(
			part_append(next, next, 8, STREAM_FIRST | STREAM_LAST), 0);
		room -= PART_LEN;
		next++;
	}
	return next;
}

static void a_message_in_parts_is_whole_only_at_its_last_slot(void **state)
{
	uint64_t next, name = stream_publisher_name(2, 6);
	const struct stream_table *table;

	(void)state;
	rig_open();
	next = segment_fill();
	assert_int_equal(part_append(next, next, 8, STREAM_FIRST), 0);
	/* There is room for the begin of a segment, and not for the record. */
	rig_disk.room = SEGMENT_STATE_LEN + SEGMENT_BLOCK_LEN + SEGMENT_ENTRY_LEN + 10;
	assert_int_equal(part_append(next + 1, next, 208, 0), -ENOSPC);
	assert_true(rig_has_segment(next + 1));
	rig_disk.room = UINT64_MAX;
	rig_abandon();
	rig_open();
	table = archive_table(rig.archive);
	assert_int_equal(stream_table_id(table, name), next - 1);
	assert_int_equal(table->open_publisher, name);
	assert_int_equal(table->open_id, next);
	assert_int_equal(part_append(next + 1, next, 208, 0), 0);
	assert_int_equal(stream_table_id(table, name), next - 1);
	assert_int_equal(part_append(next + 2, next, 8, STREAM_LAST), 0);
	assert_int_equal(stream_table_id(table, name), next);
	rig_abandon();
	rig_open();
	assert_int_equal(stream_table_id(archive_table(rig.archive), name), next);
}

static void the_table_outlives_the_segments_that_it_came_from(void **state)
{
	(void)state;
	rig.config.snapshots = true;
	rig_open();
	rig_append(1, 3000, 64);
	archive_acknowledge(rig.archive, 3000);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	assert_false(rig_has_segment(1));
	rig_close();
	rig_open();
	for (uint32_t row = 0; row < 5; row++) {
		uint64_t newest = 3000;

		while (newest % 5 != row || newest % 7 == 3)
			newest--;
		assert_int_equal(stream_table_id(archive_table(rig.archive),
					 stream_publisher_name(1, row)),
			newest);
	}
}

static void two_writers_are_refused(void **state)
{
	struct archive *other = NULL;
	int status;
	pid_t child;

	(void)state;
	rig_open();
	assert_int_equal(archive_open(&rig.config, &other, &rig.cut, &rig.err), -EBUSY);
	rig_expect_text("writes here");
	child = fork();
	if (child == 0)
		_exit(archive_open(&rig.config, &other, &rig.cut, &rig.err) == -EBUSY
				? 0
				: 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	rig_close();
	rig_open();
}

static void files_of_others_are_refused(void **state)
{
	char from[256], to[256];

	(void)state;
	rig_open();
	rig_append(1, 5, 5);
	rig_close();
	rig.config.identity.instance++;
	assert_int_equal(rig_open_rc(), -EPROTO);
	rig_expect_text("another cluster");
	rig.config.identity.instance--;
	rig.config.identity.stream = "trades";
	assert_int_equal(rig_open_rc(), -EPROTO);
	rig_expect_text("stream 'orders', not 'trades'");
	rig.config.identity.stream = "orders";
	rig.config.identity.slot_len = 512;
	assert_int_equal(rig_open_rc(), -EPROTO);
	rig_expect_text("256 bytes, not 512");
	rig.config.identity.slot_len = 256;
	rig.config.rows = 3;
	assert_int_equal(rig_open_rc(), -EPROTO);
	rig_expect_text("beyond row 2");
	rig.config.rows = RIG_ROWS;
	rig_file(from, sizeof(from), 1, ".seg");
	rig_file(to, sizeof(to), 2, ".seg");
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(rig_open_rc(), -EBADMSG);
	rig_expect_text("renamed");
	rig_flip(2, 0, 1);
	assert_int_equal(rig_open_rc(), -EPROTO);
	rig_expect_text("no segment");
	assert_null(rig.archive);
}

static void publishers_beyond_the_table_are_refused(void **state)
{
	(void)state;
	rig.config.rows = 3;
	rig_open();
	rig_append(1, 2, 1);
	rig_append(3, 3, 1); /* a void */
	assert_int_equal(rig_append_rc(4), -EINVAL);
	rig_abandon();
	rig.config.rows = 5;
	rig_open();
	rig_append(4, 2000, 50);
	rig_close();
	rig.config.rows = 3;
	assert_int_equal(rig_open_rc(), -EPROTO);
	rig_expect_text("beyond row 2");
}

static void a_newer_version_is_refused(void **state)
{
	struct archive_cursor *cursor;
	struct archive_item item;

	(void)state;
	rig_open();
	rig_append(1, 5, 5);
	rig_close();
	rig_flip(1, 8, 3); /* version 1 becomes 2 */
	assert_int_equal(rig_open_rc(), -EPROTONOSUPPORT);
	rig_expect_text("newer Pawl");
	cursor = rig_cursor(1);
	assert_int_equal(archive_cursor_next(cursor, &item, &rig.err), -EPROTONOSUPPORT);
	archive_cursor_close(cursor);
}

static void a_damaged_header_or_table_is_told(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 2000, 50);
	rig_close();
	for (uint64_t at = 12; at < 164; at += 5) {
		rig_flip(1, at, 4);
		assert_int_equal(rig_open_rc(), -EBADMSG);
		rig_expect_text("offset 0");
		rig_flip(1, at, 4);
	}
	rig_open();
	rig_append(2001, 2001, 1);
}

static void settings_that_can_not_be_are_refused(void **state)
{
	struct archive_config good = rig.config;

	(void)state;
	rig.config.identity.instance = 0;
	assert_int_equal(rig_open_rc(), -EINVAL);
	rig.config = good;
	rig.config.identity.stream = "two\nlines";
	assert_int_equal(rig_open_rc(), -EINVAL);
	rig.config = good;
	rig.config.identity.slot_len = 100;
	assert_int_equal(rig_open_rc(), -EINVAL);
	rig.config = good;
	rig.config.rows = 0;
	assert_int_equal(rig_open_rc(), -EINVAL);
	rig.config = good;
	rig.config.segment_len = 4096;
	assert_int_equal(rig_open_rc(), -EINVAL);
	rig.config = good;
	rig.config.size_max = 2 * ARCHIVE_SEGMENT_LEN_MIN;
	assert_int_equal(rig_open_rc(), -EINVAL);
	rig_expect_text("no two segments");
	rig.config = good;
	rig.config.path = "/nowhere/to/be/found";
	assert_int_equal(rig_open_rc(), -ENOENT);
}

static void what_dead_writers_left_is_tidied(void **state)
{
	char path[256], index[256];

	(void)state;
	rig_open();
	rig_append(1, 5, 5);
	rig_close();
	(void)snprintf(path, sizeof(path), "%s/segment.new", rig.path);
	rig_file(index, sizeof(index), 999, ".idx");
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
	assert_int_equal(close(open(index, O_CREAT | O_WRONLY, 0600)), 0);
	rig_open();
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(index, F_OK), -1);
	rig_append(6, 10, 5);
	rig_expect_all(1, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_STORY(every_length_of_slots_comes_back),
		RIG_STORY(a_slot_takes_only_the_bytes_that_it_uses),
		RIG_STORY(segments_are_named_by_their_first_position),
		RIG_STORY(a_segment_is_reserved_and_given_back_when_it_is_full),
		RIG_STORY(what_is_out_of_order_is_refused),
		RIG_STORY(it_goes_on_after_a_restart),
		RIG_STORY(a_gap_begins_a_segment_and_readers_are_told),
		RIG_STORY(an_archive_may_begin_later_than_its_stream),
		RIG_STORY(a_message_in_parts_is_whole_only_at_its_last_slot),
		RIG_STORY(the_table_outlives_the_segments_that_it_came_from),
		RIG_STORY(two_writers_are_refused),
		RIG_STORY(files_of_others_are_refused),
		RIG_STORY(publishers_beyond_the_table_are_refused),
		RIG_STORY(a_newer_version_is_refused),
		RIG_STORY(a_damaged_header_or_table_is_told),
		RIG_STORY(settings_that_can_not_be_are_refused),
		RIG_STORY(what_dead_writers_left_is_tidied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
