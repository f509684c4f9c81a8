/* Chains in replies: where each member and its region are.  Valid while the roster is. */
#ifndef PAWL_DAEMON_MEMBERS_REPLY_H
#define PAWL_DAEMON_MEMBERS_REPLY_H

#include "sequencer/control/control.pb-c.h"
#include "sequencer/core/epoch.h"
#include "sequencer/daemon/roster.h"

struct members_reply {
	Control__Member members[CHAIN_MAX];
	Control__Member *list[CHAIN_MAX];
	char *controls[CHAIN_MAX][RECORD_CONTROLS_MAX];
	size_t count;
};

/* Fills in @to, which must stay where it is while the reply is written. */
void members_reply_fill(struct members_reply *to, const struct epoch_chain *chain,
	const struct roster *roster);

#endif
