/* The control network: parcels that arrive later, twice, or never. */
#include <errno.h>
#include <string.h>

#include "tests/sim/stores.h"

struct parcel *parcel_new(struct cluster *c, enum parcel_kind kind, uint32_t node)
{
	struct parcel *parcel;

	PAWL_ASSERT(c->parcels_free_count > 0);
	parcel = &c->parcels[c->parcels_free[--c->parcels_free_count]];
	parcel->kind = kind;
	parcel->node = node;
	parcel->life = 0;
	parcel->from = node;
	parcel->stage = 0;
	parcel->wish = 0;
	return parcel;
}

static void parcel_free(struct cluster *c, struct parcel *parcel)
{
	parcel->kind = PARCEL_FREE;
	c->parcels_free[c->parcels_free_count++] = (uint32_t)(parcel - c->parcels);
}

/* The packets of a connection that is cut are lost with it. */
static bool arrives(const struct cluster *c, const struct parcel *parcel)
{
	switch (parcel->kind) {
	case PARCEL_MESSAGE:
	case PARCEL_JOIN:
	case PARCEL_JOINED:
	case PARCEL_SUBSCRIBE:
	case PARCEL_QUESTION:
	case PARCEL_ANSWER:
		return cluster_reaches(c, parcel->from, parcel->node);
	default:
		return true;
	}
}

static void deliver(struct cluster *c, struct parcel *parcel)
{
	if (parcel->kind == PARCEL_STORE_REQUEST)
		store_apply(c, parcel);
	else if (!arrives(c, parcel))
		return;
	else if (parcel->kind == PARCEL_ANSWER)
		participant_answered(c, &parcel->question);
	else if (parcel->kind == PARCEL_JOINED &&
		 parcel->node >= c->config.replicas + c->config.clients)
		streams_joined(c, parcel->node, &parcel->joined);
	else if (parcel->kind == PARCEL_JOINED)
		client_joined(
			&c->clients[parcel->node - c->config.replicas], &parcel->joined);
	else
		replica_receive(&c->replicas[parcel->node], parcel);
}

static void parcel_arrive(void *context, uint64_t argument)
{
	struct cluster *c = context;
	struct parcel *parcel = &c->parcels[argument];

	if (parcel->kind != PARCEL_STORE_REQUEST && cluster_is_paused(c, parcel->node)) {
		uint64_t resumes_ns = c->paused_until[parcel->node];

		parcel_send(
			c, parcel, resumes_ns - cluster_now(c) + cluster_random(c, 5000));
		return;
	}
	deliver(c, parcel);
	/* Steps of a job go on with the same parcel. */
	if (parcel->kind == PARCEL_SEAL && parcel->stage != UINT32_MAX)
		return;
	if (parcel->kind == PARCEL_INSTALLED && parcel->stage != 0)
		return;
	parcel_free(c, parcel);
}

void parcel_send(struct cluster *c, struct parcel *parcel, uint64_t delay_ns)
{
	PAWL_ASSERT(sim_world_call_at(c->world, cluster_now(c) + delay_ns, parcel_arrive,
			    c, (uint64_t)(parcel - c->parcels)) == 0);
}

uint64_t network_delay(struct cluster *c)
{
	uint64_t delay_ns = 2000 + cluster_random(c, 18000);

	if (cluster_chance(c, 20))
		delay_ns += cluster_random(c, 300000);
	return delay_ns;
}

static void history_pack(struct sim_history *to, const struct epoch_history *from)
{
	to->count = from->count;
	for (uint32_t i = 0; i < from->count; i++) {
		to->epochs[i] = from->epochs[i];
		to->froms[i] = from->froms[i];
		memcpy(to->stands[i], from->stands[i], sizeof(to->stands[i]));
	}
}

void network_send(struct sim_replica *from, const struct epoch_message *message)
{
	struct cluster *c = from->cluster;
	uint32_t copies = cluster_chance(c, 30) && !c->quiet ? 2 : 1;

	while (copies-- > 0) {
		struct parcel *parcel = parcel_new(c, PARCEL_MESSAGE, message->to.id - 1);

		parcel->from = from->index;
		parcel->message = *message;
		if (message->values)
			memcpy(parcel->values, message->values, sizeof(parcel->values));
		if (message->counters)
			memcpy(parcel->counters, message->counters,
				sizeof(parcel->counters));
		if (message->history)
			history_pack(&parcel->history, message->history);
		parcel_send(c, parcel, network_delay(c));
	}
}
