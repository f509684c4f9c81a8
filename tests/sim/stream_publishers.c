/* Publishers: the machine over links to the head and the tail, joining and losing them. */
#include <string.h>

#include "tests/sim/stores.h"

#define ASK_NS 50000

enum {
	COOKIE_OTHER,
	COOKIE_DRAW,
	COOKIE_COMMIT,
	COOKIE_ENTRY,
};

uint32_t publisher_node(const struct cluster *c, uint32_t index)
{
	return c->config.replicas + c->config.clients + index;
}

static void life_begin(struct sim_publisher *p)
{
	struct streams *s = p->cluster->streams;
	struct stream_life *life = &s->lives[s->lives_count];

	PAWL_ASSERT(s->lives_count < STREAM_LIVES_MAX);
	p->life = s->lives_count++;
	life->name = stream_publisher_name(p->life + UINT64_C(1), p->index);
	if (p->participant)
		life->texts = stores_texts(s->stores);
	stream_publisher_init(&p->machine, life->name, p->messages, STREAM_DEPTH);
	p->draws_count = 0;
	p->entered = false;
}

void publisher_start(struct sim_publisher *p)
{
	PAWL_ASSERT(sim_device_open(p->cluster->world,
			    publisher_node(p->cluster, p->index), &p->device) == 0);
	life_begin(p);
}

static void wires_close(struct sim_publisher *p)
{
	wire_close(&p->counter);
	wire_close(&p->inbox);
	wire_close(&p->words);
	p->draws_count = 0;
	p->entered = false;
	p->linking = false;
}

void publisher_close(struct sim_publisher *p)
{
	wires_close(p);
	p->device->ops->close(p->device);
}

void publisher_renew(struct sim_publisher *p)
{
	struct stream_life *life = &p->cluster->streams->lives[p->life];

	cluster_trace(p->cluster, "publisher %u: dies", p->index);
	if (!p->participant)
		p->wanted += (uint32_t)(life->submitted -
					life->acked); /* another says them */
	wires_close(p);
	life_begin(p);
}

static void ask(struct sim_publisher *p)
{
	struct cluster *c = p->cluster;
	struct parcel *join;

	if (cluster_now(c) < p->asked_ns)
		return;
	p->asked_ns = cluster_now(c) + ASK_NS / 2 + cluster_random(c, ASK_NS);
	join = parcel_new(
		c, PARCEL_JOIN, (uint32_t)cluster_random(c, c->config.replicas));
	join->from = publisher_node(c, p->index);
	join->epoch = p->epoch;
	parcel_send(c, join, network_delay(c));
}

static void link_all(struct sim_publisher *p, const struct sim_joined *joined)
{
	uint64_t token = STREAM_TOKEN_PUBLISHER + p->index;
	struct cluster *c = p->cluster;

	(void)wire_tend(&p->counter, c, p->device, joined->addresses[0], token);
	(void)wire_tend(&p->inbox, c, p->device, joined->stream_inbox, token);
	(void)wire_tend(&p->words, c, p->device, joined->stream_words, token);
	p->linking = true;
	p->linking_ns = cluster_now(c);
	p->epoch = joined->epoch;
	p->base = joined->stream_base;
}

void publisher_joined(struct sim_publisher *p, const struct sim_joined *joined)
{
	bool news = joined->epoch > p->epoch || (!p->entered && !p->linking);

	if (!joined->stream_known || joined->chain_count == 0 || !news ||
		joined->epoch < p->epoch || p->linking)
		return;
	stream_publisher_on_lost(&p->machine);
	wires_close(p);
	link_all(p, joined);
}

static void linking_step(struct sim_publisher *p)
{
	struct cluster *c = p->cluster;
	uint64_t token = STREAM_TOKEN_PUBLISHER + p->index;
	struct wire *wires[] = {&p->counter, &p->inbox, &p->words};
	bool up = true;

	for (int i = 0; i < 3; i++) {
		char address[MEMORY_ADDRESS_MAX];

		(void)strcpy(address, wires[i]->address);
		if (!wires[i]->link) {
			wires_close(p);
			return;
		}
		up = wire_tend(wires[i], c, p->device, address, token) && up;
	}
	if (!up)
		return;
	p->linking = false;
	p->entered = true;
	stream_publisher_enter(&p->machine, p->epoch, p->base, p->cluster->streams->ring);
}

