/*
 * What is behind struct pawl.  The data flows one way: counter.c submits tickets, pump.c
 * turns their effects into operations on links and completions into tickets' events, and
 * session.c provides the links and begins epochs.
 *
 * H1  hot->direct is set only while a call may add past the queue: the session is ready in
 *     a chain of one, and nothing is in flight or waiting on any counter.
 * H2  Completions of one epoch never reach the tickets of another: links are closed,
 * after draining, before the next epoch is entered.
 */
#ifndef PAWL_CLIENT_HANDLE_H
#define PAWL_CLIENT_HANDLE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/include/pawl/pawl.h"
#include "client/lib/control.h"
#include "hw/error.h"
#include "hw/memory.h"
#include "sequencer/control/endpoint.h"
#include "sequencer/core/region.h"
#include "sequencer/core/ticket.h"

#define HANDLE_TIMEOUT_DEFAULT_NS UINT64_C(5000000000)
#define HANDLE_DEPTH_DEFAULT 64
#define HANDLE_COUNTERS_MAX COUNTERS_MAX

/* Lives in a page that the kernel clears in a child: there, every field is zero. */
struct hot {
	uint64_t alive; /* 1 in the process that opened the handle */
	bool direct;	/* H1 */
};

enum session_stage {
	SESSION_OFF,	 /* not connected; try again at retry_at_ns */
	SESSION_JOINING, /* the control connection is made, or Join is under way */
	SESSION_LINKING, /* links to the chain's memory are connecting */
	SESSION_OPENING, /* counters are opened by name, one after the other */
	SESSION_READY,
	SESSION_DRAINING, /* the epoch is lost; operations in flight come back first */
};

struct session {
	enum session_stage stage;
	struct control control;
	unsigned int endpoint; /* the one to try next */
	unsigned int failures; /* since the session was last ready */
	uint64_t retry_at_ns;
	uint64_t stage_since_ns;
	uint64_t request; /* id of the request under way */
	uint32_t opening; /* counters opened so far in this epoch */
	bool stopped;	  /* the replica said goodbye */
	bool refused;	  /* trying again will not help */
	struct error why; /* the newest failure */
	int why_code;

	uint64_t token;
	uint64_t instance; /* of the cluster, once joined */
	uint64_t epoch;
	uint32_t row;
	struct region_layout layout;
	uint32_t chain_len;
	const struct memory_ops *ops;
	struct device *device;
	struct link *links[CHAIN_MAX];
};

struct pawl {
	struct hot *hot;
	struct pawl_counter **counters;
	uint32_t counters_count;
	uint32_t in_flight;	     /* operations posted on links and not completed */
	struct pawl_options options; /* defaults filled in */
	struct device_config device_config;
	char device[64];
	char device_address[64];
	char program[64];
	struct endpoint_list endpoints;
	char where[ENDPOINT_TEXT_MAX]; /* as the caller wrote it, perhaps cut */
	struct session session;
	uint64_t lost_since_ns; /* 0 while the session is ready */
	uint64_t rejoins;
	struct error err;
};

struct pawl_counter {
	struct hot *hot;	/* the handle's */
	_Atomic uint64_t *word; /* H1; NULL where only the card reaches it */
	uint64_t offset;	/* of its word in the region */
	struct ticket_queue queue;
	uint64_t additions;
	struct pawl *pawl;
	uint32_t slot;		      /* in pawl->counters */
	uint32_t index;		      /* in the region */
	int abort_status;	      /* why its newest aborted tickets were aborted */
	uint64_t base;		      /* in the epoch being entered */
	uint64_t state_in[CHAIN_MAX]; /* where state reads arrive */
	uint64_t ceiling_in;	      /* and ceiling reads */
	char name[COUNTER_NAME_MAX + 1];
};

/* The cookie of an addition that a call posted past the queue and waits for itself. */
#define PUMP_COOKIE_ALONE UINT64_MAX

/* 0, or -EBADF in a child of the process that opened the handle. */
static inline int handle_check(struct pawl *pawl)
{
	if (pawl->hot->alive)
		return 0;
	return error_set(&pawl->err, -EBADF,
		"pawl: %s: this handle belongs to the parent process; open one of its "
		"own after "
		"fork()",
		pawl->where);
}

/* The errno that a public function may return for what went wrong inside. */
int handle_public_error(int code);

/* pump.c: posts what the tickets of one counter want, as far as the links take it. */
void pump_post(struct pawl_counter *counter);
/* pump.c: takes completions, then posts for every counter. */
void pump_run(struct pawl *pawl);
/*
 * pump.c: the same for whoever looks again and again: only a completion brings something
 * new to post.
 */
void pump_turn(struct pawl *pawl);
/* pump.c: takes completions only.  True when there was one. */
bool pump_collect(struct pawl *pawl);
/* pump.c: sets or clears hot->direct, as H1 has it. */
void pump_hot_update(struct pawl *pawl);

/* session.c */
int session_init(struct pawl *pawl) __attribute__((warn_unused_result));
/*
 * Moves the session towards ready, never blocking for long (opening a device excepted).
 * 0: ready.  -EAGAIN: under way.  Else an attempt failed, session.why says why, and the
 * next call tries again unless session.refused.
 */
int session_step(struct pawl *pawl);
/*
 * Asks the device whether the links still stand, so that a wait need not last until an
 * operation gives up by itself.  A few system calls over RDMA.
 */
void session_look(struct pawl *pawl);
/* The epoch is over for this handle, or a link failed. */
void session_lost(struct pawl *pawl);
/* Says goodbye if there is somebody to hear it, and gives everything back. */
void session_end(struct pawl *pawl);
/* Sleeps until session_step may have something to do, at most @timeout_ms. */
void session_wait(const struct pawl *pawl, int timeout_ms);

/*
 * The status for calls that can not go on: 0 while there is still hope before
 * @deadline_ns, else the errno, with the text in pawl->err.
 */
int session_verdict(struct pawl *pawl, uint64_t now_ns, uint64_t deadline_ns);

#endif
