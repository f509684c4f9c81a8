#include "sequencer/daemon/members_reply.h"

void members_reply_fill(struct members_reply *to, const struct epoch_chain *chain,
	const struct roster *roster)
{
	to->count = chain->count;
	for (uint32_t i = 0; i < chain->count; i++) {
		const struct roster_entry *entry = roster_find(roster, chain->at[i]);
		Control__Member *member = &to->members[i];

		control__member__init(member);
		if (entry)
			roster_to_wire(entry, member, to->controls[i]);
		member->replica = chain->at[i].id;
		member->incarnation = chain->at[i].incarnation;
		to->list[i] = member;
	}
}
