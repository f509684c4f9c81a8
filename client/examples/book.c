/*
 * Rebuilds a limit order book from what gateways publish in a stream (gateway.c), and checks
 * what it is given: positions grow, and of every gateway each message comes once, in order.
 *
 *     book WHERE STREAM GATEWAYS [LOG [TIMEOUT_S]]
 *
 * It begins with the oldest message, ends when every gateway has ended, and prints the book, a
 * digest over all positions and messages, counts, the rate and how long messages took from
 * publishing to delivery.  Every copy of this program prints the same book and digest.  LOG gets
 * each message with its position.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pawl/stream.h>

#include "order_book.h"

#define GATEWAYS_MAX 64
#define DEPTH 8 /* levels that are printed */
#define BATCH 256
#define WAIT_NS UINT64_C(100000000)

struct reader {
	struct order_book book;
	FILE *log; /* NULL: none */
	unsigned int gateways;
	unsigned int ended;
	unsigned int timeout_s;
	uint64_t sequences[GATEWAYS_MAX]; /* the newest of each gateway */
	uint64_t position;
	uint64_t digest;
	uint64_t messages;
	uint64_t events;
	uint64_t wrong;
	uint64_t first_ns; /* wall clock */
	uint64_t last_ns;
	uint64_t pause_ns; /* the longest between two deliveries, */
	uint64_t pause_at; /*   and the position that ended it */
	uint64_t *latencies;
	size_t latencies_room;
};

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void wrong(struct reader *r, const struct pawl_delivery *d, const char *what)
{
	if (r->wrong++ < 5)
		fprintf(stderr, "book: position %" PRIu64 ": %s: %.*s\n", d->position,
			what, (int)(d->len < 80 ? d->len : 80), (const char *)d->bytes);
}

/* FNV-1a, over the position and the bytes. */
static void digest_add(struct reader *r, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < len; i++)
		r->digest = (r->digest ^ at[i]) * UINT64_C(0x100000001b3);
}

static void latency_add(struct reader *r, uint64_t now, uint64_t published)
{
	uint64_t *latencies = r->latencies;

	if (r->messages == r->latencies_room) {
		r->latencies_room = r->latencies_room ? 2 * r->latencies_room : 65536;
		latencies = realloc(latencies, r->latencies_room * sizeof(*latencies));
		if (!latencies) {
			fprintf(stderr, "book: out of memory\n");
			exit(EXIT_FAILURE);
		}
		r->latencies = latencies;
	}
	latencies[r->messages++] = now > published ? now - published : 0;
	r->first_ns = r->first_ns ? r->first_ns : now;
}

static void pause_note(struct reader *r, uint64_t now)
{
	if (r->last_ns && now > r->last_ns && now - r->last_ns > r->pause_ns) {
		r->pause_ns = now - r->last_ns;
		r->pause_at = r->position;
	}
	r->last_ns = now;
}

/* "NUMBER SEQUENCE EVENT" */
static void message_read(struct reader *r, const struct pawl_delivery *d)
{
	char head[64];
	size_t len = d->len < sizeof(head) - 1 ? d->len : sizeof(head) - 1;
	unsigned int gateway;
	uint64_t sequence;
	const char *event;
	int used = 0, rc;

	memcpy(head, d->bytes, len);
	head[len] = '\0';
	if (sscanf(head, "%u %" SCNu64 " %n", &gateway, &sequence, &used) != 2 ||
		used == 0 || gateway == 0 || gateway > r->gateways) {
		wrong(r, d, "not a gateway's message");
		return;
	}
	if (sequence != r->sequences[gateway - 1] + 1)
		wrong(r, d, "not the next one of its gateway");
	r->sequences[gateway - 1] = sequence;
	event = (const char *)d->bytes + used;
	len = d->len - (size_t)used;
	if (len == 3 && memcmp(event, "end", 3) == 0) {
		r->ended++;
		return;
	}
	r->events++;
	rc = order_book_apply(&r->book, event, len);
	if (rc)
		wrong(r, d, rc == -ENOMEM ? "out of memory" : "not an order event");
}

static void on_delivery(void *context, const struct pawl_delivery *d)
{
	struct reader *r = context;
	uint64_t now = wall_ns();

	if (d->position <= r->position)
		wrong(r, d, "not behind the one before it");
	r->position = d->position;
	pause_note(r, now);
	latency_add(r, now, d->time_ns);
	digest_add(r, &d->position, sizeof(d->position));
	digest_add(r, d->bytes, d->len);
	if (r->log)
		fprintf(r->log, "%" PRIu64 "\t%.*s\n", d->position, (int)d->len,
			(const char *)d->bytes);
	message_read(r, d);
}

/* Some gateway may have died, and then its end never comes. */
static int silence_tell(const struct reader *r)
{
	fprintf(stderr,
		"book: no message for %u s, and %u of %u gateways have not ended\n",
		r->timeout_s, r->gateways - r->ended, r->gateways);
	return -ENODATA;
}

