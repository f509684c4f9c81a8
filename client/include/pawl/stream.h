/*
 * Streams: messages in one order that everybody agrees on (total order broadcast).
 *
 * A publisher's messages get positions 1, 2, 3, ...; every subscriber delivers every message in
 * the order of positions, each once, also when replicas die.  Part of libpawl: handles, waiting,
 * threads, fork and errors are as in pawl.h.
 *
 *     struct pawl_stream *orders;
 *     uint64_t position;
 *
 *     if (pawl_stream_open(pawl, "orders", NULL, &orders) ||
 *             pawl_publish(orders, "buy 3", 5, &position))
 *             errx(1, "%s", pawl_errmsg(pawl));
 *
 * What was acknowledged is in the stream for ever, once.  The messages of one stream handle are
 * in the order of submission.  A position may also be *void*: it will never hold a message.
 *
 * Streams and counters of a cluster share their names.
 */
#ifndef PAWL_STREAM_H
#define PAWL_STREAM_H

#include <pawl/pawl.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of a slot that are not the message's. */
#define PAWL_SLOT_HEADER 48
#define PAWL_MESSAGE_MAX (UINT64_C(1) << 30)
/* Messages in flight on one stream handle, at most. */
#define PAWL_PUBLISH_DEPTH_MAX 65536
/*
 * ... and when nothing is said: what can be published while others have the processor, but in no
 * more slots than 64 MiB have.
 */
#define PAWL_PUBLISH_DEPTH 32768
#define PAWL_PUBLISH_BYTES (UINT64_C(1) << 26)

struct pawl_stream;
struct pawl_subscriber;

enum pawl_on_slow {
	PAWL_ON_SLOW_LOSE = 0,	/* a slow subscriber loses what the ring has no more */
	PAWL_ON_SLOW_BLOCK = 1, /* publishers wait for the slowest: -EAGAIN */
};

enum pawl_archiving {
	PAWL_ARCHIVE_OFF = 0,
	PAWL_ARCHIVE_ON = 1,	   /* a full disk stops the archive, not the stream */
	PAWL_ARCHIVE_REQUIRED = 2, /* it stops the stream: publishers get -EAGAIN */
};

/*
 * What a stream is made with, and how this handle uses it.  The first part counts only when
 * pawl_stream_open creates the stream; one that exists keeps what it was created with.  Begin
 * with PAWL_STREAM_OPTIONS_INIT.
 */
struct pawl_stream_options {
	size_t size;		  /* sizeof(struct pawl_stream_options) */
	uint32_t slot_len;	  /* bytes, 64 to 65536, a multiple of 64; 0: 256 */
	uint32_t slots;		  /* a power of two, 2^10 to 2^24; 0: 65536 */
	uint64_t hole_timeout_ns; /* a position drawn and not written is void after this;
				     10 us to 1 minute; 0: 1 ms */
	uint64_t
		message_max; /* bytes of the longest message, to PAWL_MESSAGE_MAX; 0: 1 MiB */
	enum pawl_on_slow on_slow;
	enum pawl_archiving archiving;

	unsigned int depth; /* messages in flight on this handle, a power of two up to
			       PAWL_PUBLISH_DEPTH_MAX; 0: PAWL_PUBLISH_DEPTH, or
			       what fits in PAWL_PUBLISH_BYTES */
	bool existing;	    /* never create it: -ENOENT */
};

#define PAWL_STREAM_OPTIONS_INIT                                                   \
	{                                                                          \
		sizeof(struct pawl_stream_options), 0, 0, 0, 0, PAWL_ON_SLOW_LOSE, \
			PAWL_ARCHIVE_OFF, 0, false                                 \
	}

/*
 * Opens the stream called @name, as pawl_counter_open does a counter.  Opening it again on the
 * same handle gives the same stream.  It is freed with the handle.  Blocks up to the timeout.
 *
 * -EINVAL: not a name, or an option out of range.  -ENAMETOOLONG.  -EEXIST: there is a counter
 * of that name.  -ENOENT: options.existing, and there is none.  -ENOSPC: the cluster has as many
 * counters and streams as it was configured for, or the replicas have no memory for it.
 * And the errors of pawl.h.
 */
PAWL_API int pawl_stream_open(struct pawl *pawl, const char *name,
	const struct pawl_stream_options *options,
	struct pawl_stream **stream_p) PAWL_MUST_CHECK;

PAWL_API const char *pawl_stream_name(const struct pawl_stream *stream);

/* What the stream was created with, and this handle's depth. */
PAWL_API int pawl_stream_options_get(const struct pawl_stream *stream,
	struct pawl_stream_options *options_p) PAWL_MUST_CHECK;

/* This handle's name as a publisher, as deliveries show it; 0 before the first publish. */
PAWL_API uint64_t pawl_stream_publisher(const struct pawl_stream *stream);

