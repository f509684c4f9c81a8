/* One question to one replica, for commands. */
#ifndef PAWL_COMMAND_ASK_H
#define PAWL_COMMAND_ASK_H

#include "client/lib/control.h"

/*
 * Connects @c, which control_init made, to @endpoint and asks.  Errors and the life of the
 * reply as control_ask.
 */
int ask(struct control *c, const struct endpoint *endpoint, Control__Request *request,
	uint64_t timeout_ns, Control__Reply **reply_p, struct error *err)
	__attribute__((warn_unused_result));

#endif
