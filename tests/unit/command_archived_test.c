/* Messages out of an archive, and what is told where it has none. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/command/archived.h"
#include "client/command/command.h"
#include "tests/unit/archive_rig.h"
#include "tests/unit/fake_command.h"

static struct archived *archived;

static void begin(uint64_t from, bool voids)
{
	struct error err;

	if (archived_open(rig.path, from, voids, &archived, &err))
		fail_msg("%s", err.text);
}

static void end(void)
{
	struct archived_item item;

	assert_int_equal(archived_next(archived, &item, &rig.err), -ENODATA);
	archived_close(archived);
}

static struct archived_item next(void)
{
	struct archived_item item;

	assert_int_equal(archived_next(archived, &item, &rig.err), 0);
	return item;
}

/* The message of one position, as the rig makes it. */
static void expect_message(uint64_t position)
{
	_Alignas(8) unsigned char slot[STREAM_SLOT_LEN_MAX];
	struct archived_item item = next();
	uint32_t slot_len = rig.config.identity.slot_len;

	rig_slot(slot, slot_len, position);
	assert_null(item.why);
	assert_int_equal(item.delivery.kind, STREAM_MESSAGE);
	assert_int_equal(item.delivery.last, position);
	assert_int_equal(item.delivery.len, position * 37 % (slot_len - 47));
	assert_memory_equal(
		item.delivery.payload, slot + STREAM_SLOT_HEADER, item.delivery.len);
}

static void expect_lost(uint64_t first, uint64_t last, const char *why)
{
	struct archived_item item = next();

	assert_int_equal(item.delivery.kind, STREAM_GONE);
	assert_int_equal(item.delivery.first, first);
	assert_int_equal(item.delivery.last, last);
	assert_non_null(item.why);
	assert_non_null(strstr(item.why, why));
}

static bool is_void(uint64_t position)
{
	return position % 7 == 3;
}

static void every_message_comes_once_in_order(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 40, 8);
	rig_close();
	begin(0, false);
	for (uint64_t p = 1; p <= 40; p++) {
		if (!is_void(p))
			expect_message(p);
	}
	assert_true(archived_is_whole(archived, &rig.err));
	end();
}

static void voids_come_when_they_are_wanted(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 4, 4);
	rig_close();
	begin(2, true);
	expect_message(2);
	assert_int_equal(next().delivery.kind, STREAM_NOTHING);
	expect_message(4);
	end();
}

static void what_was_never_archived_is_told(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 2, 2);
	assert_int_equal(archive_skip(rig.archive, 9, NULL, &rig.err), 0);
	rig_append(9, 9, 1);
	rig_close();
	begin(0, false);
	expect_message(1);
	expect_message(2);
	expect_lost(3, 8, "never archived");
	expect_message(9);
	assert_int_equal(archived_position(archived), 9);
	end();
}

static void what_is_before_the_oldest_is_told(void **state)
{
	(void)state;
	rig_open();
	assert_int_equal(archive_skip(rig.archive, 5, NULL, &rig.err), 0);
	rig_append(5, 6, 2);
	rig_close();
	begin(2, false);
	expect_lost(2, 4, "not retained");
	expect_message(5);
	expect_message(6);
	end();
}

static void damage_at_the_begin_is_told(void **state)
{
	(void)state;
	rig_open();
	rig_append(1, 2, 2);
	assert_int_equal(archive_skip(rig.archive, 4, NULL, &rig.err), 0);
	rig_append(4, 5, 2);
	rig_close();
	rig_flip(1, 20, 0xff); /* in the header of the first segment */
	begin(0, false);
	expect_lost(1, 3, "damaged");
	expect_message(4);
	expect_message(5);
	end();
}

/* A message of three slots with a slot of somebody else's between. */
static void a_long_message_comes_whole(void **state)
{
	struct stream_slot slot = {
		.publisher = stream_publisher_name(1, 1), .id = 1, .epoch = 1, .len = 10};
	static const uint8_t flags[] = {STREAM_FIRST, 0, STREAM_LAST};
	static const char *const parts[] = {"aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"};
	_Alignas(8) unsigned char bytes[STREAM_SLOT_LEN_MAX];
	struct archived_item item;

	(void)state;
	rig_open();
	for (uint64_t i = 0; i < 3; i++) {
		memset(bytes, 0, sizeof(bytes));
		slot.position = i + 1;
		slot.flags = flags[i];
		stream_slot_write(bytes, &slot, parts[i]);
		assert_int_equal(archive_append(rig.archive, bytes, 1, &rig.err), 0);
	}
	rig_close();
	begin(0, false);
	item = next();
	assert_int_equal(item.delivery.first, 1);
	assert_int_equal(item.delivery.last, 3);
	assert_int_equal(item.delivery.len, 30);
	assert_memory_equal(item.delivery.payload, "aaaaaaaaaabbbbbbbbbbcccccccccc", 30);
	end();
	begin(2, false); /* its begin is not wanted, so it is not delivered */
	end();
}

/* An archive of a replica, in the cluster's directory, with so many positions. */
static void replica_archive(unsigned int id, const char *name, uint64_t count)
{
	(void)snprintf(rig.path, sizeof(rig.path), "%s/%u.archive", rig.scratch.path, id);
	assert_int_equal(mkdir(rig.path, 0700), 0);
	(void)snprintf(rig.path, sizeof(rig.path), "%s/%u.archive/%s", rig.scratch.path,
		id, name);
	rig_open();
	rig_append(1, count, 1);
	rig_close();
}

static void the_archive_that_goes_farthest_is_found(void **state)
{
	char wanted[160], *path;

	(void)state;
	replica_archive(1, "whatever", 3);
	replica_archive(2, "it%2Fis", 9);
	(void)snprintf(wanted, sizeof(wanted), "%s", rig.path);
	replica_archive(3, "called", 8);
	fake_command_forget();
	assert_int_equal(
		archived_find(rig.scratch.path, rig.config.identity.stream, &path),
		COMMAND_OK);
	assert_string_equal(path, wanted);
	free(path);
	assert_int_equal(
		archived_find(rig.scratch.path, "another", &path), COMMAND_FAILURE);
	assert_non_null(strstr(fake_command_line, "an archive of the stream another"));
	assert_int_equal(archived_find("/nowhere", "x", &path), COMMAND_FAILURE);
	assert_int_equal(fake_command_lines, 2);
}

static void a_directory_that_is_not_there_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(
		archived_open("/nowhere", 0, false, &archived, &rig.err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_STORY(every_message_comes_once_in_order),
		RIG_STORY(voids_come_when_they_are_wanted),
		RIG_STORY(what_was_never_archived_is_told),
		RIG_STORY(what_is_before_the_oldest_is_told),
		RIG_STORY(damage_at_the_begin_is_told),
		RIG_STORY(a_long_message_comes_whole),
		RIG_STORY(the_archive_that_goes_farthest_is_found),
		RIG_STORY(a_directory_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests_name("command_archived", tests, NULL, NULL);
}
