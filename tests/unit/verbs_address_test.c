/* Addresses of the verbs back end, and where their bytes lie. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hw/memory.h"
#include "hw/verbs/address.h"

#define PLAIN                                                                      \
	"verbs host=10.9.9.1 port=7471 memory=0x3 key=0x1234 base=0x7f0000000000 " \
	"len=8192"
#define HOT PLAIN " hotkey=0x77 hotbase=0x0 hotoff=64 hotlen=128"

static void plain_address_is_read(void **state)
{
	struct verbs_address address;

	(void)state;
	assert_int_equal(verbs_address_parse(PLAIN, &address, NULL), 0);
	assert_string_equal(address.host, "10.9.9.1");
	assert_int_equal(address.port, 7471);
	assert_int_equal(address.memory, 3);
	assert_int_equal(address.target.key, 0x1234);
	assert_int_equal(address.target.base, 0x7f0000000000);
	assert_int_equal(address.target.len, 8192);
	assert_int_equal(address.target.hot_len, 0);
}

static void hot_words_are_read(void **state)
{
	struct verbs_address address;

	(void)state;
	assert_int_equal(verbs_address_parse(HOT, &address, NULL), 0);
	assert_int_equal(address.target.hot_key, 0x77);
	assert_int_equal(address.target.hot_base, 0);
	assert_int_equal(address.target.hot_offset, 64);
	assert_int_equal(address.target.hot_len, 128);
}

static void what_is_read_is_written_again(void **state)
{
	static const char *const texts[] = {
		PLAIN,
		HOT,
		"verbs host=fe80::1 port=1 memory=0xffffffffffffffff key=0xffffffff "
		"base=0x0 len=1",
		"verbs host=2001:db8::1:2 port=65535 memory=0x0 key=0x0 "
		"base=0xfffffffffffff000 "
		"len=4095",
	};
	char again[MEMORY_ADDRESS_MAX];
	struct verbs_address address;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(verbs_address_parse(texts[i], &address, NULL), 0);
		assert_int_equal(verbs_address_write(&address, again, sizeof(again)), 0);
		assert_string_equal(again, texts[i]);
	}
}

static void longest_address_of_this_world_fits(void **state)
{
	struct verbs_address address = {
		.host = "2001:db88:ffff:ffff:ffff:ffff:ffff:ffff",
		.port = 65535,
		.memory = UINT64_MAX,
		.target = {.base = UINT64_C(0x00ffffffffffffff),
			.len = UINT64_C(1) << 50,
			.hot_base = UINT64_C(1) << 40,
			.hot_offset = UINT64_C(1) << 49,
			.hot_len = UINT64_C(1) << 40,
			.key = UINT32_MAX,
			.hot_key = UINT32_MAX},
	};
	char text[MEMORY_ADDRESS_MAX];

	(void)state;
	assert_int_equal(verbs_address_write(&address, text, sizeof(text)), 0);
	assert_int_equal(verbs_address_write(&address, text, 40), -ENAMETOOLONG);
}

static void anything_else_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"verbs",
		"shm path=/dev/shm/x len=8",
		PLAIN " ",
		PLAIN "\n",
		" " PLAIN,
		PLAIN " hotkey=0x1",
		PLAIN " hotkey=0x77 hotbase=0x0 hotoff=64 hotlen=0",
		PLAIN " hotkey=0x77 hotbase=0x0 hotoff=60 hotlen=8",
		PLAIN " hotkey=0x77 hotbase=0x0 hotoff=8192 hotlen=8",
		PLAIN " hotkey=0x77 hotbase=0x0 hotoff=18446744073709551608 hotlen=16",
		PLAIN " hotkey=0x77 hotbase=0xfffffffffffffff8 hotoff=0 hotlen=16",
		"verbs host=10.9.9.1 port=0 memory=0x3 key=0x1 base=0x0 len=8",
		"verbs host=10.9.9.1 port=65536 memory=0x3 key=0x1 base=0x0 len=8",
		"verbs host=10.9.9.1 port=07 memory=0x3 key=0x1 base=0x0 len=8",
		"verbs host=10.9.9.1 port=-7 memory=0x3 key=0x1 base=0x0 len=8",
		"verbs host=10.9.9.1 port=7 memory=3 key=0x1 base=0x0 len=8",
		"verbs host=10.9.9.1 port=7 memory=0x key=0x1 base=0x0 len=8",
		"verbs host=10.9.9.1 port=7 memory=0xA key=0x1 base=0x0 len=8",
		"verbs host=10.9.9.1 port=7 memory=0x10000000000000000 key=0x1 base=0x0 "
		"len=8",
		"verbs host=10.9.9.1 port=7 memory=0x3 key=0x100000000 base=0x0 len=8",
		"verbs host=10.9.9.1 port=7 memory=0x3 key=0x1 base=0x0 len=0",
		"verbs host=10.9.9.1 port=7 memory=0x3 key=0x1 base=0xffffffffffffffff "
		"len=8",
		"verbs host=10.9.9.1 port=7 memory=0x3 key=0x1 base=0x0 "
		"len=18446744073709551616",
		"verbs host=10.9.9.01 port=7 memory=0x3 key=0x1 base=0x0 len=8",
		"verbs host=10.9.9 port=7 memory=0x3 key=0x1 base=0x0 len=8",
		"verbs host=localhost port=7 memory=0x3 key=0x1 base=0x0 len=8",
		"verbs host=FE80::1 port=7 memory=0x3 key=0x1 base=0x0 len=8",
		"verbs host=fe80:0::1 port=7 memory=0x3 key=0x1 base=0x0 len=8",
		"verbs host= port=7 memory=0x3 key=0x1 base=0x0 len=8",
		"verbs  host=10.9.9.1 port=7 memory=0x3 key=0x1 base=0x0 len=8",
		"verbs port=7 host=10.9.9.1 memory=0x3 key=0x1 base=0x0 len=8",
		"verbs host=1111111111111111111111111111111111111111111111111111111111 "
		"port=7",
	};
	struct verbs_address address = {.port = 9};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error err = {""};

		if (verbs_address_parse(texts[i], &address, &err) != -EINVAL)
			fail_msg("'%s' was taken", texts[i]);
		assert_non_null(strstr(err.text, "verbs: address: "));
		assert_int_equal(address.port, 9);
	}
}

static void every_cut_of_an_address_is_refused(void **state)
{
	struct verbs_address address;
	char text[sizeof(HOT)];

	(void)state;
	for (size_t len = 0; len < sizeof(HOT) - 1; len++) {
		int rc;

		memcpy(text, HOT, len);
		text[len] = '\0';
		rc = verbs_address_parse(text, &address, NULL);
		/* Cut in its last number, or before the hot words, it is a shorter
		 * address. */
		if (len == sizeof(PLAIN) - 1 || strstr(text, "hotlen="))
			continue;
		if (len < sizeof(PLAIN) - 1 && strstr(text, " len=") &&
			text[len - 1] != '=')
			assert_int_equal(rc, 0);
		else
			assert_int_equal(rc, -EINVAL);
	}
}

