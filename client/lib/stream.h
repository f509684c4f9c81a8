/*
 * A stream on a handle: where its memory is in the present epoch, what publishes to it, and
 * who subscribes.
 *
 * A stream opens beside the session.  When the session is ready the head is asked for it
 * (OpenStream), and of other members whoever needs them: the publishing half wants the tail's
 * words, a subscriber the memory of the member that it has chosen.  When the session is lost
 * everything that was learnt is forgotten, and asked for again in the next epoch; the additions
 * of the handle's counters never wait for it.
 *
 *     stream_life.c    open and lost with the session; the handle moved on for streams
 *     stream_ask.c     what members are asked, and what they answer
 *     stream_open.c    what people call: opening, options, stats
 *     stream_end.c     the hidden counter, and pawl_stream_end
 *     stream_snapshot.c  pawl_stream_acknowledge_snapshot
 *     tail_read.c      reads at the tail (tail_read.h)
 *     publish*.c       the publishing half (publish.h)
 *     subscriber*.c    subscribers, known here by struct stream_listener
 *
 * L1  What is known of members (stream_member) is of the epoch that the session is ready in:
 *     it is forgotten before the session can be ready again.
 * L2  Links that belong to a stream are closed when the session's are, before a Join is sent
 *     (S3), and no operation is posted on them once the session is not ready.
 */
#ifndef PAWL_CLIENT_STREAM_H
#define PAWL_CLIENT_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "client/include/pawl/stream.h"
#include "client/lib/handle.h"
#include "client/lib/tail_read.h"
#include "sequencer/core/stream_limits.h"
#include "sequencer/stream/places.h"

struct stream_listener;
struct publishing;

/*
 * A subscriber as its stream sees it.  Called from within calls on the handle; none of them
 * blocks or calls pawl_*.
 */
struct stream_listener_ops {
	/*
	 * The session is ready in the epoch stream->epoch, and limits and counter are known:
	 * members may be asked.  The head may not have opened the stream in that epoch yet, for
	 * a stream that was open once has not to wait for that.
	 */
	void (*enter)(struct stream_listener *listener);
	/*
	 * The session is lost or the epoch over: nothing may be posted any more, and what was
	 * asked is not answered.  May come twice, and without an enter before.
	 */
	void (*lost)(struct stream_listener *listener);
	/* Its links are to be closed now, for a Join follows (S3).  Always after lost. */
	void (*close)(struct stream_listener *listener);
	/* True when @reply, which member @member sent, answers a question of this one. */
	bool (*reply)(struct stream_listener *listener, uint32_t member,
		const Control__Reply *reply);
	/*
	 * Frees it; links are closed before.  @forked: in a child of the process that opened
	 * it, where devices, links and memories of the parent may not be touched (M8).
	 */
	void (*free)(struct stream_listener *listener, bool forked);
};

/* The first member of struct pawl_subscriber. */
struct stream_listener {
	const struct stream_listener_ops *ops;
	struct stream_listener *next;
	struct pawl_stream *stream;
};

enum stream_asking {
	STREAM_UNASKED,
	STREAM_ASKED,
	STREAM_ANSWERED,
};

/* A member of the chain, at the same place as in session.links (L1). */
struct stream_member {
	enum stream_asking asking;
	bool wanted;
	uint64_t request;  /* the OpenStream under way */
	uint64_t again_ns; /* not before this is it asked again */
	struct stream_addresses at;
	uint64_t archived; /* newest position in its archive when it answered; 0: none */
};

/* What the head was told of a snapshot; of the call under way. */
struct stream_snapshot {
	enum stream_asking asking;
	uint64_t request;
	uint64_t again_ns; /* not before this is it told again */
	int code;	   /* the answer */
	struct error why;
};

struct pawl_stream {
	struct pawl *pawl;
	struct pawl_stream *next; /* of the handle */
	char name[COUNTER_NAME_MAX + 1];
	struct pawl_stream_options options; /* as given, defaults filled in */

