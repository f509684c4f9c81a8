/* The part of a replica's status that is about streams. */
#ifndef PAWL_DAEMON_STATUS_STREAMS_H
#define PAWL_DAEMON_STATUS_STREAMS_H

#include "sequencer/control/control.pb-c.h"
#include "sequencer/daemon/replica.h"

/* Readers of all streams together that are shown: a status is one message. */
#define STATUS_READERS_MAX 1024

struct status_streams;

/* As of now.  NULL: no memory. */
struct status_streams *status_streams_make(struct replica *replica);
/* Puts it into @status, which points into it then. */
void status_streams_fill(struct status_streams *streams, Control__Status *status);
void status_streams_free(struct status_streams *streams);

#endif
