#include "client/command/publication.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/command/command.h"
#include "client/command/ending.h"
#include "client/command/input.h"
#include "hw/clock.h"

#define BATCH 64
#define RESULTS 64
#define LOOK_MS 200	/* between two looks at signals and at the handle */
#define YIELDS 256	/* turns without a result, before naps */
#define NAP_NS 200000	/* the processor is left to others */
#define MOVING_TIMES 12 /* the timeout: while the stream moves for others */
#define TIMES (2 * PAWL_PUBLISH_DEPTH_MAX) /* more than are in flight, and a batch */

_Static_assert(
	TIMES >= PAWL_PUBLISH_DEPTH_MAX + BATCH, "a time is kept until its result");

struct publication {
	const struct target *target;
	struct publication_config config;
	struct input input;
	uint64_t submitted;
	uint64_t acknowledged;
	uint64_t failed;  /* results that were no acknowledgement */
	uint64_t refused; /* those of them that are not in for sure */
	bool broken;	  /* the stream does not go on: nothing is worth waiting for */
	uint64_t progress_ns; /* the newest acknowledgement, */
	uint64_t moved_ns;    /*   and the newest movement of the stream */
	uint64_t committed;
	unsigned int idle; /* turns in a row without a result */
	uint64_t submitted_ns[TIMES];
};

static uint64_t in_flight(const struct publication *p)
{
	return p->submitted - p->acknowledged - p->failed;
}

static int stream_failed(struct publication *p)
{
	p->broken = true;
	return target_fail(p->target);
}

static void position_print(
	const struct publication *p, const struct pawl_published *result, uint64_t now_ns)
{
	(void)printf("%" PRIu64 "\t%" PRIu64, result->cookie, result->position);
	if (p->config.times)
		(void)printf("\t%" PRIu64 "\t%" PRIu64,
			p->submitted_ns[result->cookie % TIMES], now_ns);
	(void)putchar('\n');
}

/* The first failure is told, the others have the same reason. */
static void result_take(
	struct publication *p, const struct pawl_published *result, uint64_t now_ns)
{
	if (result->status == 0) {
		p->acknowledged++;
		if (p->config.positions)
			position_print(p, result, now_ns);
		return;
	}
	p->refused += result->status == -EUSERS;
	if (p->failed++ == 0)
		(void)stream_failed(p);
}

static int results_take(struct publication *p)
{
	struct pawl_published results[RESULTS];
	uint64_t now;
	int count = 0;

	if (pawl_publish_poll(p->target->stream, results, RESULTS, &count))
		return stream_failed(p);
	p->idle = count ? 0 : p->idle + 1;
	if (count == 0)
		return COMMAND_OK;
	now = clock_now_ns();
	p->progress_ns = now;
	for (int i = 0; i < count; i++)
		result_take(p, &results[i], now);
	return p->config.positions ? command_finish_output() : COMMAND_OK;
}

static void nap(const struct publication *p)
{
	struct timespec pause = {.tv_nsec = NAP_NS};

	if (p->idle < YIELDS)
		(void)sched_yield();
	else
		(void)nanosleep(&pause, NULL);
}

/*
 * A stream that waits for a slow archive or subscriber moves a little at a time, and what is
 * acknowledged next may have a ring of positions before it: that is back-pressure, not an end.
 */
static void movement_look(struct publication *p, uint64_t now_ns)
{
	struct pawl_stream_stats stats;

	if (pawl_stream_stats_get(p->target->stream, &stats) ||
		stats.committed == p->committed)
		return;
	p->committed = stats.committed;
	p->moved_ns = now_ns;
}

static bool waits_on(const struct publication *p, uint64_t now_ns)
{
	uint64_t timeout_ns = p->config.timeout_ns;
	uint64_t waited_ns = now_ns - p->progress_ns;

	return waited_ns <= timeout_ns || (now_ns - p->moved_ns <= timeout_ns &&
						  waited_ns <= MOVING_TIMES * timeout_ns);
}

static int patience_ended(const struct publication *p, uint64_t now_ns)
{
	return command_fail("pawl publish: %s: nothing was acknowledged for %" PRIu64
			    " s, and the stream %s at position %" PRIu64
			    "; look at 'pawl status'",
		p->target->text, (now_ns - p->progress_ns) / 1000000000u,
		now_ns - p->moved_ns > p->config.timeout_ns ? "stands still" : "is only",
		p->committed);
}

/* Takes results, or waits a little for one; not for ever. */
static int results_await(struct publication *p)
{
	int rc = results_take(p);
	uint64_t now;

	if (rc || p->broken)
		return COMMAND_FAILURE;
	if (p->idle == 0)
		return COMMAND_OK;
	now = clock_now_ns();
	movement_look(p, now);
	if (waits_on(p, now)) {
		nap(p);
		return COMMAND_OK;
	}
	p->broken = true;
	return patience_ended(p, now);
}

