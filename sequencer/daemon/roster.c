#include "sequencer/daemon/roster.h"

#include <stdio.h>
#include <string.h>

#include "sequencer/control/message.h"
#include "sequencer/core/panic.h"

_Static_assert(RECORD_CONTROLS_MAX == MESSAGE_CONTROLS_MAX, "record and wire");
_Static_assert(RECORD_TRANSPORT_LEN == MESSAGE_TRANSPORT_LEN, "record and wire");
_Static_assert(RECORD_PATH_LEN == MESSAGE_PATH_LEN, "record and wire");

void roster_init(struct roster *roster, const struct roster_entry *self)
{
	memset(roster, 0, sizeof(*roster));
	roster->entries[0] = *self;
	roster->count = 1;
}

struct roster_entry *roster_self(struct roster *roster)
{
	return &roster->entries[0];
}

/* The place of this life, or ROSTER_MAX. */
static uint32_t place_find(const struct roster *roster, struct epoch_member member)
{
	for (uint32_t i = 0; i < roster->count; i++) {
		if (epoch_member_same(roster->entries[i].member, member))
			return i;
	}
	return ROSTER_MAX;
}

const struct roster_entry *roster_find(
	const struct roster *roster, struct epoch_member member)
{
	uint32_t place = place_find(roster, member);

	return place < ROSTER_MAX ? &roster->entries[place] : NULL;
}

const struct roster_entry *roster_find_id(const struct roster *roster, uint32_t id)
{
	const struct roster_entry *found = NULL;
	uint64_t met = 0;

	if (roster->entries[0].member.id == id)
		return &roster->entries[0];
	for (uint32_t i = 1; i < roster->count; i++) {
		if (roster->entries[i].member.id == id && roster->met[i] >= met) {
			found = &roster->entries[i];
			met = roster->met[i];
		}
	}
	return found;
}

bool roster_knows_incarnation(const struct roster *roster, uint64_t incarnation)
{
	for (uint32_t i = 0; i < roster->count; i++) {
		if (roster->entries[i].member.incarnation == incarnation)
			return true;
	}
	return false;
}

/* A place for another life: a free one, or that of the life least recently heard of. */
static uint32_t place_make(struct roster *roster)
{
	uint32_t oldest = 1;

	if (roster->count < ROSTER_MAX)
		return roster->count++;
	for (uint32_t i = 2; i < roster->count; i++) {
		if (roster->heard[i] < roster->heard[oldest])
			oldest = i;
	}
	return oldest;
}

static bool text_learn(char *known, const char *news, size_t len)
{
	if (news[0] == '\0' || strcmp(known, news) == 0)
		return false;
	memcpy(known, news, len);
	return true;
}

static bool region_learn(struct roster_entry *known, const struct roster_entry *news)
{
	bool learned;

	if (news->memory[0] == '\0' || news->memory_epoch < known->memory_epoch)
		return false;
	learned = text_learn(known->memory, news->memory, sizeof(known->memory));
	if (news->memory_epoch != known->memory_epoch) {
		/* Another region: its path is not that of the one before. */
		memset(known->memory_path, 0, sizeof(known->memory_path));
		known->memory_epoch = news->memory_epoch;
		learned = true;
	}
	return text_learn(known->memory_path, news->memory_path,
		       sizeof(known->memory_path)) ||
	       learned;
}

static bool controls_same(const struct roster_entry *a, const struct roster_entry *b)
{
	if (a->controls_count != b->controls_count)
		return false;
	for (unsigned int i = 0; i < a->controls_count; i++) {
		if (strcmp(a->controls[i], b->controls[i]) != 0)
			return false;
	}
	return true;
}

static bool controls_learn(struct roster_entry *known, const struct roster_entry *news)
{
	if (news->controls_count == 0 || controls_same(known, news))
		return false;
	memcpy(known->controls, news->controls, sizeof(known->controls));
	known->controls_count = news->controls_count;
	return true;
}

bool roster_learn(struct roster *roster, const struct roster_entry *news)
{
	uint32_t place = place_find(roster, news->member);
	struct roster_entry *known;
	bool learned = false;

	PAWL_ASSERT(news->controls_count <= RECORD_CONTROLS_MAX);
	if (news->member.id == 0 || news->member.incarnation == 0 || place == 0)
		return false; /* L1 */
	roster->clock++;
	if (place == ROSTER_MAX) {
		place = place_make(roster);
		roster->entries[place] = (struct roster_entry){.member = news->member};
		roster->met[place] = roster->clock;
		learned = true;
	}
	roster->heard[place] = roster->clock;
	known = &roster->entries[place];
	learned |= text_learn(
		known->transport, news->transport, sizeof(known->transport));
	learned |= region_learn(known, news);
	learned |= controls_learn(known, news);
	return learned;
}

/* Nothing at all rather than a text that was cut. */
static bool text_take(char *to, const char *from, size_t len)
{
	if (strlen(from) >= len)
		return false;
	(void)snprintf(to, len, "%s", from);
	return true;
}

void roster_from_wire(const Control__Member *member, struct roster_entry *entry_p)
{
	struct roster_entry e = {
		.member = {member->replica, member->incarnation},
		.memory_epoch = member->memory_epoch,
	};

	(void)text_take(e.transport, member->transport, sizeof(e.transport));
	(void)text_take(e.memory, member->memory, sizeof(e.memory));
	(void)text_take(e.memory_path, member->memory_path, sizeof(e.memory_path));
	for (size_t i = 0; i < member->n_control; i++) {
		if (e.controls_count < RECORD_CONTROLS_MAX &&
			text_take(e.controls[e.controls_count], member->control[i],
				RECORD_CONTROL_LEN))
			e.controls_count++;
	}
	*entry_p = e;
}

void roster_to_wire(const struct roster_entry *entry, Control__Member *member_p,
	char *controls[RECORD_CONTROLS_MAX])
{
	*member_p = (Control__Member)CONTROL__MEMBER__INIT;
	member_p->replica = entry->member.id;
	member_p->incarnation = entry->member.incarnation;
	member_p->transport = (char *)entry->transport;
	member_p->memory = (char *)entry->memory;
	member_p->memory_epoch = entry->memory_epoch;
	member_p->memory_path = (char *)entry->memory_path;
	for (unsigned int i = 0; i < entry->controls_count; i++)
		controls[i] = (char *)entry->controls[i];
	member_p->control = controls;
	member_p->n_control = entry->controls_count;
}
