/* How messages are written, and how writing them ends. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/command/command.h"
#include "client/command/deliveries.h"
#include "tests/unit/fake_command.h"

static struct deliveries deliveries;
static char *written;
static size_t written_len;

static int set_up(void **state)
{
	(void)state;
	fake_command_forget();
	deliveries = (struct deliveries){.command = "pawl subscribe",
		.text = "desk/orders",
		.out = open_memstream(&written, &written_len),
		.count_max = UINT64_MAX,
		.until = UINT64_MAX};
	return deliveries.out ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	(void)fclose(deliveries.out);
	free(written);
	return 0;
}

static void put_bytes(uint64_t position, const void *bytes, size_t len)
{
	struct pawl_delivery delivery = {.position = position,
		.first = position,
		.publisher = 0x10000a,
		.id = position + 100,
		.time_ns = 5,
		.bytes = bytes,
		.len = len};

	deliveries_put(&deliveries, &delivery);
}

static void put(uint64_t position, const char *text)
{
	put_bytes(position, text, strlen(text));
}

static void put_void(uint64_t position)
{
	struct pawl_delivery delivery = {
		.position = position, .first = position, .is_void = true};

	deliveries_put(&deliveries, &delivery);
}

static void output_is(const char *text)
{
	(void)fflush(deliveries.out);
	assert_int_equal(written_len, strlen(text));
	assert_string_equal(written, text);
}

static void payloads_are_lines(void **state)
{
	(void)state;
	put(1, "buy 3");
	put(2, "");
	put_void(3);
	put(4, "sell 1");
	output_is("buy 3\n\nsell 1\n");
	assert_int_equal(deliveries_end(&deliveries, COMMAND_OK), COMMAND_OK);
}

static void numbered_lines_say_where_and_who(void **state)
{
	(void)state;
	deliveries.form = DELIVERIES_NUMBERED;
	deliveries.voids = true;
	put(7, "buy 3");
	put_void(8);
	output_is("7\t000000000010000a\t107\tbuy 3\n8\t0000000000000000\t0\t\n");
}

static void frames_have_their_length_first(void **state)
{
	static const char wanted[] = "\0\0\0\3a\nb\0\0\0\0";

	(void)state;
	deliveries.form = DELIVERIES_FRAMED;
	put(1, "a\nb");
	put(2, "");
	(void)fflush(deliveries.out);
	assert_int_equal(written_len, sizeof(wanted) - 1);
	assert_memory_equal(written, wanted, written_len);
}

#define JSON_HEAD(position, id)                             \
	"{\"position\": " position ", \"first\": " position \
	", \"publisher\": \"000000000010000a\", \"id\": " id ", \"time_ns\": 5, "

static void json_escapes_what_must_be(void **state)
{
	(void)state;
	deliveries.form = DELIVERIES_JSON;
	put(1, "a \"b\"\\\n\x01 \xc3\xa9\xf0\x9f\x98\x80");
	output_is(JSON_HEAD("1", "101") "\"payload\": \"a \\\"b\\\"\\\\\\n\\u0001 "
					"\xc3\xa9\xf0\x9f\x98\x80\"}\n");
}

static void json_has_a_zero_byte_as_text(void **state)
{
	(void)state;
	deliveries.form = DELIVERIES_JSON;
	put_bytes(1, "a\0b", 3);
	output_is(JSON_HEAD("1", "101") "\"payload\": \"a\\u0000b\"}\n");
}

/* Cut off, too long a form, half of a surrogate pair, beyond the end, a byte of none. */
static void what_is_not_utf8_is_base64(void **state)
{
	static const char *const bytes[] = {"\xc3", "\xc0\xaf", "\xe0\x80\xaf",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "a\x80"};
	static const char *const wanted[] = {
		"ww==", "wK8=", "4ICv", "7aCA", "9JCAgA==", "/w==", "YYA="};

	(void)state;
	deliveries.form = DELIVERIES_JSON;
	for (unsigned int i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		char text[128];

		put(1, bytes[i]);
		(void)fflush(deliveries.out);
		(void)snprintf(text, sizeof(text),
			JSON_HEAD("1", "101") "\"base64\": \"%s\"}\n", wanted[i]);
		assert_memory_equal(written, text, strlen(text));
		rewind(deliveries.out);
	}
}

static void json_tells_of_voids_and_losses(void **state)
{
	(void)state;
	deliveries.form = DELIVERIES_JSON;
	deliveries.voids = true;
	put_void(4);
	deliveries_lost(&deliveries, 5, 9, "they are gone");
	output_is(
		"{\"position\": 4, \"void\": true}\n"
		"{\"lost\": {\"first\": 5, \"last\": 9, \"why\": \"they are gone\"}}\n");
}

