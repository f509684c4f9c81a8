/*
 * After a crash exactly the whole records before the first one that is not are there, wherever
 * the file was cut or a bit of it turned over, and what was cut is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sequencer/archive/segment_format.h"
#include "tests/unit/archive_rig.h"

#define LAST 40
#define DAMAGED_FROM 33 /* every byte from this position's record on */

/* Short slots, so that there are not too many bytes. */
static int set_up(void **state)
{
	int rc = rig_set_up(state);

	rig.config.identity.slot_len = 64;
	return rc;
}

#define CUT_STORY(story) cmocka_unit_test_setup_teardown(story, set_up, rig_tear_down)

/* Where the record of @position begins in the first segment. */
static uint64_t offset_of(uint64_t position)
{
	uint64_t offset = SEGMENT_BLOCK_LEN;

	for (uint64_t p = 1; p < position; p++)
		offset += rig_record_len(rig.config.identity.slot_len, p);
	return offset;
}

/* The newest position whose record ends at or before @offset. */
static uint64_t whole_before(uint64_t offset)
{
	uint64_t p = 0;

	while (offset_of(p + 2) <= offset)
		p++;
	return p;
}

static void make(void)
{
	rig_open();
	rig_append(1, LAST, 10);
	rig_abandon();
}

static void remove_all(void)
{
	char path[256];

	rig_file(path, sizeof(path), 1, ".seg");
	assert_int_equal(unlink(path), 0);
}

/* What is left goes on as if nothing had happened. */
static void expect_prefix(uint64_t last)
{
	rig_open();
	assert_int_equal(archive_last(rig.archive), last);
	if (last < LAST) {
		assert_true(rig.cut.bytes > 0);
		assert_int_equal(rig.cut.first, last + 1);
		assert_int_equal(rig.cut.last, LAST);
		assert_int_equal(rig.cut.offset, offset_of(last + 1));
		assert_string_equal(rig.cut.file, "00000000000000000001.seg");
	}
	rig_expect_all(1, last);
	rig_append(last + 1, LAST + 5, 3);
	rig_abandon();
	rig_open();
	assert_int_equal(rig.cut.bytes, 0);
	rig_expect_all(1, LAST + 5);
	rig_abandon();
	remove_all();
}

static void a_file_that_ends_anywhere_keeps_what_is_whole(void **state)
{
	(void)state;
	for (uint64_t at = offset_of(DAMAGED_FROM); at <= offset_of(LAST + 1); at++) {
		make();
		rig_truncate(1, at);
		expect_prefix(whole_before(at));
	}
}

static void a_bit_turned_over_anywhere_cuts_there(void **state)
{
	(void)state;
	for (uint64_t at = offset_of(DAMAGED_FROM); at < offset_of(LAST + 1); at++) {
		make();
		rig_flip(1, at, (unsigned char)(1u << at % 8));
		expect_prefix(whole_before(at));
	}
}

static void bytes_behind_the_end_are_cut(void **state)
{
	(void)state;
	make();
	rig_flip(1, offset_of(LAST + 1) + 3000, 0x40);
	rig_open();
	assert_int_equal(archive_last(rig.archive), LAST);
	assert_int_equal(rig.cut.bytes, 3001);
	assert_int_equal(rig.cut.first, 0);
	rig_abandon();
	rig_open();
	assert_int_equal(rig.cut.bytes, 0);
	rig_append(LAST + 1, LAST + 200, 10);
	rig_expect_all(1, LAST + 200);
}

/* Whole records of a write that was not told yet are kept: they are committed positions. */
static void records_that_were_not_told_yet_are_kept(void **state)
{
	unsigned char old[SEGMENT_STATE_LEN];
	char path[256];
	int fd;

	(void)state;
	rig_open();
	rig_append(1, 10, 10);
	rig_file(path, sizeof(path), 1, ".seg");
	fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, old, sizeof(old), SEGMENT_STATE_AT), sizeof(old));
	rig_append(11, 20, 10);
	assert_int_equal(pwrite(fd, old, sizeof(old), SEGMENT_STATE_AT), sizeof(old));
	(void)close(fd);
	rig_abandon();
	rig_expect_all(1, 10); /* a reader believes the state */
	rig_open();
	assert_int_equal(rig.cut.bytes, 0);
	assert_int_equal(archive_last(rig.archive), 20);
	rig_expect_all(1, 20);
}

/* Without the state nothing is known but what proves itself. */
static void a_damaged_state_loses_nothing(void **state)
{
	(void)state;
	for (uint64_t at = 0; at < SEGMENT_STATE_LEN; at++) {
		make();
		rig_flip(1, SEGMENT_STATE_AT + at, 0x10);
		rig_expect_all(1, LAST);
		rig_open();
		assert_int_equal(rig.cut.bytes, 0);
		rig_append(LAST + 1, LAST + 9, 2);
		rig_abandon();
		rig_expect_all(1, LAST + 9);
		remove_all();
	}
}

