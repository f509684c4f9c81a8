/* Storage on the stream: what a seed chooses, what goes wrong, and when all is done. */
#include "tests/sim/stores.h"

#include <string.h>

/* Participants are publishers, subscribers and clients; others may be beside them. */
static void participants_choose(struct streams *s, struct random *random)
{
	struct stores *st = s->stores;

	st->participants_count = 2 + (uint32_t)random_below(random, PARTICIPANTS_MAX - 1);
	s->publishers_count = s->subscribers_count = st->participants_count;
	if (random_chance(random, 300000))
		s->publishers_count++;
	if (random_chance(random, 300000))
		s->subscribers_count++;
	for (uint32_t i = 0; i < st->participants_count; i++) {
		struct sim_participant *p = &st->participants[i];

		p->index = i;
		p->publisher = &s->publishers[i];
		p->subscriber = &s->subscribers[i];
		p->publisher->participant = p->subscriber->participant = p;
		p->publisher->wanted = 0;
		p->subscriber->begins_ns = 0;
		p->subscriber->wanted = 1;
		p->wanted = 6 + (uint32_t)random_below(random, 30);
		p->eagerness = 20u << random_below(random, 4);
		if (p->subscriber->laziness > 900)
			p->subscriber->laziness = 900;
	}
	if (s->publishers_count > st->participants_count)
		s->publishers[st->participants_count].wanted = 4 + (uint32_t)random_below(
									   random, 20);
}

void stores_choose(struct streams *s, struct cluster_config *config, uint64_t seed)
{
	static struct stores stores; /* large */
	struct stores *st = &stores;
	struct random random = {.state = random_mix(seed ^ 0x73746f726573u)};

	memset(st, 0, offsetof(struct stores, operations));
	st->operations_count = st->spare_count = st->bytes_count = 0;
	st->claims = 2 + (uint32_t)random_below(&random, 6);
	s->stores = st;
	s->texts = st->bytes;
	s->slot_len = random_chance(&random, 500000) ? 128 : SIM_SLOT_MAX;
	if (s->calm) { /* who is lapped dies, so something always goes wrong */
		s->calm = false;
		s->hole_ns = 90000 + random_below(&random, 200000);
	}
	if (s->ring < 8)
		s->ring = 8;
	st->seats_rest = random_chance(&random, 500000) ? 300 : 930;
	st->tails = random_chance(&random, 250000);
	if (st->tails) {
		config->replicas = 2 + (uint32_t)random_below(&random, 2);
		config->strangers = 0;
	}
	participants_choose(s, &random);
	config->clients = st->participants_count;
	config->operations[1] = 2;
	config->faults_ns = 600000 + random_below(&random, 3500000);
}

static void on_participant(void *context, uint64_t index)
{
	struct cluster *c = context;
	struct sim_participant *p = &c->streams->stores->participants[index];

	if (!cluster_is_paused(c, subscriber_node(c, p->subscriber->index)))
		participant_tick(p);
	PAWL_ASSERT(sim_world_call_at(c->world,
			    cluster_now(c) + 3000 + cluster_random(c, 14000),
			    on_participant, c, index) == 0);
}

struct stream_text *stores_texts(struct stores *st)
{
	PAWL_ASSERT(st->lives_count < STORE_LIVES_MAX);
	return st->texts[st->lives_count++];
}

struct stream_text stores_text_keep(struct stores *st, const void *bytes, uint32_t len)
{
	struct stream_text text = {.at = st->bytes_count, .len = len};

	PAWL_ASSERT(st->bytes_count + len <= STORE_TEXT_MAX);
	memcpy(st->bytes + st->bytes_count, bytes, len);
	st->bytes_count += len;
	return text;
}

/* ---- Faults ---- */

/* There are only so many lives that the simulator can note. */
static bool may_end(const struct sim_participant *p)
{
	const struct streams *s = p->cluster->streams;

	return p->in && s->lives_count < STREAM_LIVES_MAX / 2 &&
	       s->stores->lives_count < STORE_LIVES_MAX / 2;
}

