#include "sequencer/daemon/replica.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/region_history.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/nonce.h"
#include "sequencer/daemon/record_store.h"

#define RESEND_MS 20 /* unanswered messages between replicas go out again */
#define RETRY_MS 20  /* a store that failed, and a lost peer, are asked again */
#define JOIN_MS 50
#define LOOP_LIMIT_NS UINT64_C(10000000000) /* a loop that is busy for longer hangs */
#define CEILING_AHEAD (UINT64_C(1) << 32)

struct device_config replica_device_config(const struct daemon_config *c)
{
	return (struct device_config){
		.device = c->device[0] ? c->device : NULL,
		.address = c->device_address[0] ? c->device_address : NULL,
		.port = (uint16_t)c->device_port,
		.listen = true,
		.timeout_ns = c->link_timeout_ms * NS_PER_MS,
		.device_memory = c->device_memory,
	};
}

static int device_open(struct replica *r, struct error *err)
{
	const struct daemon_config *c = r->config;
	struct device_config config = replica_device_config(c);

	r->ops = c->transport == CONFIG_VERBS ? &verbs_memory_ops : &shm_memory_ops;
	return r->ops->open(&config, &r->device, err);
}

/* The loop shows itself once in a heartbeat, however long that is. */
static int heartbeats_start(struct replica *r, struct error *err)
{
	uint64_t beat_ns = r->config->heartbeat_ms * NS_PER_MS;
	struct pulse_config config = {
		.beat_ns = beat_ns, .limit_ns = LOOP_LIMIT_NS + 2 * beat_ns};

	return pulse_start(&config, &r->pulse, err);
}

static void regions_init(struct replica *r, const struct surroundings *surroundings)
{
	const struct daemon_config *c = r->config;

	r->regions.device = r->device;
	r->regions.pulse = r->pulse;
	r->regions.pages = (struct pages_config){
		.shared_with_group = surroundings->group_set,
		.group = surroundings->group,
		.huge = c->huge_pages,
		.lock = c->lock_memory,
		.node = surroundings->node,
	};
	r->regions.directory = c->memory_dir;
	r->regions.cluster = c->cluster;
	r->regions.replica = c->id;
	r->regions.instance = r->facts.instance;
	r->regions.incarnation = roster_self(&r->roster)->member.incarnation;
	r->regions.sessions_max = c->sessions_max;
}

static void machine_init(struct replica *r)
{
	const struct daemon_config *c = r->config;
	struct epoch_config config = {
		.self = roster_self(&r->roster)->member,
		.counters_max = COUNTERS_MAX,
		.turn_ns = c->turn_ms * NS_PER_MS,
		.step_ns = c->step_timeout_ms * NS_PER_MS,
		.resend_ns = RESEND_MS * NS_PER_MS,
		.takeover_ns = c->takeover_ms * NS_PER_MS,
		.store_ns = RETRY_MS * NS_PER_MS,
		.join_ns = JOIN_MS * NS_PER_MS,
		.ceiling_ahead = CEILING_AHEAD,
		.rejoin = c->rejoin,
	};

	epoch_init(&r->machine, &config, r->words, clock_now_ns());
}

/* The member of the newest active chain that this replica was in an earlier life. */
static const struct record_member *earlier_life(
	const struct replica *r, const struct record *record)
{
	return record_member(
		record->former, record->former_count, (uint16_t)r->config->id);
}

/* The region is not there any more, or not to be trusted; not only out of reach. */
static bool is_lost(int code)
{
	return code == -ENOENT || code == -EUCLEAN || code == -ENODATA;
}

/* Clients that slept may have tickets of epochs before the region's own. */
static void history_adopt(struct replica *r, const struct record *record)
{
	const struct owner *owner =
		&region_set_find(&r->regions, record->active_epoch)->owner;
	uint32_t count = record->counters_count;
	struct epoch_history history;

	if (count > owner->layout.counters_max)
		count = owner->layout.counters_max;
	region_history_read(
		owner->memory->ops->base(owner->memory), &owner->layout, &history);
	epoch_adopt_history(&r->machine, &history, count);
}

static uint32_t adopted_counters(struct replica *r, const struct record *record)
{
	return region_set_find(&r->regions, record->active_epoch)->owner.counters_count;
}

