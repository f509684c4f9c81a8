/* The messages of standard input on their way, with a stream that does what the test wants. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/command/command.h"
#include "client/command/publication.h"
#include "hw/clock.h"
#include "tests/unit/fake_command.h"

#define MESSAGES_MAX 4096
#define IN_FLIGHT_MAX 100

/* The stream: what it was given, and how it answers. */
static struct {
	struct {
		char text[32];
		size_t len;
	} at[MESSAGES_MAX];
	unsigned int submitted;
	unsigned int answered;
	unsigned int polls;
	unsigned int answer_every; /* polls; 0: never */
	unsigned int fail_at;	   /* the message whose outcome nobody knows; 0: none */
	uint64_t moves_until_ns;   /* positions of others are committed; 0: never */
	uint64_t committed;
} stream;

static const struct target target = {.text = "desk/orders"};
static struct publication_config config;
static FILE *kept_out;

int target_fail(const struct target *t)
{
	return command_fail("%s: the stream has failed", t->text);
}

int pawl_publish_many(struct pawl_stream *s, const struct pawl_message *messages,
	unsigned int count, unsigned int *submitted_p)
{
	unsigned int done = 0;

	(void)s;
	while (done < count && stream.submitted - stream.answered < IN_FLIGHT_MAX) {
		const struct pawl_message *m = &messages[done++];

		assert_int_equal(m->cookie, stream.submitted + 1);
		assert_true(m->len < sizeof(stream.at[0].text));
		memcpy(stream.at[stream.submitted].text, m->bytes, m->len);
		stream.at[stream.submitted++].len = m->len;
	}
	*submitted_p = done;
	return count > 0 && done == 0 ? -EAGAIN : 0;
}

int pawl_publish_poll(
	struct pawl_stream *s, struct pawl_published *results, int max, int *count_p)
{
	int count = 0;

	(void)s;
	if (stream.answer_every && ++stream.polls % stream.answer_every == 0) {
		while (count < max && stream.answered < stream.submitted) {
			uint64_t number = ++stream.answered;

			results[count++] = (struct pawl_published){.cookie = number,
				.position = 10 * number,
				.status = number == stream.fail_at ? -ESTALE : 0};
		}
	}
	*count_p = count;
	return 0;
}

int pawl_stream_stats_get(const struct pawl_stream *s, struct pawl_stream_stats *stats_p)
{
	(void)s;
	if (clock_now_ns() < stream.moves_until_ns)
		stream.committed++;
	else if (stream.moves_until_ns)
		stream.answer_every = 1;
	*stats_p = (struct pawl_stream_stats){.committed = stream.committed};
	return 0;
}

static void input_is(const char *bytes, size_t len)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fflush(file), 0);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	assert_int_equal(dup2(fileno(file), STDIN_FILENO), STDIN_FILENO);
	(void)fclose(file);
}

static int set_up(void **state)
{
	(void)state;
	memset(&stream, 0, sizeof(stream));
	stream.answer_every = 1;
	config = (struct publication_config){
		.message_max = 20, .timeout_ns = UINT64_C(100000000)};
	fake_command_forget();
	return 0;
}

/* Runs with standard output in *out_p, which is to be freed. */
static int run(char **out_p)
{
	size_t len;
	FILE *out = open_memstream(out_p, &len);
	int rc;

	kept_out = stdout;
	stdout = out;
	rc = publication_run(&target, &config);
	stdout = kept_out;
	(void)fclose(out);
	return rc;
}

static int run_quietly(void)
{
	char *out;
	int rc = run(&out);

	assert_string_equal(out, "");
	free(out);
	return rc;
}

static void message_is(unsigned int number, const char *text)
{
	assert_int_equal(stream.at[number - 1].len, strlen(text));
	assert_memory_equal(stream.at[number - 1].text, text, strlen(text));
}

static void all_lines_go_out_in_order_and_are_waited_for(void **state)
{
	(void)state;
	stream.answer_every = 50;
	input_is("a\nbb\n\nlast", 10);
	assert_int_equal(run_quietly(), COMMAND_OK);
	assert_int_equal(stream.answered, 4);
	message_is(1, "a");
	message_is(2, "bb");
	message_is(3, "");
	message_is(4, "last");
}

static void more_than_may_be_in_flight_waits_for_room(void **state)
{
	static char lines[MESSAGES_MAX * 8];
	size_t len = 0;

	(void)state;
	stream.answer_every = 7;
	for (unsigned int i = 1; i <= MESSAGES_MAX; i++)
		len += (size_t)sprintf(lines + len, "m%u\n", i);
	input_is(lines, len);
	assert_int_equal(run_quietly(), COMMAND_OK);
	assert_int_equal(stream.answered, MESSAGES_MAX);
	for (unsigned int i = 1; i <= MESSAGES_MAX; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "m%u", i);
		message_is(i, text);
	}
}

