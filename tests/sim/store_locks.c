/*
 * Sessions and locks, and what the locks guard: its holder reads it and writes one more, with time
 * in between, in which the lock may go to somebody else.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/stores.h"

static const char *const lock_names[STORE_LOCKS] = {"l0", "l1"};
static const char *const guarded_names[STORE_LOCKS] = {"g0", "g1"};

/* ---- Sessions ---- */

/* A command of the session's own that is not in the history. */
static void session_say(struct sim_participant *p, enum kv_kind kind, uint64_t number)
{
	struct sim_operation *o = operation_begin(p, LINEAR_PUT);

	if (!o)
		return;
	o->hidden = true;
	o->asked = (struct kv_operation){.kind = kind, .number = number};
	o->session = kind == KV_OPEN ? 0 : p->session;
	if (kind == KV_OPEN)
		p->opening = true;
	else
		p->keeping = true;
	p->spoke_ns = cluster_now(p->cluster);
	(void)work_publish(p, o);
}

/* The end of a session takes its locks from it. */
static void end_begin(
	struct sim_participant *p, enum kv_kind kind, uint64_t session, uint64_t since)
{
	struct sim_operation *o = operation_begin(p, LINEAR_EXPIRE);

	if (!o)
		return;
	for (uint32_t i = 0; i < STORE_LOCKS; i++)
		o->keys[i] = lock_names[i];
	(void)snprintf(o->value, sizeof(o->value), "s%" PRIu64, session);
	o->call.value = o->value;
	o->call.keys = o->keys;
	o->call.keys_count = STORE_LOCKS;
	o->asked.kind = kind;
	if (kind == KV_EXPIRE) {
		o->asked.number = session;
		o->asked.since = since;
	} else {
		o->session = session;
	}
	(void)work_publish(p, o);
}

static void session_step(struct sim_participant *p)
{
	struct cluster *c = p->cluster;
	uint64_t silent_ns = cluster_now(c) - p->spoke_ns;

	if (p->session == 0) {
		if (!p->opening && p->wanted > 0 && cluster_chance(c, 100))
			session_say(p, KV_OPEN, 1 + cluster_random(c, 4));
		return;
	}
	if (silent_ns > p->silence_ns / 4 && !p->keeping && cluster_chance(c, 300))
		session_say(p, KV_KEEP_ALIVE, 0);
	if (!c->quiet && cluster_chance(c, 2))
		end_begin(p, KV_CLOSE, p->session, 0);
}

/* ---- Watching over the sessions of others ---- */

static struct sim_watch *watch_of(struct sim_participant *p, uint64_t session)
{
	struct sim_watch *room = &p->watches[0];

	for (uint32_t i = 0; i < STORE_SESSIONS; i++) {
		struct sim_watch *watch = &p->watches[i];

		if (watch->session == session)
			return watch;
		if (watch->session < room->session)
			room = watch;
	}
	*room = (struct sim_watch){.session = session};
	return room;
}

static void watch_step(struct sim_participant *p, const struct kv_session_info *info)
{
	struct cluster *c = p->cluster;
	struct sim_watch *watch = watch_of(p, info->session);
	uint64_t now_ns = cluster_now(c);
	bool hasty = !c->quiet && cluster_chance(c, 10);

	if (watch->spoken != info->spoken) {
		watch->spoken = info->spoken;
		watch->seen_ns = now_ns;
	}
	if (info->session == p->session ||
		(!hasty && now_ns - watch->seen_ns < info->ttl_ms * STORE_MS_NS))
		return;
	watch->seen_ns = now_ns;
	end_begin(p, KV_EXPIRE, info->session, info->spoken);
}

static void watches_step(struct sim_participant *p)
{
	struct kv_session_info info = {0};

	while (kv_session_next(p->machine.kv, info.session, &info)) {
		if (commands_in_flight(&p->commands) < STREAM_DEPTH / 2)
			watch_step(p, &info);
	}
}