/* All of them, however long they have to wait for room. */
static int batch_submit(
	struct publication *p, const struct pawl_message *messages, unsigned int count)
{
	unsigned int done = 0;

	while (done < count) {
		unsigned int submitted = 0;
		int rc;

		if (in_flight(p) == 0)
			p->progress_ns = clock_now_ns();
		rc = pawl_publish_many(
			p->target->stream, messages + done, count - done, &submitted);
		if (rc && rc != -EAGAIN)
			return stream_failed(p);
		done += submitted;
		p->submitted += submitted;
		rc = done < count ? results_await(p) : results_take(p);
		if (rc || p->broken)
			return COMMAND_FAILURE;
	}
	return COMMAND_OK;
}

static int input_failed(const struct publication *p, int rc, size_t len)
{
	const char *text = p->target->text;
	uint64_t number = p->input.count + 1;

	if (rc == -EMSGSIZE)
		return command_fail("pawl publish: %s: message %" PRIu64 " has %s%zu "
				    "bytes, and the stream takes %" PRIu64
				    "; nothing from it on was published",
			text, number, p->config.framed ? "" : "at least ", len,
			p->config.message_max);
	if (rc == -EPROTO)
		return command_fail(
			"pawl publish: %s: the input ends within message %" PRIu64
			"; it was not published",
			text, number);
	return command_fail("pawl publish: standard input: %s", strerror(-rc));
}

/* What was read as a whole goes out, in order.  *count_p is 0 when there is nothing more. */
static int batch_run(struct publication *p, unsigned int *count_p)
{
	struct pawl_message messages[BATCH];
	uint64_t now = p->config.times ? clock_now_ns() : 0;
	unsigned int count = 0;
	size_t len = 0;
	int rc = 0, result;

	while (count < BATCH) {
		const void *bytes;

		rc = input_next(&p->input, &bytes, &len);
		if (rc)
			break;
		messages[count++] = (struct pawl_message){
			.bytes = bytes, .len = len, .cookie = p->input.count};
		p->submitted_ns[p->input.count % TIMES] = now;
	}
	result = batch_submit(p, messages, count);
	*count_p = count;
	if (result || rc == 0 || rc == -EAGAIN)
		return result;
	return input_failed(p, rc, len);
}

/* Until there is something to read.  What is in flight moves on meanwhile. */
static int input_await(struct publication *p)
{
	struct pollfd in = {.fd = p->input.fd, .events = POLLIN};

	for (;;) {
		int ready = poll(&in, 1, in_flight(p) ? 0 : LOOK_MS);
		int rc;

		if (ready > 0 || ending_asked())
			return COMMAND_OK;
		rc = in_flight(p) ? results_await(p) : results_take(p);
		if (rc)
			return rc;
	}
}

static int input_more(struct publication *p)
{
	int rc = input_await(p);

	if (rc || ending_asked())
		return rc;
	rc = input_read(&p->input);
	if (rc == -EINTR || rc == -EAGAIN)
		return COMMAND_OK;
	return rc ? input_failed(p, rc, 0) : COMMAND_OK;
}

static int input_publish(struct publication *p)
{
	int rc = COMMAND_OK;

	while (!rc && !ending_asked()) {
		unsigned int count;

		rc = batch_run(p, &count);
		if (rc || count > 0)
			continue;
		if (p->input.ended)
			return COMMAND_OK;
		rc = input_more(p);
	}
	if (rc)
		return rc;
	return command_fail(
		"pawl publish: %s: interrupted; the rest of the input was not "
		"published",
		p->target->text);
}

/* What was submitted is waited for, also after an error of the input. */
static int rest_await(struct publication *p)
{
	int rc = COMMAND_OK;

	while (!rc && !p->broken && in_flight(p) > 0)
		rc = results_await(p);
	return rc;
}

static void outcome_tell(const struct publication *p)
{
	uint64_t unknown = p->submitted - p->acknowledged - p->refused;

	(void)fprintf(stderr, "pawl publish: %s: %" PRIu64 " message%s acknowledged",
		p->target->text, p->acknowledged, p->acknowledged == 1 ? "" : "s");
	if (p->refused)
		(void)fprintf(stderr, ", %" PRIu64 " not published", p->refused);
	if (unknown)
		(void)fprintf(stderr, ", %" PRIu64 " more may be in", unknown);
	(void)fputc('\n', stderr);
}

int publication_run(const struct target *target, const struct publication_config *config)
{
	static struct publication p;
	int rc, rest;

	p = (struct publication){.target = target, .config = *config};
	if (input_begin(&p.input, STDIN_FILENO, config->framed, config->message_max))
		return command_fail("pawl publish: out of memory");
	ending_watch();
	rc = input_publish(&p);
	rest = rest_await(&p);
	input_end(&p.input);
	if (config->positions && !rc)
		rc = command_finish_output();
	outcome_tell(&p);
	return rc || rest || p.broken ? COMMAND_FAILURE : COMMAND_OK;
}
