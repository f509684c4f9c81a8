/*
 * pawl-linear FILE: is the history in the file linearizable?  docs/histories.md.
 *
 * The exit status is 0 when it is, 1 when it is not, 2 for wrong usage or a file that can not be
 * read, 3 when it is not decided.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/linear/events.h"
#include "tests/linear/linear.h"
#include "tests/linear/read.h"

enum {
	STATUS_GOOD,
	STATUS_BAD,
	STATUS_USAGE,
	STATUS_UNDECIDED
};

struct options {
	const char *path;
	struct linear_limits limits;
	bool events;
};

static int number_set(const char *text, uint64_t max, uint64_t *number_p)
{
	char *rest;
	unsigned long long number;

	errno = 0;
	number = strtoull(text, &rest, 10);
	if (errno || *rest || number == 0 || number > max || text[0] == '-') {
		(void)fprintf(stderr,
			"pawl-linear: %s: not a number from 1 to %" PRIu64 "\n", text,
			max);
		return EINVAL;
	}
	*number_p = number;
	return 0;
}

static int option_set(struct options *options, int key, const char *text)
{
	uint64_t number = 0;
	int rc = 0;

	if (key == 'l') {
		options->limits.local_too = true;
	} else if (key == 'e') {
		options->events = true;
	} else if (key == 's') {
		rc = number_set(text, UINT64_C(1) << 40, &options->limits.states_max);
	} else if (key == 't') {
		rc = number_set(text, 1000000, &number);
		options->limits.time_ns_max = number * UINT64_C(1000000000);
	} else {
		rc = number_set(text, 1u << 20, &number);
		options->limits.len_max = (size_t)number << 20;
	}
	return rc;
}

static error_t option_take(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (options->path)
			argp_usage(state);
		options->path = text;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	case 'l':
	case 'e':
	case 's':
	case 't':
	case 'm':
		return option_set(options, key, text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int options_read(int argc, char **argv, struct options *options)
{
	static const struct argp_option table[] = {
		{"events", 'e', NULL, 0,
			"Judge nothing; print the history as events, for other checkers",
			0},
		{"local", 'l', NULL, 0,
			"Local reads, too, are to be linearizable (which nobody "
			"promises)",
			0},
		{"states", 's', "N", 0,
			"Look at N states for each set of joined keys (4000000)", 0},
		{"seconds", 't', "N", 0, "Search for N seconds (60)", 0},
		{"memory", 'm', "MIB", 0,
			"Use so much memory for the history (512), and for the search "
			"(1024)",
			0},
		{0}};
	static const struct argp argp = {table, option_take, "FILE",
		"Is the history of a store in FILE (- is standard input) linearizable?",
		NULL, NULL, NULL};

	argp_err_exit_status = STATUS_USAGE;
	return argp_parse(&argp, argc, argv, 0, NULL, options);
}

static int lines_read(FILE *stream, struct linear_history *history, struct events *events)
{
	struct error err = {0};
	char *text = NULL;
	size_t room = 0;
	uint32_t line = 0;
	ssize_t len;
	int rc = 0;

	while (!rc && (len = getline(&text, &room, stream)) >= 0) {
		rc = read_line(history, text, (size_t)len, ++line, &err);
		if (!rc && events)
			rc = events_add(events, text, (size_t)len);
	}
	if (!rc && ferror(stream))
		rc = error_set(&err, -EIO, "linear: line %u: can not be read", line + 1);
	if (rc)
		(void)fprintf(
			stderr, "%s\n", err.text[0] ? err.text : "linear: out of memory");
	free(text);
	return rc;
}

static int file_read(
	const char *path, struct linear_history *history, struct events *events)
{
	FILE *stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	int rc;

	if (!stream) {
		(void)fprintf(stderr,
			"linear: %s: can not be opened: %s; see whether it is there\n",
			path, strerror(errno));
		return -EINVAL;
	}
	rc = lines_read(stream, history, events);
	if (stream != stdin)
		(void)fclose(stream);
	return rc;
}

static int verdict_print(
	const struct linear_report *searched, const struct linear_report *replayed)
{
	bool proven = replayed->verdict == LINEAR_GOOD && replayed->skipped == 0;

	if (searched->verdict == LINEAR_BAD || replayed->verdict == LINEAR_BAD) {
		if (searched->verdict == LINEAR_BAD)
			(void)printf("%s\n", searched->text);
		if (replayed->verdict == LINEAR_BAD)
			(void)printf("%s\n", replayed->text);
		return STATUS_BAD;
	}
	if (searched->verdict == LINEAR_UNDECIDED && !proven) {
		(void)printf("%s\n", searched->text);
		return STATUS_UNDECIDED;
	}
	(void)printf("linearizable: %" PRIu64 " operations, %" PRIu64
		     " sets of joined keys, %" PRIu64 " states; by their positions: ",
		searched->operations, searched->partitions, searched->states);
	if (replayed->verdict == LINEAR_GOOD)
		(void)printf("%" PRIu64 " operations, %" PRIu64 " can not be told\n",
			replayed->operations, replayed->skipped);
	else
		(void)printf("none\n");
	return STATUS_GOOD;
}

static int judge(const struct linear_history *history, const struct options *options)
{
	struct linear_report searched, replayed;

	if (linear_check(history, &options->limits, &searched) ||
		linear_replay(history, &replayed)) {
		(void)fprintf(stderr, "linear: out of memory\n");
		return STATUS_UNDECIDED;
	}
	return verdict_print(&searched, &replayed);
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct linear_history *history;
	struct events events = {0};
	int status = STATUS_USAGE;

	if (options_read(argc, argv, &options))
		return STATUS_USAGE;
	if (linear_history_begin(&options.limits, &history)) {
		(void)fprintf(stderr, "linear: out of memory\n");
		return STATUS_USAGE;
	}
	if (file_read(options.path, history, options.events ? &events : NULL) == 0) {
		if (!options.events)
			status = judge(history, &options);
		else
			status = events_print(&events, stdout) ? STATUS_USAGE
							       : STATUS_GOOD;
	}
	events_end(&events);
	linear_history_end(history);
	return status;
}