/* ---- What is guarded ---- */

static void errand_run(
	struct sim_participant *p, uint32_t lock, bool writes, uint64_t value);

static uint64_t errand_delay(struct cluster *c)
{
	uint64_t delay_ns = 2000 + cluster_random(c, 20000);

	if (cluster_chance(c, c->quiet ? 50 : 250))
		delay_ns += cluster_random(c, 6 * STORE_MS_NS);
	return delay_ns;
}

static void guarded_reached(struct cluster *c, struct sim_errand *e)
{
	struct stores *st = c->streams->stores;
	struct sim_guarded *g = &st->guarded[e->lock];

	e->admitted = kv_fence_admit(&g->newest, e->fence);
	if (!e->admitted) {
		st->stale++;
		return;
	}
	if (e->fence < g->highest)
		cluster_wrong(c, "what is guarded has let an old token in");
	g->highest = e->fence;
	if (!e->writes) {
		e->value = g->value;
		return;
	}
	if (e->value != g->value)
		cluster_wrong(c, "what is guarded was written by two at a time");
	g->value++;
	g->writes++;
}

static void errand_back(struct sim_participant *p, const struct sim_errand *e)
{
	struct sim_lock *lock = &p->locks[e->lock];

	operation_end(p, operation_at(p, e->operation),
		e->admitted ? LINEAR_DONE : LINEAR_REFUSED, 0);
	if (lock->fence != e->fence || lock->stage != LOCK_HELD)
		return;
	lock->running = false;
	if (!e->admitted)
		lock->errands = 0;
	else if (!e->writes)
		errand_run(p, e->lock, true, e->value);
	else
		lock->errands--;
}

static void on_errand(void *context, uint64_t place)
{
	struct cluster *c = context;
	struct stores *st = c->streams->stores;
	struct sim_errand *e = &st->errands[place];
	struct sim_participant *p = &st->participants[e->participant];
	bool paused = e->back &&
		      cluster_is_paused(c, subscriber_node(c, p->subscriber->index));
	struct sim_errand done;

	if (!e->back)
		guarded_reached(c, e);
	if (!e->back || paused) {
		e->back = true;
		PAWL_ASSERT(sim_world_call_at(c->world, cluster_now(c) + errand_delay(c),
				    on_errand, c, place) == 0);
		return;
	}
	done = *e;
	e->used = false;
	if (p->in && p->process == done.process && !st->over)
		errand_back(p, &done);
}

static uint32_t errand_room(const struct stores *st)
{
	uint32_t place = 0;

	while (place < STORE_ERRANDS && st->errands[place].used)
		place++;
	return place;
}

static void errand_run(
	struct sim_participant *p, uint32_t lock, bool writes, uint64_t value)
{
	struct cluster *c = p->cluster;
	struct stores *st = c->streams->stores;
	uint32_t place = errand_room(st);
	struct sim_operation *o;

	if (place == STORE_ERRANDS)
		return;
	o = operation_begin(p, LINEAR_FENCE);
	if (!o)
		return;
	operation_key(o, guarded_names[lock]);
	o->call.version = p->locks[lock].token;
	st->errands[place] = (struct sim_errand){.used = true,
		.writes = writes,
		.participant = p->index,
		.process = p->process,
		.lock = lock,
		.operation = operation_number(p, o),
		.fence = p->locks[lock].fence,
		.value = value};
	p->locks[lock].running = true;
	PAWL_ASSERT(sim_world_call_at(c->world, cluster_now(c) + errand_delay(c),
			    on_errand, c, place) == 0);
	if (!c->quiet && cluster_chance(c, 100)) /* stopped, past its time */
		participant_pause(p, cluster_random(c, 8 * STORE_MS_NS));
}

/* ---- Locks ---- */

static void owner_set(struct sim_participant *p, struct sim_operation *o, uint32_t lock)
{
	o->lock = lock;
	operation_key(o, lock_names[lock]);
	(void)snprintf(o->value, sizeof(o->value), "s%" PRIu64, p->session);
	o->call.value = o->value;
	o->session = p->session;
}

