/*
 * libpawl: numbers in one order that everybody agrees on.
 *
 * A counter hands out 1, 2, 3, ... to any number of processes.  Every number is handed
 * out once, and whoever asks later gets a larger one: increment-and-get is linearizable.
 *
 *     struct pawl *pawl;
 *     struct pawl_counter *orders;
 *     uint64_t number;
 *
 *     if (pawl_open("desk", NULL, &pawl))
 *             errx(1, "%s", pawl_errmsg(NULL));
 *     if (pawl_counter_open(pawl, "orders", &orders) || pawl_next(orders, &number))
 *             errx(1, "%s", pawl_errmsg(pawl));
 *     pawl_close(pawl);
 *
 * Results are 0 or a negative errno; each function lists the ones it can return, and
 * there are no others.  The text for people is pawl_errmsg.
 *
 * A handle and its counters belong to one thread at a time; handles are cheap, so give
 * every thread its own.  The library starts no threads, prints nothing and installs no
 * signal handlers.  After pawl_counter_open nothing is allocated, and drawing a number
 * takes no lock and, over shared memory or a network card, no system call.
 *
 * After fork() the child can not use the parent's handles: every call returns -EBADF, and
 * pawl_close frees the child's copy without disturbing the parent.  Over shared memory the
 * child may open handles of its own.  Over RDMA it may not when its parent had a handle
 * open: fork first, or exec in the child.
 *
 * A cluster is a chain of replicas.  When one of them dies or the operator changes the
 * chain, the others go on in a new *epoch*; handles follow by themselves, within calls that
 * wait or within pawl_poll, and an addition under way is either found to stand or made
 * again.  Whoever wants to know gives an event function.
 *
 * Errors that any function on an open handle may return, besides its own:
 *   -EBADF      the handle belongs to the parent of this process
 *   -ETIMEDOUT  no answer within the handle's timeout: no replica can be reached, or the
 *               chain is being changed for so long.  For additions the outcome is unknown:
 *               either it took its numbers, now or a little later, and then they are
 *               nobody's for ever; or it took none.  The handle stays good and goes on
 *               looking for the cluster.  Calling again is a new addition: its numbers
 *               are larger than all that this handle was given before
 *   -ESHUTDOWN  the cluster was stopped by its operator
 *   -EPROTO     the replica answers, but not as a replica of this version should; or the
 *               cluster was erased and begun again, whose numbers need a new handle
 *   -EACCES     this user may not use the cluster
 *   -ENODEV     the RDMA device that the cluster needs is missing or unusable here
 *   -ENOMEM     memory, or the locked-memory limit, is too small
 */
#ifndef PAWL_PAWL_H
#define PAWL_PAWL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PAWL_VERSION_MAJOR 0
#define PAWL_VERSION_MINOR 1
#define PAWL_VERSION_PATCH 0

#if defined(__GNUC__)
#define PAWL_MUST_CHECK __attribute__((warn_unused_result))
#define PAWL_API __attribute__((visibility("default")))
#else
#define PAWL_MUST_CHECK
#define PAWL_API
#endif

/* The most that one addition can take. */
#define PAWL_ADD_MAX (UINT64_C(1) << 32)
/* Bytes of the longest counter name. */
#define PAWL_NAME_MAX 63
/* Additions in flight on one counter, at most. */
#define PAWL_DEPTH_MAX 1024

struct pawl;
struct pawl_counter;

enum pawl_event_kind {
	/*
	 * The epoch is over for this handle, or a replica was lost: additions wait until
	 * the next epoch, or until the replica is reached again.
	 */
	PAWL_EVENT_LOST = 1,
	/* The handle goes on, in @epoch, with a chain of @replicas. */
	PAWL_EVENT_EPOCH = 2,
	/*
	 * Up to @jump numbers of @counter just above its newest ones will never be handed
	 * out: the head was lost while they were reserved, or everything was lost and the
	 * operator went on from the ceiling.
	 */
	PAWL_EVENT_JUMP = 3,
};

/* Something that a handle met.  Good during the call. */
struct pawl_event {
	enum pawl_event_kind kind;
	uint64_t epoch;	       /* of the handle now; with LOST the one that is over */
	unsigned int replicas; /* in the chain; with EPOCH */
	uint64_t pause_ns;     /* since the handle was lost; with EPOCH; 0: it was not */
	struct pawl_counter *counter; /* with JUMP */
	uint64_t jump;		      /* with JUMP */
	const char *text;	      /* one line for people */
};

