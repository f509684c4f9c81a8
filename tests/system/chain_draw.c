/*
 * A client that keeps a history: draws numbers, several at once and none (a read) among
 * them, and writes what it asked for, when, and what came of it.  check_history judges the
 * histories of all clients together.
 *
 *     chain_draw [OPTION...] WHERE COUNTER FILE
 *
 *     --count N        as many additions and reads; 0, the default: until SIGTERM
 *     --depth D        so many in flight; 1, the default: one call after the other
 *     --pause US       after each one, or each full set of them
 *     --reserve R      for the counter too, if this client creates it
 *     --seed S         of the mix
 *     --timeout MS
 *     --ones           only next
 *     --stubborn       goes on after an error
 *
 * FILE is lines of one length.  The first says how many additions have an outcome.  The others
 * are one addition each: when it was asked for and when it was there (ns of CLOCK_MONOTONIC;
 * 0: not yet), how many numbers, the last of them, and "ok" or an error.  The file is mapped,
 * so that a client that is killed leaves what it had in flight.
 * Standard output has one line an event: when, what, and its fields.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pawl/pawl.h>

#include "tests/system/until_term.h"

#define LINE_LEN 73
#define LINES_MAX 4000000
#define FILE_LEN ((off_t)LINE_LEN * (LINES_MAX + 1))
#define RESULTS_AT_ONCE 64

struct plan {
	uint64_t count, depth, pause_us, reserve, seed, timeout_ms;
	bool ones, stubborn;
};

struct history {
	char *lines;
	uint64_t begun;
	uint64_t done;
};

static void first_line_make(char line[LINE_LEN + 1], uint64_t done)
{
	(void)snprintf(line, LINE_LEN + 1, "# %-*" PRIu64 "\n", LINE_LEN - 3, done);
}

/* Whoever looks never finds the file with zeros alone. */
static void history_open(struct history *h, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char line[LINE_LEN + 1];

	first_line_make(line, 0);
	if (fd < 0 || write(fd, line, LINE_LEN) != LINE_LEN || ftruncate(fd, FILE_LEN))
		err(EXIT_FAILURE, "%s", path);
	h->lines = mmap(
		NULL, (size_t)FILE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (h->lines == MAP_FAILED)
		err(EXIT_FAILURE, "%s", path);
	(void)close(fd);
}

/* What was mapped and not used is cut off. */
static void history_close(struct history *h, const char *path)
{
	(void)munmap(h->lines, (size_t)FILE_LEN);
	if (truncate(path, (off_t)(h->begun + 1) * LINE_LEN))
		err(EXIT_FAILURE, "%s", path);
}

static char *history_line(const struct history *h, uint64_t index)
{
	return h->lines + (index + 1) * LINE_LEN;
}

static void history_begin(struct history *h, uint64_t n)
{
	char text[LINE_LEN + 1];

	(void)snprintf(text, sizeof(text), "%16" PRIu64 " %16u %10" PRIu64 " %19u %7s\n",
		now_ns(), 0u, n, 0u, "open");
	memcpy(history_line(h, h->begun++), text, LINE_LEN);
}

/* The end of addition @index; what was asked for stays. */
static void history_end(struct history *h, uint64_t index, uint64_t last, int status)
{
	char text[2 * LINE_LEN], word[16];
	char *line = history_line(h, index);

	(void)snprintf(word, sizeof(word), status ? "%d" : "ok", status);
	(void)snprintf(text, sizeof(text), "%.17s%16" PRIu64 " %.11s%19" PRIu64 " %7s\n",
		line, now_ns(), line + 34, last, word);
	memcpy(line, text, LINE_LEN);
	first_line_make(text, ++h->done);
	memcpy(h->lines, text, LINE_LEN);
}

static void on_event(void *context, const struct pawl_event *event)
{
	char line[512];
	int len = 0;

	(void)context;
	switch (event->kind) {
	case PAWL_EVENT_LOST:
		len = snprintf(line, sizeof(line),
			"%" PRIu64 " LOST %" PRIu64 " %.300s\n", now_ns(), event->epoch,
			event->text);
		break;
	case PAWL_EVENT_EPOCH:
		len = snprintf(line, sizeof(line),
			"%" PRIu64 " EPOCH %" PRIu64 " replicas %u pause %" PRIu64
			" %.300s\n",
			now_ns(), event->epoch, event->replicas, event->pause_ns,
			event->text);
		break;
	case PAWL_EVENT_JUMP:
		len = snprintf(line, sizeof(line),
			"%" PRIu64 " JUMP %" PRIu64 " %.300s\n", now_ns(), event->jump,
			event->text);
		break;
	}
	if (write(STDOUT_FILENO, line, (size_t)len) != len)
		err(EXIT_FAILURE, "standard output");
}

/* Seven of ten take one number, two take up to five, one looks. */
static uint64_t mix(struct plan *plan)
{
	uint64_t r;

	plan->seed = plan->seed * 6364136223846793005u + 1442695040888963407u;
	r = plan->seed >> 40;
	if (plan->ones || r % 10 > 2)
		return 1;
	return r % 10 == 0 ? 0 : 1 + r / 10 % 5;
}

static bool goes_on(const struct plan *plan, const struct history *h)
{
	if (h->begun == LINES_MAX)
		errx(EXIT_FAILURE, "the history is full; draw less");
	return !told_to_end && (plan->count == 0 || h->begun < plan->count);
}

static void pause_make(const struct plan *plan)
{
	if (plan->pause_us)
		(void)usleep((useconds_t)plan->pause_us);
}

static void status_check(const struct plan *plan, const struct pawl *pawl, int status)
{
	if (!status)
		return;
	(void)fprintf(stderr, "chain_draw: %s\n", pawl_errmsg(pawl));
	if (!plan->stubborn)
		exit(EXIT_FAILURE);
}

static int draw_one(struct pawl_counter *counter, uint64_t n, uint64_t *last_p)
{
	if (n == 0)
		return pawl_read(counter, last_p);
	return n == 1 ? pawl_next(counter, last_p) : pawl_add(counter, n, last_p);
}

static void draw_in_turn(struct plan *plan, struct pawl *pawl,
	struct pawl_counter *counter, struct history *h)
{
	while (goes_on(plan, h)) {
		uint64_t n = mix(plan), last = 0;
		int rc;

		history_begin(h, n);
		rc = draw_one(counter, n, &last);
		history_end(h, h->done, last, rc);
		status_check(plan, pawl, rc);
		pause_make(plan);
	}
}

static void results_take(const struct plan *plan, struct pawl *pawl, struct history *h)
{
	struct pawl_result results[RESULTS_AT_ONCE];
	int count = 0;

	if (pawl_poll(pawl, results, RESULTS_AT_ONCE, &count))
		errx(EXIT_FAILURE, "%s", pawl_errmsg(pawl));
	for (int i = 0; i < count; i++) {
		if (results[i].cookie != h->done)
			errx(EXIT_FAILURE, "result %" PRIu64 " came instead of %" PRIu64,
				results[i].cookie, h->done);
		history_end(h, h->done, results[i].last, results[i].status);
		status_check(plan, pawl, results[i].status);
	}
}

static void draw_in_flight(struct plan *plan, struct pawl *pawl,
	struct pawl_counter *counter, struct history *h)
{
	while (goes_on(plan, h)) {
		while (goes_on(plan, h) && h->begun - h->done < plan->depth) {
			uint64_t n = mix(plan);

			history_begin(h, n);
			if (pawl_submit(counter, n, h->begun - 1))
				errx(EXIT_FAILURE, "%s", pawl_errmsg(pawl));
		}
		pause_make(plan);
		results_take(plan, pawl, h);
	}
	while (h->done < h->begun)
		results_take(plan, pawl, h);
}

static void draw(
	struct plan *plan, const char *where, const char *name, struct history *h)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	struct pawl_counter_options how = PAWL_COUNTER_OPTIONS_INIT;
	struct pawl_counter *counter;
	struct pawl *pawl;

	options.timeout_ns = plan->timeout_ms * 1000000;
	options.depth = (unsigned int)plan->depth;
	options.reserve = how.reserve_max = plan->reserve;
	options.on_event = on_event;
	if (pawl_open(where, &options, &pawl))
		errx(EXIT_FAILURE, "%s", pawl_errmsg(NULL));
	if (pawl_counter_open_with(pawl, name, &how, &counter))
		errx(EXIT_FAILURE, "%s", pawl_errmsg(pawl));
	if (plan->depth > 1)
		draw_in_flight(plan, pawl, counter, h);
	else
		draw_in_turn(plan, pawl, counter, h);
	pawl_close(pawl);
}

