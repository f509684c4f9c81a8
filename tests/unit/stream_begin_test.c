/* How a stream begins from an archive, when there is no log of before. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/stream/begin.h"
#include "tests/unit/archive_rig.h"

#define SLOTS 64

static struct stream_limits limits;
static struct stream_log own;
static struct stream_begun begun;
static void *memory;

static int begin_rc(const char *path, uint64_t base)
{
	struct stream_begin_config config = {.path = path,
		.identity = rig.config.identity,
		.files = &rig_files,
		.limits = &limits,
		.memory = memory,
		.base = base};

	return stream_begin(&config, &own, &begun, &rig.err);
}

static int set_up(void **state)
{
	uint64_t len;

	if (rig_set_up(state))
		return -1;
	limits = (struct stream_limits){.slot_len = rig.config.identity.slot_len,
		.slots = SLOTS,
		.rows = RIG_ROWS};
	assert_true(stream_log_len(limits.slots, limits.slot_len, limits.rows, &len));
	memory = aligned_alloc(64, (len + 63) / 64 * 64);
	assert_non_null(memory);
	memset(memory, 0, len);
	memset(&own, 0, sizeof(own));
	return 0;
}

static int tear_down(void **state)
{
	free(memory);
	return rig_tear_down(state);
}

/* The newest message of each of the rig's publishers at or before @last. */
static void expect_entries(uint64_t last)
{
	for (uint32_t row = 0; row < 5; row++) {
		uint64_t p = last;

		while (p > 0 && (p % 5 != row || p % 7 == 3))
			p--;
		assert_int_equal(own.table.entries[row].id, p);
	}
}

static void expect_log(uint64_t oldest, uint64_t end)
{
	assert_int_equal(stream_log_oldest(&own), oldest);
	assert_int_equal(stream_log_end(&own), end);
	for (uint64_t p = oldest; p <= end; p++) {
		struct stream_slot slot;

		assert_true(stream_slot_read(
			stream_ring_at(&own.ring, p), limits.slot_len, &slot));
		assert_int_equal(slot.position, p);
	}
}

static void a_new_stream_begins_empty_and_exact(void **state)
{
	(void)state;
	assert_int_equal(begin_rc(NULL, 0), 0);
	expect_log(1, 0);
	assert_true(begun.exact);
	assert_int_equal(begin_rc(rig.path, 0), 0); /* there is no such directory */
	assert_true(begun.exact);
	rig_open();
	assert_int_equal(begin_rc(rig.path, 0), 0);
	assert_true(begun.exact);
	assert_int_equal(begun.last, 0);
}

static void an_archive_that_ends_at_the_base_gives_table_and_slots(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 200, 20);
	assert_int_equal(begin_rc(rig.path, 200), 0);
	assert_true(begun.exact);
	assert_int_equal(begun.last, 200);
	assert_int_equal(begun.begin, 200 - SLOTS);
	expect_log(200 - SLOTS + 1, 200);
	expect_entries(200);
	assert_int_equal(stream_begin_archive(rig.archive, stream_log_end(&own),
				 own.table.entries, &rig.err),
		0);
	assert_int_equal(archive_next(rig.archive), 201);
}

static void a_short_archive_fits_whole(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 9, 3);
	assert_int_equal(begin_rc(rig.path, 9), 0);
	expect_log(1, 9);
	expect_entries(9);
}

static void an_archive_behind_the_base_gives_nothing(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 50, 10);
	assert_int_equal(begin_rc(rig.path, 60), 0);
	assert_false(begun.exact);
	assert_int_equal(begun.last, 50);
	expect_log(61, 60);
	expect_entries(0);
	assert_int_equal(
		stream_begin_archive(rig.archive, stream_log_end(&own), NULL, &rig.err),
		0);
	assert_int_equal(archive_next(rig.archive), 61);
	assert_int_equal(archive_inexact(rig.archive), 60);
}

static void a_log_that_was_filled_makes_the_archive_exact_again(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 200, 20);
	assert_int_equal(begin_rc(rig.path, 200), 0);
	rig_close();
	strcat(rig.path, "-other");
	rig.config.path = rig.path;
	rig_open();
	assert_int_equal(stream_begin_archive(rig.archive, stream_log_end(&own),
				 own.table.entries, &rig.err),
		0);
	assert_int_equal(archive_next(rig.archive), 201);
	assert_int_equal(archive_inexact(rig.archive), 0);
}

static void an_archive_beyond_the_base_is_refused(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 50, 10);
	assert_int_equal(begin_rc(rig.path, 40), -EEXIST);
	assert_null(own.control);
	rig_expect_text("goes to 50");
}

static void an_inexact_table_is_not_taken(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 50, 10);
	assert_int_equal(archive_skip(rig.archive, 71, NULL, &rig.err), 0);
	rig_append(71, 90, 10);
	assert_int_equal(begin_rc(rig.path, 90), 0);
	assert_false(begun.exact);
	expect_log(91, 90);
	expect_entries(0);
}

static void slots_before_a_gap_are_not_taken(void **state)
{
	struct stream_entry entries[RIG_ROWS] = {{0}};

	(void)state;
	rig_open();
	rig_append(1, 50, 10);
	assert_int_equal(archive_skip(rig.archive, 71, entries, &rig.err), 0);
	rig_append(71, 90, 10);
	assert_int_equal(begin_rc(rig.path, 90), 0);
	assert_true(begun.exact);
	expect_log(71, 90);
}

static void a_disk_that_can_not_be_read_is_told(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 50, 10);
	rig_disk.read_rc = -EIO;
	assert_int_equal(begin_rc(rig.path, 50), -EIO);
	expect_log(51, 50);
	assert_false(begun.exact);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_new_stream_begins_empty_and_exact),
		STORY(an_archive_that_ends_at_the_base_gives_table_and_slots),
		STORY(a_short_archive_fits_whole),
		STORY(an_archive_behind_the_base_gives_nothing),
		STORY(a_log_that_was_filled_makes_the_archive_exact_again),
		STORY(an_archive_beyond_the_base_is_refused),
		STORY(an_inexact_table_is_not_taken),
		STORY(slots_before_a_gap_are_not_taken),
		STORY(a_disk_that_can_not_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
