#include "hw/sim/world.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void sim_config_default(struct sim_config *config_p, uint64_t seed)
{
	*config_p = (struct sim_config){
		.seed = seed,
		.nodes = 8,
		.links = 64,
		.transfers = 256,
		.calls = 256,
		.memory_len = 1 << 20,
		.latency_min_ns = 1000,
		.latency_max_ns = 5000,
		.straggle = 10000,
		.straggle_ns = 50000,
		.timeout_ns = 1000000,
	};
}

static bool config_is_valid(const struct sim_config *config)
{
	return config->nodes >= 1 && config->nodes <= SIM_NODES_MAX &&
	       config->links >= 1 && config->links <= 1 << 20 && config->calls >= 1 &&
	       config->calls <= 1 << 20 && config->transfers >= 1 &&
	       config->transfers <= 1 << 20 && config->memory_len >= 1 &&
	       config->latency_min_ns <= config->latency_max_ns &&
	       config->latency_max_ns < UINT32_MAX && config->straggle <= 1000000 &&
	       config->timeout_ns >= 1;
}

static void world_free(struct sim_world *world)
{
	free(world->events);
	free(world->links);
	free(world->transfers);
	free(world->transfers_free);
	free(world);
}

int sim_world_open(
	const struct sim_config *config, struct sim_world **world_p, struct error *err)
{
	struct sim_world *world;
	size_t events;

	if (!config_is_valid(config))
		return error_set(err, -EINVAL,
			"sim: world: a limit of the configuration is out of range; see "
			"hw/sim/sim.h");
	world = calloc(1, sizeof(*world));
	if (!world)
		return error_set(err, -ENOMEM, "sim: world: out of memory");
	world->config = *config;
	world->random.state = config->seed;
	events = (size_t)config->links * SIM_LINK_EVENTS_MAX + config->calls;
	world->events = malloc(events * sizeof(world->events[0]));
	world->links = calloc(config->links, sizeof(world->links[0]));
	world->transfers = malloc((size_t)config->transfers * LINK_TRANSFER_MAX);
	world->transfers_free = malloc(
		config->transfers * sizeof(world->transfers_free[0]));
	if (!world->events || !world->links || !world->transfers ||
		!world->transfers_free) {
		world_free(world);
		return error_set(err, -ENOMEM, "sim: world: out of memory");
	}
	*world_p = world;
	return 0;
}

void sim_world_close(struct sim_world *world)
{
	assert(world->devices_count == 0 && !world->memories);
	for (unsigned int i = 0; i < world->config.links; i++)
		free(world->links[i]);
	world_free(world);
}

uint64_t sim_world_now_ns(const struct sim_world *world)
{
	return world->now_ns;
}

uint64_t sim_world_next_ns(const struct sim_world *world)
{
	return world->events_count ? world->events[0].at_ns : UINT64_MAX;
}

static bool event_is_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order);
}

/* Moves @event from the hole at @at towards the top until its parent is before it. */
static void heap_rise(struct sim_world *world, size_t at, const struct sim_event *event)
{
	struct sim_event *events = world->events;

	while (at > 0 && event_is_before(event, &events[(at - 1) / 2])) {
		events[at] = events[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	events[at] = *event;
}

/* Moves @event from the hole at the top down until it is before both its children. */
static void heap_sink(struct sim_world *world, const struct sim_event *event)
{
	struct sim_event *events = world->events;
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < world->events_count &&
			event_is_before(&events[child + 1], &events[child]))
			child++;
		if (child >= world->events_count ||
			event_is_before(event, &events[child]))
			break;
		events[at] = events[child];
		at = child;
	}
	events[at] = *event;
}

static void event_plan(struct sim_world *world, struct sim_event event)
{
	if (event.at_ns < world->now_ns)
		event.at_ns = world->now_ns;
	event.order = world->orders++;
	heap_rise(world, world->events_count++, &event);
}

void sim_world_plan(struct sim_world *world, uint64_t at_ns, sim_call_fn call,
	void *context, uint64_t argument)
{
	event_plan(world, (struct sim_event){.at_ns = at_ns,
				  .call = call,
				  .context = context,
				  .argument = argument});
}

int sim_world_call_at(struct sim_world *world, uint64_t at_ns, sim_call_fn call,
	void *context, uint64_t argument)
{
	if (world->calls_count == world->config.calls)
		return -ENOBUFS;
	world->calls_count++;
	event_plan(world, (struct sim_event){.at_ns = at_ns,
				  .call = call,
				  .context = context,
				  .argument = argument,
				  .counted = true});
	return 0;
}

bool sim_world_step(struct sim_world *world)
{
	struct sim_event event;

	if (world->events_count == 0)
		return false;
	event = world->events[0];
	if (--world->events_count > 0) {
		struct sim_event last = world->events[world->events_count];

		heap_sink(world, &last);
	}
	world->now_ns = event.at_ns;
	world->calls_count -= event.counted;
	sim_world_trace_note(world, event.at_ns);
	event.call(event.context, event.argument);
	return true;
}

void sim_world_run_until(struct sim_world *world, uint64_t at_ns)
{
	while (sim_world_next_ns(world) <= at_ns && sim_world_step(world))
		;
	if (at_ns > world->now_ns)
		world->now_ns = at_ns;
}

uint64_t sim_world_trace_hash(const struct sim_world *world)
{
	return world->trace;
}

void sim_world_trace_note(struct sim_world *world, uint64_t what)
{
	world->trace = random_mix(world->trace ^ what) + 0x9e3779b97f4a7c15u;
}

uint64_t sim_world_latency_ns(struct sim_world *world)
{
	const struct sim_config *config = &world->config;
	uint64_t ns = config->latency_min_ns;

	ns += random_below(
		&world->random, config->latency_max_ns - config->latency_min_ns + 1);
	if (random_chance(&world->random, config->straggle))
		ns += random_below(&world->random, config->straggle_ns);
	return ns;
}

unsigned char *sim_world_transfer_take(struct sim_world *world)
{
	uint32_t block;

	if (world->transfers_free_count > 0)
		block = world->transfers_free[--world->transfers_free_count];
	else if (world->transfers_fresh < world->config.transfers)
		block = world->transfers_fresh++;
	else
		return NULL;
	return world->transfers + (size_t)block * LINK_TRANSFER_MAX;
}

void sim_world_transfer_give(struct sim_world *world, const unsigned char *block)
{
	size_t number = (size_t)(block - world->transfers) / LINK_TRANSFER_MAX;

	world->transfers_free[world->transfers_free_count++] = (uint32_t)number;
}
