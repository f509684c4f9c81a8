/*
 * The ticket machine: one session's additions to one counter (docs/protocol.md).
 *
 * An addition of n is a *ticket*.  It is drawn by a fetch-add on the head's counter word,
 * then confirmed by every backup: the session writes its mark there and reads the state.
 * In a chain of one there is no backup and a drawn ticket is confirmed.  Tickets that the
 * end of an epoch catches unconfirmed are resolved against the next epoch's base.
 *
 * A queue may *reserve*: it writes its mark ahead, by R, and then additions up to that mark
 * need the head alone, as long as their draw came back within a lease: lease_ns from the
 * moment before the state reads were sent that all backups answered with the open state.
 * The mark and the lease are renewed ahead of need while additions go on.
 *
 * Nothing above the counter's *ceiling* is confirmed, for after the loss of everything the
 * cluster goes on from there.  A ticket above the ceiling that the queue knows keeps its
 * numbers and waits while the queue reads the ceiling word in the head's region, and the
 * state beside it, for the ceiling of an epoch that is over never moves.
 *
 * The machine does no I/O.  It names the next effect it wants (ticket_next_effect), the
 * driver posts it and says so (ticket_effect_posted), and feeds what comes back into
 * ticket_on_draw, ticket_on_state and ticket_on_lost.  All of a queue's effects of one
 * replica go through one link, so that draws come back in the order they were posted.
 *
 * T1  Indices only grow: taken <= settled_upto <= drawn <= posted <= submitted.
 * T2  A result is handed out only for a settled ticket, and a ticket settles once.
 * T3  A drawn ticket of an open epoch settles only after every backup has shown the open
 *     state of that epoch in a read posted after the mark that covers the ticket; or if
 *     such a mark covered it when its draw came back, within the lease (T7).  Who touches
 *     the words directly keeps to the same order (ticket_direct).
 * T4  The marks that one queue writes in one epoch never decrease.
 * T5  A ticket of an earlier epoch stands only if all its numbers are at or below what the
 *     next active epoch lets stand (its base, or less: E5), and only if it takes at least
 *     one number: a read never stands.
 * T6  No number at or above COUNTER_LIMIT is ever confirmed.
 * T7  A lease runs from a time before its reads were sent to a time after the draw came
 *     back; both are the client's own clock.
 * T8  No number above the ceiling that the queue was told is ever confirmed, and no value
 *     above it is read.
 *
 * A queue belongs to one thread.  Nothing here blocks or allocates.
 */
#ifndef PAWL_CORE_TICKET_H
#define PAWL_CORE_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/core/limits.h"
#include "sequencer/core/panic.h"

#define TICKET_DEPTH_MAX 1024

enum ticket_phase {
	TICKET_IDLE,	  /* no epoch yet */
	TICKET_OPEN,	  /* drawing and confirming */
	TICKET_CHECKING,  /* a draw met the limit: sealed or used up? */
	TICKET_USED_UP,	  /* the counter has no numbers left */
	TICKET_SUSPENDED, /* the epoch is over for this session; resolve */
};

enum ticket_outcome {
	TICKET_CONFIRMED, /* the numbers are the caller's */
	TICKET_OVERFLOW,  /* the counter has no numbers left; none was taken */
	TICKET_ABORTED,	  /* given up by the driver; its numbers may be lost */
};

struct ticket {
	uint64_t n;
	uint64_t v; /* the word before the addition, once drawn */
	uint64_t cookie;
	bool settled;
	bool dropped; /* nobody wants the result */
	enum ticket_outcome outcome;
};

enum ticket_effect_kind {
	TICKET_DRAW,	     /* fetch-add @value on the head's counter word */
	TICKET_WRITE_MARK,   /* write @value to this session's mark at @replica */
	TICKET_READ_STATE,   /* read the state word of @replica */
	TICKET_READ_CEILING, /* read this counter's ceiling word at the head */
};

struct ticket_effect {
	enum ticket_effect_kind kind;
	uint32_t replica; /* place in the chain; 0 is the head */
	uint64_t value;
};

struct ticket_result {
	uint64_t cookie;
	uint64_t n;
	uint64_t last; /* the newest number: n numbers end here; for n = 0 the value read
			*/
	enum ticket_outcome outcome;
};

/* How far one backup is with the round of replication in flight. */
enum ticket_step {
	TICKET_STEP_MARK,   /* its mark is to be written */
	TICKET_STEP_STATE,  /* its state is to be read */
	TICKET_STEP_FLIGHT, /* posted */
	TICKET_STEP_DONE,   /* it showed the open state */
};

struct ticket_queue {
	enum ticket_phase phase;
	uint64_t epoch;
	uint32_t backups;
	uint32_t mask;	/* slots - 1; slots are a power of two */
	uint32_t depth; /* tickets at most between taken and submitted */

