/* The calls of the data path: posting, and taking completions. */
#include <errno.h>
#include <string.h>

#include "hw/sim/world.h"

/* What every call on the data path checks: M1, M4, M6. */
static int post_check(const struct sim_link *link, uint64_t offset, size_t len)
{
	if (offset > link->len || len > link->len - offset)
		return -ERANGE;
	if (!sim_link_is_alive(link))
		return -ENOTCONN;
	return link->tail - link->head < link->depth ? 0 : -EAGAIN;
}

static int word_check(const struct sim_link *link, uint64_t offset)
{
	return offset % 8 ? -EINVAL : post_check(link, offset, 8);
}

static int transfer_check(const struct sim_link *link, uint64_t offset, size_t len)
{
	if (len == 0 || len > LINK_TRANSFER_MAX)
		return -EINVAL;
	return post_check(link, offset, len);
}

static void operation_post(struct sim_link *link, const struct sim_operation *operation)
{
	struct sim_operation *slot = sim_link_operation(link, link->tail++);

	*slot = *operation;
	slot->due_ns = link->world->now_ns + sim_world_latency_ns(link->world);
	slot->loss = link->lose_next;
	link->lose_next = SIM_LOSS_NONE;
	sim_link_plan_effect(link);
}

int sim_fetch_add(struct link *base, uint64_t offset, uint64_t n, uint64_t cookie)
{
	struct sim_operation operation = {.cookie = cookie,
		.offset = offset,
		.kind = SIM_FETCH_ADD,
		.with.word.n = n};
	int rc = word_check(sim_link(base), offset);

	if (!rc)
		operation_post(sim_link(base), &operation);
	return rc;
}

int sim_compare_swap(struct link *base, uint64_t offset, uint64_t expected,
	uint64_t desired, uint64_t cookie)
{
	struct sim_operation operation = {.cookie = cookie,
		.offset = offset,
		.kind = SIM_COMPARE_SWAP,
		.with.word = {.n = desired, .expected = expected}};
	int rc = word_check(sim_link(base), offset);

	if (!rc)
		operation_post(sim_link(base), &operation);
	return rc;
}

int sim_write(struct link *base, uint64_t offset, const void *bytes, size_t len,
	uint64_t cookie)
{
	struct sim_link *link = sim_link(base);
	struct sim_operation operation = {.cookie = cookie,
		.offset = offset,
		.len = (uint32_t)len,
		.kind = SIM_WRITE};
	int rc = transfer_check(link, offset, len);

	if (rc)
		return rc;
	if (len > sizeof(operation.with.few)) {
		operation.with.block = sim_world_transfer_take(link->world);
		if (!operation.with.block)
			return -EAGAIN;
		memcpy(operation.with.block, bytes, len);
	} else {
		memcpy(operation.with.few, bytes, len);
	}
	operation_post(link, &operation);
	return 0;
}

int sim_read(struct link *base, uint64_t offset, void *bytes, size_t len, uint64_t cookie)
{
	struct sim_operation operation = {.cookie = cookie,
		.offset = offset,
		.len = (uint32_t)len,
		.kind = SIM_READ,
		.buffer = bytes};
	int rc = transfer_check(sim_link(base), offset, len);

	if (!rc)
		operation_post(sim_link(base), &operation);
	return rc;
}

int sim_write_read(struct link *base, uint64_t write_offset, uint64_t word,
	uint64_t read_offset, void *bytes, uint64_t cookie)
{
	struct sim_operation operation = {.cookie = cookie,
		.offset = write_offset,
		.len = sizeof(word),
		.kind = SIM_WRITE_READ,
		.with.pair = {.word = word, .read_offset = read_offset},
		.buffer = bytes};
	int rc = word_check(sim_link(base), write_offset);

	if (!rc)
		rc = word_check(sim_link(base), read_offset);
	if (!rc)
		operation_post(sim_link(base), &operation);
	return rc;
}

int sim_put(struct link *base, uint64_t offset, const struct memory *source,
	uint64_t source_offset, size_t len, uint64_t cookie)
{
	struct sim_operation operation = {.cookie = cookie,
		.offset = offset,
		.len = (uint32_t)len,
		.kind = SIM_PUT};
	int rc = memory_source_check(source, base, source_offset, len);

	if (!rc)
		rc = post_check(sim_link(base), offset, len);
	if (rc)
		return rc;
	operation.with.put.from = sim_memory(source)->bytes + source_offset;
	operation.with.put.ghost = NULL;
	operation_post(sim_link(base), &operation);
	return 0;
}

int sim_poll(struct link *base, struct completion *completions, int max, int *count_p)
{
	struct sim_link *link = sim_link(base);
	bool paused = link->world->nodes[link->node].paused;
	int count = 0;

	while (!paused && count < max && link->head != link->completed) {
		const struct sim_operation *operation = sim_link_operation(
			link, link->head++);

		completions[count++] = (struct completion){
			.cookie = operation->cookie,
			.value = operation->value,
			.status = operation->status,
		};
	}
	*count_p = count;
	return 0;
}
