/*
 * A lock of a store that is held, or waited for, by a session of this process.  There is no thread
 * for it: whoever has one calls holding_move often.
 *
 * A session is over when the log says so.  Whoever has heard nothing of its keep-alives for its whole
 * silence, and a second more, takes it for over as well: nobody can tell him any more.
 */
#ifndef PAWL_COMMAND_HOLDING_H
#define PAWL_COMMAND_HOLDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/command/guarded.h"
#include "client/command/target.h"

/* The time of a session, in ms. */
#define HOLDING_TTL_MIN 100u
#define HOLDING_TTL_MAX 86400000u
#define HOLDING_TTL_DEFAULT "10000"

struct holding {
	const char *command; /* "pawl lock", for lines of error */
	const char *lock;
	struct target target;
	uint64_t timeout_ns;
	struct pawl_watch *locks;
	struct pawl_watch *sessions;
	uint64_t session; /* 0: this one looks on */
	uint64_t fence;	  /* of its session; 0: it does not hold the lock */
	bool over;	  /* the session, or this handle; it was told why */
	uint64_t bare_ns; /* since when nothing is heard of keep-alives; 0: it is */
	/* Called after every change of the lock, with the store as it is right then; may be NULL. */
	void (*on_change)(void *context, uint64_t holder, uint64_t fence);
	void *context;
	bool changed;	 /* since it was called, */
	uint64_t holder; /*   to this session, with this token; 0: nobody */
	uint64_t holder_fence;
};

/* Opens the store and looks on.  COMMAND_OK, or the exit status with the reason printed. */
int holding_open(struct holding *h, const struct target_arguments *a)
	__attribute__((warn_unused_result));

/* A session with so many ms, which is kept from now on.  The same. */
int holding_begin(struct holding *h, uint64_t ttl_ms) __attribute__((warn_unused_result));

/*
 * Takes the lock, or with @waits a place in its queue.  COMMAND_OK: h->fence says which.
 * GUARDED_LATE: somebody else has it; nothing was printed.  GUARDED_FAILED, with the reason printed.
 */
int holding_ask(struct holding *h, bool waits) __attribute__((warn_unused_result));

/*
 * Applies what has arrived.  False: h->over, and one line was printed.
 */
bool holding_move(struct holding *h) __attribute__((warn_unused_result));

/*
 * Gives everything back.  False: it was over before; what was done may have been done without
 * the lock.
 */
bool holding_end(struct holding *h) __attribute__((warn_unused_result));

/* The same, where nothing was held yet: a session that can not be closed ends with its time. */
void holding_abandon(struct holding *h);

void holding_close(struct holding *h);

#endif
