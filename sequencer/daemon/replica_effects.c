/* What the epoch machine wants, done. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/core/panic.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/replica.h"

#define TURNS_MAX 64 /* of the machine in a row, before the loop has its turn */

static void message_send(struct replica *r, const struct epoch_message *message)
{
	struct epoch_message out = *message;

	if (out.kind == EPOCH_JOIN && streams_lag(r))
		return; /* it asks again */
	/* Whoever is told that an epoch is active also learns where its regions are. */
	if (out.kind == EPOCH_ACTIVATED)
		out.chain = r->machine.seen.chain;
	mesh_send(r->mesh, &out);
}

static void seal_here(struct replica *r, const struct epoch_effect *effect)
{
	struct error err;
	int rc;

	streams_seal(r, effect->epoch); /* B1 */
	rc = region_set_seal(&r->regions, effect->epoch, effect->head,
		effect->counters_count, r->values, &err);

	if (rc) {
		replica_end(r, REPLICA_FAILED, &err);
		return;
	}
	streams_report(r, effect->counters_count, r->values);
	epoch_on_sealed_here(&r->machine, effect->epoch, effect->head, r->values,
		effect->counters_count, clock_now_ns());
}

/* Tells the roster where the new region is, for the record and for peers (P1). */
static void region_publish(struct replica *r, const struct held_region *region)
{
	struct roster_entry *self = roster_self(&r->roster);
	const struct memory *memory = region->owner.memory;

	self->memory_epoch = region->epoch;
	(void)snprintf(
		self->memory, sizeof(self->memory), "%s", memory->ops->address(memory));
	(void)snprintf(
		self->memory_path, sizeof(self->memory_path), "%s", region->owner.path);
}

static void install_here(struct replica *r, const struct epoch_effect *effect)
{
	const struct epoch_record *record = effect->record;
	struct epoch_member head = record->chain.at[0];
	struct error err;
	bool ready = false;
	int rc;

	PAWL_ASSERT(r->facts.instance != 0);
	PAWL_ASSERT(r->machine.pending.epoch == record->epoch);
	rc = region_set_install(&r->regions, record, &r->machine.pending.history,
		r->facts.counters_max, head.id == r->config->id, &r->catalog, &err);
	if (!rc)
		rc = streams_install(r, record, &ready, &err);
	if (rc) {
		replica_end(r, REPLICA_FAILED, &err);
		return;
	}
	region_publish(r, region_set_find(&r->regions, record->epoch));
	if (ready) /* B2 */
		epoch_on_installed_here(&r->machine, record->epoch, clock_now_ns());
}

static void serve(struct replica *r, uint64_t epoch)
{
	PAWL_ASSERT(region_set_find(&r->regions, epoch));
	r->served = epoch; /* P2 */
	r->served_ns = clock_now_ns();
	r->seen_active = true;
	r->member_epoch = epoch;
	streams_serve(r);
	r->handlers.served(r->handlers.context);
	log_info("serving epoch %" PRIu64 " as %s of %u", epoch,
		replica_is_head(r) ? "head" : "backup",
		epoch_serving(&r->machine)->chain.count);
}

static void retire_here(struct replica *r, uint64_t epoch)
{
	streams_retire(r, epoch); /* before the region, at which its threads look */
	region_set_retire(&r->regions, epoch, clock_now_ns());
	if (r->served != epoch)
		return;
	r->served = 0;
	r->handlers.served(r->handlers.context);
}

static void ceilings_show(struct replica *r, const struct epoch_effect *effect)
{
	struct held_region *region = region_set_find(&r->regions, effect->epoch);

	for (uint32_t i = 0; region && i < region->owner.counters_count &&
			     i < effect->record->counters_count;
		i++)
		owner_ceiling_show(
			&region->owner, i, effect->record->counters[i].ceiling);
	streams_ceilings(r, effect->record);
}

static void effect_do(struct replica *r, const struct epoch_effect *effect)
{
	switch (effect->kind) {
	case EPOCH_READ_RECORD:
		replica_record_read(r);
		break;
	case EPOCH_WRITE_RECORD:
		replica_record_write(r, effect);
		break;
	case EPOCH_SEND:
		message_send(r, &effect->message);
		break;
	case EPOCH_SEAL_HERE:
		seal_here(r, effect);
		break;
	case EPOCH_INSTALL_HERE:
		install_here(r, effect);
		break;
	case EPOCH_RETIRE_HERE:
		retire_here(r, effect->epoch);
		break;
	case EPOCH_SERVE:
		serve(r, effect->epoch);
		break;
	case EPOCH_SHOW_CEILINGS:
		ceilings_show(r, effect);
		break;
	}
}

static void member_add(struct epoch_chain *chain, struct epoch_member member)
{
	if (member.id != 0 && chain->count < CHAIN_MAX &&
		epoch_chain_place(chain, member) == CHAIN_MAX)
		chain->at[chain->count++] = member;
}

