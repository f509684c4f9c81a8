/* What clients ask of a stream that they have opened. */
#ifndef PAWL_DAEMON_STREAMS_HANDLERS_H
#define PAWL_DAEMON_STREAMS_HANDLERS_H

#include "sequencer/daemon/handlers.h"

void streams_subscribe(struct handlers *handlers, struct connection *connection,
	uint64_t id, const Control__Subscribe *subscribe);
void streams_unsubscribe(struct handlers *handlers, struct connection *connection,
	uint64_t id, const Control__Unsubscribe *unsubscribe);

/*
 * Whether @connection may use the stream at @counter here; @addresses: of this replica's memory in the
 * epoch that it serves.  -EPROTO, -EAGAIN.
 */
int streams_session_check(struct handlers *handlers, const struct connection *connection,
	uint32_t counter, struct stream_addresses *addresses, struct error *err)
	__attribute__((warn_unused_result));

/* Snapshots of applications; every replica is told of news. */
void streams_acknowledge(struct handlers *handlers, struct connection *connection,
	uint64_t id, const Control__AcknowledgeSnapshot *acknowledge);

/* A read at the tail; questions.h answers it. */
void streams_tail_read(struct handlers *handlers, struct connection *connection,
	uint64_t id, const Control__TailRead *read);

#endif