static void a_loss_is_a_line_and_a_status(void **state)
{
	(void)state;
	deliveries_lost(&deliveries, 5, 9, "they are gone");
	assert_string_equal(fake_command_line,
		"pawl subscribe: desk/orders: positions 5 to 9 are lost: they are gone");
	assert_int_equal(deliveries.lost, 5);
	assert_int_equal(deliveries_end(&deliveries, COMMAND_OK), COMMAND_LOST);
	assert_int_equal(deliveries_end(&deliveries, COMMAND_FAILURE), COMMAND_FAILURE);
}

static void a_loss_behind_the_end_is_nobodys(void **state)
{
	(void)state;
	deliveries.until = 4;
	deliveries_lost(&deliveries, 5, 9, "they are gone");
	assert_int_equal(fake_command_lines, 0);
	assert_int_equal(deliveries_end(&deliveries, COMMAND_OK), COMMAND_OK);
}

static void count_ends_it(void **state)
{
	(void)state;
	deliveries.count_max = 2;
	assert_int_equal(deliveries_room(&deliveries, 10), 2);
	put(1, "a");
	assert_false(deliveries_done(&deliveries, 1));
	assert_int_equal(deliveries_room(&deliveries, 10), 1);
	put(2, "b");
	put(3, "c");
	output_is("a\nb\n");
	assert_true(deliveries_done(&deliveries, 3));
}

static void until_ends_it_also_at_a_void(void **state)
{
	(void)state;
	deliveries.until = 3;
	put(1, "a");
	assert_false(deliveries_done(&deliveries, 2));
	put(4, "d");
	output_is("a\n");
	assert_true(deliveries_done(&deliveries, 3));
}

static void a_reader_that_leaves_ends_it_quietly(void **state)
{
	int ends[2];

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)fclose(deliveries.out);
	assert_int_equal(pipe(ends), 0);
	deliveries.out = fdopen(ends[1], "w");
	put(1, "a");
	deliveries_flush(&deliveries);
	assert_false(deliveries_done(&deliveries, 1));
	(void)close(ends[0]);
	deliveries_flush(
		&deliveries); /* nothing is written, and it is seen all the same */
	assert_true(deliveries_done(&deliveries, 1));
	put(2, "b");
	assert_int_equal(deliveries_end(&deliveries, COMMAND_OK), COMMAND_OK);
	assert_int_equal(fake_command_lines, 0);
}

static void a_full_disk_is_told(void **state)
{
	(void)state;
	(void)fclose(deliveries.out);
	deliveries.out = fopen("/dev/full", "w");
	put(1, "a");
	deliveries_flush(&deliveries);
	assert_true(deliveries_done(&deliveries, 1));
	assert_int_equal(deliveries_end(&deliveries, COMMAND_OK), COMMAND_FAILURE);
	assert_non_null(strstr(fake_command_line, "No space left on device"));
}

static void forms_that_exclude_each_other_are_misuse(void **state)
{
	struct deliveries_arguments a = {.json = true, .framed = true};
	struct deliveries d;

	(void)state;
	assert_int_equal(deliveries_begin(&a, "pawl replay", "x", &d), COMMAND_USAGE);
	a = (struct deliveries_arguments){.voids = true, .framed = true};
	assert_int_equal(deliveries_begin(&a, "pawl replay", "x", &d), COMMAND_USAGE);
	a = (struct deliveries_arguments){.count = "0"};
	assert_int_equal(deliveries_begin(&a, "pawl replay", "x", &d), COMMAND_USAGE);
	assert_int_equal(fake_command_lines, 3);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(payloads_are_lines),
		STORY(numbered_lines_say_where_and_who),
		STORY(frames_have_their_length_first),
		STORY(json_escapes_what_must_be),
		STORY(json_has_a_zero_byte_as_text),
		STORY(what_is_not_utf8_is_base64),
		STORY(json_tells_of_voids_and_losses),
		STORY(a_loss_is_a_line_and_a_status),
		STORY(a_loss_behind_the_end_is_nobodys),
		STORY(count_ends_it),
		STORY(until_ends_it_also_at_a_void),
		STORY(a_reader_that_leaves_ends_it_quietly),
		STORY(a_full_disk_is_told),
		STORY(forms_that_exclude_each_other_are_misuse),
	};

	return cmocka_run_group_tests_name("command_deliveries", tests, NULL, NULL);
}
