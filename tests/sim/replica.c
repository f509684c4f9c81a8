/* A replica's daemon: it feeds the epoch machine and does what that wants. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/stores.h"

#define TOKEN_ROWS 16

uint64_t replica_clock(const struct sim_replica *r)
{
	return cluster_clock(r->cluster, r->index);
}

struct epoch_member replica_member(const struct sim_replica *r)
{
	return (struct epoch_member){r->index + 1, r->life};
}

static struct sim_region *region_of(struct sim_replica *r, const struct memory *memory)
{
	for (uint32_t i = 0; i < REGIONS_MAX; i++) {
		if (r->regions[i].memory == memory)
			return &r->regions[i];
	}
	return NULL;
}

/*
 * A session's link is let in when the one before it on the same row has ended, and an
 * earlier session's row is folded first.
 */
static bool admit(void *context, const struct memory *memory, uint64_t token)
{
	struct sim_replica *r = context;
	struct sim_region *region = region_of(r, memory);
	uint32_t row = (uint32_t)(token % TOKEN_ROWS);
	uint64_t *owner;
	bool known;

	if (r->cluster->streams && stream_admit(r, memory, token, &known))
		return true;
	if (region && token >= STREAM_TOKEN_PUBLISHER)
		return true; /* it draws positions, and has no marks */
	if (!region)
		return false;
	owner = &region->tokens[row];
	if (token < *owner)
		return false;
	if (!MUTATED(LINK_OUTLIVED))
		memory->ops->evict(region->memory, *owner);
	if (token != *owner)
		marks_row_fold(memory->ops->base(memory), &r->cluster->layout, row);
	*owner = token;
	return true;
}

static void effect_do(struct sim_replica *r, const struct epoch_effect *effect)
{
	struct cluster *c = r->cluster;
	struct parcel *parcel;

	switch (effect->kind) {
	case EPOCH_READ_RECORD:
	case EPOCH_WRITE_RECORD:
		store_request(r, effect);
		return;
	case EPOCH_SEND:
		network_send(r, &effect->message);
		return;
	case EPOCH_SEAL_HERE:
		cluster_trace(c, "replica %u: seals epoch %" PRIu64 "%s", r->index + 1,
			effect->epoch, effect->head ? " as head" : "");
		parcel = parcel_new(c, PARCEL_SEAL, r->index);
		parcel->life = r->life;
		parcel->epoch = effect->epoch;
		parcel->head = effect->head;
		parcel->counters_count = effect->counters_count;
		for (uint32_t i = 0; i < c->config.clients && !effect->head; i++)
			client_rest(&c->clients[i], c->store.record.former.at[0].id - 1);
		memset(parcel->values, 0, sizeof(parcel->values));
		parcel_send(c, parcel, 100 + cluster_random(c, 5000));
		return;
	case EPOCH_INSTALL_HERE:
		cluster_trace(c, "replica %u: installs epoch %" PRIu64, r->index + 1,
			effect->epoch);
		region_install(r, effect->record);
		parcel = parcel_new(c, PARCEL_INSTALLED, r->index);
		parcel->life = r->life;
		parcel->epoch = effect->epoch;
		parcel_send(c, parcel, 100 + cluster_random(c, 5000));
		return;
	case EPOCH_RETIRE_HERE:
		if (c->streams)
			stream_retire(r, effect->epoch);
		region_retire(r, effect->epoch);
		return;
	case EPOCH_SERVE:
		cluster_trace(c, "replica %u: serves epoch %" PRIu64, r->index + 1,
			effect->epoch);
		r->served = effect->epoch;
		if (c->streams)
			stream_serve(r);
		return;
	case EPOCH_SHOW_CEILINGS:
		for (uint32_t i = 0; i < effect->record->counters_count; i++) {
			uint64_t *word = region_word(replica_region(r, effect->epoch),
				region_ceiling_offset(&c->layout, i));

			if (effect->record->counters[i].ceiling > *word)
				*word = effect->record->counters[i].ceiling;
		}
		if (c->streams)
			stream_ceiling(r, effect->epoch);
		return;
	}
}

void replica_effects(struct sim_replica *r)
{
	struct epoch_effect effect;

	while (epoch_next_effect(&r->machine, &effect))
		effect_do(r, &effect);
}

/* Where the region of @member is that belongs to @epoch, if its daemon can say. */
static const char *address_find(
	struct cluster *c, struct epoch_member member, uint64_t epoch)
{
	struct sim_replica *r = &c->replicas[member.id - 1];
	struct sim_region *region = r->alive ? replica_region(r, epoch) : NULL;

	if (!region || region->incarnation != member.incarnation)
		return NULL;
	return region->memory->ops->address(region->memory);
}

