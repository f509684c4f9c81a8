/*
 * A gateway: publishes its share of an exchange's order events in a stream, at a steady pace,
 * and writes down what was acknowledged, each with its position.
 *
 *     gateway WHERE STREAM NUMBER GATEWAYS EVENTS ACKNOWLEDGED [PACE_US [START]]
 *
 * All events of one order go through the same gateway, so their order is kept.  A message is
 * "NUMBER SEQUENCE EVENT", the last one has "end" in place of an event.  The gateway begins when
 * the file START is there, so that several can begin together.  Every event has its time, and is
 * published then or as soon as possible, whatever became of those before it.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <pawl/stream.h>

#define LINE_MAX_LEN 256
#define RESULTS 64
#define PENDING 4096 /* a power of two, more than are ever in flight */
#define PATIENCE_NS UINT64_C(30000000000)

struct gateway {
	struct pawl *pawl;
	struct pawl_stream *stream;
	FILE *acknowledged;
	unsigned int number;
	uint64_t submitted;
	uint64_t done;
	uint64_t progress_ns;
	char pending[PENDING][LINE_MAX_LEN]; /* by sequence */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void nap_us(long us)
{
	struct timespec pause = {.tv_nsec = us * 1000};

	nanosleep(&pause, NULL);
}

static int failed(const struct gateway *g, const char *what)
{
	fprintf(stderr, "gateway %u: %s: %s\n", g->number, what, pawl_errmsg(g->pawl));
	return -1;
}

static int result_take(struct gateway *g, const struct pawl_published *result)
{
	if (result->status)
		return failed(g, "a message has no outcome");
	g->done++;
	fprintf(g->acknowledged, "%" PRIu64 "\t%s\n", result->position,
		g->pending[result->cookie % PENDING]);
	return 0;
}

/* Moves everything on. */
static int results_take(struct gateway *g)
{
	struct pawl_published results[RESULTS];
	int count;

	if (pawl_publish_poll(g->stream, results, RESULTS, &count))
		return failed(g, "publishing");
	for (int i = 0; i < count; i++) {
		if (result_take(g, &results[i]))
			return -1;
	}
	if (count > 0 || g->done == g->submitted)
		g->progress_ns = now_ns();
	else if (now_ns() - g->progress_ns > PATIENCE_NS)
		return failed(g, "nothing is acknowledged any more");
	return 0;
}

static int publish(struct gateway *g, const char *event)
{
	uint64_t sequence = g->submitted + 1;
	char *text = g->pending[sequence % PENDING];
	int len = snprintf(
		text, LINE_MAX_LEN, "%u %" PRIu64 " %s", g->number, sequence, event);
	int rc;

	while ((rc = pawl_publish_submit(g->stream, text, (size_t)len, sequence)) ==
		-EAGAIN) {
		if (results_take(g))
			return -1;
		sched_yield();
	}
	if (rc)
		return failed(g, "submitting");
	g->submitted = sequence;
	return results_take(g);
}

/* Until it is time; what is in flight moves on meanwhile. */
static int due_await(struct gateway *g, uint64_t due_ns)
{
	while (now_ns() < due_ns) {
		if (results_take(g))
			return -1;
		if (g->done == g->submitted)
			nap_us(20);
		else
			sched_yield();
	}
	return 0;
}

static int events_publish(
	struct gateway *g, FILE *events, unsigned int gateways, uint64_t pace_ns)
{
	char line[128];
	uint64_t count = 0, begun_ns = now_ns();

	if (!fgets(line, sizeof(line), events)) /* the names of the columns */
		return 0;
	while (fgets(line, sizeof(line), events)) {
		uint64_t id = strtoull(line, NULL, 10);

		line[strcspn(line, "\n")] = '\0';
		count++;
		if (id % gateways != g->number - 1)
			continue;
		if (due_await(g, begun_ns + count * pace_ns) || publish(g, line))
			return -1;
	}
	if (publish(g, "end"))
		return -1;
	while (g->done < g->submitted) {
		if (results_take(g))
			return -1;
		sched_yield();
	}
	return 0;
}

static int gateway_open(struct gateway *g, char **argv)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;

	options.program = "example gateway";
	options.timeout_ns = UINT64_C(10000000000);
	if (pawl_open(argv[1], &options, &g->pawl)) {
		fprintf(stderr, "gateway: %s\n", pawl_errmsg(NULL));
		return -1;
	}
	g->progress_ns = now_ns();
	if (pawl_stream_open(g->pawl, argv[2], NULL, &g->stream))
		return failed(g, "opening the stream");
	return 0;
}

static int gateway_run(struct gateway *g, int argc, char **argv)
{
	uint64_t pace_us = argc > 7 ? strtoull(argv[7], NULL, 10) : 0;
	unsigned int gateways = (unsigned int)strtoul(argv[4], NULL, 10);
	FILE *events = fopen(argv[5], "r");
	int rc;

	g->acknowledged = fopen(argv[6], "w");
	if (!events || !g->acknowledged || gateways == 0) {
		fprintf(stderr, "gateway %u: a file can not be opened: %s\n", g->number,
			strerror(errno));
		return -1;
	}
	while (argc > 8 && access(argv[8], F_OK))
		nap_us(500);
	rc = events_publish(g, events, gateways, pace_us * 1000);
	fclose(events);
	if (fclose(g->acknowledged)) {
		fprintf(stderr, "gateway %u: %s: %s\n", g->number, argv[6],
			strerror(errno));
		return -1;
	}
	return rc;
}

int main(int argc, char **argv)
{
	static struct gateway g;
	int rc;

	if (argc < 7) {
		fprintf(stderr, "usage: gateway WHERE STREAM NUMBER GATEWAYS EVENTS "
				"ACKNOWLEDGED [PACE_US [START]]\n");
		return 2;
	}
	g.number = (unsigned int)strtoul(argv[3], NULL, 10);
	rc = gateway_open(&g, argv);
	if (!rc)
		rc = gateway_run(&g, argc, argv);
	if (g.pawl)
		pawl_close(g.pawl);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
