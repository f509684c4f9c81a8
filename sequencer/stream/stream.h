/*
 * One stream at one replica: its memory, its log, its neighbours, and what is done for it in a
 * turn of its thread (host.h).
 *
 * A change of the chain takes it through *stages*: at rest, then perhaps filling up to the base,
 * then ready, then served, and at rest again when the epoch is sealed or retired.
 *
 * G1  The log is open in stage SERVED and in no other.
 * G2  A stream is ready only when its log ends at the base of its change (C9), and it is served
 *     only out of READY, in the epoch of its change.
 * G3  Memory is made beside the loop (making.h), and taken and withdrawn by the loop, while the
 *     thread is held.  Meanwhile the stream stays in the stage that it was in, or is at rest.
 */
#ifndef PAWL_STREAM_STREAM_H
#define PAWL_STREAM_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/core/limits.h"
#include "sequencer/stream/answers.h"
#include "sequencer/stream/backlog.h"
#include "sequencer/stream/copy.h"
#include "sequencer/stream/fill.h"
#include "sequencer/stream/follow.h"
#include "sequencer/stream/host.h"
#include "sequencer/stream/keeper.h"
#include "sequencer/stream/making.h"
#include "sequencer/stream/neighbour.h"
#include "sequencer/stream/notice.h"
#include "sequencer/stream/readers.h"
#include "sequencer/stream/spare.h"
#include "sequencer/stream/stretch.h"
#include "sequencer/stream/thread.h"

/* Members of the chain before and of that to come. */
#define STREAM_TOLD_MAX (2 * CHAIN_MAX)

enum stream_stage {
	STREAM_AT_REST,
	STREAM_FILLING,
	STREAM_READY,
	STREAM_SERVED,
	STREAM_FOLLOWING, /* outside the chain: the log copies another's */
};

/* What becomes of an archive that ends before the log begins (copy.h). */
enum stream_copying {
	STREAM_COPY_NONE,
	STREAM_COPY_WAITING, /* it is not attached; who has what it lacks? */
	STREAM_COPY_ASKED,   /* a member is asked to feed it */
	STREAM_COPY_FED,
	STREAM_COPY_DONE, /* the loop should attach it to the log */
	STREAM_COPY_FAILED,
};

struct stream_copy {
	enum stream_copying state;
	uint64_t since_ns;
	uint32_t failures;
	struct stream_backlog *backlog; /* NULL: nobody feeds it */
};

/* What all streams of a replica have in common. */
struct stream_ways {
	const struct stream_host_config *config;
	struct stretch_common common;
	struct spare_maker *spares;
	struct maker *maker;
	struct feeder *feeder;
	struct answers *answers;
};

/* What is asked about it at the tail.  The loop's alone. */
struct stream_answering {
	struct answers_store *store; /* NULL: nobody has asked */
	uint64_t epoch;		     /* that is served here; 0: none */
	bool tail;
	struct applier_source source; /* in that epoch */
};

/* What a member said about its memory. */
struct stream_told {
	struct stream_member member;
	struct stream_addresses addresses;
};

/* What begins as soon as the memory for it is there. */
enum stream_wants {
	STREAM_WANTS_NOTHING,
	STREAM_WANTS_CHANGE,
	STREAM_WANTS_FOLLOW,
};

struct stream_wanted {
	enum stream_wants kind;
	struct stream_change change;
	struct stream_member followed;
	uint64_t followed_epoch;
};

struct stream_rate {
	uint64_t since_ns;
	uint64_t commit;
	double rate;
};

struct stream {
	const struct stream_ways *ways;
	struct stream_thread *thread;
	uint32_t counter;
	char name[COUNTER_NAME_MAX + 1];
	struct stream_limits limits;

	/* The loop's alone. */
	struct stretch inbox;
	struct spare spare; /* words of a backup, before they are needed */
	struct stream_wanted wanted;
	struct making making; /* the maker's while is_made */
	bool is_made;
	bool attached; /* the thread takes turns of it */
	struct stream_answering answering;

	/* Whoever owns the stream (H1 of host.h). */
	enum stream_stage stage;
	struct stretch log_memory;
	struct stretch words;	   /* of the epoch that it entered last */
	struct stretch words_next; /* of the epoch that it was prepared for */
	struct stream_change change;
	uint64_t
		ready; /* the epoch that it was prepared for; the loop looks at it any time */
	struct stream_told *told[STREAM_TOLD_MAX];
	uint32_t told_next;	      /* to be replaced */
	struct stream_log log;	      /* control is NULL when there is none */
	struct stream_inbox no_inbox; /* a head's */
	const struct memory *region;
	uint64_t word_offset;
	uint64_t drawn; /* the counter's word, as it was at */
	uint64_t drawn_ns;
	struct neighbour successor;
	struct neighbour predecessor;
	struct stream_fill *fill;
	uint32_t fill_next; /* who is asked, of those told */
	uint64_t fill_again_ns;
	uint64_t fill_complains_ns; /* not again before */
	struct stream_follow *follow;
	struct stream_member followed; /* incarnation 0: nobody */
	uint64_t followed_epoch;
	struct readers *readers;
	struct keeper *keeper;
	struct stream_copy copy;
	struct stream_rate rate;
	uint64_t runs;
	uint64_t writes;
	struct notice notice;
	uint64_t notice_due_ns; /* when the readers are asked for news */
};