/*
 * Called from within calls on the handle, on their thread.  It must not call anything on
 * the handle.
 */
typedef void (*pawl_event_fn)(void *context, const struct pawl_event *event);

/* What a handle does while it waits for an answer. */
enum pawl_wait {
	PAWL_WAIT_YIELD = 0, /* look, and let others run in between; the default */
	PAWL_WAIT_SPIN = 1,  /* look without pause: fastest, costs a core */
	PAWL_WAIT_SLEEP =
		2, /* sleep between looks, longer and longer up to a millisecond */
};

/*
 * How to open a handle.  Begin with PAWL_OPTIONS_INIT so that fields added later keep
 * their defaults.
 */
struct pawl_options {
	size_t size;	     /* sizeof(struct pawl_options), set by PAWL_OPTIONS_INIT */
	uint64_t timeout_ns; /* of every call that waits; 0: 5 seconds */
	enum pawl_wait wait;
	unsigned int
		depth; /* additions in flight per counter, 1 to PAWL_DEPTH_MAX; 0: 64 */
	const char *device; /* RDMA device to use, "mlx5_0" or "mlx5_0/1"; NULL: any */
	const char *device_address; /* or the local address of the device; NULL: any */
	const char *
		program; /* how this program is called in 'pawl status'; NULL: its name */
	/*
	 * Write marks so many numbers ahead, so that additions need one round trip to the
	 * head alone; at most what the counter was created with (reserve_max).  When the
	 * head is lost, so many numbers may be skipped.  0: dense.
	 */
	uint64_t reserve;
	pawl_event_fn on_event; /* NULL: nobody listens */
	void *event_context;
};

#define PAWL_OPTIONS_INIT                                                                \
	{                                                                                \
		sizeof(struct pawl_options), 0, PAWL_WAIT_YIELD, 0, NULL, NULL, NULL, 0, \
			NULL, NULL                                                       \
	}

/* How to create a counter.  Begin with PAWL_COUNTER_OPTIONS_INIT. */
struct pawl_counter_options {
	size_t size; /* sizeof(struct pawl_counter_options) */
	/*
	 * The most that any session may reserve, up to PAWL_ADD_MAX: when a head is lost,
	 * so many numbers may be skipped.  0: dense, no number is ever skipped by Pawl.
	 */
	uint64_t reserve_max;
};

#define PAWL_COUNTER_OPTIONS_INIT                      \
	{                                              \
		sizeof(struct pawl_counter_options), 0 \
	}

/*
 * Opens a handle on a cluster.  @where is the name of a cluster on this host, or the
 * addresses of its replicas, separated by commas: "HOST:PORT", "[IPV6]:PORT" or
 * "unix:/PATH".  One that answers is enough to learn of the others, but it should name all,
 * for the one may be down.  @options may be NULL.  Blocks up to the timeout, and for name
 * look-ups (of replicas that are known by a host's name, also when one joins later).
 *
 * -EINVAL: not a name or address, or an option out of range.  -ENOENT: no such cluster,
 * or no such host.  -ECONNREFUSED: no replica answers there.  -EUSERS: a replica has as
 * many sessions as it was configured for.  -ETIMEDOUT: some answer, and serve nobody.  And
 * the errors above, but -EBADF.  With an error nothing is left behind; the text is
 * pawl_errmsg(NULL).
 */
PAWL_API int pawl_open(const char *where, const struct pawl_options *options,
	struct pawl **pawl_p) PAWL_MUST_CHECK;

/*
 * Ends the session and frees the handle and its counters.  Additions in flight may or may
 * not take effect.  NULL is allowed.  Does not block for longer than a few milliseconds.
 */
PAWL_API void pawl_close(struct pawl *pawl);

/*
 * One line about the handle's newest failure, and what to do; "" when there was none.  It
 * lives until the next call on the handle.  With NULL: about this thread's newest failed
 * pawl_open.
 */
PAWL_API const char *pawl_errmsg(const struct pawl *pawl);

/* The library's version, "0.1.0". */
PAWL_API const char *pawl_version(void);