static void a_sealed_segment_that_lost_its_tail_is_cut(void **state)
{
	uint64_t last, len;

	(void)state;
	rig_open();
	rig_append(1, 300, 10);
	assert_int_equal(archive_skip(rig.archive, 301 + 5, NULL, &rig.err), 0);
	rig_abandon();
	len = rig_file_len(1);
	rig_truncate(1, len - 100);
	last = whole_before(len - 100);
	rig_open();
	assert_int_equal(archive_last(rig.archive), last);
	assert_int_equal(rig.cut.first, last + 1);
	assert_int_equal(rig.cut.last, 300);
	rig_append(last + 1, 310, 1);
	assert_true(rig_has_segment(last + 1));
	rig_expect_all(1, 310);
	rig_abandon();
	rig_open();
	assert_int_equal(rig.cut.bytes, 0);
	rig_expect_all(1, 310);
}

/* What was synced is not torn by a crash: that is damage, and nothing is cut. */
static void damage_before_the_synced_point_is_an_error(void **state)
{
	(void)state;
	rig.config.sync = ARCHIVE_SYNC_ALWAYS;
	rig_open();
	rig_append(1, LAST, 10);
	rig_abandon();
	for (uint64_t at = offset_of(DAMAGED_FROM); at < offset_of(LAST + 1); at += 3) {
		char offset[40];

		rig_flip(1, at, 1);
		assert_int_equal(rig_open_rc(), -EBADMSG);
		(void)snprintf(offset, sizeof(offset), "at offset %llu,",
			(unsigned long long)offset_of(whole_before(at) + 1));
		rig_expect_text(offset);
		rig_expect_text("00000000000000000001.seg");
		rig_flip(1, at, 1);
	}
	rig_truncate(1, offset_of(LAST));
	assert_int_equal(rig_open_rc(), -EBADMSG);
	assert_int_equal(rig_file_len(1), offset_of(LAST));
}

static void a_tail_behind_the_synced_point_is_cut(void **state)
{
	(void)state;
	rig.config.sync = ARCHIVE_SYNC_INTERVAL;
	rig.config.sync_interval_ns = 1000;
	rig_open();
	rig_append(1, 30, 10);
	assert_int_equal(archive_sync_now(rig.archive, &rig.err), 0);
	assert_int_equal(archive_synced(rig.archive), 30);
	rig_append(31, LAST, 10);
	assert_int_equal(archive_synced(rig.archive), 30);
	rig_abandon();
	rig_flip(1, offset_of(35) + 44, 1);
	rig_open();
	assert_int_equal(archive_last(rig.archive), 34);
	assert_int_equal(rig.cut.last, LAST);
}

static void blank_file(uint64_t first, size_t len)
{
	char path[256];
	int fd;

	rig_file(path, sizeof(path), first, ".seg");
	fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	(void)close(fd);
}

/* Without syncs a loss of power may keep the name and lose the bytes. */
static void a_segment_that_is_blank_is_removed(void **state)
{
	static const size_t lens[] = {0, 100, 70000};

	(void)state;
	for (int i = 0; i < 3; i++) {
		make();
		blank_file(LAST + 1, lens[i]);
		rig_expect_all(1, LAST);
		rig_open();
		assert_true(rig.cut.bytes > 0);
		assert_string_equal(rig.cut.file, "00000000000000000041.seg");
		assert_false(rig_has_segment(LAST + 1));
		rig_append(LAST + 1, LAST + 5, 5);
		rig_expect_all(1, LAST + 5);
		rig_abandon();
		remove_all();
	}
	blank_file(1, 0);
	rig_open();
	assert_int_equal(archive_next(rig.archive), 1);
	rig_append(1, 3, 1);
}

static void a_blank_one_in_the_middle_is_an_error(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 1200, 10);
	rig_close();
	blank_file(1, 70000);
	assert_int_equal(rig_open_rc(), -EBADMSG);
	rig_expect_text("00000000000000000001.seg");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CUT_STORY(a_file_that_ends_anywhere_keeps_what_is_whole),
		CUT_STORY(a_bit_turned_over_anywhere_cuts_there),
		CUT_STORY(bytes_behind_the_end_are_cut),
		CUT_STORY(records_that_were_not_told_yet_are_kept),
		CUT_STORY(a_damaged_state_loses_nothing),
		CUT_STORY(a_sealed_segment_that_lost_its_tail_is_cut),
		CUT_STORY(damage_before_the_synced_point_is_an_error),
		CUT_STORY(a_tail_behind_the_synced_point_is_cut),
		CUT_STORY(a_segment_that_is_blank_is_removed),
		CUT_STORY(a_blank_one_in_the_middle_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
