/* What happens to a replica: messages, deaths of others, and time. */
#include <stdio.h>

#include "hw/clock.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/replica.h"

#define TICK_MS 100
#define STRIDES_NS UINT64_C(1000000000) /* ceilings that moved may have to move again */
#define RETIRED_NS UINT64_C(50000000)	/* a retired region's memory goes after so long */

/* A replica outside the chain is watched by nobody: it speaks, so it lives. */
static void join_note(struct replica *r, struct epoch_member member)
{
	char cause[TIMELINE_CAUSE_LEN];

	if (epoch_chain_place(&r->machine.seen.chain, member) < CHAIN_MAX)
		return;
	(void)snprintf(cause, sizeof(cause), "replica %u joins", member.id);
	timeline_cause(&r->timeline, cause, clock_now_ns());
	epoch_on_trust(&r->machine, member, clock_now_ns());
}

static void on_message(void *context, const struct epoch_wire_message *wire)
{
	struct replica *r = context;

	if (r->ended || !r->facts.instance)
		return;
	for (uint32_t i = 0; wire->names && i < wire->message.counters_count; i++) {
		if (!catalog_learn(&r->catalog, i, wire->names[i], &wire->streams[i])) {
			log_error("replica %u: calls counter %u '%s', which is another "
				  "one here; its message is ignored",
				wire->message.from.id, i, wire->names[i]);
			return;
		}
	}
	if (wire->message.kind == EPOCH_JOIN)
		join_note(r, wire->message.from);
	epoch_on_message(&r->machine, &wire->message, clock_now_ns());
	replica_run(r);
}

static void on_suspect(void *context, struct epoch_member member, const char *why)
{
	struct replica *r = context;
	char cause[TIMELINE_CAUSE_LEN];

	if (r->ended)
		return;
	(void)snprintf(cause, sizeof(cause), "replica %u: %s", member.id, why);
	if (epoch_chain_place(&r->machine.seen.chain, member) < CHAIN_MAX) {
		log_warning("%s", cause);
		timeline_cause(&r->timeline, cause, clock_now_ns());
	}
	epoch_on_suspect(&r->machine, member, clock_now_ns());
	replica_run(r);
}

static void on_trust(void *context, struct epoch_member member)
{
	struct replica *r = context;

	if (r->ended)
		return;
	epoch_on_trust(&r->machine, member, clock_now_ns());
	replica_run(r);
}

struct mesh_handlers replica_mesh_handlers(struct replica *r)
{
	return (struct mesh_handlers){.message = on_message,
		.suspect = on_suspect,
		.trust = on_trust,
		.stream_ask = streams_on_ask,
		.stream_tell = streams_on_tell,
		.context = r};
}

const char *replica_counter_name(void *context, uint32_t index)
{
	const struct replica *r = context;

	return catalog_name(&r->catalog, index);
}

const struct stream_limits *replica_counter_stream(void *context, uint32_t index)
{
	const struct replica *r = context;

	return catalog_stream(&r->catalog, index);
}

/* Where the counters are, so that the machine can keep their ceilings ahead. */
static void values_tell(struct replica *r)
{
	struct held_region *region = replica_region(r);

	if (!region || !region->head || !owner_is_open(&region->owner))
		return;
	for (uint32_t i = 0; i < region->owner.counters_count; i++)
		epoch_on_value(
			&r->machine, i, owner_value(&region->owner, i), clock_now_ns());
	if (r->machine.store == EPOCH_STORE_WRITE_WANTED)
		r->strides_ns = clock_now_ns();
}

/*
 * Whoever takes 2^32 numbers at once waits for the ceiling each time.  Counters are looked at
 * more often while somebody does, and not otherwise: there may be many, in a card's memory.
 */
static void on_heartbeat(uv_timer_t *timer)
{
	struct replica *r = timer->data;

	pulse_show(r->pulse);
	if (r->ended || r->strides_ns == 0 ||
		clock_now_ns() - r->strides_ns >= STRIDES_NS)
		return;
	values_tell(r);
	replica_run(r);
}

static void on_tick(uv_timer_t *timer)
{
	struct replica *r = timer->data;

	if (r->ended)
		return;
	region_set_sweep(&r->regions, clock_now_ns(), RETIRED_NS);
	values_tell(r);
	replica_store_look(r);
	streams_tick(r);
	if (r->ended)
		return;
	epoch_on_time(&r->machine, clock_now_ns());
	replica_run(r);
}

void replica_timers_start(struct replica *r)
{
	uint64_t heartbeat_ms = r->config->heartbeat_ms;

	(void)uv_timer_init(r->loop, &r->wake);
	(void)uv_timer_init(r->loop, &r->heartbeat);
	(void)uv_timer_init(r->loop, &r->tick);
	r->wake.data = r;
	r->heartbeat.data = r;
	r->tick.data = r;
	r->timers_open = 3;
	(void)uv_timer_start(&r->heartbeat, on_heartbeat, heartbeat_ms, heartbeat_ms);
	(void)uv_timer_start(&r->tick, on_tick, TICK_MS, TICK_MS);
}
