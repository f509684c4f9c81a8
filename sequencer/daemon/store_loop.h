/*
 * A configuration store on an event loop.  Requests and their callbacks are the store's
 * (store/store.h); this only lets it make progress.  One thread.
 */
#ifndef PAWL_DAEMON_STORE_LOOP_H
#define PAWL_DAEMON_STORE_LOOP_H

#include <stdbool.h>
#include <uv.h>

#include "sequencer/store/store.h"

struct store_loop {
	struct store *store;
	uv_poll_t ready;
	uv_timer_t timer;
	unsigned int handles_open;
	bool progressing;
};

/* Puts an open store on the loop; it stays the caller's.  -errno. */
int store_loop_start(struct store_loop *sl, uv_loop_t *loop, struct store *store,
	struct error *err) __attribute__((warn_unused_result));

/* After a request: lets the store do at once what it can.  Not from its callbacks. */
void store_loop_kick(struct store_loop *sl);

/* Takes it off the loop; the loop must run until store_loop_ended. */
void store_loop_end(struct store_loop *sl);
bool store_loop_ended(const struct store_loop *sl);

#endif