/* Whose life and death matter: both chains, and whoever is changing them. */
static void watch_update(struct replica *r)
{
	const struct epoch_record *seen = &r->machine.seen;
	struct epoch_chain wanted = {.count = 0};

	for (uint32_t i = 0; i < seen->chain.count; i++)
		member_add(&wanted, seen->chain.at[i]);
	for (uint32_t i = 0; i < seen->former.count; i++)
		member_add(&wanted, seen->former.at[i]);
	if (seen->phase == EPOCH_PREPARING)
		member_add(&wanted, seen->proposer);
	mesh_watch(r->mesh, &wanted);
}

/* -EINPROGRESS: the memory of a stream is being made. */
static int counter_added(
	struct replica *r, struct held_region *region, uint32_t index, struct error *err)
{
	const struct epoch_counter *counter = &r->machine.seen.counters[index];
	const char *name = catalog_name(&r->catalog, index);
	bool stream = catalog_stream(&r->catalog, index) != NULL, made = true;
	int rc = stream ? streams_added(r, index, &made, err) : 0; /* B4 */

	if (!rc && !made)
		return -EINPROGRESS;
	if (!rc)
		rc = owner_counter_install(&region->owner, index, name, counter->base,
			counter->ceiling, err);
	if (!rc)
		log_info("%s '%s' was created", stream ? "stream" : "counter", name);
	return rc;
}

/* Counters that came into the record while the epoch was served. */
static void counters_follow(struct replica *r)
{
	const struct epoch_record *seen = &r->machine.seen;
	struct held_region *region = replica_region(r);
	struct error err;

	if (!region || !r->machine.known || seen->phase != EPOCH_ACTIVE ||
		seen->epoch != r->served)
		return;
	for (uint32_t i = region->owner.counters_count; i < seen->counters_count; i++) {
		int rc = counter_added(r, region, i, &err);

		if (rc && rc != -EINPROGRESS)
			replica_end(r, REPLICA_FAILED, &err);
		if (rc)
			return;
	}
}

static void on_wake(uv_timer_t *timer)
{
	struct replica *r = timer->data;

	epoch_on_time(&r->machine, clock_now_ns());
	replica_run(r);
}

static void wake_set(struct replica *r)
{
	uint64_t wake_ns = epoch_wake_ns(&r->machine);
	uint64_t now_ns = clock_now_ns();

	if (wake_ns == UINT64_MAX) {
		(void)uv_timer_stop(&r->wake);
		return;
	}
	wake_ns = wake_ns > now_ns ? wake_ns - now_ns : 0;
	uv_update_time(r->loop);
	(void)uv_timer_start(&r->wake, on_wake, (wake_ns + NS_PER_MS - 1) / NS_PER_MS, 0);
}

static void effects_do(struct replica *r)
{
	struct epoch_effect effect;

	for (int turn = 0; turn < TURNS_MAX && !r->ended; turn++) {
		while (!r->ended && epoch_next_effect(&r->machine, &effect)) {
			effect_do(r, &effect);
			timeline_look(&r->timeline, &r->machine, clock_now_ns());
		}
		if (epoch_wake_ns(&r->machine) > clock_now_ns())
			break;
		epoch_on_time(&r->machine, clock_now_ns());
	}
}

/*
 * A chain never has two lives of one replica.  So if this life was in a chain and another is
 * now, somebody started that one beside this.
 */
static void replaced_check(struct replica *r)
{
	const struct epoch_record *seen = &r->machine.seen;
	uint32_t place = epoch_chain_place_of_id(&seen->former, r->config->id);
	struct error err;

	if (r->member_epoch == 0 || seen->active_epoch < r->member_epoch ||
		place == CHAIN_MAX ||
		epoch_member_same(seen->former.at[place], r->machine.config.self))
		return;
	(void)error_set(&err, -ESTALE,
		"pawld: %s/%u: another process with this id has its place in the chain "
		"now; give every replica an --id of its own",
		r->facts.name, r->config->id);
	replica_end(r, REPLICA_FAILED, &err);
}

void replica_run(struct replica *r)
{
	if (r->running || r->ended)
		return;
	r->running = true;
	streams_look(r);
	if (!r->ended)
		timeline_look(&r->timeline, &r->machine, clock_now_ns());
	effects_do(r);
	if (!r->ended)
		counters_follow(r);
	if (!r->ended)
		streams_follow(r);
	if (!r->ended)
		streams_enter(r);
	if (!r->ended)
		replaced_check(r);
	if (!r->ended)
		watch_update(r);
	if (!r->ended)
		r->handlers.changed(r->handlers.context);
	r->running = false;
	if (r->ended)
		return;
	wake_set(r);
	store_loop_kick(&r->store_loop);
}
