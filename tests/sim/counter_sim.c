/*
 * counter_sim: one replica and its clients in simulated time.  The clients run the real
 * ticket machine over simulated memory; the replica is restarted again and again, each
 * restart being a change of epoch (seal, bases, install, activate) with time between its
 * steps; operations are lost, clients are paused.  The whole history is checked, and when
 * the faults stop everything submitted must come to an end.
 *
 *     counter_sim --seeds N --from S     run N seeds
 *     counter_sim --seed S --trace       replay one, telling every event
 *     counter_sim --break RULE ...       with a rule broken: expects to be caught
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/sim/sim.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/region.h"
#include "sequencer/core/ticket.h"
#include "tests/sim/history.h"

#define CLIENTS_MAX 5
#define OPERATIONS 40 /* of each client */
#define EPOCHS_MAX 8
#define DEPTH 4
#define LINK_DEPTH 8
#define TICK_NS 2000
#define QUIET_NS UINT64_C(200000000) /* the time in which progress must follow */

#define STATE_SLOT 0

enum rule {
	RULE_NONE,
	RULE_SEAL,	      /* the old region is not sealed */
	RULE_BASE_AFTER_SEAL, /* the base is read before the seal */
	RULE_BASE,	      /* the new region begins at the old base */
};

static const char *const rule_names[] = {"none", "seal", "base-after-seal", "base"};

struct client {
	struct simulation *sim;
	unsigned int node;
	struct device *device;
	struct link *link;
	struct ticket_queue queue;
	struct ticket slots[DEPTH];
	uint64_t invoked[OPERATIONS];
	unsigned int submitted;
	unsigned int returned;
	uint64_t epoch; /* its link is to this epoch's region; 0: to none */
	uint64_t state_in;
	uint64_t lost; /* additions whose numbers may be nobody's */
};

/* What the configuration record would say, for every epoch that became active. */
struct epoch {
	struct memory *memory;
	uint64_t base;
	bool active;
};

struct simulation {
	uint64_t seed;
	uint64_t random;
	enum rule broken;
	bool trace;
	bool quiet; /* the faults have stopped */
	struct sim_world *world;
	struct device *owner;
	struct link *loopback;
	struct region_layout layout;
	struct epoch epochs[EPOCHS_MAX + 2];
	uint64_t epoch; /* the newest active */
	struct client clients[CLIENTS_MAX];
	unsigned int clients_count;
	struct history_entry history[CLIENTS_MAX * OPERATIONS];
	size_t history_count;
};