static int messages_read(struct reader *r, struct pawl_subscriber *subscriber)
{
	uint64_t silent_ns = 0;
	int rc = 0;

	while (!rc && r->ended < r->gateways) {
		int count;

		rc = pawl_subscriber_wait(
			subscriber, on_delivery, r, BATCH, WAIT_NS, &count);
		silent_ns = count ? 0 : silent_ns + WAIT_NS;
		if (!rc && silent_ns > r->timeout_s * UINT64_C(1000000000))
			return silence_tell(r);
	}
	return rc;
}

static int stream_read(struct reader *r, struct pawl *pawl, const char *name)
{
	struct pawl_subscribe_options options = PAWL_SUBSCRIBE_OPTIONS_INIT;
	struct pawl_subscriber *subscriber;
	struct pawl_stream *stream;
	int rc;

	options.from = PAWL_FROM_OLDEST;
	rc = pawl_stream_open(pawl, name, NULL, &stream);
	if (!rc)
		rc = pawl_subscribe(stream, &options, &subscriber);
	if (!rc)
		rc = messages_read(r, subscriber);
	if (rc && rc != -ENODATA)
		fprintf(stderr, "book: %s\n", pawl_errmsg(pawl));
	return rc;
}

static int latency_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double latency_us(const struct reader *r, double quantile)
{
	size_t at = (size_t)((double)(r->messages - 1) * quantile);

	return (double)r->latencies[at] / 1000;
}

static void level_print(const struct level *level)
{
	if (level)
		printf("  %8.2f %10.3f %2u", (double)level->price / 100,
			(double)level->volume / 1e8, level->orders);
	else
		printf("  %8s %10s %2s", "", "", "");
}

static void book_print(const struct order_book *book)
{
	printf("  %8s %10s %2s  %8s %10s %2s\n", "bid", "volume", "n", "ask", "volume",
		"n");
	for (size_t depth = 0; depth < DEPTH; depth++) {
		level_print(order_book_level(book, SIDE_BID, depth));
		level_print(order_book_level(book, SIDE_ASK, depth));
		printf("\n");
	}
	printf("levels   %zu bids, %zu asks\n", book->sides[SIDE_BID].count,
		book->sides[SIDE_ASK].count);
	printf("resting  %" PRIu64 " orders\n", book->resting);
	printf("events   %" PRIu64 " created, %" PRIu64 " changed, %" PRIu64 " deleted\n",
		book->created, book->changed, book->deleted);
	printf("fills    %" PRIu64 ", %.8f in all\n", book->trades,
		(double)book->traded / 1e8);
	printf("unknown  %" PRIu64 " events of orders from before\n", book->strange);
}

static void reader_print(struct reader *r)
{
	double seconds = (double)(r->last_ns - r->first_ns) / 1e9;

	book_print(&r->book);
	printf("digest   %016" PRIx64 " over %" PRIu64 " messages up to position %" PRIu64
	       "\n",
		r->digest, r->messages, r->position);
	/* What follows differs from one copy to another. */
	qsort(r->latencies, r->messages, sizeof(*r->latencies), latency_compare);
	printf("rate     %.0f messages a second\n",
		seconds > 0 ? (double)r->messages / seconds : 0);
	printf("latency  p50 %.1f us, p99 %.1f us, p99.9 %.1f us, max %.1f us\n",
		latency_us(r, 0.5), latency_us(r, 0.99), latency_us(r, 0.999),
		latency_us(r, 1));
	printf("pause    %.2f ms between two deliveries at most, before position %" PRIu64
	       "\n",
		(double)r->pause_ns / 1e6, r->pause_at);
}

static int reader_run(struct reader *r, int argc, char **argv)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	struct pawl *pawl;
	int rc;

	options.program = "example book";
	r->timeout_s = argc > 5 ? (unsigned int)strtoul(argv[5], NULL, 10) : 30;
	options.timeout_ns = r->timeout_s * UINT64_C(1000000000);
	if (pawl_open(argv[1], &options, &pawl)) {
		fprintf(stderr, "book: %s\n", pawl_errmsg(NULL));
		return -1;
	}
	rc = stream_read(r, pawl, argv[2]);
	pawl_close(pawl);
	if (!rc && r->messages > 0)
		reader_print(r);
	return rc || r->wrong ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct reader r = {.digest = UINT64_C(0xcbf29ce484222325)};
	int rc;

	r.gateways = argc > 3 ? (unsigned int)strtoul(argv[3], NULL, 10) : 0;
	if (r.gateways == 0 || r.gateways > GATEWAYS_MAX) {
		fprintf(stderr, "usage: book WHERE STREAM GATEWAYS [LOG [TIMEOUT_S]]\n");
		return 2;
	}
	if (argc > 4 && !(r.log = fopen(argv[4], "w"))) {
		fprintf(stderr, "book: %s: %s\n", argv[4], strerror(errno));
		return EXIT_FAILURE;
	}
	rc = order_book_open(&r.book) ? -1 : reader_run(&r, argc, argv);
	if (r.log && fclose(r.log)) {
		fprintf(stderr, "book: %s: %s\n", argv[4], strerror(errno));
		rc = -1;
	}
	order_book_close(&r.book);
	free(r.latencies);
	return rc || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
