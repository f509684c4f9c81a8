/* The text form of a shared memory's address: one way to write it, everything else
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hw/shm/address.h"

static void assert_refused(const char *text)
{
	struct shm_address address = {.path = "untouched", .len = 7};
	struct error err = {""};

	if (shm_address_parse(text, &address, &err) != -EINVAL)
		fail_msg("accepted: '%s'", text);
	assert_string_equal(address.path, "untouched");
	assert_int_equal(address.len, 7);
	assert_non_null(strstr(err.text, "shm: address"));
	assert_non_null(strstr(err.text, "expected"));
}

static void what_was_written_is_read_back(void **state)
{
	char text[MEMORY_ADDRESS_MAX];
	struct shm_address address;

	(void)state;
	assert_int_equal(shm_address_format("/dev/shm/pawl.1", 8192, text, NULL), 0);
	assert_string_equal(text, "shm path=/dev/shm/pawl.1 len=8192");
	assert_int_equal(shm_address_parse(text, &address, NULL), 0);
	assert_string_equal(address.path, "/dev/shm/pawl.1");
	assert_int_equal(address.len, 8192);
}

static void memory_without_a_file_has_an_address_too(void **state)
{
	struct shm_address address;

	(void)state;
	assert_int_equal(
		shm_address_parse("shm path=/proc/12/fd/3 len=4096", &address, NULL), 0);
	assert_string_equal(address.path, "/proc/12/fd/3");
}

static void path_that_looks_like_a_length_is_still_a_path(void **state)
{
	struct shm_address address;

	(void)state;
	assert_int_equal(
		shm_address_parse("shm path=/len=5/path= len=1", &address, NULL), 0);
	assert_string_equal(address.path, "/len=5/path=");
	assert_int_equal(address.len, 1);
}

static void largest_length_is_accepted_and_one_more_refused(void **state)
{
	struct shm_address address;

	(void)state;
	assert_int_equal(
		shm_address_parse("shm path=/x len=18446744073709551615", &address, NULL),
		0);
	assert_true(address.len == SIZE_MAX);
	assert_refused("shm path=/x len=18446744073709551616");
	assert_refused("shm path=/x len=99999999999999999999999");
}

static void text_of_another_kind_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"shm",
		"shm path=",
		"shm path=/x",
		"shm path=/x len=",
		"shm path=/x  len=8",
		"shm path=/x len=8 ",
		"shm path=/x len= 8",
		"shm path=/x len=+8",
		"shm path=/x len=-8",
		"shm path=/x len=0",
		"shm path=/x len=08",
		"shm path=/x len=0x8",
		"shm path=/x len=8\n",
		"shm path=/x len=8k",
		"shm path= len=8",
		"shm path=x len=8",
		"shm path=/a b len=8",
		"shm path=/a\tb len=8",
		"shm path=/a\x7fz len=8",
		"shm path=/\xc3\xa9 len=8",
		"shm len=8 path=/x",
		"shm path=/x size=8",
		"SHM path=/x len=8",
		" shm path=/x len=8",
		"verbs addr=10.0.0.1 port=1 len=8",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused(texts[i]);
}

static void text_that_is_too_long_is_refused_without_reading_on(void **state)
{
	char text[MEMORY_ADDRESS_MAX]; /* without a terminator */

	(void)state;
	memset(text, '/', sizeof(text));
	memcpy(text, "shm path=", 9);
	assert_refused(text);
}

static void longest_path_fits_and_one_byte_more_is_refused(void **state)
{
	char path[MEMORY_ADDRESS_MAX + 1], text[MEMORY_ADDRESS_MAX];
	struct shm_address address;
	size_t most = MEMORY_ADDRESS_MAX - 1 - strlen("shm path= len=8");
	struct error err;

	(void)state;
	memset(path, '/', sizeof(path));
	path[most] = '\0';
	assert_int_equal(shm_address_format(path, 8, text, NULL), 0);
	assert_int_equal(strlen(text), MEMORY_ADDRESS_MAX - 1);
	assert_int_equal(shm_address_parse(text, &address, NULL), 0);
	assert_string_equal(address.path, path);
	path[most] = '/';
	path[most + 1] = '\0';
	assert_int_equal(shm_address_format(path, 8, text, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.text, "choose a shorter path"));
}

static void path_that_needs_quoting_is_refused_when_written(void **state)
{
	static const char *const paths[] = {"", "relative", "/a b", "/a\nb", "/\xff"};
	char text[MEMORY_ADDRESS_MAX] = "untouched";
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(shm_address_format(paths[i], 8, text, &err), -EINVAL);
		assert_non_null(strstr(err.text, "choose another"));
	}
	assert_int_equal(shm_address_format("/x", 0, text, &err), -EINVAL);
	assert_string_equal(text, "untouched");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read_back),
		cmocka_unit_test(memory_without_a_file_has_an_address_too),
		cmocka_unit_test(path_that_looks_like_a_length_is_still_a_path),
		cmocka_unit_test(largest_length_is_accepted_and_one_more_refused),
		cmocka_unit_test(text_of_another_kind_is_refused),
		cmocka_unit_test(text_that_is_too_long_is_refused_without_reading_on),
		cmocka_unit_test(longest_path_fits_and_one_byte_more_is_refused),
		cmocka_unit_test(path_that_needs_quoting_is_refused_when_written),
	};

	return cmocka_run_group_tests_name("shm_address", tests, NULL, NULL);
}