/*
 * Publishes one message and waits until it is acknowledged; *position_p (may be NULL) is that of
 * its last slot, or 0 when it is not known although the message is in.  Everything submitted
 * before is acknowledged too.  @len may be 0.  The first publish of a handle asks for a row, and
 * reserves memory; later ones allocate nothing.
 *
 * -EMSGSIZE: longer than the stream's message_max.  -EAGAIN: results wait to be taken with
 * pawl_publish_poll.  -ETIMEDOUT: no outcome yet; the message stays in flight, and its result
 * will come from pawl_publish_poll, with the cookie 0.  -EUSERS: the stream has as many
 * publishers as it has rows, and the message is not in.  -ESTALE: the stream has lost what it
 * knew of this publisher, so nobody knows what became of the messages in flight; open a new
 * handle.  And the errors of pawl.h.
 */
PAWL_API int pawl_publish(struct pawl_stream *stream, const void *bytes, size_t len,
	uint64_t *position_p) PAWL_MUST_CHECK;

/*
 * Starts to publish and returns at once; the bytes are copied.  Its result comes from
 * pawl_publish_poll, in order of submission.
 *
 * -EAGAIN: depth messages are in flight, or there is no room for so long a one: take results.
 * -EMSGSIZE.  -ESTALE.  -EBADF.  -ENOMEM: for the first publish.  And the status of results that
 * failed, while they are not taken.
 */
PAWL_API int pawl_publish_submit(struct pawl_stream *stream, const void *bytes,
	size_t len, uint64_t cookie) PAWL_MUST_CHECK;

struct pawl_message {
	const void *bytes;
	size_t len;
	uint64_t cookie;
};

/*
 * Submits as many of @count messages as there is room for; *submitted_p is how many.  0 also
 * when it is fewer.  -EMSGSIZE: the next one is too long.  Else as pawl_publish_submit.
 */
PAWL_API int pawl_publish_many(struct pawl_stream *stream,
	const struct pawl_message *messages, unsigned int count,
	unsigned int *submitted_p) PAWL_MUST_CHECK;

/*
 * Publishing without a copy: *room_p is where the next message's bytes may be written, as many
 * as fit into a slot (slot_len - PAWL_SLOT_HEADER) at least; then commit submits @len of them.
 * Nothing else may be submitted between.  A reservation that is not committed costs nothing.
 *
 * Errors as pawl_publish_submit.  Commit: -EINVAL: nothing is reserved, or
 * @len does not fit.
 */
PAWL_API int pawl_publish_reserve(
	struct pawl_stream *stream, void **room_p, size_t *len_p) PAWL_MUST_CHECK;
PAWL_API int pawl_publish_commit(
	struct pawl_stream *stream, size_t len, uint64_t cookie) PAWL_MUST_CHECK;

struct pawl_published {
	uint64_t cookie;
	uint64_t
		position; /* of its last slot; 0: not known, with status 0 it is in all the same */
	/*
	 * 0; -EUSERS: it is not in; -ESTALE: nobody knows; -ESHUTDOWN, -EPROTO, -EACCES, -ENODEV,
	 * -ENOMEM: the handle has failed, and the message may be in.
	 */
	int status;
};

/*
 * Moves everything on and takes up to @max results, in order of submission; *count_p may be 0.
 * Never blocks.  -EINVAL: @max is not positive.  -EBADF.
 */
PAWL_API int pawl_publish_poll(struct pawl_stream *stream, struct pawl_published *results,
	int max, int *count_p) PAWL_MUST_CHECK;

/* What a publisher has done, for tuning. */
struct pawl_stream_stats {
	uint64_t submitted;
	uint64_t acknowledged;
	uint64_t draws;	 /* fetch-adds posted, */
	uint64_t writes; /*   writes of slots, */
	uint64_t reads;	 /*   and looks at the tail's words */
	uint64_t
		redone; /* times that messages were drawn again, for a void or an epoch */
	uint64_t delivered; /* messages, by this handle's subscribers */
	uint64_t
		committed; /* as a publisher heard last: while it grows, the stream moves */
};

/* -EBADF. */
PAWL_API int pawl_stream_stats_get(const struct pawl_stream *stream,
	struct pawl_stream_stats *stats_p) PAWL_MUST_CHECK;

/*
 * The linearizable end of the stream: every message that was acknowledged before the call has a
 * position of at most *position_p.  Blocks up to the timeout.  The errors of pawl.h.
 */
PAWL_API int pawl_stream_end(
	struct pawl_stream *stream, uint64_t *position_p) PAWL_MUST_CHECK;

/*
 * Says that everything up to @position is in a snapshot of the application that is safe, so that
 * it needs no archive for it.  Replicas whose setting archive-retain is `snapshot` keep everything
 * before, and let go of it then, in whole files; it is without effect on others, and where there
 * is no archive.  The newest position counts, whoever says it: it never goes back, and outlives
 * replicas and clients.  Blocks up to the timeout; to say it again is harmless.
 *
 * -EINVAL: 0, or the stream does not go so far.  -ETIMEDOUT: replicas may have heard of it or
 * not; also for a position that was drawn and is not committed.  And the errors of pawl.h.
 */
