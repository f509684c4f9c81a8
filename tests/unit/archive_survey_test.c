/* What an archive knows when a cluster begins again from it, and a log that is made of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sequencer/archive/archive_survey.h"
#include "sequencer/archive/segment_format.h"
#include "tests/unit/archive_rig.h"

static struct stream_entry entries[RIG_ROWS];
static struct archive_survey survey;

static int survey_rc(void)
{
	return archive_survey(rig.path, &rig.config.identity, &rig_files, entries,
		RIG_ROWS, &survey, &rig.err);
}

static void look(void)
{
	if (survey_rc())
		fail_msg("%s", rig.err.text);
}

/* The newest message of each of the rig's publishers at or before @last. */
static void expect_entries(uint64_t last)
{
	for (uint32_t row = 0; row < 5; row++) {
		uint64_t p = last;

		while (p > 0 && (p % 5 != row || p % 7 == 3))
			p--;
		assert_int_equal(entries[row].id, p);
		assert_int_equal(entries[row].publisher,
			p > 0 ? stream_publisher_name(1, row) : 0);
	}
	assert_int_equal(entries[5].publisher, 0);
}

static void an_empty_archive_begins_at_the_begin(void **state)
{
	(void)state;
	assert_int_equal(survey_rc(), -ENOENT);
	rig_open();
	look();
	assert_int_equal(survey.last, 0);
	assert_int_equal(survey.whole, 1);
	assert_int_equal(survey.oldest, 0);
	expect_entries(0);
}

static void it_tells_the_last_position_and_the_newest_ids(void **state)
{
	(void)state;
	rig_open();
	for (uint64_t last = 111; last < 3000; last += 111) {
		rig_append(last - 110, last, 11);
		look(); /* beside the writer */
		assert_int_equal(survey.last, last);
		assert_int_equal(survey.whole, 1);
		assert_int_equal(survey.oldest, 1);
		assert_int_equal(survey.inexact, 0);
		assert_int_equal(survey.epoch, 1 + last / 1000);
		assert_int_equal(survey.tail.bytes, 0);
		expect_entries(last);
	}
}

static void it_agrees_with_what_opening_cuts(void **state)
{
	uint64_t end = SEGMENT_BLOCK_LEN;

	(void)state;
	rig_open();
	rig_append(1, 40, 10);
	rig_abandon();
	for (uint64_t p = 1; p <= 40; p++)
		end += rig_record_len(256, p);
	for (uint64_t less = 1; less < 900; less += 31) {
		rig_truncate(1, end - less);
		look();
		assert_true(survey.last < 40 && survey.tail.last == 40);
		expect_entries(survey.last);
		rig_open();
		assert_int_equal(archive_last(rig.archive), survey.last);
		assert_memory_equal(&rig.cut, &survey.tail, sizeof(rig.cut));
		rig_append(survey.last + 1, 40, 1);
		rig_abandon();
	}
}

/* What a log had overwritten was decided all the same: nothing before it may be drawn again. */
static void a_gap_at_the_end_counts_as_decided(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 50, 10);
	assert_int_equal(archive_skip(rig.archive, 71, NULL, &rig.err), 0);
	rig_append(71, 90, 10);
	look();
	assert_int_equal(survey.last, 90);
	assert_int_equal(survey.whole, 71);
	assert_int_equal(survey.oldest, 1);
	assert_int_equal(survey.inexact, 70);
	rig_abandon();
	rig_flip(71, SEGMENT_BLOCK_LEN + 3 * SEGMENT_ENTRY_LEN, 1); /* in the table */
	assert_int_equal(survey_rc(), -EBADMSG);
	rig_flip(71, SEGMENT_BLOCK_LEN + 3 * SEGMENT_ENTRY_LEN, 1);
	rig_truncate(71, SEGMENT_BLOCK_LEN + 5 * SEGMENT_ENTRY_LEN);
	look();
	assert_int_equal(survey.last, 70);
	assert_int_equal(survey.whole, 71);
	assert_int_equal(survey.tail.first, 71);
	assert_int_equal(survey.tail.last, 90);
}

static void the_table_may_come_with_the_gap(void **state)
{
	struct stream_entry known[RIG_ROWS] = {
		[7] = {.publisher = stream_publisher_name(3, 7), .id = 99}};

	(void)state;
	rig_open();
	rig_append(1, 50, 10);
	assert_int_equal(archive_skip(rig.archive, 71, known, &rig.err), 0);
	rig_append(71, 71, 1);
	look();
	assert_int_equal(survey.inexact, 0);
	assert_int_equal(entries[7].id, 99);
	assert_int_equal(entries[1].id, 71);
	assert_int_equal(entries[2].publisher, 0);
}

static void retention_moves_what_is_whole(void **state)
{
	(void)state;
	rig.config.snapshots = true;
	rig_open();
	rig_append(1, 3000, 50);
	archive_acknowledge(rig.archive, 2000);
	assert_int_equal(archive_tick(rig.archive, &rig.err), 0);
	look();
	assert_int_equal(survey.whole, archive_oldest(rig.archive));
	assert_int_equal(survey.oldest, archive_oldest(rig.archive));
	assert_in_range(survey.whole, 1001, 2001);
	expect_entries(3000);
}

/* All that is in the archive from @first on, as slots for a log. */
static void slots_read(unsigned char *ring, uint32_t slots_count, uint64_t first)
{
	struct archive_cursor *cursor = rig_cursor(first);
	struct archive_item item;

	for (uint64_t p = first; p <= survey.last; p++) {
		struct stream_slot slot;

		rig_next(cursor, &item);
		assert_int_equal(item.kind, ARCHIVE_SLOT);
		assert_true(stream_slot_take(
			ring + p % slots_count * 256, item.bytes, 256, p, 0, &slot));
	}
	archive_cursor_close(cursor);
}

/* The slots of a cursor are what a log is filled with: whole, and at their positions. */
static void a_log_can_be_filled_from_it(void **state)
{
	unsigned char *ring = aligned_alloc(64, 1024 * 256);
	struct stream_table table;
	struct stream_slot slot;

	(void)state;
	rig_open();
	rig_append(1, 3000, 50);
	rig_close();
	look();
	slots_read(ring, 1024, survey.last - 1000);
	stream_table_init(&table, entries, RIG_ROWS);
	for (uint64_t p = survey.last - 1000; p <= survey.last; p++) {
		assert_true(stream_slot_read(ring + p % 1024 * 256, 256, &slot));
		(void)stream_table_apply(&table, &slot);
	}
	/* The entries are those of the end already: what fills the log changes nothing. */
	expect_entries(3000);
	slot = (struct stream_slot){.position = 3001,
		.publisher = stream_publisher_name(1, 0),
		.id = 3001,
		.flags = STREAM_FIRST | STREAM_LAST};
	assert_true(stream_table_accepts(&table, &slot));
	slot.id = 3000;
	assert_false(stream_table_accepts(&table, &slot));
	free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_STORY(an_empty_archive_begins_at_the_begin),
		RIG_STORY(it_tells_the_last_position_and_the_newest_ids),
		RIG_STORY(it_agrees_with_what_opening_cuts),
		RIG_STORY(a_gap_at_the_end_counts_as_decided),
		RIG_STORY(the_table_may_come_with_the_gap),
		RIG_STORY(retention_moves_what_is_whole),
		RIG_STORY(a_log_can_be_filled_from_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
