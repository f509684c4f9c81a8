/*
 * Keeps a control connection to one replica: tries its addresses one after another (its
 * Unix sockets that are on this host first), says hello, makes sure who answers, and
 * begins again when the connection ends.
 *
 * It asks the roster for the addresses of the life that it wants, or of the life of that
 * replica that was met last.  Whoever of another replica answers is left alone.
 *
 * Everything runs on the loop's thread; callbacks come from the loop only.
 */
#ifndef PAWL_DAEMON_DIAL_H
#define PAWL_DAEMON_DIAL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "sequencer/control/message.h"
#include "sequencer/daemon/roster.h"

struct dial;

struct dial_handlers {
	/* It is connected; @who answered, a life of the replica, perhaps another one. */
	void (*up)(void *context, const Control__Member *who);
	/* It was connected and is not any more.  It dials again by itself. */
	void (*down)(void *context, const char *why);
	/*
	 * All addresses were tried in vain.  @refused: all of them say that nobody listens
	 * there; @local: one of those is on this host.  It dials again by itself.
	 */
	void (*failed)(void *context, bool refused, bool local, const char *why);
	/* A reply on the connection that is up. */
	void (*reply)(void *context, const Control__Reply *reply);
	void *context;
};

struct dial_config {
	uv_loop_t *loop;
	const char *cluster;   /* outlives the dial, as the roster does */
	struct roster *roster; /* its own entry says who is calling */
	struct epoch_member member;
	uint64_t retry_ns;   /* between attempts; grows to a second */
	uint64_t silence_ns; /* as line_config has it */
	struct dial_handlers handlers;
	unsigned int
		*handles_open; /* counts what the loop still has; outlives the dial */
};

/* Begins to dial.  -ENOMEM, or what libuv says. */
int dial_make(const struct dial_config *config, struct dial **dial_p)
	__attribute__((warn_unused_result));

/* Tries again now, if it is waiting: there may be news about where to try. */
void dial_kick(struct dial *dial);

/* Who answered; its id is 0 while the connection is not up. */
struct epoch_member dial_life(const struct dial *dial);

/* Sends a frame, as line_send does; nothing when it is not up. */
void dial_send(struct dial *dial, const uint8_t *frame, size_t len);

/* No callback comes any more.  It is freed when the loop has let go of it. */
void dial_close(struct dial *dial);

#endif