static void range_is_cut_at_the_borders_of_the_hot_words(void **state)
{
	const struct verbs_target target = {.base = 1000,
		.len = 512,
		.key = 1,
		.hot_base = 90000,
		.hot_offset = 64,
		.hot_len = 128,
		.hot_key = 2};
	struct verbs_part parts[VERBS_PARTS_MAX];

	(void)state;
	for (uint64_t offset = 0; offset < target.len; offset++) {
		for (size_t len = 1; len <= target.len - offset; len++) {
			int count = verbs_target_split(&target, offset, len, parts);
			uint64_t at = offset;

			assert_in_range(count, 1, VERBS_PARTS_MAX);
			for (int i = 0; i < count; i++) {
				bool hot = at >= 64 && at < 192;

				assert_int_equal(parts[i].key, hot ? 2 : 1);
				assert_int_equal(parts[i].remote,
					hot ? 90000 + at - 64 : 1000 + at);
				at += parts[i].len;
				assert_true(i == count - 1 || at == 64 || at == 192);
			}
			assert_int_equal(at, offset + len);
		}
	}
}

static void range_without_hot_words_stays_whole(void **state)
{
	const struct verbs_target target = {.base = 1000, .len = 512, .key = 1};
	struct verbs_part parts[VERBS_PARTS_MAX];

	(void)state;
	assert_int_equal(verbs_target_split(&target, 8, 504, parts), 1);
	assert_int_equal(parts[0].remote, 1008);
	assert_int_equal(parts[0].len, 504);
	assert_true(verbs_target_holds(&target, 504, 8));
	assert_false(verbs_target_holds(&target, 505, 8));
	assert_false(verbs_target_holds(&target, UINT64_MAX - 3, 8));
	assert_false(verbs_target_holds(&target, 0, 513));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_address_is_read),
		cmocka_unit_test(hot_words_are_read),
		cmocka_unit_test(what_is_read_is_written_again),
		cmocka_unit_test(longest_address_of_this_world_fits),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(every_cut_of_an_address_is_refused),
		cmocka_unit_test(range_is_cut_at_the_borders_of_the_hot_words),
		cmocka_unit_test(range_without_hot_words_stays_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
