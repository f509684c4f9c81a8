/*
 * A store: a participant whose machine is the core's (kv.h).  The machine is made when the
 * command that founds it is applied, by the limits that it says, whoever published it; before
 * that nothing counts.
 *
 *     store_open.c     opening and founding, the end
 *     store.c          calls, reads and outcomes
 *     store_command.c  the short forms
 *     store_reply.c    replies, and what they mean
 */
#ifndef PAWL_CLIENT_STORE_H
#define PAWL_CLIENT_STORE_H

#include "client/include/pawl/store.h"
#include "client/lib/participant.h"
#include "sequencer/core/kv.h"

struct pawl_store {
	struct pawl *pawl;
	struct pawl_participant *participant;
	struct kv *kv; /* NULL: not founded */
	pawl_store_outcome_fn on_outcome;
	void *outcome_context;
	unsigned char *command; /* encoded, limits.command_max bytes */
	unsigned char *reply;	/* of the newest call, limits.reply_max bytes */
	bool no_memory;		/* for the machine */
};

/* 0, or what the answer means as an error, with its text; *reply_p is filled in any case. */
int store_reply_take(struct pawl_store *store, const void *bytes, size_t len,
	struct pawl_reply *reply_p) __attribute__((warn_unused_result));

/* What is published as it is: bytes of store->command. */
int store_call_encoded(struct pawl_store *store, size_t len, struct pawl_reply *reply_p)
	__attribute__((warn_unused_result));

/* For pawl_participant_options. */
void store_on_outcome(void *context, const struct pawl_outcome *outcome);

#endif
