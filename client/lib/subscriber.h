/*
 * A subscriber of a stream: whose slots it reads, and how it goes from one source to the next.
 *
 * It reads at one member of the chain: on the same host out of the member's memory, mapped;
 * elsewhere, and where the ring has no more what is next, out of an inbox of its own, which the
 * member feeds from its log or its archive.  The machine that delivers is the core's
 * (stream_subscriber.h); here it gets its sources.
 *
 *     subscriber.c         what people call, and the delivering itself
 *     subscriber_open.c    subscribing, and the end of it
 *     subscriber_seek.c    which member is asked for what, and what is due
 *     subscriber_ask.c     Subscribe and its answer
 *     subscriber_leave.c   Unsubscribe
 *     subscriber_now.c     where the stream is now
 *     subscriber_place.c   a member's memory, mapped
 *     subscriber_inbox.c   an inbox, and telling its feeder what was consumed
 *
 * G1  What the machine is attached to stays mapped until it is attached to something else, also
 *     while the session is lost: committed slots stay what they are.
 * G2  An inbox is told to one member, once.  So no former feeder can write into the present one.
 * G3  A reader's line is written only while the session lasts in which the member gave it; later
 *     it may be another's.
 * G4  Memory of others is used only as far as its mapping goes, and sizes are the stream's
 *     limits, whatever is written there.
 * G5  A range is lost only when the stream has no archive, or every member has said what it has
 *     of it (D5); one that opens its archive yet has not.
 * G6  A member that was asked is left, whether or not its answer came: it has a reader since.
 * G7  Of a stream that blocks, members are left a while after another one is read: by then its
 *     head knows what is waited for there, or the chain has changed.  Meanwhile they are told
 *     how far this is, for publishers wait for the slowest.
 */
#ifndef PAWL_CLIENT_SUBSCRIBER_H
#define PAWL_CLIENT_SUBSCRIBER_H

#include <stdbool.h>
#include <stdint.h>

#include "client/lib/stream.h"
#include "sequencer/core/stream_subscriber.h"
#include "sequencer/core/words.h"

#define SUBSCRIBER_NOBODY UINT32_MAX

enum source_kind {
	SOURCE_NONE,
	SOURCE_PLACE, /* a member's log, in place */
	SOURCE_INBOX,
};

/* A member's memory on this host. */
struct place {
	uint32_t member; /* SUBSCRIBER_NOBODY: of an epoch that is over */
	uint32_t reader;
	struct link *log, *lines, *words; /* NULL: not mapped */
	const struct stream_control *control;
	const uint64_t *commit;
	uint64_t *consumed; /* its own line */
	struct stream_ring ring;
};

/* Memory of this process that a member writes. */
struct inbox {
	uint32_t member;
	uint32_t reader;
	struct memory *memory; /* NULL: there is none */
	bool file;	       /* it has a path, until its feeder has opened it */
	const struct stream_inbox *words;
	struct stream_ring ring;
	struct link *line; /* to the feeder's memory of lines; NULL: none */
	bool linked;
	uint32_t in_flight; /* on that link */
	uint64_t told;	    /* newest position written there */
};

enum subscriber_stage {
	SUBSCRIBER_ADRIFT,  /* no epoch is entered: what there is may be read on */
	SUBSCRIBER_SEEKING, /* somebody is to be asked */
	SUBSCRIBER_ASKED,
	SUBSCRIBER_AWAITING, /* the first words of an inbox */
	SUBSCRIBER_SETTLED,
};

/* A Subscribe under way, and what its answer will bring. */
struct subscriber_ask {
	enum source_kind kind;
	uint32_t member;
	uint64_t request;
	uint64_t since_ns;
	uint64_t start; /* the first position, of a subscriber that has not begun */
	struct place place;
	struct inbox inbox;
};

