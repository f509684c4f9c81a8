/*
 * Messages of the epoch machine on the wire (Control__EpochMessage) and back.
 *
 * The machine knows members and counters by number only; on the wire a member comes with
 * what the roster has about it, and a counter with its name, and with its limits if it is a
 * stream.
 */
#ifndef PAWL_DAEMON_EPOCH_WIRE_H
#define PAWL_DAEMON_EPOCH_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/control/control.pb-c.h"
#include "sequencer/core/epoch.h"
#include "sequencer/core/stream_limits.h"
#include "sequencer/daemon/roster.h"

/* What a message is packed with. */
struct epoch_wire_source {
	struct roster *roster; /* its own entry is the sender */
	uint64_t instance;     /* of the cluster */
	/* The name of the counter at @index; good until the packed message is freed. */
	const char *(*name)(void *context, uint32_t index);
	/* The limits of the stream at @index; NULL: it is a counter. */
	const struct stream_limits *(*stream)(void *context, uint32_t index);
	void *name_context;
};

/*
 * A message for the wire, to be put into a request or a reply and then freed.  It points
 * into @message, the roster and the names; none may change meanwhile.  -ENOMEM.
 */
int epoch_wire_pack(const struct epoch_message *message,
	const struct epoch_wire_source *source, Control__EpochMessage **packed_p)
	__attribute__((warn_unused_result));
void epoch_wire_packed_free(Control__EpochMessage *packed);

/* A message that arrived.  It owns everything that it points to, and stays where it is. */
struct epoch_wire_message {
	struct epoch_message message;
	uint64_t instance;
	const char **names; /* of message.counters_count counters; NULL: none came */
	struct stream_limits *streams; /* the same; slot_len 0: a counter */
	struct epoch_history history;
	void *storage;
};

/*
 * @from has passed the checks of message.h.  Nevertheless no count in it is relied upon:
 * -EBADMSG where arrays have not the lengths that they should have.  -ENOMEM.
 */
int epoch_wire_unpack(const Control__EpochMessage *from,
	struct epoch_wire_message *message_p) __attribute__((warn_unused_result));
void epoch_wire_free(struct epoch_wire_message *message);

/* Teaches the roster what the message says of its sender and of the chain.  True: that
 * was news. */
bool epoch_wire_learn(const Control__EpochMessage *from, struct roster *roster);

#endif
