/* Subscribers: fed by a replica into an inbox of their own, or reading its log in place. */
#include <string.h>

#include "tests/sim/stores.h"

#define ASK_NS 60000
#define PATIENCE_NS 600000 /* without news, somebody else is asked */

/* Where it left it is waited for, if the stream blocks; a participant does not have to wait often. */
static uint64_t patience_ns(const struct sim_subscriber *k)
{
	bool rests = k->participant && k->cluster->streams->block;

	return rests ? 5 * PATIENCE_NS : PATIENCE_NS;
}

uint32_t subscriber_node(const struct cluster *c, uint32_t index)
{
	return c->config.replicas + c->config.clients + c->streams->publishers_count +
	       index;
}

static void machine_begin(struct sim_subscriber *k)
{
	struct cluster *c = k->cluster;
	struct stream_subscriber_config config = {
		.from = (enum stream_from)cluster_random(c, 3),
		.position = 1 + cluster_random(c, 30),
		.voids = k->voids,
		.slot = k->slot,
		.buffer = k->buffer,
		.buffer_len = sizeof(k->buffer)};

	if (k->participant) {
		config.from = STREAM_FROM_POSITION;
		config.position = k->wanted;
	}
	stream_subscriber_init(&k->machine, &config);
	stream_guard_begin(k);
	k->placed = config.from == STREAM_FROM_POSITION;
	k->last = k->start = config.from == STREAM_FROM_POSITION ? config.position - 1
								 : 0;
}

void subscriber_start(struct sim_subscriber *k)
{
	PAWL_ASSERT(sim_device_open(k->cluster->world,
			    subscriber_node(k->cluster, k->index), &k->device) == 0);
	k->generation++;
	machine_begin(k);
}

static void leave(struct sim_subscriber *k)
{
	stream_guard_left(k);
	stream_subscriber_detach(&k->machine);
	wire_close(&k->ack);
	if (k->inbox)
		k->inbox->ops->withdraw(k->inbox);
	k->inbox = NULL;
	k->attached_ns = 0;
	k->half = false;
	k->generation++;
}

void subscriber_close(struct sim_subscriber *k)
{
	leave(k);
	k->device->ops->close(k->device);
}

void subscriber_renew(struct sim_subscriber *k)
{
	cluster_trace(k->cluster, "subscriber %u: dies", k->index);
	leave(k);
	k->voids = cluster_chance(k->cluster, 500);
	machine_begin(k);
}

void subscriber_restart(struct sim_subscriber *k, uint64_t position)
{
	k->wanted = position;
	subscriber_renew(k);
}

/* A position is known now: what comes before it is not to be delivered. */
static void begun(struct sim_subscriber *k)
{
	if (!k->placed) {
		k->placed = true;
		k->last = k->start = k->machine.next - 1;
		cluster_trace(k->cluster, "subscriber %u: begins at %lu", k->index,
			(unsigned long)k->machine.next);
	}
}

static void deliver(struct sim_subscriber *k, uint32_t count)
{
	struct stream_delivery delivery;

	while (count-- > 0 && !k->cluster->wrong &&
		stream_subscriber_poll(&k->machine, 1 + count, &delivery)) {
		check_delivery(k, &delivery);
		if (k->participant)
			participant_deliver(k->participant, &delivery);
	}
}

/* A replica's log, read in place */

/* The words of the epoch that is served there; NULL: the replica is gone, or not ready. */
static struct sim_region *place_region(struct sim_replica *r)
{
	struct stream_replica *sr = &r->cluster->streams->replicas[r->index];
	struct sim_region *region;

	region = r->alive && r->served ? replica_region(r, r->served) : NULL;
	if (!region || !region->stream || !sr->bytes || sr->lost ||
		sr->log.control->epoch != r->served)
		return NULL;
	return region;
}

static void place_attach(struct sim_subscriber *k, struct sim_replica *r)
{
	struct cluster *c = k->cluster;
	struct stream_replica *sr = &c->streams->replicas[r->index];
	struct sim_region *region = place_region(r);
	struct stream_ring ring = {.bytes = k->copy,
		.slot_len = c->streams->slot_len,
		.mask = c->streams->ring - 1};

	if (!region)
		return;
	memset(k->copy, 0, sizeof(k->copy));
	k->epoch = r->served;
	k->serial = sr->serial;
	k->half = false;
	cluster_trace(c, "subscriber %u: reads at replica %u in epoch %lu", k->index,
		r->index + 1, (unsigned long)k->epoch);
	stream_subscriber_attach(&k->machine, &ring, &stream_words_of(region)->commit,
		&sr->log.control->oldest);
	begun(k);
}

static void place_begin(struct sim_subscriber *k)
{
	struct sim_replica *r = &k->cluster->replicas[cluster_random(
		k->cluster, k->cluster->config.replicas)];

	place_attach(k, r);
	if (k->machine.end)
		stream_replica_read(r, k);
}

/* The epoch may have ended there: it goes on with the next one's words, as soon as they are there. */
static void place_look(struct sim_subscriber *k)
{
	struct sim_replica *r = &k->cluster->replicas[k->replica];
	struct stream_replica *sr = &k->cluster->streams->replicas[k->replica];

	if (!r->alive || r->life != k->life || sr->lost || sr->serial != k->serial) {
		leave(k);
		return;
	}
	if (k->machine.end && replica_region(r, k->epoch) && r->served == k->epoch)
		return;
	stream_subscriber_detach(&k->machine);
	place_attach(k, r);
}

