/* What the openings of counters and of streams share. */
#ifndef PAWL_DAEMON_OPENINGS_INTERNAL_H
#define PAWL_DAEMON_OPENINGS_INTERNAL_H

#include "sequencer/daemon/openings.h"

struct opening {
	struct opening *next;
	struct connection *connection;
	uint64_t id;
	uint64_t deadline_ns;
	uint64_t last_ns; /* so long may a write under way be waited for beyond it */
	char name[COUNTER_NAME_MAX + 1];
	uint64_t from_epoch;
	uint64_t reserve_max;
	bool hidden; /* of a counter: it is a stream's */

	bool stream;		     /* a stream is opened; it is made with @limits: */
	struct stream_limits limits; /* slot_len 0: it must be there */
	bool publishes;
	uint64_t publisher;
};

/* -EAGAIN, for whoever asked the wrong replica. */
int opening_not_served(const struct replica *replica, struct error *err);
/* -EEXIST: there is something of that name, and it is of the other kind. */
int opening_other_kind(const struct replica *replica, uint32_t index, struct error *err);

/*
 * openings_stream.c: as opening_try.  0: it is answered.  -EINPROGRESS: not yet.  Any other: the
 * answer is that error.
 */
int opening_stream_try(
	struct replica *replica, const struct opening *opening, struct error *err);
/* Its time is over. */
int opening_stream_overdue(
	struct replica *replica, const struct opening *opening, struct error *err);

/* The outcome of what is still to be made is unknown to some only.  -ETIMEDOUT. */
int opening_overdue(struct replica *replica, const char *name, struct error *err);

#endif