PAWL_API int pawl_stream_acknowledge_snapshot(
	struct pawl_stream *stream, uint64_t position) PAWL_MUST_CHECK;

/* ---- Subscribing ---- */

enum pawl_from {
	PAWL_FROM_NOW = 0,    /* what is committed after the call */
	PAWL_FROM_OLDEST = 1, /* the oldest there is, in archive or ring */
	PAWL_FROM_POSITION = 2,
};

/* Begin with PAWL_SUBSCRIBE_OPTIONS_INIT. */
struct pawl_subscribe_options {
	size_t size;
	enum pawl_from from;
	uint64_t position;    /* the first that is wanted, with PAWL_FROM_POSITION */
	bool voids;	      /* be told of voids */
	uint32_t inbox_slots; /* of an inbox, where it is fed; a power of two; 0: 4096 */
};

#define PAWL_SUBSCRIBE_OPTIONS_INIT                                               \
	{                                                                         \
		sizeof(struct pawl_subscribe_options), PAWL_FROM_NOW, 0, false, 0 \
	}

/* Something delivered.  Good during the call; so are its bytes. */
struct pawl_delivery {
	uint64_t position; /* of the message's last slot, or of the void */
	uint64_t first;	   /* of its first slot */
	uint64_t publisher;
	uint64_t id;	   /* 1, 2, 3, ... of each publisher */
	uint64_t time_ns;  /* wall clock of the publisher when it was submitted */
	const void *bytes; /* NULL: a void */
	size_t len;
	bool is_void;
};

/*
 * Called from pawl_subscriber_poll, on its thread.  It may publish on other handles, and call
 * nothing on this one.
 */
typedef void (*pawl_deliver_fn)(void *context, const struct pawl_delivery *delivery);

/*
 * Subscribes this handle to the stream; several subscribers of one stream are independent.  It
 * is freed with the handle.  On the host of a replica it reads the replica's log in place;
 * elsewhere a replica writes into memory of this process.  Blocks up to the timeout.
 *
 * -EINVAL: an option out of range.  -EUSERS: the replica has as many subscribers as it can.  And
 * the errors of pawl.h.
 */
PAWL_API int pawl_subscribe(struct pawl_stream *stream,
	const struct pawl_subscribe_options *options,
	struct pawl_subscriber **subscriber_p) PAWL_MUST_CHECK;

/* Ends it and frees it.  NULL is allowed. */
PAWL_API void pawl_unsubscribe(struct pawl_subscriber *subscriber);

/*
 * Delivers up to @max messages (and voids, if wanted) to @deliver, in order; *count_p is how
 * many, and may be 0.  Never blocks for longer than the calls of @deliver.  While replicas are
 * lost, it goes on where it was as soon as there is one again.
 *
 * -EOVERFLOW: positions are lost to this subscriber, which were overwritten before it read them
 * and are in no archive; pawl_subscriber_lost says which.  Calling again goes on behind them.
 * -EMSGSIZE: a message longer than the stream allows was passed over: the other side is broken.
 * -EINVAL: @max is not positive.  And the errors of pawl.h, but -ETIMEDOUT only after the
 * handle's timeout without any replica.
 */
PAWL_API int pawl_subscriber_poll(struct pawl_subscriber *subscriber,
	pawl_deliver_fn deliver, void *context, int max, int *count_p) PAWL_MUST_CHECK;

/* The same, but waits up to @timeout_ns for the first one, as the handle's wait says. */
PAWL_API int pawl_subscriber_wait(struct pawl_subscriber *subscriber,
	pawl_deliver_fn deliver, void *context, int max, uint64_t timeout_ns,
	int *count_p) PAWL_MUST_CHECK;

/* The positions that the newest -EOVERFLOW was about; 0 and 0 if there was none. */
PAWL_API void pawl_subscriber_lost(
	const struct pawl_subscriber *subscriber, uint64_t *first_p, uint64_t *last_p);

/* Everything up to here has been delivered or passed over. */
PAWL_API uint64_t pawl_subscriber_position(const struct pawl_subscriber *subscriber);

/* Positions that are committed, as far as is known here, and not delivered. */
PAWL_API uint64_t pawl_subscriber_lag(const struct pawl_subscriber *subscriber);

/*
 * Linearizable: delivers until everything is delivered that was acknowledged, to anybody, before
 * the call.  Errors of pawl_stream_end and pawl_subscriber_poll; -ETIMEDOUT after the timeout.
 */
PAWL_API int pawl_subscriber_sync(struct pawl_subscriber *subscriber,
	pawl_deliver_fn deliver, void *context, uint64_t *position_p) PAWL_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
