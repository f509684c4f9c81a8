/*
 * What a stream thread does after a turn that found no work.
 *
 * It looks again some times, with pauses; then it gives up the processor for others for a
 * millisecond; then it sleeps, 20 us at first and up to 1 ms, and when nothing can come without
 * its being woken, 100 ms.
 *
 * In a rush, which is a million slots a second or more, on a processor that others want too, it
 * sleeps 200 us instead of giving up the processor again and again.  The scheduler hands a
 * processor out in fair shares, and whoever looks again and again uses its share up at the
 * expense of those who make the work; at such a rate a sleep that short only makes the next turn
 * larger.  On a processor of its own it never does, for nobody would have the use of it.  Nor does
 * it where publishers wait for it to go on: they have so few messages in flight that none come while
 * it sleeps, and then the sleep makes everything slower.
 *
 * I1  A thread that is woken starts again with looking.
 * I2  Only in a rush, in a crowd, does it sleep before a millisecond without work is over.
 * I3  When such a sleep brings less than half of what a rush would, it is the last for 100 ms.
 *
 * Nothing here blocks or looks at a clock.
 */
#ifndef PAWL_STREAM_IDLENESS_H
#define PAWL_STREAM_IDLENESS_H

#include <stdbool.h>
#include <stdint.h>

struct idleness {
	uint32_t turns; /* without work, in a row */
	uint64_t since_ns;
	uint64_t nap_ns; /* the next */
	uint64_t wakes;	 /* that were seen */
	uint64_t moved;	 /* slots, since */
	uint64_t rated_ns;
	bool rush;
	uint64_t switches;  /* times that the processor was taken away, */
	uint64_t looked_ns; /*   and when that was looked up */
	uint64_t crowded_until_ns;
	bool slept_in_rush; /* just now */
	bool slept_in_vain;
	uint64_t awake_until_ns;
};

/* Slots that a rush brings while the thread sleeps in it. */
#define IDLENESS_NAP_SLOTS 200

enum idle_step {
	IDLE_LOOK_AWAY,
	IDLE_YIELD,
	IDLE_NAP,
};

/* A turn moved @slots. */
static inline void idleness_worked(struct idleness *idle, uint32_t slots)
{
	idle->turns = 0;
	idle->moved += slots;
	idle->slept_in_vain |= idle->slept_in_rush && slots < IDLENESS_NAP_SLOTS / 2;
	idle->slept_in_rush = false;
}

/* True when idleness_crowd is to be told, now and then, how things are. */
bool idleness_wants_crowd(const struct idleness *idle, uint64_t now_ns);
/* @switches: how often the processor was taken away from this thread, ever. */
void idleness_crowd(struct idleness *idle, uint64_t now_ns, uint64_t switches);

/* It has been without work for so long that it matters whether anything can come. */
bool idleness_is_long(const struct idleness *idle, uint64_t now_ns);

/*
 * After a turn without work.  @wakes: how often somebody woke the thread, ever.  @quiet: it has
 * been long, and nothing can come without that.  *nap_ns_p: how long to sleep, if that is it.
 */
enum idle_step idleness_step(struct idleness *idle, uint64_t now_ns, uint64_t wakes,
	bool quiet, uint64_t *nap_ns_p);

#endif