/*
 * Opens the counter called @name: 1 to PAWL_NAME_MAX printable ASCII characters.  Whoever
 * opens a name first creates it, and its first number is 1.  Opening a name again gives
 * the same counter.  It is freed with the handle.  Blocks up to the timeout.
 *
 * -EINVAL: not a name.  -ENAMETOOLONG: longer than PAWL_NAME_MAX.  -ENOSPC: the cluster
 * has as many counters as it was configured for.  -ETIMEDOUT: also when the store, in which
 * a new counter is made, can not be used; the text says whether the counter may have been
 * made all the same, and opening it again is always right.  And the errors above.
 */
PAWL_API int pawl_counter_open(struct pawl *pawl, const char *name,
	struct pawl_counter **counter_p) PAWL_MUST_CHECK;

/*
 * The same for a counter that may be reserved.  @options count when this creates the
 * counter; a counter that exists keeps what it was created with.  NULL: as
 * pawl_counter_open.
 *
 * -EINVAL: an option out of range, or not a name.  Else as pawl_counter_open.
 */
PAWL_API int pawl_counter_open_with(struct pawl *pawl, const char *name,
	const struct pawl_counter_options *options,
	struct pawl_counter **counter_p) PAWL_MUST_CHECK;

/* The counter's name, as it was opened; it lives as long as the handle. */
PAWL_API const char *pawl_counter_name(const struct pawl_counter *counter);

/*
 * Increment-and-get: takes one number.  Equal to pawl_add with n = 1.
 */
PAWL_API int pawl_next(struct pawl_counter *counter, uint64_t *number_p) PAWL_MUST_CHECK;

/*
 * Takes @n numbers in a row: *last_p - @n + 1 to *last_p.  Blocks up to the timeout.
 *
 * The head keeps a ceiling some 2^32 ahead of the counter, in the store.  Whoever takes
 * numbers faster than it moves, as by additions of 2^32, waits for it: up to 100 ms the first
 * time, then about a heartbeat of the head (20 ms) for every two of them.
 *
 * -EINVAL: @n is 0.  -ERANGE: @n is over PAWL_ADD_MAX.  -EOVERFLOW: the counter has no
 * numbers left (they end below 2^60).  -EAGAIN: the counter's depth is used up by
 * asynchronous additions; take results with pawl_poll.  And the errors above.
 */
PAWL_API int pawl_add(
	struct pawl_counter *counter, uint64_t n, uint64_t *last_p) PAWL_MUST_CHECK;

/*
 * The newest number that was handed out, 0 before the first; linearizable.  Errors as
 * pawl_add.
 */
PAWL_API int pawl_read(struct pawl_counter *counter, uint64_t *value_p) PAWL_MUST_CHECK;

/* What became of an asynchronous addition. */
struct pawl_result {
	struct pawl_counter *counter;
	uint64_t cookie; /* as submitted */
	uint64_t n;	 /* as submitted */
	uint64_t last; /* with status 0: the numbers end here; for n = 0 the value read */
	int status; /* 0, -EOVERFLOW, -ETIMEDOUT, -ESHUTDOWN, -EPROTO, -EACCES, -ENODEV,
		       -ENOMEM; as for pawl_add */
};

/*
 * Starts an addition of @n, 0 to PAWL_ADD_MAX (0 is a read), and returns at once.  Its
 * result comes from pawl_poll, in the order of submission per counter.
 *
 * -ERANGE: @n is too large.  -EAGAIN: the counter's depth is used up; take results with
 * pawl_poll.  -EBADF.
 */
PAWL_API int pawl_submit(
	struct pawl_counter *counter, uint64_t n, uint64_t cookie) PAWL_MUST_CHECK;

/*
 * Moves everything on and takes up to @max results; *count_p is how many, and may be 0.
 * Never blocks.  When a replica is lost, additions that do not get through again within
 * the timeout end with the status -ETIMEDOUT, provided that pawl_poll is called.  Events
 * are told from here, also while nothing is in flight.
 *
 * -EINVAL: @max is not positive.  -EBADF.
 */
PAWL_API int pawl_poll(struct pawl *pawl, struct pawl_result *results, int max,
	int *count_p) PAWL_MUST_CHECK;

/* Counts of what a handle has done, for tuning. */
struct pawl_stats {
	uint64_t additions; /* confirmed, by the slow or the fast way */
	uint64_t rejoins;   /* times the session was built again */
	uint64_t redraws;   /* additions drawn again after an epoch ended */
	uint64_t epoch;	    /* the epoch of the session now; 0 while it has none */
};

/* -EBADF. */
PAWL_API int pawl_stats_get(
	const struct pawl *pawl, struct pawl_stats *stats_p) PAWL_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
