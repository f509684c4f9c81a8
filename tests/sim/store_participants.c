/* Participants: what comes back, what that decides, and how they die and return. */
#include <errno.h>
#include <string.h>

#include "tests/sim/stores.h"

/* ---- Commands ---- */

/* Whom the outcome of a command is for. */
enum listener {
	LISTENER_OPERATION,
	LISTENER_MARKER, /* a read that goes through the log */
};

bool participant_in_doubt(const struct sim_participant *p)
{
	return p->publisher->machine.phase == STREAM_PUBLISHER_LOST;
}

bool participant_submit(struct sim_participant *p, const void *bytes, size_t len,
	uint32_t operation, bool marker)
{
	uint64_t id;

	if (!p->in || p->broken || participant_in_doubt(p) ||
		commands_are_full(&p->commands) ||
		!publisher_say(p->publisher, bytes, (uint32_t)len, &id))
		return false;
	(void)commands_submit(&p->commands, id, operation,
		marker ? LISTENER_MARKER : LISTENER_OPERATION);
	return true;
}

/* A marker is back: what is asked is answered from the state as it is now. */
static void marker_back(
	struct sim_participant *p, struct sim_operation *o, uint64_t position)
{
	unsigned char bytes[STORE_COMMAND_MAX];
	size_t len = work_query(o, bytes, sizeof(bytes));

	machine_query(&p->machine, bytes, (uint32_t)len);
	operation_replied(p, o, p->machine.reply, p->machine.reply_len, position);
}

static void decided(struct sim_participant *p, const struct command_outcome *outcome)
{
	struct sim_operation *o = operation_at(p, (uint32_t)outcome->cookie);

	if (outcome->status)
		operation_failed(p, o);
	else if (outcome->listener == LISTENER_MARKER)
		marker_back(p, o, outcome->position);
	else
		operation_replied(
			p, o, p->machine.reply, p->machine.reply_len, outcome->position);
}

static void message_take(struct sim_participant *p, const struct stream_delivery *d)
{
	struct command_outcome outcome;

	machine_apply(&p->machine, d->last, d->payload, d->len);
	locks_granted(p, d->last);
	locks_ended(p);
	if (commands_on_delivery(&p->commands, p->publisher->machine.publisher,
		    d->publisher, d->id, d->last, &outcome))
		decided(p, &outcome);
}

void participant_deliver(struct sim_participant *p, const struct stream_delivery *d)
{
	if (!p->in || p->broken || p->cluster->streams->stores->over)
		return; /* I3 */
	if (d->kind == STREAM_MESSAGE)
		message_take(p, d);
	else if (d->kind == STREAM_GONE && !MUTATED(STORE_GAP_IGNORED))
		p->broken = true;
	if (!p->broken)
		machine_passes(&p->machine, &p->subscriber->machine);
}

/* ---- The end of the stream ---- */

static void sync_begin(struct sim_participant *p)
{
	struct sim_sync *sync = &p->sync;

	if (!client_read(p->client, sync->serial + 1))
		return;
	commands_sync_begin(&p->commands, participant_in_doubt(p));
	sync->serial++;
	sync->stage = SYNC_ASKED;
}

void participant_end_read(struct sim_participant *p, const struct ticket_result *result)
{
	struct sim_sync *sync = &p->sync;

	if (sync->stage != SYNC_ASKED || result->cookie != sync->serial)
		return;
	sync->stage = SYNC_WANTED;
	if (result->outcome != TICKET_CONFIRMED)
		return;
	sync->end = result->last;
	sync->epoch = p->client->queues[STREAM_COUNTER].epoch;
	sync->stage = SYNC_REACHING;
}

static bool end_is_reached(const struct sim_participant *p)
{
	const struct sim_client *k = p->client;
	uint64_t end = stream_sync_end(
		p->sync.end, p->sync.epoch, k->epoch, k->stream_base);

	return stream_subscriber_consumed(&p->subscriber->machine) >= end ||
	       MUTATED(STORE_SYNC_EARLY);
}

/* What was acknowledged before is here, and nobody may ever publish again. */
static bool waits_in_vain(const struct sim_participant *p)
{
	const struct sim_client *k = p->client;

	return p->sync.stage == SYNC_REACHING && k->epoch > p->sync.epoch &&
	       stream_subscriber_consumed(&p->subscriber->machine) >= k->stream_base;
}

static void local_answer(struct sim_participant *p, struct sim_operation *o)
{
	unsigned char bytes[STORE_COMMAND_MAX];
	size_t len = work_query(o, bytes, sizeof(bytes));

	machine_query(&p->machine, bytes, (uint32_t)len);
	operation_replied(
		p, o, p->machine.reply, p->machine.reply_len, kv_applied(p->machine.kv));
}

