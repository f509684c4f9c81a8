/*
 * Publishes or delivers messages, between two calls of getppid, so that whoever traces it sees
 * what system calls that makes while there is work.
 *
 *     stream_quietly CLUSTER/STREAM publish|subscribe MESSAGES
 *
 * A message is its number.  The publisher publishes a tenth more before it, to warm up, and the
 * subscriber, who is to be there first, passes over as many.
 */
#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/include/pawl/stream.h"

#define RESULTS_AT_ONCE 64

static struct pawl *pawl;
static struct pawl_stream *stream;

static void must(int rc)
{
	if (rc)
		errx(EXIT_FAILURE, "%s", pawl_errmsg(pawl));
}

static void results_take(uint64_t *done)
{
	struct pawl_published results[RESULTS_AT_ONCE];
	int got = 0;

	must(pawl_publish_poll(stream, results, RESULTS_AT_ONCE, &got));
	for (int i = 0; i < got; i++)
		must(results[i].status);
	*done += (uint64_t)got;
}

static void publish(uint64_t from, uint64_t count)
{
	uint64_t submitted = 0, done = 0;

	while (done < count) {
		while (submitted < count) {
			uint64_t number = from + submitted;
			int rc = pawl_publish_submit(
				stream, &number, sizeof(number), number);

			if (rc == -EAGAIN)
				break;
			must(rc);
			submitted++;
		}
		results_take(&done);
	}
}

static void on_delivery(void *context, const struct pawl_delivery *delivery)
{
	uint64_t *next = context, number;

	memcpy(&number, delivery->bytes, sizeof(number));
	if (delivery->len != sizeof(number) || number != *next)
		errx(EXIT_FAILURE, "number %llu was delivered instead of %llu",
			(unsigned long long)number, (unsigned long long)*next);
	(*next)++;
}

static void deliver_until(struct pawl_subscriber *s, uint64_t *next, uint64_t end)
{
	while (*next < end) {
		int got;

		must(pawl_subscriber_poll(s, on_delivery, next, RESULTS_AT_ONCE, &got));
	}
}

static void subscribe(uint64_t warm_up, uint64_t count)
{
	struct pawl_subscriber *s;
	uint64_t next = 0;

	must(pawl_subscribe(stream, NULL, &s));
	(void)puts("subscribed");
	(void)fflush(stdout);
	deliver_until(s, &next, warm_up);
	(void)getppid();
	deliver_until(s, &next, warm_up + count - RESULTS_AT_ONCE);
	(void)getppid();
	deliver_until(s, &next, warm_up + count);
}

int main(int argc, char **argv)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	char *name = argc > 1 ? strchr(argv[1], '/') : NULL;
	uint64_t count = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;

	if (!name || count < 10 * RESULTS_AT_ONCE)
		errx(2, "usage: stream_quietly CLUSTER/STREAM publish|subscribe "
			"MESSAGES");
	*name++ = '\0';
	options.wait = PAWL_WAIT_SPIN;
	if (pawl_open(argv[1], &options, &pawl))
		errx(EXIT_FAILURE, "%s", pawl_errmsg(NULL));
	must(pawl_stream_open(pawl, name, NULL, &stream));
	if (strcmp(argv[2], "subscribe") == 0) {
		subscribe(count / 10, count);
	} else {
		publish(0, count / 10);
		(void)getppid();
		publish(count / 10, count);
		(void)getppid();
	}
	pawl_close(pawl);
	return EXIT_SUCCESS;
}