static void on_join(struct sim_replica *r, const struct parcel *join)
{
	struct cluster *c = r->cluster;
	const struct epoch_region *serving = epoch_serving(&r->machine);
	struct parcel *answer;

	if (r->served == 0 || r->served != serving->epoch)
		return;
	answer = parcel_new(c, PARCEL_JOINED, join->from);
	answer->from = r->index;
	answer->joined.epoch = serving->epoch;
	answer->joined.from = join->epoch;
	answer->joined.lease_ns = c->config.lease_ns;
	answer->joined.counters_count = r->machine.seen.counters_count;
	answer->joined.chain_count = serving->chain.count;
	answer->joined.tail = serving->chain.at[serving->chain.count - 1].id - 1;
	for (uint32_t i = 0; i < serving->chain.count; i++) {
		const char *address = address_find(
			c, serving->chain.at[i], serving->epoch);

		if (!address)
			answer->joined.chain_count = 0;
		memcpy(answer->joined.addresses[i], address ? address : "",
			address ? strlen(address) + 1 : 1);
		if (!address)
			break;
	}
	for (uint32_t i = 0; i < COUNTERS; i++) {
		answer->joined.stands[i] = epoch_stand(&r->machine, join->epoch, i);
		answer->joined.ceilings[i] = r->machine.seen.counters[i].ceiling;
		answer->joined.reserve_max[i] = r->machine.seen.counters[i].reserve_max;
	}
	if (c->streams)
		stream_join_answer(r, &answer->joined);
	parcel_send(c, answer, network_delay(c));
}

static void message_take(struct sim_replica *r, struct parcel *parcel)
{
	struct epoch_message message = parcel->message;
	struct epoch_history history = {.count = parcel->history.count};

	message.values = parcel->values;
	message.counters = parcel->counters;
	message.history = &history;
	if (message.kind == EPOCH_INSTALL) {
		for (uint32_t i = 0; i < history.count; i++) {
			history.epochs[i] = parcel->history.epochs[i];
			history.froms[i] = parcel->history.froms[i];
			history.stands[i] = parcel->history.stands[i];
		}
	}
	epoch_on_message(&r->machine, &message, replica_clock(r));
}

void replica_receive(struct sim_replica *r, struct parcel *parcel)
{
	uint64_t now_ns = replica_clock(r);

	if (!r->alive || (parcel->life != 0 && parcel->life != r->life)) {
		parcel->stage = parcel->kind == PARCEL_SEAL ? UINT32_MAX : 0;
		return;
	}
	switch (parcel->kind) {
	case PARCEL_MESSAGE:
		message_take(r, parcel);
		break;
	case PARCEL_STORE_ANSWER:
		store_answer(r, parcel);
		break;
	case PARCEL_WATCH:
		epoch_on_watch(&r->machine, now_ns);
		break;
	case PARCEL_SEAL:
		region_seal_step(r, parcel);
		break;
	case PARCEL_INSTALLED:
		parcel->stage = r->cluster->streams && !stream_prepared(r, parcel->epoch);
		if (parcel->stage != 0) { /* the log is not there yet */
			parcel_send(r->cluster, parcel,
				3000 + cluster_random(r->cluster, 20000));
			return;
		}
		epoch_on_installed_here(&r->machine, parcel->epoch, now_ns);
		break;
	case PARCEL_JOIN:
		on_join(r, parcel);
		return;
	case PARCEL_SUBSCRIBE:
		stream_replica_subscribe(r, parcel);
		return;
	case PARCEL_QUESTION:
		seat_asked(r, &parcel->question);
		return;
	default:
		cluster_wrong(r->cluster, "a parcel came to the wrong node");
		break;
	}
	replica_effects(r);
}

static bool peer_answers(const struct sim_replica *r, uint32_t peer)
{
	const struct cluster *c = r->cluster;

	return c->replicas[peer].alive && cluster_reaches(c, r->index, peer) &&
	       !cluster_is_paused(c, peer);
}

static void peer_judge(struct sim_replica *r, uint32_t peer)
{
	struct cluster *c = r->cluster;
	struct epoch_member member = {peer + 1, r->suspects_life[peer]};
	uint64_t now_ns = replica_clock(r);
	bool bad_day = !c->quiet && !c->config.scripted && cluster_chance(c, 1);

	if (r->suspects_life[peer] != c->replicas[peer].life && peer_answers(r, peer)) {
		/* Another life answers: the one before is no more. */
		if (member.incarnation != 0)
			epoch_on_suspect(&r->machine, member, now_ns);
		r->suspects_life[peer] = c->replicas[peer].life;
		r->suspects[peer] = false;
		r->down_ns[peer] = 0;
		return;
	}
	if (peer_answers(r, peer) && !bad_day) {
		if (r->suspects[peer])
			epoch_on_trust(&r->machine, member, now_ns);
		r->suspects[peer] = false;
		r->down_ns[peer] = 0;
		return;
	}
	if (r->down_ns[peer] == 0)
		r->down_ns[peer] = now_ns;
	if (r->suspects[peer] ||
		(now_ns - r->down_ns[peer] < c->config.detect_ns && !bad_day))
		return;
	r->suspects[peer] = true;
	if (member.incarnation != 0)
		epoch_on_suspect(&r->machine, member, now_ns);
}