/* The publisher is over; what is in flight is not in the stream, and another one may be had. */
static void doubt_resolve(struct sim_participant *p)
{
	struct command_outcome outcome;

	while (commands_drop(&p->commands, -ECANCELED, &outcome)) {
		p->cluster->streams->stores->decided_in_doubt++;
		decided(p, &outcome);
	}
	publisher_renew(p->publisher);
}

static void sync_end(struct sim_participant *p)
{
	uint32_t operation = p->sync.operation;
	bool early = MUTATED(STORE_DOUBT_EARLY) && participant_in_doubt(p);

	p->sync.stage = SYNC_NONE;
	p->sync.operation = STORE_NOTHING;
	if (operation != STORE_NOTHING)
		local_answer(p, operation_at(p, operation));
	if (commands_sync_end(&p->commands) || early)
		doubt_resolve(p);
}

static void sync_step(struct sim_participant *p)
{
	struct sim_sync *sync = &p->sync;

	/* The worst moment to be forgotten: messages are on their way, and the end was asked for. */
	if (sync->stage >= SYNC_ASKED && commands_in_flight(&p->commands) > 0 &&
		!p->cluster->quiet && cluster_chance(p->cluster, 10))
		stores_forget(p);
	if (sync->stage == SYNC_NONE && participant_in_doubt(p))
		sync->stage = SYNC_WANTED;
	if (sync->operation != STORE_NOTHING && MUTATED(STORE_LOCAL_READ)) {
		sync_end(p);
		return;
	}
	if (sync->stage == SYNC_WANTED)
		sync_begin(p);
	if (sync->stage == SYNC_REACHING && end_is_reached(p))
		sync_end(p);
	else if (waits_in_vain(p))
		cluster_wrong(
			p->cluster, "a sync waits for what an epoch has left undone");
}

/* ---- Lives ---- */

/* Whose publisher has said as much as the simulator can note begins another one. */
static bool is_tired(const struct sim_participant *p)
{
	const struct stream_life *life = &p->cluster->streams->lives[p->publisher->life];

	return life->submitted + 2 >= IDS_MAX;
}

static void come_in(struct sim_participant *p)
{
	struct cluster *c = p->cluster;
	struct stores *st = c->streams->stores;

	if (!machine_restore(&p->machine, c, 0))
		return;
	p->in = true;
	p->broken = false;
	p->process = ++st->processes;
	commands_init(&p->commands, p->ring, STREAM_DEPTH);
	cluster_trace(c, "participant %u: comes as process %u behind %lu", p->index,
		p->process, (unsigned long)kv_applied(p->machine.kv));
	/* Who joins as if nothing had been in between has a state that nobody else has. */
	subscriber_restart(
		p->subscriber, p->machine.passed + (MUTATED(STORE_JOIN_LATE) ? 2 : 1));
}

void participant_start(struct sim_participant *p)
{
	p->sync.operation = STORE_NOTHING;
	come_in(p);
}

/* Everything that it was about to do has an outcome that nobody knows. */
void participant_die(struct sim_participant *p)
{
	struct cluster *c = p->cluster;

	cluster_trace(
		c, "participant %u: %s", p->index, p->broken ? "was lapped" : "dies");
	p->in = false;
	p->returns_ns = cluster_now(c) + cluster_random(c, p->broken ? 50000 : 600000);
	p->sync.stage = SYNC_NONE;
	p->sync.operation = STORE_NOTHING;
	p->tail.active = false;
	p->in_progress = 0;
	p->process = 0;
	locks_forget(p);
	publisher_renew(p->publisher);
}

void participant_pause(struct sim_participant *p, uint64_t ns)
{
	struct cluster *c = p->cluster;

	fault_pause(c, publisher_node(c, p->publisher->index), ns);
	fault_pause(c, subscriber_node(c, p->subscriber->index), ns);
	fault_pause(c, cluster_client_node(c, p->client->index), ns);
}

static void life_step(struct sim_participant *p)
{
	struct cluster *c = p->cluster;
	const struct streams *s = c->streams;

	if (p->in && (p->broken || is_tired(p)) &&
		s->lives_count < STREAM_LIVES_MAX - 8 &&
		s->stores->lives_count < STORE_LIVES_MAX - 8)
		participant_die(p);
	if (!p->in && (c->quiet || cluster_now(c) >= p->returns_ns))
		come_in(p);
}

static void begin_some(struct sim_participant *p)
{
	uint32_t count = 1 + (uint32_t)cluster_random(p->cluster, 3);

	while (count-- > 0 && p->wanted > 0 && work_begin(p))
		p->wanted--;
}

void participant_tick(struct sim_participant *p)
{
	struct cluster *c = p->cluster;

	if (c->streams->stores->over)
		return;
	life_step(p);
	if (!p->in || p->broken)
		return;
	sync_step(p);
	tail_read_step(p);
	locks_tick(p);
	if (cluster_chance(c, c->quiet ? 500 : p->eagerness))
		begin_some(p);
}