static uint64_t random_next(struct simulation *s)
{
	uint64_t z = (s->random += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static bool chance(struct simulation *s, unsigned int per_thousand)
{
	return random_next(s) % 1000 < per_thousand;
}

static void tell(struct simulation *s, const char *what, uint64_t who, uint64_t value)
{
	sim_world_trace_note(s->world, who << 32 ^ value);
	if (s->trace)
		(void)printf("%12" PRIu64 " %-10s %" PRIu64 " %" PRIu64 "\n",
			sim_world_now_ns(s->world), what, who, value);
}

static uint64_t *word(struct memory *memory, uint64_t offset)
{
	return (uint64_t *)(void *)((char *)memory->ops->base(memory) + offset);
}

/* The owner's operation on its own memory; simulated time passes. */
static uint64_t own_add(struct simulation *s, uint64_t epoch, uint64_t n)
{
	struct memory *memory = s->epochs[epoch].memory;
	struct link_config config = {.depth = 2};
	struct completion done = {0};
	struct link *link;
	struct error err;
	int count = 0;

	PAWL_ASSERT(memory->ops->connect(s->owner, memory->ops->address(memory), &config,
			    &link, &err) == 0);
	while (memory->ops->state(link, &err) == -EAGAIN) {
		PAWL_ASSERT(memory->ops->progress(s->owner, &err) == 0);
		PAWL_ASSERT(sim_world_step(s->world));
	}
	PAWL_ASSERT(link->ops->fetch_add(link, region_counter_offset(0), n, 0) == 0);
	while (count == 0) {
		PAWL_ASSERT(link->ops->poll(link, &done, 1, &count) == 0);
		if (count == 0)
			PAWL_ASSERT(sim_world_step(s->world));
	}
	PAWL_ASSERT(done.status == 0);
	link->ops->disconnect(link);
	return done.value;
}

static void region_make(struct simulation *s, uint64_t epoch, uint64_t base)
{
	struct memory_config config = {.pages = {.len = s->layout.len}};
	struct epoch *e = &s->epochs[epoch];
	struct error err;

	PAWL_ASSERT(s->owner->ops->expose(s->owner, &config, &e->memory, &err) == 0);
	*word(e->memory, REGION_STATE_OFFSET) = region_state_sealed(epoch);
	e->base = base;
	(void)own_add(s, epoch, base);
	*word(e->memory, REGION_STATE_OFFSET) = region_state_open(epoch);
	e->active = true;
	s->epoch = epoch;
	tell(s, "epoch", epoch, base);
}

/* The steps of replica_start, clients running in between. */
static void restart(struct simulation *s)
{
	uint64_t old = s->epoch;
	uint64_t early = own_add(s, old, 0);
	uint64_t exact;

	if (s->broken == RULE_SEAL) {
		exact = early;
	} else {
		*word(s->epochs[old].memory, REGION_STATE_OFFSET) = region_state_sealed(
			old);
		exact = own_add(s, old, COUNTER_LIMIT);
	}
	if (s->broken == RULE_BASE_AFTER_SEAL)
		exact = early;
	if (s->broken == RULE_BASE)
		exact = s->epochs[old].base;
	tell(s, "sealed", old, exact);
	region_make(s, old + 1, exact);
}

static void client_take(struct client *c)
{
	struct simulation *s = c->sim;
	struct ticket_result result;

	while (ticket_take(&c->queue, &result)) {
		PAWL_ASSERT(result.cookie == c->returned &&
			    result.outcome == TICKET_CONFIRMED);
		s->history[s->history_count++] = (struct history_entry){.n = result.n,
			.last = result.last,
			.invoked = c->invoked[c->returned],
			.returned = sim_world_now_ns(s->world)};
		tell(s, "returned", c->node, result.last);
		c->returned++;
	}
}

static void client_complete(struct client *c, const struct completion *done)
{
	if (done->status) {
		ticket_on_lost(&c->queue);
		return;
	}
	if (done->cookie == TICKET_DRAW)
		ticket_on_draw(&c->queue, done->value);
	else if (done->cookie == TICKET_READ_STATE)
		ticket_on_state(&c->queue, STATE_SLOT, c->state_in);
}

static void client_collect(struct client *c)
{
	struct completion done[LINK_DEPTH];
	int count;

	PAWL_ASSERT(c->link->ops->poll(c->link, done, LINK_DEPTH, &count) == 0);
	for (int i = 0; i < count; i++)
		client_complete(c, &done[i]);
}

static void client_submit(struct client *c)
{
	struct simulation *s = c->sim;
	uint64_t index;
	uint64_t n = chance(s, 200) ? 0 : 1 + random_next(s) % 3;

	if (c->submitted == OPERATIONS ||
		!ticket_submit(&c->queue, n, c->submitted, &index))
		return;
	c->invoked[c->submitted++] = sim_world_now_ns(s->world);
	tell(s, "invoked", c->node, n);
}

static void client_post(struct client *c)
{
	struct ticket_effect effect;

	while (ticket_next_effect(&c->queue, &effect)) {
		int rc;

		if (effect.kind == TICKET_DRAW)
			rc = c->link->ops->fetch_add(c->link, region_counter_offset(0),
				effect.value, TICKET_DRAW);
		else
			rc = c->link->ops->read(c->link, REGION_STATE_OFFSET,
				&c->state_in, sizeof(c->state_in), TICKET_READ_STATE);
		if (rc == -EAGAIN)
			return;
		if (rc) {
			ticket_on_lost(&c->queue);
			return;
		}
		ticket_effect_posted(&c->queue, &effect);
	}
}

/* What a lost draw took stays nobody's: at most its n, each time. */
static void client_count_lost(struct client *c)
{
	const struct ticket_queue *q = &c->queue;

	for (uint64_t i = q->drawn; i < q->posted; i++)
		c->lost += q->slots[i & q->mask].n;
}

static void client_leave(struct client *c)
{
	client_collect(c); /* what has come back is known */
	client_count_lost(c);
	c->link->ops->disconnect(c->link);
	c->link = NULL;
	c->epoch = 0;
}

static void client_join(struct client *c)
{
	struct simulation *s = c->sim;
	struct epoch *e = &s->epochs[s->epoch];
	struct link_config config = {.depth = LINK_DEPTH};
	struct error err;

	if (e->memory->ops->connect(c->device, e->memory->ops->address(e->memory),
		    &config, &c->link, &err))
		return;
	c->epoch = s->epoch;
}

/* One look of a client at its world. */
static void client_step(struct client *c)
{
	struct simulation *s = c->sim;
	struct error err;
	int state;

	PAWL_ASSERT(c->device->ops->progress(c->device, &err) == 0);
	if (!c->link) {
		client_join(c);
		return;
	}
	state = c->link->ops->state(c->link, &err);
	if (state == -EAGAIN)
		return;
	if (state == 0 && c->queue.epoch < c->epoch)
		ticket_enter_epoch(&c->queue, c->epoch, 0, s->epochs[c->epoch].base);
	else if (state == 0 && c->queue.phase == TICKET_SUSPENDED && c->epoch == s->epoch)
		ticket_enter_epoch(&c->queue, c->epoch, 0, s->epochs[c->epoch].base);
	client_collect(c);
	client_take(c);
	if (state != 0 || c->queue.phase == TICKET_SUSPENDED) {
		ticket_on_lost(&c->queue);
		if (state != 0 || c->epoch < s->epoch)
			client_leave(c);
		return;
	}
	if (chance(s, 300))
		client_submit(c);
	client_post(c);
	if (!s->quiet && chance(s, 4))
		sim_link_lose(c->link, chance(s, 500));
}

static void on_client(void *context, uint64_t argument)
{
	struct client *c = context;
	struct simulation *s = c->sim;
	uint64_t pause = TICK_NS;

	(void)argument;
	client_step(c);
	if (!s->quiet && chance(s, 5))
		pause += random_next(s) % 3000000; /* stopped for up to 3 ms */
	PAWL_ASSERT(sim_world_call_at(s->world,
			    sim_world_now_ns(s->world) + 1 + random_next(s) % pause,
			    on_client, c, 0) == 0);
}

static bool all_returned(const struct simulation *s)
{
	for (unsigned int i = 0; i < s->clients_count; i++) {
		if (s->clients[i].returned < OPERATIONS)
			return false;
	}
	return true;
}

static void run_for(struct simulation *s, uint64_t ns)
{
	struct error err;
	uint64_t end = sim_world_now_ns(s->world) + ns;

	while (sim_world_now_ns(s->world) < end && !all_returned(s)) {
		PAWL_ASSERT(sim_world_step(s->world));
		PAWL_ASSERT(s->owner->ops->progress(s->owner, &err) == 0);
	}
}

static void simulation_open(
	struct simulation *s, uint64_t seed, enum rule broken, bool trace)
{
	struct sim_config config;
	struct error err;

	memset(s, 0, sizeof(*s));
	s->seed = s->random = seed;
	s->broken = broken;
	s->trace = trace;
	sim_config_default(&config, random_next(s));
	config.nodes = CLIENTS_MAX + 1;
	PAWL_ASSERT(sim_world_open(&config, &s->world, &err) == 0);
	PAWL_ASSERT(sim_device_open(s->world, 0, &s->owner) == 0);
	PAWL_ASSERT(region_layout_make(1, CLIENTS_MAX, &s->layout));
	region_make(s, 1, 0);
	s->clients_count = 1 + (unsigned int)(random_next(s) % CLIENTS_MAX);
	for (unsigned int i = 0; i < s->clients_count; i++) {
		struct client *c = &s->clients[i];

		c->sim = s;
		c->node = i + 1;
		PAWL_ASSERT(sim_device_open(s->world, c->node, &c->device) == 0);
		ticket_queue_init(&c->queue, c->slots, DEPTH);
		PAWL_ASSERT(sim_world_call_at(s->world, 1 + i, on_client, c, 0) == 0);
	}
}

static void simulation_close(struct simulation *s)
{
	for (unsigned int i = 0; i < s->clients_count; i++) {
		struct client *c = &s->clients[i];

		if (c->link)
			c->link->ops->disconnect(c->link);
		c->device->ops->close(c->device);
	}
	for (uint64_t e = 1; e <= s->epoch; e++)
		s->owner->ops->withdraw(s->epochs[e].memory);
	s->owner->ops->close(s->owner);
	sim_world_close(s->world);
}

/* Numbers may be nobody's only where a draw's answer was lost. */
static uint64_t gaps_allowed(const struct simulation *s)
{
	uint64_t allowed = 0;

	for (unsigned int i = 0; i < s->clients_count; i++)
		allowed += s->clients[i].lost;
	return allowed;
}

static const char *judge(struct simulation *s)
{
	struct history_finding found = history_check(s->history, s->history_count);

	if (found.verdict != HISTORY_LINEARIZABLE)
		return history_verdict_name(found.verdict);
	if (!all_returned(s))
		return "no progress after the faults stopped";
	if (found.gaps > gaps_allowed(s))
		return "numbers are missing that no lost answer explains";
	return NULL;
}

/* NULL, or what is wrong. */
static const char *simulate(uint64_t seed, enum rule broken, bool trace)
{
	static struct simulation s; /* large */
	unsigned int restarts;
	const char *wrong;

	simulation_open(&s, seed, broken, trace);
	restarts = (unsigned int)(random_next(&s) % EPOCHS_MAX);
	for (unsigned int i = 0; i < restarts; i++) {
		run_for(&s, random_next(&s) % 300000);
		restart(&s);
	}
	run_for(&s, random_next(&s) % 300000);
	s.quiet = true;
	run_for(&s, QUIET_NS);
	wrong = judge(&s);
	if (trace)
		(void)printf(
			"trace hash %016" PRIx64 "\n", sim_world_trace_hash(s.world));
	simulation_close(&s);
	return wrong;
}

struct arguments {
	uint64_t from;
	uint64_t seeds;
	enum rule broken;
	bool trace;
};

static int misuse(void)
{
	(void)fprintf(stderr, "counter_sim [--seeds N] [--from S] [--seed S] [--trace] "
			      "[--break seal|base-after-seal|base]\n");
	return 2;
}

static bool rule_find(const char *name, enum rule *rule_p)
{
	for (unsigned int i = 0; i < sizeof(rule_names) / sizeof(rule_names[0]); i++) {
		if (strcmp(name, rule_names[i]) == 0) {
			*rule_p = (enum rule)i;
			return true;
		}
	}
	return false;
}

static bool arguments_parse(int argc, char **argv, struct arguments *a)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--trace") == 0) {
			a->trace = true;
			continue;
		}
		if (i + 1 == argc)
			return false;
		if (strcmp(argv[i], "--break") == 0) {
			if (!rule_find(argv[++i], &a->broken))
				return false;
		} else if (strcmp(argv[i], "--seeds") == 0) {
			a->seeds = strtoull(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--from") == 0) {
			a->from = strtoull(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--seed") == 0) {
			a->from = strtoull(argv[++i], NULL, 10);
			a->seeds = 1;
		} else {
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	struct arguments a = {.from = 1, .seeds = 1000};

	if (!arguments_parse(argc, argv, &a))
		return misuse();
	for (uint64_t seed = a.from; seed < a.from + a.seeds; seed++) {
		const char *wrong = simulate(seed, a.broken, a.trace);

		if (!wrong)
			continue;
		(void)printf("seed %" PRIu64 ": %s%s%s\n", seed, wrong,
			a.broken ? "; caught with the rule broken: " : "",
			a.broken ? rule_names[a.broken] : "");
		return a.broken ? 0 : 1;
	}
	(void)printf("%" PRIu64 " seeds from %" PRIu64 ": %s\n", a.seeds, a.from,
		a.broken ? "the broken rule was NOT caught" : "clean");
	return a.broken ? 1 : 0;
}
