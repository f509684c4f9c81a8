/* The memory that replicas expose: made, sealed, kept through a crash, taken back. */
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/region_history.h"
#include "tests/sim/streams.h"

uint64_t *region_word(struct sim_region *region, uint64_t offset)
{
	char *base = region->memory->ops->base(region->memory);

	return (uint64_t *)(void *)(base + offset);
}

struct sim_region *replica_region(struct sim_replica *r, uint64_t epoch)
{
	for (uint32_t i = 0; i < REGIONS_MAX; i++) {
		if (r->regions[i].epoch == epoch && epoch != 0)
			return &r->regions[i];
	}
	return NULL;
}

void region_free(struct sim_region *region)
{
	if (region->memory)
		region->memory->ops->withdraw(region->memory);
	if (region->stream)
		region->stream->ops->withdraw(region->stream);
	if (region->stream_inbox && !region->stream_shared)
		region->stream_inbox->ops->withdraw(region->stream_inbox);
	memset(region, 0, sizeof(*region));
}

/* A free place; history goes, the oldest first. */
static struct sim_region *region_place(struct sim_replica *r)
{
	struct sim_region *oldest = NULL;

	for (uint32_t i = 0; i < REGIONS_MAX; i++) {
		struct sim_region *region = &r->regions[i];

		if (region->epoch == 0)
			return region;
		if (region->retired && (!oldest || region->epoch < oldest->epoch))
			oldest = region;
	}
	PAWL_ASSERT(oldest);
	region_free(oldest);
	return oldest;
}

static void region_expose(struct sim_replica *r, struct sim_region *region)
{
	struct memory_config config = {.pages = {.len = r->cluster->layout.len}};
	struct error err;

	PAWL_ASSERT(
		r->device->ops->expose(r->device, &config, &region->memory, &err) == 0);
}

/* The broken rule: memory that clients still hold becomes the next epoch's region. */
static struct sim_region *region_reuse(struct sim_replica *r)
{
	for (uint32_t i = 0; i < REGIONS_MAX; i++) {
		struct sim_region *region = &r->regions[i];
		struct memory *memory = region->memory;

		if (!region->retired)
			continue;
		memset(memory->ops->base(memory), 0, memory->ops->len(memory));
		memset(region, 0, sizeof(*region));
		region->memory = memory;
		return region;
	}
	return NULL;
}

void region_install(struct sim_replica *r, const struct epoch_record *record)
{
	const struct region_layout *layout = &r->cluster->layout;
	struct sim_region *region = NULL;

	check_install(r, record->epoch);
	if (MUTATED(REGION_REUSED))
		region = region_reuse(r);
	if (!region) {
		region = region_place(r);
		region_expose(r, region);
	}
	region->epoch = record->epoch;
	region->incarnation = r->life;
	for (uint32_t i = 0; i < record->counters_count; i++) {
		const struct epoch_counter *counter = &record->counters[i];

		*region_word(region, region_counter_offset(i)) = counter->base;
		*region_word(region, region_floor_offset(layout, i)) = counter->base;
		*region_word(region, region_ceiling_offset(layout, i)) = counter->ceiling;
	}
	region_history_write(region->memory->ops->base(region->memory), layout,
		&r->machine.pending.history, record->counters_count);
	*region_word(region, REGION_STATE_OFFSET) = region_state_open(record->epoch);
	if (r->cluster->streams)
		stream_install(r, region);
}

void region_retire(struct sim_replica *r, uint64_t epoch)
{
	struct sim_region *region = replica_region(r, epoch);

	if (r->served == epoch)
		r->served = 0;
	if (!region)
		return;
	region->retired = true;
	if (cluster_chance(r->cluster, 150) && !MUTATED(REGION_REUSED))
		region_free(region);
}

/* The head's counters are sealed one after the other, and additions go on meanwhile. */
static void counter_seal(struct sim_region *region, uint32_t counter)
{
	uint64_t *word = region_word(region, region_counter_offset(counter));

	if (region->exact[counter])
		return;
	region->values[counter] = *word;
	if (MUTATED(HEAD_NOT_SEALED))
		return;
	*word += COUNTER_LIMIT;
	region->exact[counter] = true;
}

static void state_seal(struct sim_region *region, bool head)
{
	if (head ? MUTATED(HEAD_NOT_SEALED) : MUTATED(SEAL_MISSES))
		return;
	*region_word(region, REGION_STATE_OFFSET) = region_state_sealed(region->epoch);
}

