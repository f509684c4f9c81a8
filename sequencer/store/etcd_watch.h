/*
 * The watch of an etcd store: one answer of etcd's that never ends, a line for each change.
 *
 * It always begins at the member's present and then says that something may have changed,
 * because get tells what was missed, whatever that was.  So no revision has to be
 * remembered across a cut, none can have been compacted meanwhile, and a member that lags
 * behind or was made anew does no harm.
 *
 * A member that is stopped keeps its connections and says nothing.  So the key's revision
 * is read from the watch's member every now and then, and without an answer the watch
 * moves to another one.
 */
#ifndef PAWL_STORE_ETCD_WATCH_H
#define PAWL_STORE_ETCD_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/store/etcd_session.h"
#include "sequencer/store/store.h"

#define ETCD_LINE_MAX (64 * 1024) /* what is longer is some change, whatever it says */

/* Stays where it is between open and close. */
struct etcd_watch {
	struct etcd_session *session;
	store_changed_fn changed; /* NULL: nobody wants to know */
	void *context;

	struct etcd_call stream;
	bool streaming;	       /* the stream's call was started */
	uint64_t opened_by_ns; /* else the member is given up */
	uint64_t retry_ns;     /* not to be started before */
	unsigned int failures;

	struct etcd_call look;
	bool looking;
	uint64_t look_ns; /* the next time */
	uint64_t looked;  /* the revision seen last; 0: none yet */

	/* What the stream said since the last step, and to be told at its end. */
	bool created, seen, ended;
	struct etcd_complaint complaint;
	bool open; /* it was created */
	bool down; /* the owner was told that changes go unseen */
	int status;
	bool tell;
	struct error err;

	char line[ETCD_LINE_MAX];
	size_t line_len;
	bool line_too_long;
};

/* -ENOMEM, -EIO. */
int etcd_watch_open(struct etcd_watch *watch, struct etcd_session *session,
	struct error *err) __attribute__((warn_unused_result));
void etcd_watch_close(struct etcd_watch *watch);

/* As store_watch. */
void etcd_watch_set(struct etcd_watch *watch, store_changed_fn changed, void *context);

/*
 * Goes on, after etcd_http_progress; may call the owner.  Returns when to come back
 * without an event; UINT64_MAX: no need.
 */
uint64_t etcd_watch_step(struct etcd_watch *watch);

#endif
