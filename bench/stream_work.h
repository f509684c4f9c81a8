/*
 * The processes of 'pawl-bench stream': the first ones of the team publish, the others
 * subscribe.  In a turn all publish and deliver through the stream, or the first of each kind
 * through the bare ring.  A turn is over when all that was published is delivered.
 *
 * A seat is written by its process while it is in a turn, and read by the parent afterwards.
 */
#ifndef PAWL_BENCH_STREAM_WORK_H
#define PAWL_BENCH_STREAM_WORK_H

#include "bench/histogram.h"
#include "bench/stream_options.h"
#include "bench/stream_order.h"
#include "bench/stream_ring.h"
#include "bench/team_shared.h"
#include "client/include/pawl/stream.h"

#define STREAM_NAME "pawl-bench"
#define STREAM_TURN_TIMEOUT_NS UINT64_C(25000000000)

struct stream_seat {
	struct histogram
		latencies_ns;	   /* of this turn: until acknowledged, or delivered */
	uint64_t messages;	   /* of this turn */
	uint64_t begin_ns;	   /* of the turn */
	uint64_t end_ns;	   /* of the last of them */
	uint64_t sent[TURN_SIDES]; /* a publisher: acknowledged, ever */
	struct stream_order orders[TURN_SIDES]; /* a subscriber */
	struct pawl_stream_stats stats;		/* a publisher: ever */
};

struct stream_shared {
	_Atomic unsigned int
		finished;    /* publishers, in this turn; all their sent is there */
	_Atomic bool failed; /* somebody has given up: so do all */
	const struct stream_options *options; /* where it was before the fork */
	void *ring;
	struct stream_seat seats[TEAM_MAX];
};

/* Memory for the processes; NULL: there is none. */
struct stream_shared *stream_shared_make(const struct stream_options *options);
void stream_shared_free(struct stream_shared *shared);
/* Before each turn. */
void stream_shared_begin(struct stream_shared *shared);

extern const struct team_work stream_work;

/* How many publish on a side. */
static inline unsigned int stream_publishers_of(
	const struct stream_options *options, enum turn_side side)
{
	return side == TURN_BARE ? 1 : (unsigned int)options->publishers;
}

/* A process's handle and stream. */
struct stream_handle {
	struct pawl *pawl;
	struct pawl_stream *stream;
};

int stream_handle_open(
	struct worker *w, const struct stream_options *options, struct stream_handle *h);

/* stream_publisher.c, stream_subscriber.c */
int stream_publisher_open(struct worker *w);
int stream_publisher_turn(struct worker *w, const struct turn *turn, uint64_t start_ns);
void stream_publisher_close(struct worker *w);
int stream_subscriber_open(struct worker *w);
int stream_subscriber_turn(struct worker *w, const struct turn *turn, uint64_t start_ns);
void stream_subscriber_close(struct worker *w);

static inline struct stream_shared *stream_shared_of(const struct worker *w)
{
	return w->config.context;
}

static inline struct stream_seat *stream_seat_of(const struct worker *w)
{
	return &stream_shared_of(w)->seats[w->place];
}

/* Somebody has failed, or the turn takes too long: -ECANCELED, -ETIMEDOUT. */
int stream_trouble(struct worker *w, uint64_t deadline_ns, const char *what);

#endif