static void on_draw(struct sim_publisher *p, uint64_t v)
{
	struct streams *s = p->cluster->streams;
	uint64_t posted_ns = p->draws_ns[p->draws_first % 64];

	p->draws_first++;
	p->draws_count--;
	stream_publisher_on_draw(&p->machine, v);
	if (v < COUNTER_LIMIT && p->machine.phase == STREAM_PUBLISHER_OPEN)
		check_drawn(p, v + 1, p->machine.newest, posted_ns);
	if (p->ambush) {
		p->ambush = false;
		fault_pause(p->cluster, publisher_node(p->cluster, p->index),
			s->hole_ns / 2 + cluster_random(p->cluster, 3 * s->hole_ns));
	}
}

static void on_done(void *context, const struct completion *done)
{
	struct sim_publisher *p = context;

	if (done->cookie == COOKIE_DRAW)
		on_draw(p, done->value);
	else if (done->cookie == COOKIE_ENTRY)
		stream_publisher_on_words(&p->machine, p->words_in[0], p->words_in[1]);
}

static bool slot_post(
	struct sim_publisher *p, uint64_t place, const unsigned char *slot, uint32_t len)
{
	struct cluster *c = p->cluster;
	uint64_t offset = (place & (c->streams->ring - 1)) * c->streams->slot_len;

	if (!cluster_chance(c, c->streams->torn))
		return wire_write(&p->inbox, offset, slot, len);
	/* A card may place the bytes of a write in any order, with time in between. */
	return wire_write(&p->inbox, offset, slot, STREAM_SLOT_HEADER) &&
	       (len == STREAM_SLOT_HEADER ||
		       wire_write(&p->inbox, offset + STREAM_SLOT_HEADER,
			       slot + STREAM_SLOT_HEADER, len - STREAM_SLOT_HEADER));
}

/* What should never happen: a slot is written where it does not belong. */
static void misplace(struct sim_publisher *p, uint64_t position,
	const unsigned char *slot, uint32_t len)
{
	struct cluster *c = p->cluster;

	if (c->quiet || c->streams->calm || !cluster_chance(c, 20) ||
		!wire_has_room(&p->inbox, 2))
		return;
	(void)slot_post(p, position + cluster_random(c, 4), slot, len);
}

static bool write_post(
	struct sim_publisher *p, const struct stream_publisher_effect *effect)
{
	const struct streams *s = p->cluster->streams;
	uint64_t name = p->machine.publisher;
	_Alignas(64) unsigned char bytes[SIM_SLOT_MAX];
	struct stream_slot slot = {.position = effect->position,
		.epoch = p->machine.epoch,
		.publisher = name,
		.id = effect->id,
		.time_ns = cluster_now(p->cluster),
		.len = (uint16_t)message_part_len(s, name, effect->id, effect->part),
		.flags = effect->flags};

	if (!wire_has_room(&p->inbox, 4))
		return false;
	message_part_fill(s, name, effect->id, effect->part, bytes + STREAM_SLOT_HEADER);
	stream_slot_write(bytes, &slot, bytes + STREAM_SLOT_HEADER);
	if (!slot_post(p, effect->position, bytes, stream_slot_used(&slot)))
		return false;
	cluster_trace(p->cluster, "publisher %u: writes part %u of message %lu at %lu",
		p->index, effect->part, (unsigned long)effect->id,
		(unsigned long)effect->position);
	misplace(p, effect->position, bytes, stream_slot_used(&slot));
	return true;
}

static bool draw_post(struct sim_publisher *p, uint64_t n)
{
	struct link *link = p->counter.link;

	if (!wire_has_room(&p->counter, 1) ||
		link->ops->fetch_add(
			link, region_counter_offset(STREAM_COUNTER), n, COOKIE_DRAW))
		return false;
	p->counter.flight++;
	p->draws_ns[(p->draws_first + p->draws_count++) % 64] = cluster_now(p->cluster);
	return true;
}

