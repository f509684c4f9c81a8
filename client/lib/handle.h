/*
 * What is behind struct pawl.  The data flows one way: add.c and poll.c submit tickets,
 * pump.c turns their effects into operations on links and completions into tickets'
 * events, and session.c provides the links and begins epochs.
 *
 * H1  hot->way is another than WAY_QUEUE only while a call may add past the queues: the
 *     session is ready, nothing is in flight, and nothing waits on any counter.
 * H2  Completions of one epoch never reach the tickets of another: links are closed before
 *     the next epoch is entered.
 * H3  What is posted past the queue and not waited for any more becomes the queue's: a draw
 *     as its newest ticket, which its completion finds; anything else has PUMP_COOKIE_NOBODY.
 */
#ifndef PAWL_CLIENT_HANDLE_H
#define PAWL_CLIENT_HANDLE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/include/pawl/pawl.h"
#include "client/lib/session.h"
#include "hw/error.h"
#include "hw/memory.h"
#include "sequencer/core/region.h"
#include "sequencer/core/ticket.h"

#define HANDLE_TIMEOUT_DEFAULT_NS UINT64_C(5000000000)
#define HANDLE_DEPTH_DEFAULT 64
#define HANDLE_LOOK_NS UINT64_C(1000000) /* between two looks at links and replicas */

/* How an addition is made. */
enum hot_way {
	WAY_QUEUE = 0, /* by the queue */
	WAY_WORD,      /* at once, in a chain of one: the head's word is in reach */
	WAY_WORDS,     /* at once, in a chain: the backups' words are in reach too */
	WAY_POSTED,    /* posted and waited for, in a chain of one */
	WAY_CHAIN,     /* the same in a chain */
};

/* Lives in a page that the kernel clears in a child: there, every field is zero. */
struct hot {
	uint64_t alive;	  /* 1 in the process that opened the handle */
	enum hot_way way; /* H1 */
};

struct pawl {
	struct hot *hot;
	struct pawl_counter **counters;
	uint32_t counters_count;
	struct pawl_stream *streams; /* a list */
	uint32_t subscribers_made;
	uint32_t tail_reads;	     /* tries begun */
	uint32_t in_flight;	     /* operations posted on links and not completed */
	struct pawl_options options; /* defaults filled in */
	struct device_config device_config;
	char device[64];
	char device_address[64];
	char program[64];
	char where[ENDPOINT_TEXT_MAX];	    /* as the caller wrote it, perhaps cut */
	char cluster[CLUSTER_NAME_MAX + 1]; /* the name that it is, or "" */
	struct session session;
	uint64_t lost_since_ns; /* 0 while the session is ready */
	uint64_t looked_ns;	/* while polling: the newest look */
	uint32_t idle_polls;
	uint64_t rejoins;
	struct error err;
};

/* What the head has said about a counter in the epoch being entered. */
enum counter_opening {
	COUNTER_UNASKED,
	COUNTER_ASKED,
	COUNTER_OPENED,
	COUNTER_REFUSED, /* a new name that may not be; its opener is told */
};

struct counter_answer {
	uint64_t epoch;
	uint64_t stand;
	uint64_t ceiling;
	uint64_t reserve_max;
	uint64_t jump;
};

struct pawl_counter {
	/* What the short ways touch comes first. */
	struct hot *hot;	/* the handle's */
	_Atomic uint64_t *word; /* the head's; NULL where only the card reaches it */
	uint64_t additions;
	/* Every backup holds a mark up to here, stored past the queue; not above the ceiling. */
	uint64_t marked;
	uint64_t open; /* the state word of a backup that has not sealed the epoch */
	uint32_t backups;
	_Atomic uint64_t *states[CHAIN_MAX]; /* the backups' state words; */
	_Atomic uint64_t *marks[CHAIN_MAX];  /* and this session's marks there */
	uint64_t ahead;			     /* how far ahead a mark is stored */
	struct ticket_queue queue;

