#include "sequencer/core/snapshot_kept.h"

enum snapshot_kept snapshot_kept_look(const struct snapshot_keeper *members,
	uint32_t count, uint64_t position, uint32_t *member_p)
{
	uint32_t keepers = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct snapshot_keeper *member = &members[i];

		if (member->known && !member->keeps)
			continue;
		keepers++;
		if (member->known && member->position >= position)
			continue;
		*member_p = i;
		return member->known && member->trouble ? SNAPSHOT_KEPT_TROUBLE
							: SNAPSHOT_KEPT_NOT_YET;
	}
	return keepers > 0 ? SNAPSHOT_KEPT : SNAPSHOT_KEPT_BY_NOBODY;
}