static void lock_ask(struct sim_participant *p, uint32_t number)
{
	struct sim_lock *lock = &p->locks[number];
	struct sim_operation *o = operation_begin(p, LINEAR_LOCK);

	if (!o)
		return;
	owner_set(p, o, number);
	o->asked.kind = KV_LOCK;
	o->asked.option = cluster_chance(p->cluster, 300) ? KV_TRY : 0;
	*lock = (struct sim_lock){.stage = LOCK_ASKED,
		.operation = operation_number(p, o),
		.errands = 1 + (uint32_t)cluster_random(p->cluster, 3)};
	(void)work_publish(p, o);
}

/* Gives it back, or its place in the queue. */
static void lock_leave(struct sim_participant *p, uint32_t number)
{
	struct sim_lock *lock = &p->locks[number];
	enum sim_lock_stage before = lock->stage;
	struct sim_operation *o = operation_begin(p, LINEAR_UNLOCK);

	if (!o)
		return;
	owner_set(p, o, number);
	o->asked.kind = KV_UNLOCK;
	if (before == LOCK_HELD) {
		o->asked.number = lock->fence;
		o->call.version = lock->token;
	}
	if (work_publish(p, o))
		lock->stage = LOCK_LEFT;
}

static void lock_step(struct sim_participant *p, uint32_t number)
{
	struct cluster *c = p->cluster;
	struct sim_lock *lock = &p->locks[number];

	if (lock->stage == LOCK_NONE && p->session && p->wanted > 0 &&
		cluster_chance(c, 20))
		lock_ask(p, number);
	else if (lock->stage == LOCK_WAITS && p->session && !c->quiet &&
		 cluster_chance(c, 5))
		lock_leave(p, number);
	else if (lock->stage == LOCK_HELD && !lock->running && lock->errands > 0)
		errand_run(p, number, false, 0);
	else if (lock->stage == LOCK_HELD && !lock->running)
		lock_leave(p, number);
}

void locks_tick(struct sim_participant *p)
{
	if (commands_in_flight(&p->commands) + 2 > STREAM_DEPTH)
		return;
	session_step(p);
	if (cluster_chance(p->cluster, 200))
		watches_step(p);
	for (uint32_t i = 0; i < STORE_LOCKS; i++)
		lock_step(p, i);
}

bool locks_are_quiet(const struct sim_participant *p)
{
	for (uint32_t i = 0; i < STORE_LOCKS; i++) {
		if (p->locks[i].stage != LOCK_NONE)
			return false;
	}
	return true;
}

void locks_forget(struct sim_participant *p)
{
	memset(p->locks, 0, sizeof(p->locks));
	memset(p->watches, 0, sizeof(p->watches));
	p->session = 0;
	p->opening = p->keeping = false;
}

/* ---- What became of it ---- */

/* It has the lock: at once, or when it was its turn. */
static void lock_is_held(
	struct sim_participant *p, uint32_t number, uint64_t fence, uint64_t token)
{
	struct sim_lock *lock = &p->locks[number];

	lock->fence = fence;
	lock->token = token;
	if (lock->stage != LOCK_LEFT)
		lock->stage = LOCK_HELD;
	operation_end(p, operation_at(p, lock->operation), LINEAR_DONE, token);
}

static bool waits(const struct sim_lock *lock)
{
	return lock->stage == LOCK_WAITS ||
	       (lock->stage == LOCK_LEFT && lock->fence == 0);
}

void locks_granted(struct sim_participant *p, uint64_t position)
{
	for (uint32_t i = 0; i < p->machine.grants_count; i++) {
		const struct sim_grant *grant = &p->machine.grants[i];

		if (p->session == 0 || grant->session != p->session ||
			!waits(&p->locks[grant->lock]))
			continue;
		lock_is_held(p, grant->lock, position,
			position * STORE_SCALE + 1 + grant->lock);
	}
}