static void backup_report(
	struct sim_replica *r, struct sim_region *region, struct parcel *parcel)
{
	for (uint32_t i = 0; i < parcel->counters_count; i++)
		parcel->values[i] = marks_report(
			region->memory->ops->base(region->memory), &r->cluster->layout,
			i);
	if (r->cluster->streams)
		parcel->values[STREAM_COUNTER] = stream_length(r, region->epoch);
}

static void seal_report(struct sim_replica *r, struct parcel *parcel)
{
	parcel->stage = UINT32_MAX;
	epoch_on_sealed_here(&r->machine, parcel->epoch, parcel->head, parcel->values,
		parcel->counters_count, replica_clock(r));
}

/* What happens to a region at one moment of its sealing.  True: that was all. */
static bool seal_stage(
	struct sim_replica *r, struct sim_region *region, struct parcel *parcel)
{
	bool report_first = MUTATED(REPORT_THEN_SEAL) && !parcel->head;

	if (parcel->stage == 0) {
		if (r->cluster->streams)
			stream_seal(r, region->epoch);
		if (report_first)
			backup_report(r, region, parcel);
		else
			state_seal(region, parcel->head);
		return false;
	}
	if (parcel->head && parcel->stage <= parcel->counters_count) {
		counter_seal(region, parcel->stage - 1);
		if (r->cluster->streams && parcel->stage - 1 == STREAM_COUNTER)
			region->values[STREAM_COUNTER] = stream_length(r, region->epoch);
		return false;
	}
	if (report_first)
		state_seal(region, false);
	else if (!parcel->head || MUTATED(HEAD_MARKS))
		backup_report(r, region, parcel);
	else
		memcpy(parcel->values, region->values, sizeof(parcel->values));
	return true;
}

void region_seal_step(struct sim_replica *r, struct parcel *parcel)
{
	struct sim_region *region = replica_region(r, parcel->epoch);
	uint64_t delay_ns;

	/* History by now: the machine does not count on it any more. */
	if (!region || seal_stage(r, region, parcel)) {
		seal_report(r, parcel);
		return;
	}
	parcel->stage++;
	delay_ns = 100 + cluster_random(r->cluster, 3000);
	if (cluster_chance(r->cluster, 150))
		delay_ns += cluster_random(r->cluster, 60000); /* others run first */
	parcel_send(r->cluster, parcel, delay_ns);
}

void region_keep(struct sim_replica *r)
{
	for (uint32_t i = 0; i < REGIONS_MAX; i++) {
		struct sim_remains *remains = &r->remains[i];
		const struct memory *memory = r->regions[i].memory;

		free(remains->bytes);
		memset(remains, 0, sizeof(*remains));
		if (!r->keeps_memory || r->regions[i].epoch == 0)
			continue;
		remains->region = r->regions[i];
		remains->region.memory = NULL;
		remains->region.stream = NULL;
		remains->region.stream_inbox = NULL;
		remains->bytes = malloc(memory->ops->len(memory));
		PAWL_ASSERT(remains->bytes);
		memcpy(remains->bytes, memory->ops->base(memory),
			memory->ops->len(memory));
	}
}

static void region_adopt_one(struct sim_replica *r, const struct sim_remains *remains)
{
	struct sim_region *region = &r->regions[0];
	struct epoch_history history;

	*region = remains->region;
	memset(region->tokens, 0, sizeof(region->tokens));
	region_expose(r, region);
	memcpy(region->memory->ops->base(region->memory), remains->bytes,
		r->cluster->layout.len);
	epoch_adopt(&r->machine, region->epoch, region->incarnation);
	region_history_read(
		region->memory->ops->base(region->memory), &r->cluster->layout, &history);
	epoch_adopt_history(&r->machine, &history, r->cluster->layout.counters_max);
}

/* The broken rule: an empty region is taken for the one that was lost. */
static void region_adopt_nothing(struct sim_replica *r)
{
	struct sim_region *region = &r->regions[0];

	region->epoch = r->cluster->store.record.active_epoch;
	region->incarnation = r->life;
	region_expose(r, region);
	*region_word(region, REGION_STATE_OFFSET) = region_state_open(region->epoch);
	epoch_adopt(&r->machine, region->epoch, region->incarnation);
}

/* Only the region of the newest active epoch is of any use. */
void region_adopt(struct sim_replica *r)
{
	const struct sim_store *store = &r->cluster->store;

	if (!store->present || store->record.active_epoch == 0)
		return;
	for (uint32_t i = 0; i < REGIONS_MAX; i++) {
		if (r->remains[i].bytes &&
			r->remains[i].region.epoch == store->record.active_epoch) {
			region_adopt_one(r, &r->remains[i]);
			return;
		}
	}
	if (MUTATED(LOSS_FORGOTTEN))
		region_adopt_nothing(r);
}