	uint64_t taken;	       /* results handed out or dropped */
	uint64_t settled_upto; /* every ticket before it is settled */
	uint64_t drawn;	       /* next ticket whose draw comes back */
	uint64_t limit_from;   /* tickets from here on met the limit; UINT64_MAX: none */
	uint64_t over_from;    /* tickets from here on are above the ceiling; likewise */
	uint64_t posted;       /* next ticket to draw */
	uint64_t submitted;

	bool round_open; /* a round of replication is in flight */
	bool head_check_posted;
	bool head_check_stale; /* it was sent before the limit was met */
	uint32_t round_left;   /* backups that have not answered */
	uint64_t round_upto;   /* tickets before it are covered */
	uint64_t round_mark;   /* newest mark of this epoch */
	uint64_t round_sent_ns;
	enum ticket_step steps[CHAIN_MAX];

	uint64_t reserve; /* R; 0: dense */
	uint64_t lease_ns;
	uint64_t marked;       /* all backups hold a mark up to here */
	uint64_t covered;      /* the same, but not above the ceiling */
	uint64_t lease_end_ns; /* 0: no lease */
	uint64_t now_ns;
	bool drew; /* since the newest round began */

	uint64_t ceiling;
	bool ceiling_posted;

	uint64_t mark;	  /* newest v + n drawn in this epoch */
	uint64_t redraws; /* tickets drawn again after an epoch ended */
	struct ticket *slots;
};

/* Slots that a queue of @depth tickets needs; 0 when @depth is out of range. */
uint32_t ticket_slots_count(uint32_t depth);

/* @slots: ticket_slots_count(depth) elements, the caller's, outliving the queue. */
void ticket_queue_init(struct ticket_queue *q, struct ticket *slots, uint32_t depth);

/*
 * Begins the active epoch @epoch with @backups backups, and resolves what an earlier epoch
 * left unsettled: tickets up to @stand stand.  @stand is that of the active epoch which
 * followed the queue's (epoch_stand), 0 if nobody knows it any more; not used when nothing
 * is unsettled.  With the same epoch as before the queue goes on over new links: known
 * draws are kept, draws whose answer was lost are repeated.  The old links must have ended
 * (evicted) before the new ones connect, or a late mark could take a newer one back.
 * Nothing may be in flight any more: while the old link works, draws are waited for first,
 * for the numbers of a draw whose answer is lost may be nobody's.  The epoch never goes back.
 */
void ticket_enter_epoch(
	struct ticket_queue *q, uint64_t epoch, uint32_t backups, uint64_t stand);

/*
 * Marks are written @reserve ahead from now on; at most the counter's reserve_max.  0: dense.
 * @lease_ns is the cluster's.
 */
void ticket_reserve_set(struct ticket_queue *q, uint64_t reserve, uint64_t lease_ns);

/* The counter's ceiling, as told on joining.  Without it there is none but the limit. */
void ticket_ceiling_set(struct ticket_queue *q, uint64_t ceiling);

/*
 * The time, read before what is posted next.  A queue that reserves must be told before
 * every ticket_next_effect and whenever it may have to renew.
 */
void ticket_on_time(struct ticket_queue *q, uint64_t now_ns);

/* False when @depth tickets are waiting.  0 <= @n <= ADDITION_MAX. */
bool ticket_submit(struct ticket_queue *q, uint64_t n, uint64_t cookie, uint64_t *index_p)
	__attribute__((warn_unused_result));

/* True when the machine wants something posted now. */
bool ticket_next_effect(const struct ticket_queue *q, struct ticket_effect *effect_p);

/* The effect that ticket_next_effect named has been posted. */
void ticket_effect_posted(struct ticket_queue *q, const struct ticket_effect *effect);

/* The oldest posted draw came back with @v. */
void ticket_on_draw(struct ticket_queue *q, uint64_t v);

/* The same, at @now_ns, a time read after it came back: a lease may confirm it (T7). */
void ticket_on_draw_at(struct ticket_queue *q, uint64_t v, uint64_t now_ns);

/* A read of the ceiling word came back. */
void ticket_on_ceiling(struct ticket_queue *q, uint64_t ceiling);

/* A state read at @replica came back. */
void ticket_on_state(struct ticket_queue *q, uint32_t replica, uint64_t state);

/* A link failed, or the driver has learned of a newer epoch: the epoch is over here. */
void ticket_on_lost(struct ticket_queue *q);

/* The next result in order of submission, if it is settled. */
bool ticket_take(struct ticket_queue *q, struct ticket_result *result_p);

/* The result of ticket @index, which has not been taken; false while it is not settled.
 */
bool ticket_peek(
	const struct ticket_queue *q, uint64_t index, struct ticket_result *result_p);

/* Nobody will ask for ticket @index, settled or not. */
void ticket_drop(struct ticket_queue *q, uint64_t index);

/* Settles everything unsettled as TICKET_ABORTED.  The queue must be suspended or idle.
 */
void ticket_abort(struct ticket_queue *q);

/* Draws that were posted in this epoch and have not come back. */
static inline bool ticket_draws_in_flight(const struct ticket_queue *q)
{
	return q->drawn != q->posted;
}