/* -ENOMEM, -ENAMETOOLONG. */
int stream_make(const struct stream_ways *ways, struct stream_thread *thread,
	uint32_t counter, const char *name, const struct stream_limits *limits,
	struct stream **stream_p, struct error *err) __attribute__((warn_unused_result));
/* The thread has ended, or is held and takes no turns of it any more. */
void stream_free(struct stream *s, bool remove);

/* As stream_host_adopt; not attached. */
int stream_adopt(struct stream *s, struct error *err) __attribute__((warn_unused_result));

/* Bytes of the log's memory. */
uint64_t stream_log_memory_len(const struct stream *s);

/* stream_memory.c.  All memory for what is wanted is there. */
bool stream_memory_is_there(const struct stream *s);
/* Begins to make what is missing; -ENAMETOOLONG.  It is done when making_end says so. */
int stream_memory_make(struct stream *s, struct error *err)
	__attribute__((warn_unused_result));
/*
 * It is done, and the thread is held: what is of use is the stream's from now on, and the rest is
 * removed.  Errors of pages_map and expose: nothing is left of it.
 */
int stream_memory_take(struct stream *s, struct error *err)
	__attribute__((warn_unused_result));
/* Not made any more; waits for what can not be stopped.  The thread has ended. */
void stream_memory_give_up(struct stream *s);
/* Ahead of the next change, in the background: the words of a backup. */
void stream_spare_want(struct stream *s);
/* The words of the epoch that is over. */
void stream_words_close(struct stream *s);

/* What follows is done with the thread held. */

/* Gives up the change that is under way, if its epoch was not entered. */
void stream_change_drop(struct stream *s);
/* The memory for it is there.  -EEXIST, -ENOMEM. */
int stream_change_begin(struct stream *s, const struct stream_change *change,
	struct error *err) __attribute__((warn_unused_result));
void stream_enter(struct stream *s, uint64_t epoch, const struct memory *region,
	uint64_t word_offset);
/* The replica is outside the chain, and copies from @member, which serves @epoch. */
void stream_follow_set(struct stream *s, struct stream_member member, uint64_t epoch);
bool stream_seal(struct stream *s, uint64_t epoch, uint64_t *len_p);
void stream_retire(struct stream *s, uint64_t epoch);
/* As stream_host_finish. */
void stream_finish(struct stream *s, uint64_t epoch, uint64_t base);

/* The log has come to the base: the epoch may begin here. */
void stream_ready_set(struct stream *s);

/* What @member has told; NULL: nothing yet. */
const struct stream_addresses *stream_told_by(
	const struct stream *s, struct stream_member member);
bool stream_told_is_news(const struct stream *s, struct stream_member member,
	const struct stream_addresses *addresses);
/* -ENOMEM. */
int stream_told(struct stream *s, struct stream_member member,
	const struct stream_addresses *addresses) __attribute__((warn_unused_result));
/* The epoch is entered: its chain says who the neighbours are. */
void stream_neighbours_begin(struct stream *s);
/* Somebody's places are missing. */
bool stream_asks(const struct stream *s);

void stream_links_close(struct stream *s);

/* host_answers.c: the epoch is entered; and before its memory or that of the log goes. */
void stream_answers_attach(struct stream *s);
void stream_answers_detach(struct stream *s);

/*
 * One turn; the thread, or the loop that holds it.  How much was done: slots that were taken, and
 * 1 for anything else; 0: there was no work.
 */
uint32_t stream_turn(struct stream *s, uint64_t now_ns);
/* The parts of it while the log is filled, or copied (stream_bring.c). */
bool stream_fill_turn(struct stream *s, uint64_t now_ns);
bool stream_follow_turn(struct stream *s, uint64_t now_ns);

/* A line for people, which the loop picks up. */
void stream_complain(struct stream *s, const struct error *line);

static inline bool stream_is_head(const struct stream *s)
{
	return s->change.chain.place == 0;
}

static inline bool stream_is_tail(const struct stream *s)
{
	return s->change.chain.place + 1 == s->change.chain.count;
}

#endif