/*
 * Takes up the region with the newest numbers, if an earlier life left it here.  What is
 * lost is lost, and others may have the numbers; but a region that is there and can not be
 * had, for want of memory or permission, is for an operator to look at first.
 */
static int earlier_life_adopt(
	struct replica *r, const struct record *record, struct error *err)
{
	const struct record_member *member = earlier_life(r, record);
	const char *path = member ? member->memory_path : "";
	uint64_t incarnation;
	int rc;

	if (path[0] == '\0')
		return 0;
	rc = region_set_adopt(&r->regions, path, record->active_epoch, &incarnation, err);
	if (!rc) {
		rc = streams_adopt(r, adopted_counters(r, record), err);
		if (rc) /* B3 */
			region_set_drop(&r->regions, record->active_epoch);
	}
	if (is_lost(rc)) {
		r->region_lost = rc;
		log_warning("%s", err->text);
		(void)snprintf(
			r->region_trouble, sizeof(r->region_trouble), "%s", err->text);
	}
	if (rc)
		return is_lost(rc) ? 0 : rc;
	log_info("the earlier life of this replica left its region: %s", path);
	epoch_adopt(&r->machine, record->active_epoch, incarnation);
	history_adopt(r, record);
	return 0;
}

/* What earlier lives left, but for what still may be needed. */
static void earlier_lives_clean(const struct replica *r, const struct record *record)
{
	const struct record_member *member = earlier_life(r, record);
	bool stopped = record->phase == RECORD_STOPPED;

	region_set_clean(&r->regions, record->epoch,
		member && !stopped ? member->memory_path : NULL);
	streams_clean(r);
}

/* The first look at the record; nothing runs beside it yet. */
static int record_look(struct replica *r, struct store *store, struct error *err)
{
	struct record record = {.counters = NULL};
	uint64_t revision = 0;
	int rc = record_load(store, &record, &revision, err);

	if (rc)
		return rc;
	if (revision == 0) {
		rc = nonce_make(&r->facts.instance, err);
		r->regions.instance = r->facts.instance;
		return rc;
	}
	rc = replica_facts_take(r, &record, err);
	if (!rc && record.phase != RECORD_STOPPED)
		rc = earlier_life_adopt(r, &record, err);
	if (!rc)
		earlier_lives_clean(r, &record);
	record_free(&record);
	return rc;
}

static int mesh_start(struct replica *r, struct error *err)
{
	struct mesh_config config = {
		.loop = r->loop,
		.cluster = r->config->cluster,
		.roster = &r->roster,
		.heartbeat_ns = r->config->heartbeat_ms * NS_PER_MS,
		.suspect_ns = r->config->suspect_ms * NS_PER_MS,
		.retry_ns = RETRY_MS * NS_PER_MS,
		.device = r->device,
		.name = replica_counter_name,
		.stream = replica_counter_stream,
		.name_context = r,
		.handlers = replica_mesh_handlers(r),
	};
	int rc = mesh_make(&config, &r->mesh, err);

	if (!rc)
		mesh_instance_set(r->mesh, r->facts.instance);
	return rc;
}

static int rooms_make(struct replica *r, struct error *err)
{
	r->words = calloc(epoch_words_count(COUNTERS_MAX), sizeof(*r->words));
	r->values = calloc(COUNTERS_MAX, sizeof(*r->values));
	r->decoded.counters = calloc(COUNTERS_MAX, sizeof(*r->decoded.counters));
	if (!r->words || !r->values || !r->decoded.counters || catalog_init(&r->catalog))
		return error_set(
			err, -ENOMEM, "pawld: %s: out of memory", r->config->cluster);
	return 0;
}

static int replica_prepare(struct replica *r, const struct surroundings *surroundings,
	struct store **store_p, struct error *err)
{
	int rc = rooms_make(r, err);

	if (!rc)
		rc = device_open(r, err);
	if (!rc)
		rc = heartbeats_start(r, err);
	if (!rc)
		rc = record_store_open(r->config, store_p, err);
	if (!rc)
		rc = streams_init(r, err);
	if (rc)
		return rc;
	regions_init(r, surroundings);
	machine_init(r);
	return record_look(r, *store_p, err);
}