/*
 * The same as ticket_next_effect and ticket_effect_posted for the commonest effect: true
 * when the next one is a draw, and then its n is *n_p.
 */
static inline bool ticket_next_draw(const struct ticket_queue *q, uint64_t *n_p)
{
	if (q->phase != TICKET_OPEN || q->round_open || q->posted == q->submitted)
		return false;
	*n_p = q->slots[q->posted & q->mask].n;
	return true;
}

/* True when ticket_next_effect could name nothing but draws. */
static inline bool ticket_only_draws(const struct ticket_queue *q)
{
	return q->phase == TICKET_OPEN && !q->round_open && q->over_from == UINT64_MAX;
}

static inline void ticket_draw_posted(struct ticket_queue *q)
{
	do
		q->posted++;
	while (q->posted != q->submitted && q->slots[q->posted & q->mask].settled);
}

/* Its numbers are below the limit: in a chain of one it is confirmed by that (T3, T6). */
static inline bool ticket_confirmed_alone(uint64_t v, uint64_t n)
{
	return v < COUNTER_LIMIT && n < COUNTER_LIMIT - v;
}

/* ... and not above the ceiling (T8), which is below COUNTER_LIMIT. */
static inline bool ticket_confirmed_within(
	const struct ticket_queue *q, uint64_t v, uint64_t n)
{
	return v <= q->ceiling && n <= q->ceiling - v;
}

/*
 * Nothing waits in the queue and no round is open: an addition may be drawn past the queue,
 * and ticket_submit_drawn takes it over without fail.
 */
static inline bool ticket_idle(const struct ticket_queue *q)
{
	return q->phase == TICKET_OPEN && !q->round_open && q->drawn == q->submitted &&
	       q->over_from == UINT64_MAX && q->submitted - q->taken < q->depth;
}

/*
 * The direct way, for a back end whose words this process may touch itself (shm).  Nothing
 * waits in the queue and no round is open, so one addition is drawn, marked and checked by
 * the processor alone, all of it sequentially consistent:
 *
 *     v = fetch_add(the head's word, n);
 *     if (ticket_confirmed_within(q, v, n)) {
 *             mark = ticket_direct_mark(q, v, n);
 *             store mark to this session's mark word at every backup;
 *             then load the state word of every backup;
 *             if all are region_state_open(q->epoch), the ticket is confirmed;
 *     }
 *     whatever was not confirmed goes to ticket_submit_drawn, which does not fail here.
 *
 * T3 holds because there is one order of all sequentially consistent accesses.  The load
 * comes after the store in it, and a backup that seals stores its sealed state and loads
 * the marks after that: if the state was still open, the seal's loads find the mark.  T4
 * holds because no round is open: its marks would be written by a link, in any order with
 * these.  A queue that reserves has the shorter way below; its rounds buy the leases.
 */
static inline bool ticket_direct(const struct ticket_queue *q)
{
	return ticket_idle(q) && (q->backups == 0 || q->reserve == 0);
}

/*
 * What to store for a ticket that ticket_confirmed_within lets through; @ahead of it, up to
 * the counter's reserve_max.  A mark that a backup already holds from this queue in this
 * epoch, at or above v + n, need not be stored again: it came before the load all the same.
 */
static inline uint64_t ticket_direct_mark(
	struct ticket_queue *q, uint64_t v, uint64_t n, uint64_t ahead)
{
	uint64_t room = COUNTER_LIMIT - 1 - (v + n);
	uint64_t mark = v + n + (ahead < room ? ahead : room);

	if (mark > q->round_mark)
		q->round_mark = mark; /* T4 */
	return q->round_mark;
}

/*
 * The shortest for a queue that reserves: an addition may be drawn within a call when nothing
 * waits and a lease runs; it is confirmed if ticket_covers says so with a time read after
 * the draw.  Otherwise it goes on in the queue (ticket_submit_drawn).
 */
static inline bool ticket_leased(const struct ticket_queue *q)
{
	return q->phase == TICKET_OPEN && q->lease_end_ns != 0 &&
	       q->drawn == q->submitted;
}

static inline bool ticket_covers(
	const struct ticket_queue *q, uint64_t v, uint64_t n, uint64_t now_ns)
{
	return v <= q->covered && n <= q->covered - v && now_ns < q->lease_end_ns;
}

/* Time or numbers of the lease are half gone: leave the short way and renew. */
static inline bool ticket_renews(
	const struct ticket_queue *q, uint64_t v, uint64_t now_ns)
{
	return v + q->reserve / 2 >= q->marked ||
	       now_ns + q->lease_ns / 2 >= q->lease_end_ns;
}

/*
 * Takes over an addition that was drawn outside of the queue, with everything before it
 * drawn.  False when @depth tickets are waiting: then its numbers are nobody's.
 */
bool ticket_submit_drawn(struct ticket_queue *q, uint64_t n, uint64_t v, uint64_t cookie,
	uint64_t *index_p) __attribute__((warn_unused_result));

#endif