void locks_not_left(struct sim_participant *p, uint32_t number)
{
	struct sim_lock *lock = &p->locks[number];

	if (lock->stage != LOCK_LEFT)
		return;
	if (p->session == 0)
		lock->stage = LOCK_NONE;
	else
		lock->stage = lock->fence ? LOCK_HELD : LOCK_WAITS;
}

/* Its session is over: nothing is held, and what waited will not have it. */
static void session_lost(struct sim_participant *p)
{
	p->session = 0;
	for (uint32_t i = 0; i < STORE_LOCKS; i++) {
		struct sim_lock *lock = &p->locks[i];
		bool left = lock->stage == LOCK_LEFT;

		if (waits(lock))
			operation_failed(p, operation_at(p, lock->operation));
		if (lock->stage == LOCK_HELD)
			lock->stage = LOCK_NONE;
		if (left) { /* until the command is back */
			lock->stage = LOCK_LEFT;
			lock->fence = UINT64_MAX;
		}
	}
}

void locks_ended(struct sim_participant *p)
{
	for (uint32_t i = 0; i < p->machine.ended_count; i++) {
		if (p->session != 0 && p->machine.ended[i] == p->session)
			session_lost(p);
	}
}

static void lock_outcome(struct sim_participant *p, struct sim_operation *o,
	const struct kv_reply *reply, uint64_t position)
{
	struct sim_lock *lock = &p->locks[o->lock];

	if (reply->status == KV_OK) {
		if (reply->version != position)
			cluster_wrong(p->cluster, "a lock was got at another position");
		lock_is_held(p, o->lock, position, position * STORE_SCALE);
	} else if (reply->status == KV_WAITING) {
		lock->stage = LOCK_WAITS;
	} else if (reply->status == KV_HELD) {
		lock->stage = LOCK_NONE;
		(void)snprintf(
			o->found_values[0], STORE_NAME, "s%" PRIu64, reply->session);
		o->found[0] = (struct linear_found){.value = o->found_values[0]};
		o->result.found_count = 1;
		operation_end(p, o, LINEAR_REFUSED, position * STORE_SCALE);
	} else {
		operation_failed(p, o);
	}
}

static void unlock_outcome(struct sim_participant *p, struct sim_operation *o,
	const struct kv_reply *reply, uint64_t position)
{
	struct sim_lock *lock = &p->locks[o->lock];
	bool left_queue = reply->status == KV_OK && lock->fence == 0;

	if (left_queue)
		operation_failed(p, operation_at(p, lock->operation));
	lock->stage = LOCK_NONE;
	if (left_queue || reply->status == KV_NO_SESSION)
		operation_failed(p, o);
	else
		operation_end(p, o, reply->status == KV_OK ? LINEAR_DONE : LINEAR_REFUSED,
			position * STORE_SCALE);
}

static void session_outcome(
	struct sim_participant *p, struct sim_operation *o, const struct kv_reply *reply)
{
	if (o->asked.kind == KV_OPEN && reply->status == KV_OK) {
		p->session = reply->session;
		p->silence_ns = reply->number * STORE_MS_NS;
	}
	operation_failed(p, o); /* it is not of the history */
}

void locks_outcome(struct sim_participant *p, struct sim_operation *o,
	const struct kv_reply *reply, uint64_t position)
{
	if (o->asked.kind == KV_LOCK)
		lock_outcome(p, o, reply, position);
	else if (o->asked.kind == KV_UNLOCK)
		unlock_outcome(p, o, reply, position);
	else if (o->asked.kind == KV_OPEN || o->asked.kind == KV_KEEP_ALIVE)
		session_outcome(p, o, reply);
	else if (reply->status == KV_OK)
		operation_end(p, o, LINEAR_UNTOLD, position * STORE_SCALE);
	else
		operation_failed(p, o);
}