static void positions_are_written_by_number(void **state)
{
	char *out;

	(void)state;
	config.positions = true;
	input_is("a\nb\n", 4);
	assert_int_equal(run(&out), COMMAND_OK);
	assert_string_equal(out, "1\t10\n2\t20\n");
	free(out);
}

static void times_are_in_order(void **state)
{
	uint64_t number, position, submitted, acknowledged;
	char *out;

	(void)state;
	config.positions = config.times = true;
	input_is("a\n", 2);
	assert_int_equal(run(&out), COMMAND_OK);
	assert_int_equal(sscanf(out, "%lu\t%lu\t%lu\t%lu\n", &number, &position,
				 &submitted, &acknowledged),
		4);
	assert_int_equal(number, 1);
	assert_int_equal(position, 10);
	assert_true(submitted > 0 && submitted <= acknowledged);
	free(out);
}

static void a_message_that_is_too_long_ends_it_behind_the_others(void **state)
{
	(void)state;
	input_is("a\nb\nthis one is longer than twenty\nc\n", 37);
	assert_int_equal(run_quietly(), COMMAND_FAILURE);
	assert_int_equal(stream.answered, 2);
	assert_int_equal(stream.submitted, 2);
	assert_int_equal(fake_command_lines, 1);
	assert_non_null(strstr(fake_command_line,
		"desk/orders: message 3 has at least 30 bytes, and the stream takes 20"));
}

static void frames_are_taken_apart(void **state)
{
	(void)state;
	config.framed = true;
	input_is("\0\0\0\3a\nb\0\0\0\1c", 12);
	assert_int_equal(run_quietly(), COMMAND_OK);
	assert_int_equal(stream.answered, 2);
	message_is(1, "a\nb");
	message_is(2, "c");
}

static void an_end_within_a_frame_is_an_error(void **state)
{
	(void)state;
	config.framed = true;
	input_is("\0\0\0\1a\0\0\0\5c", 10);
	assert_int_equal(run_quietly(), COMMAND_FAILURE);
	assert_int_equal(stream.answered, 1);
	assert_non_null(strstr(fake_command_line, "ends within message 2"));
}

static void no_acknowledgement_for_too_long_ends_it(void **state)
{
	(void)state;
	stream.answer_every = 0;
	input_is("a\nb\n", 4);
	assert_int_equal(run_quietly(), COMMAND_FAILURE);
	assert_int_equal(fake_command_lines, 1);
	assert_non_null(strstr(fake_command_line, "nothing was acknowledged for"));
}

/* A lagging archive lets a little through at a time, and others were first. */
static void a_stream_that_moves_is_waited_for(void **state)
{
	(void)state;
	stream.answer_every = 0;
	stream.moves_until_ns = clock_now_ns() + 3 * config.timeout_ns;
	input_is("a\nb\n", 4);
	assert_int_equal(run_quietly(), COMMAND_OK);
	assert_int_equal(stream.answered, 2);
}

static void one_that_moves_for_others_only_is_waited_for_a_while(void **state)
{
	uint64_t since = clock_now_ns();

	(void)state;
	config.timeout_ns /= 4;
	stream.answer_every = 0;
	stream.moves_until_ns = UINT64_MAX;
	input_is("a\n", 2);
	assert_int_equal(run_quietly(), COMMAND_FAILURE);
	assert_true(clock_now_ns() - since > 8 * config.timeout_ns);
	assert_non_null(strstr(fake_command_line, "the stream is only at position"));
}

static void an_unknown_outcome_ends_it(void **state)
{
	(void)state;
	stream.fail_at = 2;
	input_is("a\nb\nc\n", 6);
	assert_int_equal(run_quietly(), COMMAND_FAILURE);
	assert_int_equal(fake_command_lines, 1);
}

static void no_input_is_no_error(void **state)
{
	(void)state;
	input_is("", 0);
	assert_int_equal(run_quietly(), COMMAND_OK);
	assert_int_equal(stream.submitted, 0);
}

#define STORY(story) cmocka_unit_test_setup(story, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(all_lines_go_out_in_order_and_are_waited_for),
		STORY(more_than_may_be_in_flight_waits_for_room),
		STORY(positions_are_written_by_number),
		STORY(times_are_in_order),
		STORY(a_message_that_is_too_long_ends_it_behind_the_others),
		STORY(frames_are_taken_apart),
		STORY(an_end_within_a_frame_is_an_error),
		STORY(no_acknowledgement_for_too_long_ends_it),
		STORY(a_stream_that_moves_is_waited_for),
		STORY(one_that_moves_for_others_only_is_waited_for_a_while),
		STORY(an_unknown_outcome_ends_it),
		STORY(no_input_is_no_error),
	};

	return cmocka_run_group_tests_name("command_publication", tests, NULL, NULL);
}
