/* Messages out of what a pipe or a file gives, however it is cut. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/command/input.h"

#define LEN_MAX 1000

static struct input input;
static int source; /* where the test writes */

static void begin(bool framed, size_t len_max)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(input_begin(&input, ends[0], framed, len_max), 0);
	source = ends[1];
}

static int tear_down(void **state)
{
	(void)state;
	(void)close(input.fd);
	(void)close(source);
	input_end(&input);
	return 0;
}

static void write_all(const void *bytes, size_t len)
{
	assert_int_equal(write(source, bytes, len), len);
	assert_int_equal(input_read(&input), 0);
}

static void end_input(void)
{
	(void)close(source);
	source = -1;
	assert_int_equal(input_read(&input), 0);
	assert_true(input.ended);
}

static void expect(const char *text)
{
	const void *bytes = NULL;
	size_t len = 0;

	assert_int_equal(input_next(&input, &bytes, &len), 0);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(bytes, text, len);
}

static void expect_rc(int rc)
{
	const void *bytes;
	size_t len;

	assert_int_equal(input_next(&input, &bytes, &len), rc);
}

static void lines_come_whole_however_they_are_cut(void **state)
{
	(void)state;
	begin(false, LEN_MAX);
	write_all("one\ntw", 6);
	expect("one");
	expect_rc(-EAGAIN);
	write_all("o\n\nfour", 7);
	expect("two");
	expect("");
	expect_rc(-EAGAIN);
	end_input();
	expect("four");
	expect_rc(-EAGAIN);
	assert_int_equal(input.count, 4);
}

static void a_line_as_long_as_allowed_passes_and_a_longer_one_does_not(void **state)
{
	char line[LEN_MAX + 2];

	(void)state;
	begin(false, LEN_MAX);
	memset(line, 'x', sizeof(line));
	line[LEN_MAX] = '\n';
	write_all(line, LEN_MAX + 1);
	line[LEN_MAX] = '\0';
	expect(line);
	memset(line, 'x', sizeof(line));
	write_all(line, LEN_MAX);
	expect_rc(-EAGAIN);
	write_all(line, 1);
	expect_rc(-EMSGSIZE);
	assert_int_equal(input.count, 1);
}

static void a_long_line_makes_the_buffer_grow(void **state)
{
	static char line[300001];
	size_t done = 0;

	(void)state;
	begin(false, sizeof(line));
	memset(line, 'y', sizeof(line) - 1);
	while (done < sizeof(line) - 1) {
		size_t part = sizeof(line) - 1 - done < 30000 ? sizeof(line) - 1 - done
							      : 30000;

		expect_rc(-EAGAIN);
		write_all(line + done, part);
		done += part;
	}
	write_all("\nlast\n", 6);
	expect(line);
	expect("last");
}

static void frames_come_whole_however_they_are_cut(void **state)
{
	static const char bytes[] = "\0\0\0\3a\nb\0\0\0\0\0\0\0\2cd";

	(void)state;
	begin(true, LEN_MAX);
	for (size_t i = 0; i < 6; i++) {
		write_all(bytes + i, 1);
		expect_rc(-EAGAIN);
	}
	write_all(bytes + 6, sizeof(bytes) - 1 - 6);
	expect("a\nb");
	expect("");
	expect("cd");
	expect_rc(-EAGAIN);
	end_input();
	expect_rc(-EAGAIN);
}

static void a_frame_that_is_too_long_is_refused_by_its_length(void **state)
{
	const void *bytes;
	size_t len = 0;

	(void)state;
	begin(true, LEN_MAX);
	write_all("\xff\xff\xff\xff", 4);
	assert_int_equal(input_next(&input, &bytes, &len), -EMSGSIZE);
	assert_int_equal(len, 0xffffffff);
}

static void an_end_within_a_frame_is_told(void **state)
{
	(void)state;
	begin(true, LEN_MAX);
	write_all("\0\0\0\1a\0\0\0\2b", 10);
	expect("a");
	expect_rc(-EAGAIN);
	end_input();
	expect_rc(-EPROTO);
}

static void an_end_within_a_length_is_told(void **state)
{
	(void)state;
	begin(true, LEN_MAX);
	write_all("\0\0", 2);
	end_input();
	expect_rc(-EPROTO);
}

#define STORY(story) cmocka_unit_test_teardown(story, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(lines_come_whole_however_they_are_cut),
		STORY(a_line_as_long_as_allowed_passes_and_a_longer_one_does_not),
		STORY(a_long_line_makes_the_buffer_grow),
		STORY(frames_come_whole_however_they_are_cut),
		STORY(a_frame_that_is_too_long_is_refused_by_its_length),
		STORY(an_end_within_a_frame_is_told),
		STORY(an_end_within_a_length_is_told),
	};

	return cmocka_run_group_tests_name("command_input", tests, NULL, NULL);
}