void stores_forget(struct sim_participant *p)
{
	if (may_end(p) && !participant_in_doubt(p))
		publisher_forgotten(p->publisher);
}

void stores_fault(struct sim_participant *p)
{
	if (!may_end(p))
		return;
	if (cluster_chance(p->cluster, 500))
		participant_die(p);
	else
		stores_forget(p);
}

/* A tail that is voted out, and answers whoever has not heard of it. */
static void fault_tail(struct cluster *c)
{
	const struct epoch_record *record = &c->store.record;
	uint64_t ns = c->config.detect_ns + 500000 + cluster_random(c, 2500000);
	uint32_t tail;

	if (!c->store.present || record->phase != EPOCH_ACTIVE || record->chain.count < 2)
		return;
	tail = record->chain.at[record->chain.count - 1].id - 1;
	if (c->replicas[tail].alive)
		fault_cut_off(c, tail, ns);
}

static void on_fault(void *context, uint64_t unused)
{
	struct cluster *c = context;
	struct stores *st = c->streams->stores;
	struct sim_participant *p =
		&st->participants[cluster_random(c, st->participants_count)];

	(void)unused;
	if (c->quiet || st->over)
		return;
	switch (cluster_random(c, 4)) {
	case 0:
		stores_fault(p);
		break;
	case 1:
		participant_pause(p, cluster_random(c, 6 * STORE_MS_NS));
		break;
	default:
		fault_tail(c);
	}
	PAWL_ASSERT(sim_world_call_at(c->world,
			    cluster_now(c) + 50000 +
				    cluster_random(c, st->tails ? 500000 : 1000000),
			    on_fault, c, 0) == 0);
}

void stores_open(struct cluster *c)
{
	struct stores *st = c->streams->stores;

	st->cluster = c;
	machine_begin_anew(&st->kept, c);
	for (uint32_t i = 0; i < c->config.replicas; i++)
		st->seats[i].machine.cluster = c;
	for (uint32_t i = 0; i < st->participants_count; i++) {
		struct sim_participant *p = &st->participants[i];

		p->cluster = c;
		p->client = &c->clients[i];
		p->client->participant = p;
		participant_start(p);
		PAWL_ASSERT(sim_world_call_at(c->world, cluster_now(c) + 1 + i,
				    on_participant, c, i) == 0);
	}
	PAWL_ASSERT(
		sim_world_call_at(c->world, cluster_now(c) + cluster_random(c, 600000),
			on_fault, c, 0) == 0);
}

void stores_lost(struct cluster *c)
{
	cluster_trace(c, "the storage is lost");
	c->streams->stores->over = true;
}

bool stores_done(const struct cluster *c)
{
	const struct stores *st = c->streams->stores;

	for (uint32_t i = 0; i < st->participants_count && !st->over; i++) {
		const struct sim_participant *p = &st->participants[i];

		if (!p->in || p->broken || p->wanted > 0 || p->in_progress > 0 ||
			participant_in_doubt(p) || !locks_are_quiet(p))
			return false;
	}
	return true;
}

uint64_t stores_progress(const struct cluster *c)
{
	return c->streams->stores->finished;
}

void stores_tell(struct cluster *c)
{
	const struct stores *st = c->streams->stores;

	for (uint32_t i = 0; i < st->participants_count; i++) {
		const struct sim_participant *p = &st->participants[i];

		cluster_trace(c,
			"participant %u: %s, applied %lu, wants %u, %u in progress, %u "
			"in "
			"flight, sync %d, tail read %d of phase %d, locks %d %d",
			i, p->in ? p->broken ? "lapped" : "in" : "away",
			(unsigned long)kv_applied(p->machine.kv), p->wanted,
			p->in_progress, (unsigned int)commands_in_flight(&p->commands),
			p->sync.stage, p->tail.active, p->tail.read.phase,
			p->locks[0].stage, p->locks[1].stage);
	}
}