/* Positions that the source has no more: who else may have them is asked (G5). */
struct subscriber_gap {
	bool open; /* the machine is not polled */
	bool lost; /* nobody has them: the next gap that the machine tells is passed over */
	bool last_try;	   /* the member with the best offer is asked once more */
	uint64_t position; /* the first of them */
	uint32_t tried;	   /* members that were asked to feed it, as bits */
	uint32_t later;	   /* those of them that do not know yet what they have */
	uint64_t best;	   /* the oldest that any of them has, */
	uint32_t best_at;  /*   and which one */
};

/*
 * A life of a replica that was asked in a session, and the line that it gave.  An answer may be lost
 * with a connection or an epoch; the line is there all the same, and has to be given back.
 */
struct subscriber_reader {
	bool asked;
	uint32_t replica;
	uint32_t reader; /* 0: not known */
	uint64_t incarnation;
	uint64_t token;
};

/* A look at a member's commit point over a link. */
struct subscriber_now {
	struct link *link; /* to its words; NULL: none */
	bool posted;
	uint64_t commit;
};

struct pawl_subscriber {
	struct stream_listener listener;
	struct pawl *pawl;
	uint32_t number; /* of the handle's subscribers: by it members know it again */
	struct pawl_subscribe_options options;
	struct stream_subscriber machine;
	uint32_t polls; /* since the clock was looked at */
	bool begun;	/* the machine has its first position */
	bool tells;	/* G3 */

	enum subscriber_stage stage;
	enum source_kind kind; /* what the machine is attached to */
	struct place place;    /* also while an archive feeds the inbox */
	struct inbox inbox;
	struct subscriber_ask ask;
	struct subscriber_gap gap;
	struct subscriber_now now;
	struct subscriber_reader readers[CHAIN_MAX];
	uint32_t turn;	    /* the candidate that is asked, see subscriber_seek.c */
	unsigned int tries; /* of that one; */
	unsigned int rounds;
	uint64_t again_ns; /* nobody is asked before this */
	uint32_t
		near_later; /* members on this host that did not answer in time, as bits */
	uint64_t near_ns;   /*   one of them is asked again then, */
	uint64_t near_wait_ns; /*   so long after the try before */
	bool returns;	       /* what is asked would replace an inbox that does */
	uint64_t back_ns;      /* ... and is not asked again before this */
	uint64_t news_ns;      /* when something was seen to have come */
	uint64_t news_next;    /* what was next then */
	uint64_t adrift_ns;    /* since when it is not settled; 0: it is */
	uint64_t stepped_ns;   /* the newest look at what is due */
	uint64_t leaves_ns;    /* who was read at before is left then (G7); 0: it is */
	uint64_t others_ns;    /* they are told next how far this is; */
	uint64_t others_told;  /*   they know that it is here */

	struct device *local; /* for what is mapped */
	const struct memory_ops *ops;
	struct device *device; /* listens for feeders over a card; NULL: none yet */

	int pending; /* an error that the next poll returns */
	uint64_t lost_first, lost_last;
	uint64_t
		before_oldest; /* of one from the oldest: nobody had what is up to here */
	uint64_t too_long;     /* bytes of the message that was passed over */
	int why_code;	       /* of the newest failure, */
	struct error why;      /*   and its text */
};

static inline struct pawl_stream *subscriber_stream(const struct pawl_subscriber *s)
{
	return s->listener.stream;
}

static inline struct peer *subscriber_peer(
	const struct pawl_subscriber *s, uint32_t member)
{
	return s->pawl->session.links[member].peer;
}

/* Everything before this has been looked at. */
static inline uint64_t subscriber_consumed(const struct pawl_subscriber *s)
{
	return stream_subscriber_consumed(&s->machine);
}

/* "shm" or "verbs": how the member's memory is reached. */
const char *subscriber_transport(const struct pawl_subscriber *s, uint32_t member);

/* ---- subscriber_place.c ---- */

/* Whether the member may be on this host, however it is connected. */
bool place_is_near(const struct pawl_subscriber *s, uint32_t member);
/* Maps what the answer names.  0, or why not in s->why; then nothing is mapped. */
int place_open(struct pawl_subscriber *s, const Control__Subscribed *answer,
	struct place *place) __attribute__((warn_unused_result));
void place_close(struct place *place);