/* The next slot is copied in two steps, between which anything may happen to it. */
static void place_read(struct sim_subscriber *k)
{
	struct stream_replica *sr = &k->cluster->streams->replicas[k->replica];
	struct stream_ring ring = k->machine.ring;
	uint64_t p = k->machine.next;

	if (!k->half || k->half_position != p) {
		k->half = true;
		k->half_position = p;
		memcpy(stream_ring_at(&ring, p), stream_ring_at(&sr->log.ring, p),
			STREAM_SLOT_HEADER);
		return;
	}
	memcpy(stream_ring_at(&ring, p) + STREAM_SLOT_HEADER,
		stream_ring_at(&sr->log.ring, p) + STREAM_SLOT_HEADER,
		stream_slot_room(ring.slot_len));
	k->half = false;
	deliver(k, 1);
}

static void place_tick(struct sim_subscriber *k)
{
	struct cluster *c = k->cluster;
	uint32_t looks = 1 + (uint32_t)cluster_random(c, 6);
	uint64_t before = k->machine.next;

	if (k->attached_ns)
		place_look(k);
	if (k->attached_ns && cluster_now(c) - k->attached_ns > patience_ns(k))
		leave(k); /* it may be a zombie: look elsewhere */
	if (!k->attached_ns)
		place_begin(k);
	if (!k->machine.end)
		return;
	while (looks-- > 0)
		place_read(k);
	if (k->machine.next != before)
		k->attached_ns = cluster_now(c);
	stream_replica_line(k);
}

/* An inbox that a replica feeds */

static struct stream_inbox *inbox_words(const struct sim_subscriber *k)
{
	return k->inbox->ops->base(k->inbox);
}

static void inbox_expose(struct sim_subscriber *k)
{
	uint64_t slots = UINT64_C(4) << cluster_random(k->cluster, 3);
	struct memory_config config = {
		.pages = {.len = sizeof(struct stream_inbox) +
				 slots * k->cluster->streams->slot_len}};
	struct error err;

	PAWL_ASSERT(k->device->ops->expose(k->device, &config, &k->inbox, &err) == 0);
	k->inbox_mask = (uint32_t)slots - 1;
}

static void subscribe(struct sim_subscriber *k)
{
	struct cluster *c = k->cluster;
	struct parcel *parcel;

	if (cluster_now(c) < k->asked_ns)
		return;
	k->asked_ns = cluster_now(c) + ASK_NS + cluster_random(c, ASK_NS);
	leave(k);
	inbox_expose(k);
	parcel = parcel_new(
		c, PARCEL_SUBSCRIBE, (uint32_t)cluster_random(c, c->config.replicas));
	parcel->from = subscriber_node(c, k->index);
	parcel->subscribe = (struct sim_subscribe){.subscriber = k->index,
		.generation = k->generation,
		.begun = k->machine.begun,
		.from = k->machine.config.from,
		.next = k->machine.next,
		.mask = k->inbox_mask};
	(void)strcpy(parcel->subscribe.address, k->inbox->ops->address(k->inbox));
	parcel_send(c, parcel, network_delay(c));
}

/* The first words have come: it can be read. */
static void inbox_attach(struct sim_subscriber *k)
{
	struct stream_inbox *words = inbox_words(k);
	struct stream_ring ring = {.bytes = (unsigned char *)(words + 1),
		.slot_len = k->cluster->streams->slot_len,
		.mask = k->inbox_mask};

	if (k->machine.end || words->fed.oldest == 0)
		return;
	stream_subscriber_attach(&k->machine, &ring, &words->fed.end, &words->fed.oldest);
	begun(k);
}

static void acknowledge(struct sim_subscriber *k)
{
	struct cluster *c = k->cluster;
	struct sim_replica *r = &c->replicas[k->replica];
	struct memory *inbox = c->streams->replicas[k->replica].inbox;
	uint64_t consumed = stream_subscriber_consumed(&k->machine);

	if (!r->alive || r->life != k->life) {
		k->asked_ns = 0;
		subscribe(k);
		return;
	}
	if (!wire_tend(&k->ack, c, k->device, inbox->ops->address(inbox), 2) ||
		!wire_collect(&k->ack, NULL, NULL))
		return;
	if (k->ack.fresh)
		k->acked = 0;
	if (consumed != k->acked && wire_has_room(&k->ack, 1) &&
		wire_write(&k->ack, stream_line_offset(k), &consumed, sizeof(consumed)))
		k->acked = consumed;
}

static void fed_tick(struct sim_subscriber *k)
{
	struct cluster *c = k->cluster;
	uint64_t before = k->machine.next;

	if (!k->attached_ns) {
		subscribe(k);
		return;
	}
	inbox_attach(k);
	deliver(k, 1 + (uint32_t)cluster_random(c, 6));
	if (k->machine.next != before)
		k->attached_ns = cluster_now(c);
	if (cluster_now(c) - k->attached_ns > patience_ns(k)) {
		subscribe(k);
		return;
	}
	acknowledge(k);
}

void subscriber_tick(struct sim_subscriber *k)
{
	struct cluster *c = k->cluster;
	struct error err;

	PAWL_ASSERT(k->device->ops->progress(k->device, &err) == 0);
	if (cluster_now(c) < k->begins_ns ||
		(!c->quiet && cluster_chance(c, k->laziness)))
		return;
	if (k->in_place)
		place_tick(k);
	else
		fed_tick(k);
}

bool subscriber_at_end(const struct sim_subscriber *k)
{
	return k->machine.begun &&
	       stream_subscriber_consumed(&k->machine) >= k->cluster->streams->committed;
}