	struct pawl *pawl;
	uint32_t slot;		      /* in pawl->counters */
	uint32_t index;		      /* in the region */
	uint64_t offset;	      /* of its word in the head's region */
	uint64_t ceiling_at;	      /* of its ceiling, there too */
	uint64_t mark_at[CHAIN_MAX];  /* of its mark in each backup's region */
	int abort_status;	      /* why its newest aborted tickets were aborted */
	uint64_t state_in[CHAIN_MAX]; /* where state reads arrive; */
	uint64_t alone_in[CHAIN_MAX]; /* those of an addition past the queue; */
	uint64_t ceiling_in;	      /* and ceiling reads */

	enum counter_opening opening;
	uint64_t request; /* the OpenCounter under way */
	struct counter_answer answer;
	uint64_t reserve_max; /* wanted at creation */
	bool of_stream;	      /* that of a stream, which is read; nobody else sees it */
	uint64_t open_by_ns;  /* when its opener gives up */
	char name[COUNTER_NAME_MAX + 1];
};

/* The cookie of what an addition posted past the queue, once nobody waits for it (H3). */
#define PUMP_COOKIE_NOBODY UINT64_MAX

/* 0, or -EBADF in a child of the process that opened the handle. */
static inline int handle_check(struct pawl *pawl)
{
	if (pawl->hot->alive)
		return 0;
	return error_set(&pawl->err, -EBADF,
		"pawl: %s: this handle belongs to the parent process; open one of its "
		"own after fork()",
		pawl->where);
}

/* The errno that a public function may return for what went wrong inside. */
int handle_public_error(int code);

/* counter.c: 0, or why @name is none for a @what; with its text. */
int handle_name_check(struct pawl *pawl, const char *name, const char *what);
/* counter.c: opens the counter of a stream that is there, to read it. */
int counter_open_of_stream(
	struct pawl *pawl, const char *name, struct pawl_counter **counter_p);

/*
 * poll.c: nothing came; what the replicas have to say may be why.  Looks seldom, for it costs
 * calls.
 */
void handle_idle(struct pawl *pawl);

/* pump.c: posts what the tickets of one counter want, as far as the links take it. */
void pump_post(struct pawl_counter *counter);
/* pump.c: takes completions, then posts for every counter. */
void pump_run(struct pawl *pawl);
/*
 * pump.c: the same for whoever looks again and again: only a completion brings something
 * new to post.  True when there was one.
 */
bool pump_turn(struct pawl *pawl);
/* pump.c: takes completions only.  True when there was one. */
bool pump_collect(struct pawl *pawl);
/*
 * pump.c: reads the state word of @replica into @state_p, for try @number of a read at the tail
 * (tail_read_on_state).  As the links' read; where it arrives stays until the links are closed.
 */
int pump_state_read(struct pawl *pawl, uint32_t replica, uint64_t *state_p,
	uint32_t number) __attribute__((warn_unused_result));
/* pump.c: sets hot->way, as H1 has it. */
void pump_way_update(struct pawl *pawl);
/* pump.c: the cookie of a draw, which its completion brings to the counter's queue. */
uint64_t pump_draw_cookie(const struct pawl_counter *counter);
/* pump.c: @count operations were posted at @replica and have not completed. */
void pump_count(struct pawl *pawl, uint32_t replica, uint32_t count);

/* add.c: drives the handle until ticket @index is settled or the deadline has passed. */
int add_await(struct pawl_counter *counter, uint64_t index, uint64_t *last_p);
/* add.c: the status of a result, with its text if it is an error. */
int add_status(struct pawl_counter *counter, const struct ticket_result *result);
/* add.c: -ERANGE for more than one addition may take, or -EINVAL for 0. */
int add_refused(struct pawl_counter *counter, uint64_t n);

/* events.c: tell the user, if there is somebody to hear it. */
void event_lost(struct pawl *pawl);
void event_epoch(struct pawl *pawl);
void event_jump(struct pawl_counter *counter, uint64_t jump);

#endif
