#include "sequencer/daemon/record_map.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum epoch_phase phase_to_epoch(enum record_phase phase)
{
	switch (phase) {
	case RECORD_PREPARING:
		return EPOCH_PREPARING;
	case RECORD_ACTIVE:
		return EPOCH_ACTIVE;
	case RECORD_STOPPED:
		break;
	}
	return EPOCH_STOPPED;
}

static enum record_phase phase_from_epoch(enum epoch_phase phase)
{
	switch (phase) {
	case EPOCH_PREPARING:
		return RECORD_PREPARING;
	case EPOCH_ACTIVE:
		return RECORD_ACTIVE;
	case EPOCH_STOPPED:
		break;
	}
	return RECORD_STOPPED;
}

static void chain_to_epoch(
	const struct record_member *members, unsigned int count, struct epoch_chain *to)
{
	to->count = count;
	for (unsigned int i = 0; i < count; i++)
		to->at[i] = (struct epoch_member){members[i].id, members[i].incarnation};
}

void record_map_to_epoch(const struct record *from, struct epoch_record *to)
{
	to->epoch = from->epoch;
	to->active_epoch = from->active_epoch;
	to->phase = phase_to_epoch(from->phase);
	to->proposer = (struct epoch_member){from->proposer, from->proposer_incarnation};
	chain_to_epoch(from->chain, from->chain_count, &to->chain);
	chain_to_epoch(from->former, from->former_count, &to->former);
	to->lease_ns = from->lease_ns;
	to->counters_count = from->counters_count;
	for (uint32_t i = 0; i < from->counters_count; i++)
		to->counters[i] = (struct epoch_counter){
			.base = from->counters[i].base,
			.stand = from->counters[i].stand,
			.ceiling = from->counters[i].ceiling,
			.reserve_max = from->counters[i].reserve_max,
		};
}

static void member_learn(
	const struct record_member *member, uint64_t epoch, struct roster *roster)
{
	struct roster_entry entry = {
		.member = {member->id, member->incarnation},
		.memory_epoch = member->memory[0] ? epoch : 0,
		.controls_count = member->controls_count,
	};

	memcpy(entry.transport, member->transport, sizeof(entry.transport));
	memcpy(entry.memory, member->memory, sizeof(entry.memory));
	memcpy(entry.memory_path, member->memory_path, sizeof(entry.memory_path));
	memcpy(entry.controls, member->controls, sizeof(entry.controls));
	roster_learn(roster, &entry);
}

int record_map_learn(const struct record *record, struct roster *roster,
	struct catalog *catalog, struct error *err)
{
	for (unsigned int i = 0; i < record->former_count; i++)
		member_learn(&record->former[i], record->active_epoch, roster);
	for (unsigned int i = 0; i < record->chain_count; i++)
		member_learn(&record->chain[i], record->epoch, roster);
	for (uint32_t i = 0; i < record->counters_count; i++) {
		const struct record_counter *counter = &record->counters[i];

		if (!catalog_learn(catalog, i, counter->name, &counter->stream))
			return error_set(err, -EUCLEAN,
				"pawld: %s: counter %u is called '%s' in the store and "
				"was another one here; was the store restored from an "
				"old copy?",
				record->cluster, i, counter->name);
	}
	return 0;
}

static void member_from_epoch(struct epoch_member from, uint64_t epoch,
	const struct roster *roster, struct record_member *to)
{
	const struct roster_entry *entry = roster_find(roster, from);

	memset(to, 0, sizeof(*to));
	to->id = (uint16_t)from.id;
	to->incarnation = from.incarnation;
	if (!entry)
		return;
	memcpy(to->transport, entry->transport, sizeof(to->transport));
	memcpy(to->controls, entry->controls, sizeof(to->controls));
	to->controls_count = entry->controls_count;
	if (entry->memory_epoch != epoch)
		return;
	memcpy(to->memory, entry->memory, sizeof(to->memory));
	memcpy(to->memory_path, entry->memory_path, sizeof(to->memory_path));
}

static void counters_from_epoch(const struct epoch_record *from,
	const struct catalog *catalog, const struct catalog_entry *added,
	struct record *to)
{
	to->counters_count = from->counters_count;
	for (uint32_t i = 0; i < from->counters_count; i++) {
		const struct epoch_counter *c = &from->counters[i];
		const struct catalog_entry *entry = i < catalog->count
							    ? &catalog->entries[i]
							    : added;

		to->counters[i] = (struct record_counter){.base = c->base,
			.stand = c->stand,
			.ceiling = c->ceiling,
			.reserve_max = c->reserve_max};
		if (!entry)
			continue;
		memcpy(to->counters[i].name, entry->name, sizeof(entry->name));
		to->counters[i].stream = entry->stream;
	}
}

int record_map_from_epoch(const struct epoch_record *from,
	const struct cluster_facts *facts, const struct roster *roster,
	const struct catalog *catalog, const struct catalog_entry *added,
	struct record *to_p, struct error *err)
{
	int rc = record_init(to_p, facts->counters_max, err);

	if (rc)
		return rc;
	(void)snprintf(to_p->cluster, sizeof(to_p->cluster), "%s", facts->name);
	to_p->instance = facts->instance;
	to_p->sessions_max = facts->sessions_max;
	to_p->epoch = from->epoch;
	to_p->active_epoch = from->active_epoch;
	to_p->phase = phase_from_epoch(from->phase);
	to_p->proposer = (uint16_t)from->proposer.id;
	to_p->proposer_incarnation = from->proposer.incarnation;
	to_p->lease_ns = from->lease_ns;
	to_p->chain_count = from->chain.count;
	for (uint32_t i = 0; i < from->chain.count; i++)
		member_from_epoch(
			from->chain.at[i], from->epoch, roster, &to_p->chain[i]);
	to_p->former_count = from->former.count;
	for (uint32_t i = 0; i < from->former.count; i++)
		member_from_epoch(
			from->former.at[i], from->active_epoch, roster, &to_p->former[i]);
	counters_from_epoch(from, catalog, added, to_p);
	return 0;
}