static bool read_post(struct sim_publisher *p)
{
	struct link *link = p->words.link;
	uint64_t entry = offsetof(struct stream_words, entries) +
			 p->index * sizeof(uint64_t);

	if (!wire_has_room(&p->words, 2) ||
		link->ops->read(link, offsetof(struct stream_words, commit),
			&p->words_in[0], sizeof(uint64_t), COOKIE_COMMIT) ||
		link->ops->read(
			link, entry, &p->words_in[1], sizeof(uint64_t), COOKIE_ENTRY))
		return false;
	p->words.flight += 2;
	return true;
}

static void effects_post(struct sim_publisher *p)
{
	struct stream_publisher_effect effect;

	while (stream_publisher_next(&p->machine, &effect)) {
		bool posted = effect.kind == STREAM_DRAW    ? draw_post(p, effect.n)
			      : effect.kind == STREAM_WRITE ? write_post(p, &effect)
							    : read_post(p);

		if (!posted)
			return;
		stream_publisher_posted(&p->machine, &effect);
	}
}

static void results_take(struct sim_publisher *p)
{
	struct stream_publisher_result result;

	while (stream_publisher_take(&p->machine, &result)) {
		check_acked(p, &result);
		p->acked_total += result.outcome == STREAM_ACKNOWLEDGED;
	}
	if (p->machine.phase == STREAM_PUBLISHER_LOST && !p->participant)
		publisher_renew(p);
}

static void submit(struct sim_publisher *p)
{
	struct streams *s = p->cluster->streams;
	struct stream_life *life = &s->lives[p->life];
	uint32_t burst = 1 + (uint32_t)cluster_random(p->cluster, 4);
	uint64_t id;

	if (cluster_now(p->cluster) < p->rests_ns)
		return;
	while (burst-- > 0 && p->wanted > 0 && life->submitted + 1 < IDS_MAX) {
		uint32_t slots = message_slots(s, life->name, life->submitted + 1);

		if (!stream_publisher_submit(&p->machine, slots, 0, &id))
			return;
		life->submitted = id;
		p->wanted--;
	}
}

bool publisher_say(
	struct sim_publisher *p, const void *bytes, uint32_t len, uint64_t *id_p)
{
	struct streams *s = p->cluster->streams;
	struct stream_life *life = &s->lives[p->life];
	uint64_t id = life->submitted + 1;

	if (p->machine.phase == STREAM_PUBLISHER_LOST || id >= IDS_MAX ||
		stream_publisher_is_full(&p->machine))
		return false;
	life->texts[id] = stores_text_keep(s->stores, bytes, len);
	PAWL_ASSERT(stream_publisher_submit(
			    &p->machine, message_slots(s, life->name, id), 0, id_p) &&
		    *id_p == id);
	life->submitted = id;
	return true;
}

void publisher_forgotten(struct sim_publisher *p)
{
	cluster_trace(p->cluster, "publisher %u: is forgotten", p->index);
	stream_publisher_abandon(&p->machine);
	wires_close(p);
}

void publisher_tick(struct sim_publisher *p)
{
	struct cluster *c = p->cluster;
	struct error err;
	bool up;

	PAWL_ASSERT(p->device->ops->progress(p->device, &err) == 0);
	if (p->linking)
		linking_step(p);
	if (p->entered) {
		up = wire_collect(&p->counter, on_done, p);
		up = wire_collect(&p->inbox, on_done, p) && up;
		up = wire_collect(&p->words, on_done, p) && up;
		if (!up || p->machine.phase == STREAM_PUBLISHER_SUSPENDED) {
			stream_publisher_on_lost(&p->machine);
			wires_close(p);
		}
	}
	results_take(p);
	if (p->machine.phase == STREAM_PUBLISHER_LOST)
		return;
	if ((!p->entered && !p->linking) || cluster_chance(c, 25))
		ask(p);
	if (cluster_chance(c, c->quiet ? 500 : c->streams->eagerness))
		submit(p);
	if (p->entered)
		effects_post(p);
}