static void values_tell(struct sim_replica *r)
{
	struct sim_region *region = replica_region(r, r->served);

	for (uint32_t i = 0; region && i < COUNTERS; i++)
		epoch_on_value(&r->machine, i,
			*region_word(region, region_counter_offset(i)), replica_clock(r));
}

static void replica_tick(struct sim_replica *r)
{
	struct cluster *c = r->cluster;
	struct error err;

	PAWL_ASSERT(r->device->ops->progress(r->device, &err) == 0);
	for (uint32_t i = 0; i < c->config.replicas; i++) {
		if (i != r->index)
			peer_judge(r, i);
	}
	values_tell(r);
	if (cluster_chance(c, 10))
		epoch_on_watch(&r->machine, replica_clock(r));
	epoch_on_time(&r->machine, replica_clock(r));
	creation_advance(r);
	replica_effects(r);
}

static void on_tick(void *context, uint64_t life)
{
	struct sim_replica *r = context;
	struct cluster *c = r->cluster;
	uint64_t pause_ns = 10000 + cluster_random(c, 20000);

	if (!r->alive || r->life != life)
		return;
	if (!cluster_is_paused(c, r->index))
		replica_tick(r);
	PAWL_ASSERT(sim_world_call_at(
			    c->world, cluster_now(c) + pause_ns, on_tick, r, life) == 0);
}

static struct epoch_config config_make(const struct sim_replica *r)
{
	return (struct epoch_config){
		.self = replica_member(r),
		.counters_max = COUNTERS,
		.turn_ns = 100000,
		.step_ns = 400000,
		.resend_ns = 100000,
		.takeover_ns = 1500000,
		.store_ns = 50000,
		.join_ns = 150000,
		.ceiling_ahead = r->cluster->config.ceiling_ahead,
		.rejoin = !(r->cluster->config.strangers >> r->index & 1),
	};
}

void replica_begin(struct sim_replica *r)
{
	const struct cluster_config *config = &r->cluster->config;
	struct epoch_counter counters[COUNTERS_BEGUN] = {
		{.ceiling = config->ceiling_ahead},
		{.ceiling = config->ceiling_ahead, .reserve_max = config->reserve_max}};

	r->may_begin = true;
	epoch_begin(&r->machine, counters, COUNTERS_BEGUN, config->lease_ns,
		replica_clock(r));
}

static void life_begin(struct sim_replica *r)
{
	r->life++;
	r->alive = true;
	r->may_begin = false;
	r->served = 0;
	r->names_count = COUNTERS_BEGUN;
	r->creating = 0;
	memset(r->names, 0, sizeof(r->names));
	memset(r->suspects, 0, sizeof(r->suspects));
	memset(r->down_ns, 0, sizeof(r->down_ns));
	for (uint32_t i = 0; i < r->cluster->config.replicas; i++)
		r->suspects_life[i] = r->cluster->replicas[i].life;
}

void replica_start(struct sim_replica *r)
{
	struct cluster *c = r->cluster;
	struct epoch_config config;

	life_begin(r);
	sim_node_restart(c->world, r->index);
	PAWL_ASSERT(sim_device_open(c->world, r->index, &r->device) == 0);
	r->device->ops->admit(r->device, admit, r);
	if (c->streams)
		stream_start(r);
	config = config_make(r);
	epoch_init(&r->machine, &config, r->words, replica_clock(r));
	region_adopt(r);
	if (r->index == 0) /* the one that is always told to begin the cluster */
		replica_begin(r);
	cluster_trace(c, "replica %u: starts life %" PRIu64 " holding epoch %" PRIu64,
		r->index + 1, r->life, r->machine.serving.epoch);
	PAWL_ASSERT(sim_world_call_at(
			    c->world, cluster_now(c) + 1, on_tick, r, r->life) == 0);
}

void replica_crash(struct sim_replica *r, bool keeps_memory)
{
	cluster_trace(r->cluster, "replica %u: dies%s", r->index + 1,
		keeps_memory ? " and its memory stays" : "");
	r->keeps_memory = keeps_memory;
	region_keep(r);
	sim_node_crash(r->cluster->world, r->index);
	for (uint32_t i = 0; i < REGIONS_MAX; i++)
		region_free(&r->regions[i]);
	if (r->cluster->streams)
		stream_crash(r);
	r->device->ops->close(r->device);
	r->device = NULL;
	r->alive = false;
	r->served = 0;
}

static bool former_names(
	const struct cluster *c, uint32_t replica, const struct sim_region *region)
{
	struct epoch_member member = {replica + 1, region->incarnation};

	return region->epoch != 0 && region->epoch == c->store.record.active_epoch &&
	       epoch_chain_place(&c->store.record.former, member) < CHAIN_MAX;
}

bool replica_holds_newest(const struct sim_replica *r)
{
	for (uint32_t i = 0; i < REGIONS_MAX; i++) {
		const struct sim_region *region = r->alive ? &r->regions[i]
							   : &r->remains[i].region;

		if (former_names(r->cluster, r->index, region))
			return true;
	}
	return false;
}