	bool busy;    /* stream_turn has something to do, even while it is open */
	bool open;    /* in @epoch: the head has answered */
	bool opened;  /* it was open once: it exists, limits and counter are known */
	bool entered; /* the listeners have been told of @epoch */
	int refused;  /* it will not open any more, and why: an errno; or 0; */
	struct error
		why; /*   its text, and else that of the newest answer which was a no */
	uint64_t epoch; /* the newest that its listeners were told of */
	uint64_t base;	/* where that one began, if it is open */
	uint32_t counter;
	struct stream_limits limits;
	uint64_t open_by_ns;	/* when its opener gives up */
	uint64_t shut_since_ns; /* with a chain that does not open it; 0: it is not so */
	bool row_asked;		/* the OpenStream under way at the head wants a row */
	struct stream_member members[CHAIN_MAX];

	struct pawl_counter *end; /* of pawl_stream_end; NULL before the first */
	struct stream_snapshot snapshot;
	struct tail_read tail_read;
	struct publishing *publishing;
	struct stream_listener *listeners;
	struct pawl_stream_stats stats; /* a listener counts in @delivered */
};

/* ---- For whoever uses a stream ---- */

/*
 * Moves the handle's session and the opening of this stream on; to be called again and again.
 * Never blocks, and is cheap while the stream is open.
 *
 * 0: open in stream->epoch.  -EAGAIN: under way.  Else what session_verdict said, or why the
 * stream was refused, with the text in pawl->err; -ETIMEDOUT only once the handle has been
 * without a chain for its timeout.
 */
int stream_turn(struct pawl_stream *stream) __attribute__((warn_unused_result));

/*
 * For whoever has called stream_turn and found nothing to do: looks, after many such calls and
 * at most every HANDLE_LOOK_NS, at the links and at what the replicas have to say.
 */
void stream_idle(struct pawl_stream *stream);

/* Sleeps until stream_turn may have something to do, at most a millisecond. */
void stream_wait_lost(struct pawl_stream *stream);

/*
 * Wants to know where the memory of a member is; @member is a place in session.links, 0 the
 * head.  True: members[member].at is known.  False: it is asked for by stream_turn.
 */
bool stream_member_want(struct pawl_stream *stream, uint32_t member);

/*
 * Sends a request to a member, while the stream is open.  Its answer comes to the listeners'
 * reply.  -EAGAIN: no room for it now, try later.
 */
int stream_request(struct pawl_stream *stream, uint32_t member, Control__Request *request,
	uint64_t *id_p) __attribute__((warn_unused_result));

/* A link of the stream's failed: the session is lost, or over if the epoch is known to be. */
void stream_link_failed(struct pawl_stream *stream);

/* Connects a link of the stream's own to a memory of member @member; session.why has the text. */
int stream_link(struct pawl_stream *stream, uint32_t member, const char *address,
	uint32_t depth, struct link **link_p) __attribute__((warn_unused_result));

/* The head is to be asked, for a row is wanted; the stream stays open meanwhile. */
void stream_head_ask(struct pawl_stream *stream);
/* What members said leads nowhere: all are asked again. */
void stream_ask_again(struct pawl_stream *stream);

/* The listener is told of epochs from now on; if the stream is open, it is told at once. */
void stream_listen(struct pawl_stream *stream, struct stream_listener *listener);
void stream_unlisten(struct stream_listener *listener);

/* ---- For the session, and within ---- */

/*
 * Asks those that nobody has asked.  Only the head makes streams: others are asked for what has
 * been open once.
 */
void stream_members_ask(struct pawl_stream *stream);

/* Its listeners are told of the epoch that the session is ready in, once. */
void stream_enter(struct pawl_stream *stream);

/* True when @reply, of the head, answers what it was told of a snapshot. */
bool stream_snapshot_reply(struct pawl_stream *stream, const Control__Reply *reply);

/* The session is lost, for all streams of the handle. */
void streams_lost(struct pawl *pawl);
/* Their links are closed (L2). */
void streams_close(struct pawl *pawl);
/* Something of a stream's holds the session's device, so that it can not be another. */
bool streams_hold_device(const struct pawl *pawl);
/* True when @reply answers a question of a stream. */
bool streams_reply(
	struct pawl *pawl, const struct peer *peer, const Control__Reply *reply);
void stream_free(struct pawl_stream *stream, bool forked);
/* With the handle.  @forked: as for listeners. */
void streams_free(struct pawl *pawl, bool forked);

#endif
