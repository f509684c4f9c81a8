/*
 * Subscribers that need what only the archive has: they are fed out of it and join the log, and
 * what nobody has is told.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "hw/clock.h"
#include "tests/unit/readers_rig.h"

/* The archive has everything, the log its ring. */
static void publish_archived(uint64_t last)
{
	for (uint64_t p = bed.published; p < last;) {
		p += last - p < 30 ? last - p : 30;
		bed_publish_all(p);
		bed_wait_archived(p);
	}
}

static void late_joiner(uint32_t slots, enum stream_archiving archiving)
{
	struct subscriber s;
	bool archive = false;

	bed.limits.archiving = archiving;
	bed_open();
	publish_archived(1000);
	subscriber_open(&s, slots, 1, 0);
	assert_int_equal(s.answer.consumed, 0);
	assert_int_equal(s.answer.archive_oldest, 1);
	/* The log grows meanwhile, as long as the archive keeps up. */
	while (s.next <= 1000) {
		subscriber_wait(&s, s.next);
		archive = archive || reader_status(0).archive;
		if (bed.published < 3000) {
			bed_publish_all(bed.published + 5);
			bed_wait_archived(bed.published);
		}
	}
	assert_true(archive);
	subscriber_wait(&s, bed.published);
	for (uint64_t p = bed.published + 1; p <= 4000; p++) {
		bed_publish_all(p);
		subscriber_wait(&s, p);
	}
	assert_false(reader_status(0).archive);
	assert_int_equal(s.gone, 0);
	subscriber_close(&s);
}

static void a_late_joiner_is_fed_from_the_archive_and_joins_the_log(void **state)
{
	(void)state;
	late_joiner(64, STREAM_ARCHIVE_ON);
}

static void an_inbox_that_is_small_is_fed_as_well(void **state)
{
	(void)state;
	late_joiner(4, STREAM_ARCHIVE_REQUIRED);
}

static void the_oldest_is_the_archives(void **state)
{
	struct stream_reader_config config = {.token = 1, .inbox = "", .oldest = true};
	struct stream_reader_answer answer;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	publish_archived(500);
	assert_int_equal(
		readers_add(bed.readers, &bed.log, &config, &answer, &bed.err), 0);
	assert_int_equal(answer.consumed, 0);
	assert_int_equal(answer.archive_oldest, 1);
}

/* The next life is still opening its archive: who wants the oldest asks again. */
static void the_oldest_is_not_told_before_the_archive_is_open(void **state)
{
	struct stream_reader_config config = {.token = 1, .inbox = "", .oldest = true};
	struct stream_reader_answer answer;
	uint64_t deadline = clock_now_ns() + BED_WAIT_NS;
	int rc;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	publish_archived(500);
	readers_free(bed.readers);
	assert_int_equal(keeper_stop(bed.keeper, BED_WAIT_NS, &bed.err), 0);
	bed_keeper_start();
	bed_readers_open();
	do {
		rc = readers_add(bed.readers, &bed.log, &config, &answer, &bed.err);
		assert_true(clock_now_ns() < deadline);
	} while (rc == -EAGAIN);
	assert_int_equal(rc, 0);
	assert_int_equal(answer.consumed, 0);
	assert_int_equal(answer.archive_oldest, 1);
}

/* It was fed from the log, slept, and the log went on without it. */
static void a_lapped_subscriber_loses_nothing_that_is_archived(void **state)
{
	struct subscriber s;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	subscriber_open(&s, 16, 1, 0);
	for (unsigned int round = 1; round <= 5; round++) {
		publish_archived(500 * round);
		subscriber_wait(&s, 500 * round - 200);
	}
	subscriber_wait(&s, 2500);
	assert_int_equal(s.gone, 0);
	subscriber_close(&s);
}

static void what_was_torn_on_its_way_comes_from_the_archive(void **state)
{
	struct subscriber s;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	subscriber_open(&s, 256, 1, 0);
	publish_archived(10);
	subscriber_wait(&s, 10);
	bed_link.held = true;
	publish_archived(400);
	subscriber_poll(&s);
	assert_int_equal(s.next, 11);
	bed_link.held = false;
	subscriber_wait(&s, 400);
	assert_int_equal(s.gone, 0);
	subscriber_close(&s);
}

/* Two ranges were never archived, and both are told, and nothing else is lost. */
static void what_nobody_has_is_told_and_skipped(void **state)
{
	struct subscriber large, small;
	struct keeper_status status;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	publish_archived(100);
	atomic_store(&bed_disk.full, true);
	bed_publish_all(300);
	atomic_store(&bed_disk.full, false);
	bed_wait_archived(300);
	publish_archived(320);
	atomic_store(&bed_disk.full, true);
	bed_publish_all(500);
	atomic_store(&bed_disk.full, false);
	bed_wait_archived(500);
	publish_archived(900);
	keeper_status(bed.keeper, &status);
	assert_in_range(status.missing, 200 - BED_SLOTS, 400);
	subscriber_open(&large, 1024, 1, 0);
	subscriber_open(&small, 16, 2, 0);
	/* There is room for both ranges in one inbox before it is looked at. */
	for (int i = 0; i < 100; i++) {
		(void)bed_turn();
		(void)poll(NULL, 0, 1);
	}
	subscriber_wait(&large, 900);
	assert_int_equal(large.gone, status.missing);
	while (small.next <= 900) {
		for (int i = 0; i < 10; i++) /* it is slow to look at what it was told */
			(void)bed_turn();
		subscriber_wait(&small, small.next);
	}
	assert_int_equal(small.gone, status.missing);
	subscriber_close(&large);
	subscriber_close(&small);
}

