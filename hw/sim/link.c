#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw/sim/world.h"

static void effect_arrive(void *context, uint64_t unused);
static void completion_arrive(void *context, uint64_t unused);

/* Effects of a living link go on to what is posted last, those of another to its limit. */
static uint32_t effects_end(const struct sim_link *link)
{
	return sim_link_is_alive(link) ? link->tail : link->limit;
}

void sim_link_plan_effect(struct sim_link *link)
{
	if (link->effect_planned || link->effected == effects_end(link))
		return;
	link->effect_planned = true;
	link->events++;
	sim_world_plan(link->world, sim_link_operation(link, link->effected)->due_ns,
		effect_arrive, link, 0);
}

static void completion_plan(struct sim_link *link)
{
	if (link->completion_planned || link->completed == link->effected)
		return;
	link->completion_planned = true;
	link->events++;
	sim_world_plan(link->world, sim_link_operation(link, link->completed)->due_ns,
		completion_arrive, link, 0);
}

static void failure_arrive(void *context, uint64_t status)
{
	struct sim_link *link = context;

	link->events--;
	link->failure_planned = false;
	sim_world_trace_note(link->world, link->slot ^ status << 32);
	if (sim_link_is_alive(link))
		sim_link_fail(link, (int)(int64_t)status);
	sim_link_release(link);
}

void sim_link_plan_failure(struct sim_link *link, int status, uint64_t ns)
{
	struct sim_world *world = link->world;

	if (link->failure_planned || link->closed || link->phase == SIM_LINK_FAILED)
		return;
	link->failure_planned = true;
	link->events++;
	sim_world_plan(world,
		world->now_ns + 1 + random_below(&world->random, (uint32_t)ns),
		failure_arrive, link, (uint64_t)(int64_t)status);
}

static bool operation_is_put(const struct sim_operation *operation)
{
	return operation->kind == SIM_PUT || operation->kind == SIM_PUT_REST;
}

static void operation_drop(struct sim_link *link, struct sim_operation *operation)
{
	if (operation->kind == SIM_WRITE && operation->len > sizeof(operation->with.few))
		sim_world_transfer_give(link->world, operation->with.block);
	if (operation_is_put(operation)) {
		free(operation->with.put.ghost);
		operation->with.put.ghost = NULL;
	}
	operation->len = 0;
}

/* Gives back what operations from @from on hold. */
static void operations_drop(struct sim_link *link, uint32_t from)
{
	for (uint32_t i = from; i != link->tail; i++)
		operation_drop(link, sim_link_operation(link, i));
}

void sim_link_drop_effects(struct sim_link *link)
{
	operations_drop(link, link->effected);
	link->limit = link->effected;
}

/*
 * Packets of a put that are under way when its link ends hold its bytes as they are now: the
 * source is its owner's again.  Without memory for them it is lost.
 */
static void put_haunt(struct sim_operation *operation)
{
	operation->with.put.ghost = malloc(operation->len);
	if (!operation->with.put.ghost) {
		operation->loss = SIM_LOSS_REQUEST;
		return;
	}
	memcpy(operation->with.put.ghost, operation->with.put.from, operation->len);
	operation->with.put.from = operation->with.put.ghost;
}

static void puts_haunt(struct sim_link *link)
{
	for (uint32_t i = link->effected; i != link->limit; i++) {
		struct sim_operation *operation = sim_link_operation(link, i);

		if (operation_is_put(operation))
			put_haunt(operation);
	}
}

void sim_link_haunt(struct sim_link *link)
{
	struct sim_world *world = link->world;
	uint32_t left = link->tail - link->effected;

	if (!link->memory || left == 0) {
		sim_link_drop_effects(link);
		return;
	}
	link->limit = link->effected + (uint32_t)random_below(&world->random, left + 1);
	operations_drop(link, link->limit);
	puts_haunt(link);
	sim_link_operation(link, link->effected)->due_ns =
		world->now_ns + random_below(&world->random, world->config.timeout_ns);
	sim_link_plan_effect(link);
}

void sim_link_fail(struct sim_link *link, int status)
{
	bool was_connected = link->phase == SIM_LINK_CONNECTED;

	link->phase = SIM_LINK_FAILED;
	if (!was_connected)
		return;
	while (link->completed != link->tail) {
		struct sim_operation *operation = sim_link_operation(
			link, link->completed++);

		operation->status = status;
		operation->value = 0;
		status = -ECANCELED; /* M4 */
	}
	sim_link_haunt(link);
}

void sim_link_lose(struct link *base, bool takes_effect)
{
	struct sim_link *link = sim_link(base);
	enum sim_operation_loss loss = takes_effect ? SIM_LOSS_ANSWER : SIM_LOSS_REQUEST;

	assert(base->ops == &sim_memory_ops);
	if (link->effected != effects_end(link))
		sim_link_operation(link, link->effected)->loss = loss;
	else
		link->lose_next = loss;
}

static uint64_t word_apply(const struct sim_operation *operation, unsigned char *at)
{
	uint64_t before, after;

	memcpy(&before, at, sizeof(before));
	after = before + operation->with.word.n;
	if (operation->kind == SIM_COMPARE_SWAP)
		after = before == operation->with.word.expected ? operation->with.word.n
								: before;
	memcpy(at, &after, sizeof(after));
	return before;
}

