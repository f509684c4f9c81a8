/* pawl stamp: every line of standard input gets its number. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command/command.h"
#include "client/command/target.h"
#include "hw/clock.h"

#define LINE_MAX_LEN (64u << 20) /* bytes; a longer line is refused */
#define BUFFER_LEN (64u << 10)	 /* bytes read at once, at first */
#define PROGRESS_NS UINT64_C(500000000)
#define OPTION_BATCH 'b'
#define OPTION_TIMES 't'

struct stamper {
	struct target target;
	uint64_t batch;
	bool times; /* print when each number was asked for and when it was there */
	bool progress;
	uint64_t next; /* the next number in hand; past last: none is */
	uint64_t last;
	uint64_t asked_ns;
	uint64_t got_ns;
	uint64_t lines;
	uint64_t progress_ns; /* when the progress line is due again */
	uint64_t started_ns;
	char *buffer;
	size_t buffer_len;
	size_t used;
};

struct stamp_arguments {
	struct target_arguments target;
	const char *batch;
	bool times;
};

static error_t stamp_option(int key, char *arg, struct argp_state *state)
{
	struct stamp_arguments *a = state->input;

	switch (key) {
	case OPTION_BATCH:
		a->batch = arg;
		return 0;
	case OPTION_TIMES:
		a->times = true;
		return 0;
	default:
		return target_option(key, arg, state, &a->target);
	}
}

/* Takes the next batch when none is left in hand. */
static int number_take(struct stamper *s, uint64_t *number_p)
{
	if (s->next > s->last) {
		s->asked_ns = s->times ? clock_now_ns() : 0;
		if (pawl_add(s->target.counter, s->batch, &s->last))
			return target_fail(&s->target);
		s->got_ns = s->times ? clock_now_ns() : 0;
		s->next = s->last - s->batch + 1;
	}
	*number_p = s->next++;
	return 0;
}

static int line_stamp(struct stamper *s, const char *line, size_t len)
{
	uint64_t number = 0;
	int rc = number_take(s, &number);

	if (rc)
		return rc;
	(void)printf("%" PRIu64 "\t", number);
	if (s->times)
		(void)printf("%" PRIu64 "\t%" PRIu64 "\t", s->asked_ns, s->got_ns);
	(void)fwrite(line, 1, len, stdout);
	(void)putchar('\n');
	s->lines++;
	if (ferror(stdout))
		return command_finish_output();
	return 0;
}

static int lines_stamp(struct stamper *s)
{
	char *from = s->buffer;
	char *end = s->buffer + s->used;
	char *newline;
	int rc = 0;

	while (!rc && (newline = memchr(from, '\n', (size_t)(end - from)))) {
		rc = line_stamp(s, from, (size_t)(newline - from));
		from = newline + 1;
	}
	s->used = (size_t)(end - from);
	memmove(s->buffer, from, s->used);
	return rc;
}

static void progress_print(struct stamper *s, bool final)
{
	uint64_t now;

	if (!s->progress)
		return;
	now = clock_now_ns();
	if (!final && now < s->progress_ns)
		return;
	s->progress_ns = now + PROGRESS_NS;
	if (final && now - s->started_ns < PROGRESS_NS)
		return;
	(void)fprintf(stderr, "\r%" PRIu64 " lines, %.0f a second%s", s->lines,
		(double)s->lines * 1e9 / (double)(now - s->started_ns),
		final ? "\n" : "");
}

static int buffer_room(struct stamper *s)
{
	char *buffer;

	if (s->used < s->buffer_len)
		return 0;
	if (s->buffer_len >= LINE_MAX_LEN)
		return command_fail("pawl stamp: line %" PRIu64
				    " is longer than %u bytes; it can not be "
				    "stamped",
			s->lines + 1, LINE_MAX_LEN);
	buffer = realloc(s->buffer, 2 * s->buffer_len);
	if (!buffer)
		return command_fail("pawl stamp: out of memory");
	s->buffer = buffer;
	s->buffer_len *= 2;
	return 0;
}

/* What came in one read is stamped and written at once, so that a slow source is not late. */
static int input_stamp(struct stamper *s)
{
	for (;;) {
		ssize_t got;
		int rc = buffer_room(s);

		if (rc)
			return rc;
		got = read(STDIN_FILENO, s->buffer + s->used, s->buffer_len - s->used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return command_fail(
				"pawl stamp: standard input: %s", strerror(errno));
		if (got == 0)
			return s->used > 0 ? line_stamp(s, s->buffer, s->used) : 0;
		s->used += (size_t)got;
		rc = lines_stamp(s);
		if (!rc)
			rc = command_finish_output();
		if (rc)
			return rc;
		progress_print(s, false);
	}
}

static void unused_report(const struct stamper *s)
{
	if (s->next > s->last)
		return;
	(void)fprintf(stderr,
		"pawl stamp: %s: %" PRIu64 " numbers were drawn but not used: %" PRIu64
		" to %" PRIu64 "\n",
		s->target.text, s->last - s->next + 1, s->next, s->last);
}

static int stamper_run(struct stamper *s)
{
	int rc;

	s->buffer_len = BUFFER_LEN;
	s->buffer = malloc(s->buffer_len);
	if (!s->buffer)
		return command_fail("pawl stamp: out of memory");
	s->started_ns = clock_now_ns();
	s->progress_ns = s->started_ns + PROGRESS_NS;
	s->next = 1;
	rc = input_stamp(s);
	if (!rc)
		rc = command_finish_output();
	progress_print(s, true);
	unused_report(s);
	free(s->buffer);
	return rc;
}

int command_stamp(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"batch", OPTION_BATCH, "B", 0,
			"Draw B numbers at a time (1).  Numbers left at the end are "
			"reported",
			0},
		{"times", OPTION_TIMES, NULL, 0,
			"After each number, the times in ns (CLOCK_MONOTONIC) at which "
			"it was asked for "
			"and at which it was there",
			0},
		TARGET_RESERVE_ENTRY, TARGET_TIMEOUT_ENTRY, {0}};
	static const struct argp argp = {options, stamp_option, "NAME/COUNTER",
		"Copy standard input to standard output with a number and a tab before "
		"each line.  "
		"A line's number is drawn after the line was read, so a line that was "
		"stamped "
		"before another one came in has the smaller number (with --batch, "
		"numbers are "
		"drawn ahead of their lines).",
		NULL, NULL, NULL};
	struct stamp_arguments a = {.batch = "1"};
	struct stamper s = {.progress = isatty(STDERR_FILENO) != 0};
	int rc = command_parse(&argp, argc, argv, &a);

	if (rc)
		return rc;
	if (!command_number(a.batch, 1, PAWL_ADD_MAX, &s.batch))
		return command_misuse(
			"pawl stamp: --batch=%s: not a size; use 1 to %" PRIu64, a.batch,
			PAWL_ADD_MAX);
	s.times = a.times;
	rc = target_open(&a.target, &s.target);
	if (rc)
		return rc;
	rc = stamper_run(&s);
	target_close(&s.target);
	return rc;
}
