/* The status of a replica, as 'pawl status' and other tools read it. */
#ifndef PAWL_DAEMON_STATUS_H
#define PAWL_DAEMON_STATUS_H

#include <stdint.h>

#include "sequencer/daemon/handlers.h"

/* Replies to a GetStatus. */
void status_reply(struct handlers *h, struct connection *connection, uint64_t request);

#endif