static int replica_take_part(struct replica *r, struct store *store, struct error *err)
{
	int rc = store_loop_start(&r->store_loop, r->loop, store, err);

	if (!rc)
		rc = mesh_start(r, err);
	if (rc)
		return rc;
	replica_store_watch(r);
	replica_timers_start(r);
	epoch_begin(
		&r->machine, NULL, 0, r->config->lease_ms * NS_PER_MS, clock_now_ns());
	replica_run(r);
	return 0;
}

int replica_start(const struct daemon_config *config,
	const struct surroundings *surroundings, const struct roster_entry *self,
	uv_loop_t *loop, const struct replica_handlers *handlers,
	struct replica **replica_p, struct error *err)
{
	struct replica *r = calloc(1, sizeof(*r));
	struct roster_entry entry = *self;
	struct store *store = NULL;
	int rc;

	if (!r)
		return error_set(
			err, -ENOMEM, "pawld: %s: out of memory", config->cluster);
	*replica_p = r; /* to be closed and freed by the caller, whatever happens */
	r->config = config;
	r->loop = loop;
	r->handlers = *handlers;
	r->started_ns = clock_now_ns();
	(void)snprintf(r->facts.name, sizeof(r->facts.name), "%s", config->cluster);
	r->facts.counters_max = config->counters_max;
	r->facts.sessions_max = config->sessions_max;
	rc = nonce_make(&entry.member.incarnation, err);
	if (rc)
		return rc;
	roster_init(&r->roster, &entry);
	rc = replica_prepare(r, surroundings, &store, err);
	if (!rc)
		rc = replica_take_part(r, store, err);
	if (rc && !r->store_loop.store)
		store_close(store);
	return rc;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct replica *r = handle->data;

	r->timers_open--;
}

/* Its memory may be needed by the next life, or by others for a change that is under way. */
static bool holds_numbers(const struct replica *r)
{
	return r->machine.serving.epoch != 0 || r->machine.pending.epoch != 0;
}

void replica_close(struct replica *r)
{
	r->ended = true;
	if (r->timers_open && !uv_is_closing((uv_handle_t *)&r->tick)) {
		uv_close((uv_handle_t *)&r->wake, on_timer_closed);
		uv_close((uv_handle_t *)&r->heartbeat, on_timer_closed);
		uv_close((uv_handle_t *)&r->tick, on_timer_closed);
	}
	streams_end(r, r->mesh && !holds_numbers(r));
	streams_close(r);
	if (r->mesh)
		mesh_close(r->mesh);
	if (r->store_loop.store)
		store_loop_end(&r->store_loop);
}

bool replica_closed(const struct replica *r)
{
	return r->timers_open == 0 && r->streams.handles_open == 0 &&
	       (!r->mesh || mesh_closed(r->mesh)) && store_loop_ended(&r->store_loop);
}

void replica_free(struct replica *r)
{
	if (!r)
		return;
	PAWL_ASSERT(replica_closed(r));
	region_set_close(&r->regions, false); /* P1 */
	pulse_stop(r->pulse);
	mesh_free(r->mesh);
	if (r->device)
		r->ops->close(r->device);
	store_close(r->store_loop.store);
	catalog_destroy(&r->catalog);
	free(r->decoded.counters);
	free(r->values);
	free(r->words);
	free(r);
}

void replica_end(struct replica *r, enum replica_end end, const struct error *err)
{
	if (r->ended)
		return;
	r->ended = true;
	if (end == REPLICA_STOPPED)
		streams_finish(r);
	if (end == REPLICA_STOPPED || end == REPLICA_ERASED)
		streams_end(r, true); /* its threads look at a region */
	if (end == REPLICA_STOPPED || end == REPLICA_ERASED)
		region_set_close(&r->regions, true); /* P1 */
	r->served = 0;
	r->handlers.ended(r->handlers.context, end, err);
}

struct held_region *replica_region(struct replica *r)
{
	return r->served ? region_set_find(&r->regions, r->served) : NULL;
}

bool replica_is_head(const struct replica *r)
{
	const struct epoch_region *serving = epoch_serving(&r->machine);

	return r->served != 0 && serving->epoch == r->served &&
	       serving->chain.at[0].id == r->config->id;
}

bool replica_is_member(const struct replica *r)
{
	return r->machine.known && r->machine.seen.phase != EPOCH_STOPPED &&
	       epoch_chain_place(&r->machine.seen.chain, r->machine.config.self) <
		       CHAIN_MAX;
}