/* ---- subscriber_inbox.c ---- */

/* Makes an inbox that @member can write.  0, or why not in s->why. */
int inbox_open(struct pawl_subscriber *s, uint32_t member, struct inbox *inbox)
	__attribute__((warn_unused_result));
/* The feeder has answered: links to its lines. */
int inbox_link(struct pawl_subscriber *s, const Control__Subscribed *answer,
	struct inbox *inbox) __attribute__((warn_unused_result));
/* True once the feeder's first words are there. */
bool inbox_is_fed(struct inbox *inbox);
/* Tells the feeder what was consumed, if it is time; @idle: or news. */
void inbox_tell(struct pawl_subscriber *s, struct inbox *inbox, bool idle);
/* Lets feeders in. */
void inbox_progress(struct pawl_subscriber *s);
void inbox_unlink(struct inbox *inbox);
void inbox_close(struct inbox *inbox);

/* ---- subscriber_ask.c ---- */

/* Asks a member, which makes an inbox if it is to feed one.  -EAGAIN: later; else why not. */
int ask_send(struct pawl_subscriber *s, uint32_t member, enum source_kind kind)
	__attribute__((warn_unused_result));
/* Gives up what was asked and what would have been its source. */
void ask_drop(struct pawl_subscriber *s);
bool ask_reply(
	struct stream_listener *listener, uint32_t member, const Control__Reply *reply);
/* What this member was asked for in the present session; NULL: nothing. */
struct subscriber_reader *ask_reader_of(
	struct pawl_subscriber *s, const struct peer *peer);

/* ---- subscriber_leave.c ---- */

/* Unsubscribes at all members but @member. */
void leave_others(struct pawl_subscriber *s, uint32_t member);
/* From now on @member is read: the others are left as soon as that may be (G7). */
void leave_begin(struct pawl_subscriber *s, uint32_t member, uint64_t now_ns);
/* Does what is due of it. */
void leave_step(struct pawl_subscriber *s, uint64_t now_ns);

/* ---- subscriber_now.c ---- */

/*
 * From now is from the commit point of @member: looks there, and makes it the position that the
 * options name.  -EAGAIN: under way.
 */
int now_look(struct pawl_subscriber *s, uint32_t member)
	__attribute__((warn_unused_result));
void now_close(struct pawl_subscriber *s);

/* ---- subscriber_seek.c ---- */

/* Does what is due; cheap when nothing is.  Never blocks. */
void seek_step(struct pawl_subscriber *s, uint64_t now_ns);
/* The session is ready in another epoch: everybody may be asked. */
void seek_begin(struct pawl_subscriber *s);
/* The asked member will not do, for the reason in s->why. */
void seek_failed(struct pawl_subscriber *s, int code);
/* What was asked for is there: it is read from now on. */
void seek_settle(struct pawl_subscriber *s);
/* The source has not got what is next.  False: nobody else has it either. */
bool seek_elsewhere(struct pawl_subscriber *s, const struct stream_delivery *gone);

/* ---- subscriber_open.c ---- */

extern const struct stream_listener_ops subscriber_listener_ops;

/* As pawl_subscribe, but it has no source yet; subscriber_settle finds one. */
int subscriber_begin(struct pawl_stream *stream,
	const struct pawl_subscribe_options *options,
	struct pawl_subscriber **subscriber_p) __attribute__((warn_unused_result));
/* 0: it has a source.  -EAGAIN: under way.  Else as pawl_subscribe. */
int subscriber_settle(struct pawl_subscriber *s, uint64_t now_ns, uint64_t deadline_ns)
	__attribute__((warn_unused_result));

/* ---- subscriber.c ---- */

/* Moves session, stream and subscriber on, as far as it is time.  Errors of stream_turn. */
int subscriber_move(struct pawl_subscriber *s, uint64_t now_ns)
	__attribute__((warn_unused_result));
/* "pawl: CLUSTER/STREAM" for messages is made of these. */
#define SUBSCRIBER_NAMES(s) (s)->pawl->where, subscriber_stream(s)->name

#endif