/* The disk is full for good: the stream goes on, and so do its subscribers. */
static void an_archive_that_has_stopped_is_not_waited_for_long(void **state)
{
	struct subscriber s;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	publish_archived(100);
	atomic_store(&bed_disk.full, true);
	bed_publish_all(1000);
	subscriber_open(&s, 64, 1, 50);
	for (int i = 0; i < 1000 && s.next <= 100; i++)
		subscriber_wait(&s, s.next);
	assert_int_equal(s.gone, 0);
	for (int i = 0; i < 100; i++) {
		(void)bed_turn();
		(void)poll(NULL, 0, 1);
		subscriber_poll(&s);
	}
	assert_int_equal(s.next, 101);
	bed.now_ns += UINT64_C(2000000000);
	subscriber_wait(&s, 1000);
	assert_int_equal(s.gone, 900 - BED_SLOTS);
	subscriber_close(&s);
}

static void flip(uint64_t first, long offset)
{
	char path[ARCHIVE_PATH_MAX], file_name[ARCHIVE_PATH_MAX + 40];
	FILE *file;

	assert_int_equal(keeper_path(&bed.settings, BED_STREAM, path, &bed.err), 0);
	(void)snprintf(file_name, sizeof(file_name), "%s/%020lu.seg", path,
		(unsigned long)first);
	file = fopen(file_name, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	assert_int_not_equal(fputc(0xff, file), EOF);
	assert_int_equal(fclose(file), 0);
}

static void damage_in_the_archive_is_told_and_skipped(void **state)
{
	struct subscriber s;
	struct error line;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	publish_archived(600);
	flip(1, 4096 + 16 + 99 * 56 + 24);
	subscriber_open(&s, 64, 1, 0);
	subscriber_wait(&s, 600);
	assert_in_range(s.gone, 1, 600 - BED_SLOTS - 90);
	assert_true(readers_line(bed.readers, &line));
	assert_non_null(strstr(line.text, "damaged"));
	subscriber_close(&s);
}

/* It is not waited for while it reads the archive, and then it is. */
static void a_late_joiner_does_not_stop_a_stream_that_blocks(void **state)
{
	struct subscriber s;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed.limits.blocks = true;
	bed_open();
	publish_archived(500);
	subscriber_open(&s, 16, 1, 0);
	while (s.next == 1) {
		(void)bed_turn();
		subscriber_poll(&s);
	}
	publish_archived(1000);
	subscriber_wait(&s, 1000);
	for (int i = 0; i < 200; i++)
		(void)bed_publish(2000);
	assert_int_equal(bed.log.commit, 1000 + BED_SLOTS - 1);
	subscriber_wait(&s, bed.log.commit);
	assert_int_equal(s.gone, 0);
	subscriber_close(&s);
}

static void an_archive_that_can_not_be_read_is_told_and_done_without(void **state)
{
	struct subscriber s;
	struct error line;

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	publish_archived(500);
	flip(1, 0); /* its header */
	subscriber_open(&s, 64, 1, 0);
	subscriber_wait(&s, 500);
	assert_int_equal(s.gone, 500 - BED_SLOTS);
	assert_true(readers_line(bed.readers, &line));
	subscriber_close(&s);
}

/* Sessions end while the feeder is in the middle of their lanes. */
static void readers_come_and_go(void **state)
{
	struct subscriber s[4];

	(void)state;
	bed.limits.archiving = STREAM_ARCHIVE_ON;
	bed_open();
	publish_archived(500);
	for (unsigned int round = 0; round < 100; round++) {
		struct subscriber *one = &s[round % 4];

		if (round >= 4) {
			readers_evict(bed.readers, round % 4 + 1);
			subscriber_close(one);
		}
		subscriber_open(one, 8u << round % 4, round % 4 + 1, round);
		for (unsigned int i = 0; i < round; i++) {
			(void)bed_turn();
			subscriber_poll(
				&s[(round + i) % 4 <= round ? (round + i) % 4 : 0]);
		}
	}
	for (unsigned int i = 0; i < 4; i++) {
		subscriber_wait(&s[i], 500);
		assert_int_equal(s[i].gone, 0);
		subscriber_close(&s[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_STORY(a_late_joiner_is_fed_from_the_archive_and_joins_the_log),
		BED_STORY(an_inbox_that_is_small_is_fed_as_well),
		BED_STORY(the_oldest_is_the_archives),
		BED_STORY(the_oldest_is_not_told_before_the_archive_is_open),
		BED_STORY(a_lapped_subscriber_loses_nothing_that_is_archived),
		BED_STORY(what_was_torn_on_its_way_comes_from_the_archive),
		BED_STORY(what_nobody_has_is_told_and_skipped),
		BED_STORY(an_archive_that_has_stopped_is_not_waited_for_long),
		BED_STORY(damage_in_the_archive_is_told_and_skipped),
		BED_STORY(a_late_joiner_does_not_stop_a_stream_that_blocks),
		BED_STORY(an_archive_that_can_not_be_read_is_told_and_done_without),
		BED_STORY(readers_come_and_go),
	};

	return cmocka_run_group_tests_name("readers and the archive", tests, NULL, NULL);
}
