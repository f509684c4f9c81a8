/* Reads and writes: their lengths and bounds, and that a write is there after a read. */
#include <errno.h>
#include <string.h>

#include "tests/conformance/conformance.h"

static unsigned char pattern_at(size_t offset, unsigned int round)
{
	return (unsigned char)(offset * 7 + offset / 251 + round * 31 + 1);
}

static void pattern_fill(unsigned char *bytes, size_t len, unsigned int round)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = pattern_at(i, round);
}

/* Writes and reads back @len bytes at @offset; the bytes around both must not change. */
static void transfer_check(struct fixture *fixture, size_t offset, size_t len)
{
	unsigned char *base = fixture->ops->base(fixture->memory);
	unsigned char bytes[LINK_TRANSFER_MAX], read[LINK_TRANSFER_MAX + 2];

	memset(base + offset - 1, 0xee, len + 2);
	pattern_fill(bytes, len, (unsigned int)len);
	fixture_write(fixture, offset, bytes, len);
	fixture_read(fixture, offset, read + 1, len);
	assert_memory_equal(read + 1, bytes, len);
	assert_memory_equal(base + offset, bytes, len);
	assert_int_equal(base[offset - 1], 0xee);
	assert_int_equal(base[offset + len], 0xee);
	memset(read, 0xdd, sizeof(read));
	fixture_read(fixture, offset, read + 1, len);
	assert_int_equal(read[0], 0xdd);
	assert_int_equal(read[len + 1], 0xdd);
}

static void bytes_of_every_length_arrive_and_come_back(void **state)
{
	static const size_t lens[] = {
		127, 128, 129, 255, 256, 257, 1000, 2047, 2048, 4087, 4088, 4095, 4096};
	struct fixture *fixture = *state;

	for (size_t len = 1; len <= 72; len++)
		transfer_check(fixture, 64, len);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		transfer_check(fixture, 1024, lens[i]);
}

static void transfers_may_begin_anywhere(void **state)
{
	struct fixture *fixture = *state;

	for (size_t offset = 1; offset <= 17; offset++) {
		transfer_check(fixture, offset, 1);
		transfer_check(fixture, offset, 8);
		transfer_check(fixture, offset, 27);
		transfer_check(fixture, offset + 4090, 4096);
	}
}

static void last_byte_is_inside_and_the_next_is_refused(void **state)
{
	struct fixture *fixture = *state;
	uint64_t len = fixture->ops->len(fixture->memory);
	unsigned char bytes[LINK_TRANSFER_MAX] = {1, 2, 3};
	const struct {
		uint64_t offset;
		size_t len;
	} outside[] = {{len, 1}, {len - 1, 2}, {len - 4095, 4096}, {len + 1, 1},
		{(uint64_t)1 << 40, 8}, {UINT64_MAX, 1}, {UINT64_MAX - 7, 8},
		{UINT64_MAX - 7, 4096}, {UINT64_MAX - 4095, 4096}};

	fixture_write(fixture, len - 1, bytes, 1);
	fixture_read(fixture, len - 4096, bytes, 4096);
	assert_int_equal(bytes[4095], 1);
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		assert_int_equal(fixture->ops->write(fixture->link, outside[i].offset,
					 bytes, outside[i].len, 0),
			-ERANGE);
		assert_int_equal(fixture->ops->read(fixture->link, outside[i].offset,
					 bytes, outside[i].len, 0),
			-ERANGE);
	}
	fixture_expect_idle(fixture, fixture->link);
}

static void empty_and_too_long_transfers_are_refused(void **state)
{
	static const size_t lens[] = {0, LINK_TRANSFER_MAX + 1, 8192, SIZE_MAX};
	struct fixture *fixture = *state;
	static unsigned char bytes[8192];

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		assert_int_equal(fixture->ops->write(fixture->link, 0, bytes, lens[i], 0),
			-EINVAL);
		assert_int_equal(
			fixture->ops->read(fixture->link, 0, bytes, lens[i], 0), -EINVAL);
	}
	fixture_expect_idle(fixture, fixture->link);
	assert_int_equal(fixture_add(fixture, 0, 0), 0);
}

static void written_bytes_are_the_callers_again_at_once(void **state)
{
	static const size_t lens[] = {1, 8, 16, 17, 64, 256, 4096};
	struct fixture *fixture = *state;
	unsigned char bytes[LINK_TRANSFER_MAX], expected[LINK_TRANSFER_MAX];

	for (unsigned int i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		pattern_fill(bytes, lens[i], i);
		memcpy(expected, bytes, lens[i]);
		assert_int_equal(
			fixture->ops->write(fixture->link, 0, bytes, lens[i], i), 0);
		memset(bytes, 0xcc, lens[i]);
		(void)fixture_wait_well(fixture, fixture->link, i);
		fixture_read(fixture, 0, bytes, lens[i]);
		assert_memory_equal(bytes, expected, lens[i]);
	}
}

/* M3, step by step.  The race against the owner's processor is in processes.c. */
static void write_is_visible_to_the_owner_when_a_later_read_completes(void **state)
{
	static const size_t lens[] = {8, 64, 256, 4096};
	struct fixture *fixture = *state;
	unsigned char bytes[LINK_TRANSFER_MAX];

	for (unsigned int round = 0; round < 200; round++) {
		size_t len = lens[round % 4];
		uint64_t word;

		pattern_fill(bytes, len, round);
		assert_int_equal(
			fixture->ops->write(fixture->link, 4096, bytes, len, 1), 0);
		assert_int_equal(fixture->ops->read(fixture->link, 0, &word, 8, 2), 0);
		(void)fixture_wait_well(fixture, fixture->link, 1);
		(void)fixture_wait_well(fixture, fixture->link, 2);
		assert_memory_equal(
			(char *)fixture->ops->base(fixture->memory) + 4096, bytes, len);
	}
}

int conformance_transfers(const struct conformance_bed *bed)
{
	const struct CMUnitTest tests[] = {
		STORY(bytes_of_every_length_arrive_and_come_back),
		STORY(transfers_may_begin_anywhere),
		STORY(last_byte_is_inside_and_the_next_is_refused),
		STORY(empty_and_too_long_transfers_are_refused),
		STORY(written_bytes_are_the_callers_again_at_once),
		STORY(write_is_visible_to_the_owner_when_a_later_read_completes),
	};

	print_message("%s: transfers\n", bed->name);
	return cmocka_run_group_tests_name("transfers", tests, NULL, NULL);
}
