/*
 * Logs that are read by other replicas: to be filled up before an epoch, and by those outside
 * the chain while it runs.  The reading is what pawld runs (sequencer/stream), over simulated
 * memory.
 */
#include <string.h>

#include "sequencer/stream/fill.h"
#include "sequencer/stream/follow.h"
#include "tests/sim/streams.h"

#define PATIENCE_NS 600000

static struct stream_replica *of(struct sim_replica *r)
{
	return &r->cluster->streams->replicas[r->index];
}

/* Everything up to the end decides the table (Q3); what was before a loss is not known. */
void check_table(struct sim_replica *r)
{
	struct streams *s = r->cluster->streams;
	const struct stream_log *log = &s->replicas[r->index].log;
	struct stream_entry entries[PUBLISHERS_MAX] = {{0}};

	if (s->loss > 0)
		return;
	for (uint64_t p = 1; p <= stream_log_end(log); p++) {
		const struct stream_truth *t = &s->truth[p];

		if (t->flags & STREAM_LAST)
			entries[stream_publisher_row(t->publisher)] =
				(struct stream_entry){
					.publisher = t->publisher, .id = t->id};
	}
	if (memcmp(entries, log->table.entries, sizeof(entries)) != 0)
		cluster_wrong(r->cluster, "a table is not that of its log's end");
}

void check_followed(struct sim_replica *r)
{
	struct streams *s = r->cluster->streams;
	struct stream_replica *sr = &s->replicas[r->index];

	if (stream_log_end(&sr->log) == sr->checked ||
		stream_log_end(&sr->log) <= sr->filled)
		return;
	if (stream_log_end(&sr->log) > s->committed)
		cluster_wrong(r->cluster, "a log outside the chain is ahead of it");
	sr->log.commit = stream_log_end(&sr->log);
	check_committed(r);
	check_table(r);
}

static struct stream_limits limits_of(const struct streams *s)
{
	return (struct stream_limits){
		.slot_len = s->slot_len, .slots = s->ring, .rows = PUBLISHERS_MAX};
}

/* The log may have been made anew since it was of @epoch_before. */
static void log_look(struct sim_replica *r, uint64_t epoch_before)
{
	struct stream_replica *sr = of(r);

	if (!sr->log.control)
		return;
	sr->bytes = sr->log.control;
	if (sr->log.control->epoch == epoch_before &&
		stream_log_end(&sr->log) >= sr->checked)
		return;
	sr->serial = ++r->cluster->streams->serials;
	sr->checked = sr->log.control->begin;
	sr->filled = 0;
}

static uint64_t log_epoch(const struct stream_replica *sr)
{
	return sr->log.control ? sr->log.control->epoch : 0;
}

/* Its memory can be read, and its daemon has said where. */
static bool is_source(struct sim_replica *r, struct sim_replica *other)
{
	struct stream_replica *so = of(other);

	return other != r && other->alive && so->bytes && !so->lost &&
	       !cluster_is_paused(r->cluster, other->index) &&
	       cluster_reaches(r->cluster, other->index, r->index);
}

/* Somebody who may have the log, mostly the former head, though it may be a zombie. */
static struct sim_replica *source_choose(struct cluster *c)
{
	const struct epoch_chain *former = &c->store.record.former;

	if (former->count > 0 && cluster_chance(c, 600))
		return &c->replicas[former->at[0].id - 1];
	return &c->replicas[cluster_random(c, c->config.replicas)];
}

void stream_fill_leave(struct stream_replica *sr)
{
	stream_fill_end(sr->fill);
	sr->fill = NULL;
}

void stream_follow_leave(struct stream_replica *sr)
{
	stream_follow_end(sr->follow);
	sr->follow = NULL;
}

static void fill_begin(
	struct sim_replica *r, uint64_t from, uint64_t epoch, uint64_t base)
{
	struct cluster *c = r->cluster;
	struct stream_replica *sr = of(r);
	struct sim_replica *other = source_choose(c);
	struct stream_limits limits = limits_of(c->streams);
	struct stream_fill_config config = {.device = r->device,
		.token = STREAM_TOKEN_CHAIN + 2 * REPLICAS_MAX + r->index,
		.limits = &limits,
		.log = &sr->log,
		.from = from,
		.epoch = epoch,
		.base = base,
		.deadline_ns = cluster_now(c) + PATIENCE_NS + 3 * c->config.straggle_ns};