static void plan_read(struct plan *plan, int argc, char **argv)
{
	static const struct option options[] = {{"count", required_argument, NULL, 'c'},
		{"depth", required_argument, NULL, 'd'},
		{"pause", required_argument, NULL, 'p'},
		{"reserve", required_argument, NULL, 'r'},
		{"seed", required_argument, NULL, 's'},
		{"timeout", required_argument, NULL, 't'},
		{"ones", no_argument, NULL, 'o'}, {"stubborn", no_argument, NULL, 'b'},
		{NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint64_t value = optarg ? strtoull(optarg, NULL, 10) : 0;

		switch (option) {
		case 'c':
			plan->count = value;
			break;
		case 'd':
			plan->depth = value;
			break;
		case 'p':
			plan->pause_us = value;
			break;
		case 'r':
			plan->reserve = value;
			break;
		case 's':
			plan->seed = value;
			break;
		case 't':
			plan->timeout_ms = value;
			break;
		case 'o':
			plan->ones = true;
			break;
		case 'b':
			plan->stubborn = true;
			break;
		default:
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	struct plan plan = {.depth = 1, .seed = (uint64_t)getpid(), .timeout_ms = 20000};
	struct history history = {0};

	plan_read(&plan, argc, argv);
	if (argc - optind != 3)
		errx(2, "usage: chain_draw [OPTION...] WHERE COUNTER FILE");
	(void)signal(SIGTERM, on_term);
	history_open(&history, argv[optind + 2]);
	draw(&plan, argv[optind], argv[optind + 1], &history);
	history_close(&history, argv[optind + 2]);
	return EXIT_SUCCESS;
}
