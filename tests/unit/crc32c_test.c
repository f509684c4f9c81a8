/* CRC-32C against the vectors of RFC 3720, appendix B.4, and the definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sequencer/core/crc32c.h"

/* Bit by bit, as the standard defines it. */
static uint32_t by_definition(const unsigned char *bytes, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len * 8; i++) {
		uint32_t byte = bytes[i / 8];
		uint32_t bit = (byte >> i % 8 ^ crc) & 1u;

		crc = crc >> 1 ^ (bit ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static void the_standard_s_vectors_hold(void **state)
{
	unsigned char bytes[32];

	(void)state;
	assert_int_equal(crc32c_update(0, "123456789", 9), 0xe3069283u);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(crc32c_update(0, bytes, sizeof(bytes)), 0x8a9136aau);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crc32c_update(0, bytes, sizeof(bytes)), 0x62a8ab43u);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	assert_int_equal(crc32c_update(0, bytes, sizeof(bytes)), 0x46dd794eu);
}

static void nothing_has_the_checksum_0(void **state)
{
	(void)state;
	assert_int_equal(crc32c_update(0, NULL, 0), 0);
	assert_int_equal(crc32c_update(0x12345678u, NULL, 0), 0x12345678u);
}

static void every_byte_length_and_alignment_follows_the_definition(void **state)
{
	unsigned char bytes[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 151 + 7);
	for (size_t at = 0; at < 9; at++) {
		for (size_t len = 0; len + at <= sizeof(bytes); len++) {
			uint32_t right = by_definition(bytes + at, len);

			assert_int_equal(crc32c_update(0, bytes + at, len), right);
			assert_int_equal(
				crc32c_update_by_table(0, bytes + at, len), right);
		}
	}
}

static void parts_add_up_to_the_whole(void **state)
{
	const char *text = "the quick brown fox jumps over the lazy dog";
	size_t len = strlen(text);

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		uint32_t first = crc32c_update(0, text, cut);

		assert_int_equal(crc32c_update(first, text + cut, len - cut),
			crc32c_update(0, text, len));
	}
}

static void what_is_joined_is_as_one_piece(void **state)
{
	unsigned char bytes[120];
	uint64_t word = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 83 + 11);
	for (size_t i = sizeof(word); i > 0; i--)
		word = word << 8 | bytes[i - 1];
	for (size_t cut = sizeof(word); cut <= sizeof(bytes); cut++)
		assert_int_equal(
			crc32c_joined(word, bytes + sizeof(word), cut - sizeof(word),
				bytes + cut, sizeof(bytes) - cut),
			by_definition(bytes, sizeof(bytes)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_standard_s_vectors_hold),
		cmocka_unit_test(nothing_has_the_checksum_0),
		cmocka_unit_test(every_byte_length_and_alignment_follows_the_definition),
		cmocka_unit_test(parts_add_up_to_the_whole),
		cmocka_unit_test(what_is_joined_is_as_one_piece),
	};

	return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