	if (!is_source(r, other))
		return;
	config.address = of(other)->memory->ops->address(of(other)->memory);
	config.memory = sr->memory->ops->base(sr->memory);
	if (stream_fill_begin(&config, &sr->fill, NULL))
		sr->fill = NULL;
	sr->fill_epoch = epoch;
}

bool stream_fill_tick(struct sim_replica *r, uint64_t from, uint64_t epoch, uint64_t base)
{
	struct stream_replica *sr = of(r);
	uint64_t before = log_epoch(sr);
	enum stream_fill_state state;
	struct error err;

	if (sr->fill && sr->fill_epoch != epoch)
		stream_fill_leave(sr);
	if (!sr->fill)
		fill_begin(r, from, epoch, base);
	if (!sr->fill)
		return false;
	state = stream_fill_step(sr->fill, cluster_now(r->cluster));
	log_look(r, before);
	if (sr->log.control)
		sr->filled = stream_log_end(&sr->log);
	if (state == STREAM_FILL_RUNNING)
		return false;
	if (stream_fill_error(sr->fill, &err))
		cluster_trace(r->cluster, "replica %u: %s", r->index + 1, err.text);
	stream_fill_leave(sr);
	return state == STREAM_FILL_DONE;
}

/* It knows of a running epoch that it is outside of, and is not to join the next one yet. */
static bool is_outside(struct sim_replica *r, uint64_t epoch)
{
	const struct epoch_machine *m = &r->machine;

	return epoch != 0 && m->serving.epoch != epoch && m->pending.epoch <= epoch &&
	       of(r)->log.phase != STREAM_OPEN &&
	       epoch_chain_place(&m->seen.former, replica_member(r)) == CHAIN_MAX;
}

/* A member that serves @epoch; NULL: the one that was asked does not, or can not say. */
static struct sim_replica *server_find(struct sim_replica *r, uint64_t epoch)
{
	struct cluster *c = r->cluster;
	struct sim_replica *other = &c->replicas[cluster_random(c, c->config.replicas)];
	struct sim_region *region = other->alive ? replica_region(other, epoch) : NULL;

	if (!is_source(r, other) || other->served != epoch || !region || !region->stream)
		return NULL;
	return other;
}

static void follow_begin(struct sim_replica *r, uint64_t epoch)
{
	struct cluster *c = r->cluster;
	struct stream_replica *sr = of(r);
	struct sim_replica *other = server_find(r, epoch);
	struct stream_limits limits = limits_of(c->streams);
	struct stream_follow_config config = {.device = r->device,
		.token = STREAM_TOKEN_CHAIN + 3 * REPLICAS_MAX + r->index,
		.limits = &limits,
		.log = &sr->log,
		.epoch = epoch,
		.base = r->machine.seen.counters[STREAM_COUNTER].base,
		.patience_ns = PATIENCE_NS + 3 * c->config.straggle_ns};
	struct memory *words;

	if (!other)
		return;
	if (cluster_chance(c, 500))
		config.from = of(other)->from;
	words = replica_region(other, epoch)->stream;
	config.log_address = of(other)->memory->ops->address(of(other)->memory);
	config.words_address = words->ops->address(words);
	config.memory = sr->memory->ops->base(sr->memory);
	if (stream_follow_begin(&config, &sr->follow, NULL))
		sr->follow = NULL;
	sr->follow_epoch = epoch;
}

static void follow_look(struct sim_replica *r)
{
	struct stream_replica *sr = of(r);
	struct stream_follow_status status = stream_follow_status(sr->follow);
	struct error err;

	if (status.state == STREAM_FOLLOW_BEHIND)
		check_followed(r);
	if (status.state != STREAM_FOLLOW_FAILED)
		return;
	(void)stream_follow_error(sr->follow, &err);
	cluster_trace(r->cluster, "replica %u: %s", r->index + 1, err.text);
	stream_follow_leave(sr);
}

void stream_follow_tick(struct sim_replica *r)
{
	struct stream_replica *sr = of(r);
	uint64_t epoch = r->machine.seen.active_epoch;
	uint64_t before = log_epoch(sr);

	if (!r->cluster->streams->follows)
		return;
	if (sr->follow && (sr->follow_epoch != epoch || !is_outside(r, epoch)))
		stream_follow_leave(sr);
	if (!sr->follow && is_outside(r, epoch))
		follow_begin(r, epoch);
	if (!sr->follow)
		return;
	(void)stream_follow_step(sr->follow, cluster_now(r->cluster));
	log_look(r, before);
	follow_look(r);
}
