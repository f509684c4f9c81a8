/*
 * When messages are meant to be sent.  With a rate, each has its moment from the beginning on,
 * whatever became of those before: one that is sent late, since something stalled, counts from
 * its moment on, and not from when there was time for it at last.  Without a rate a message's
 * moment is when it could be sent.
 */
#ifndef PAWL_BENCH_STREAM_SCHEDULE_H
#define PAWL_BENCH_STREAM_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

struct stream_schedule {
	uint64_t begin_ns;
	uint64_t length_ns;
	double interval_ns; /* 0: as fast as possible */
	uint64_t count;	    /* messages in all, with a rate */
	uint64_t sent;
};

/*
 * @rate messages per second for @length_ns, 0: as fast as possible.  Publisher @place of
 * @places begins a little later than the one before, so that they do not send all at once.
 */
void stream_schedule_begin(struct stream_schedule *s, uint64_t begin_ns,
	uint64_t length_ns, double rate, unsigned int place, unsigned int places);

/* How many are to be sent now, at most @max. */
uint64_t stream_schedule_due(
	const struct stream_schedule *s, uint64_t now_ns, uint64_t max);

/* The moment of the @i-th message that is to be sent now, from 0. */
uint64_t stream_schedule_intended_ns(
	const struct stream_schedule *s, uint64_t now_ns, uint64_t i);

/* So many have been sent. */
static inline void stream_schedule_sent(struct stream_schedule *s, uint64_t count)
{
	s->sent += count;
}

/* True when there is nothing more to be sent, also later. */
bool stream_schedule_is_over(const struct stream_schedule *s, uint64_t now_ns);

#endif