/* What is left of an operation has a moment of its own. */
static uint64_t rest_due_ns(struct sim_world *world)
{
	uint64_t range = world->config.latency_max_ns - world->config.latency_min_ns;

	return world->now_ns + random_below(&world->random, (uint32_t)(range + 1));
}

/* Some first bytes of a put arrive, maybe none or all of them. */
static void put_begin(struct sim_link *link, struct sim_operation *operation)
{
	struct sim_world *world = link->world;
	uint32_t len = (uint32_t)random_below(&world->random, operation->len + 1);

	memcpy(link->memory->bytes + operation->offset, operation->with.put.from, len);
	sim_world_trace_note(world, len);
	operation->kind = SIM_PUT_REST;
	operation->offset += len;
	operation->with.put.from += len;
	operation->len -= len;
	operation->due_ns = rest_due_ns(world);
}

/* A pair's write takes effect.  What is left of it is a read. */
static void pair_write(struct sim_link *link, struct sim_operation *operation)
{
	struct sim_world *world = link->world;
	uint64_t word = operation->with.pair.word;

	memcpy(link->memory->bytes + operation->offset, &word, sizeof(word));
	sim_world_trace_note(world, word);
	operation->kind = SIM_READ;
	operation->offset = operation->with.pair.read_offset;
	operation->due_ns = rest_due_ns(world);
}

/*
 * Lets an operation take effect; true if that was all of it.  A ghost's read has no buffer
 * any more.
 */
static bool operation_apply(struct sim_link *link, struct sim_operation *operation)
{
	unsigned char *at = link->memory->bytes + operation->offset;

	switch (operation->kind) {
	case SIM_FETCH_ADD:
	case SIM_COMPARE_SWAP:
		operation->value = word_apply(operation, at);
		break;
	case SIM_WRITE:
		memcpy(at,
			operation->len > sizeof(operation->with.few)
				? operation->with.block
				: operation->with.few,
			operation->len);
		break;
	case SIM_READ:
		if (sim_link_is_alive(link))
			memcpy(operation->buffer, at, operation->len);
		break;
	case SIM_WRITE_READ:
		pair_write(link, operation);
		return false;
	case SIM_PUT:
		put_begin(link, operation);
		return false;
	case SIM_PUT_REST:
		memcpy(at, operation->with.put.from, operation->len);
		break;
	}
	sim_world_trace_note(link->world, operation->value);
	operation_drop(link, operation);
	return true;
}

/*
 * Whether nothing passes between the two nodes just now.  If so, it has been seen to:
 * the sender tries again, or gives up.
 */
static bool link_is_stalled(struct sim_link *link, bool *planned, sim_call_fn again)
{
	struct sim_world *world = link->world;

	if (!sim_nodes_are_parted(world, link->node, link->owner)) {
		link->stalled_ns = UINT64_MAX;
		return false;
	}
	if (link->stalled_ns == UINT64_MAX)
		link->stalled_ns = world->now_ns;
	if (world->now_ns - link->stalled_ns >= world->config.timeout_ns) {
		sim_link_fail(link, -ETIMEDOUT);
		return true;
	}
	*planned = true;
	link->events++;
	sim_world_plan(
		world, world->now_ns + world->config.latency_max_ns + 1, again, link, 0);
	return true;
}

static void ghost_arrive(struct sim_link *link)
{
	struct sim_operation *operation = sim_link_operation(link, link->effected);

	if (link->effected == link->limit || operation->loss == SIM_LOSS_REQUEST ||
		sim_nodes_are_parted(link->world, link->node, link->owner)) {
		sim_link_drop_effects(link);
	} else {
		link->effected += operation_apply(link, operation);
		sim_link_plan_effect(link);
	}
	sim_link_release(link);
}

static void effect_arrive(void *context, uint64_t unused)
{
	struct sim_link *link = context;
	struct sim_world *world = link->world;
	struct sim_operation *operation = sim_link_operation(link, link->effected);

	(void)unused;
	link->events--;
	link->effect_planned = false;
	sim_world_trace_note(world, (uint64_t)link->slot << 32 | link->effected);
	if (!sim_link_is_alive(link)) {
		ghost_arrive(link);
		return;
	}
	if (!link->memory) /* its failure has been planned */
		return;
	if (link_is_stalled(link, &link->effect_planned, effect_arrive))
		return;
	if (operation->loss == SIM_LOSS_REQUEST) {
		sim_link_plan_failure(link, -ETIMEDOUT, world->config.timeout_ns);
		return;
	}
	if (operation_apply(link, operation)) {
		operation->due_ns = world->now_ns + sim_world_latency_ns(world);
		link->effected++;
	}
	sim_link_plan_effect(link);
	completion_plan(link);
}

static void completion_arrive(void *context, uint64_t unused)
{
	struct sim_link *link = context;
	struct sim_world *world = link->world;

	(void)unused;
	link->events--;
	link->completion_planned = false;
	sim_world_trace_note(world, ~((uint64_t)link->slot << 32 | link->completed));
	if (!sim_link_is_alive(link)) {
		sim_link_release(link);
		return;
	}
	if (link_is_stalled(link, &link->completion_planned, completion_arrive))
		return;
	if (sim_link_operation(link, link->completed)->loss == SIM_LOSS_ANSWER) {
		sim_link_plan_failure(link, -ETIMEDOUT, world->config.timeout_ns);
		return;
	}
	link->completed++;
	completion_plan(link);
}
