#include "hw/fault/link.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* One operation in flight.  F1: it stands for exactly one operation on the inner link. */
struct fault_operation {
	uint64_t cookie;
	uint64_t due;		  /* poll of the link at which it may be handed over */
	struct completion answer; /* of the inner link, once there is one */
	bool lost;		  /* no completion; the link fails instead */
};

/* Up to which operation things went well on a link. */
enum fault_link_phase {
	FAULT_LINK_WELL,
	FAULT_LINK_LOSSY,  /* a completion has been lost: it is going to fail */
	FAULT_LINK_FAILED, /* the inner link is gone (F3) */
};

/* Operations are counted modulo 2^32: head <= answered <= tail. */
struct fault_link {
	struct link link;
	struct link *inner; /* NULL once the link has failed */
	enum fault_link_phase phase;
	int first_status; /* of the operation that fails first, until it has been reported
			   */
	bool effects;	  /* what is posted now still takes effect */
	uint64_t polls;	  /* how often it was polled */
	uint32_t tail;	  /* posted */
	uint32_t answered; /* completed by the inner link */
	uint32_t head;	   /* handed over */
	uint32_t depth;
	uint32_t mask;
	unsigned char
		waste[LINK_TRANSFER_MAX]; /* where reads without a purpose go (F1) */
	struct fault_operation operations[];
};

static struct fault_link *fault_link(struct link *link)
{
	return (struct fault_link *)link;
}

static struct fault_operation *operation_at(struct fault_link *link, uint32_t index)
{
	return &link->operations[index & link->mask];
}

static struct fault_link *link_alloc(unsigned int depth)
{
	struct fault_link *link;
	uint32_t slots = 1;

	while (slots < depth)
		slots *= 2;
	link = calloc(1, sizeof(*link) + slots * sizeof(link->operations[0]));
	if (!link)
		return NULL;
	link->depth = depth;
	link->mask = slots - 1;
	link->effects = true;
	return link;
}

int fault_connect(struct device *base, const char *address,
	const struct link_config *config, struct link **link_p, struct error *err)
{
	struct fault_device *device = fault_device(base);
	struct device *inner = device->inner;
	struct fault_link *link;
	int rc;

	if (config->depth < 1 || config->depth > LINK_DEPTH_MAX)
		return error_set(err, -EINVAL,
			"fault: link: depth of %u is not allowed; choose 1 to %d",
			config->depth, LINK_DEPTH_MAX);
	link = link_alloc(config->depth);
	if (!link)
		return error_set(err, -ENOMEM, "fault: link: out of memory");
	link->link = (struct link){.ops = &fault_memory_ops, .device = base};
	rc = inner->ops->connect(inner, address, config, &link->inner, err);
	if (rc) {
		free(link);
		return rc;
	}
	device->links++;
	*link_p = &link->link;
	return 0;
}

int fault_state(const struct link *base, struct error *err)
{
	const struct fault_link *link = (const struct fault_link *)base;

	if (!link->inner)
		return error_set(err, -ENOTCONN,
			"fault: link: failed: as the fault plan or a test asked; connect "
			"again");
	return link->inner->ops->state(link->inner, err);
}

void fault_disconnect(struct link *base)
{
	struct fault_link *link = fault_link(base);

	if (link->inner)
		link->inner->ops->disconnect(link->inner);
	fault_device(base->device)->links--;
	free(link);
}

/* The end of a link: everything that has no answer yet fails, @status first. */
static void link_fail(struct fault_link *link, int status)
{
	link->inner->ops->disconnect(link->inner); /* F3 */
	link->inner = NULL;
	link->phase = FAULT_LINK_FAILED;
	link->first_status = status;
}

void fault_link_cut(struct link *base)
{
	struct fault_link *link = fault_link(base);

	assert(base->ops == &fault_memory_ops);
	if (link->phase != FAULT_LINK_FAILED)
		link_fail(link, -EIO);
}

/* What the plan has in store for the next operation. */
struct fault_fate {
	bool full;
	bool cut;
	bool lost;
	bool effect;
	uint64_t delay_polls;
};

/*
 * An operation that is lost or cut off takes effect or not with the same probability, and
 * so does each later one until the first that does not (F2).
 */
static struct fault_fate fate_draw(struct fault_link *link)
{
	struct fault_device *device = fault_device(link->link.device);
	const struct fault_plan *plan = &device->plan;
	struct random *random = &device->random;
	struct fault_fate fate = {.effect = link->effects};

	fate.full = random_chance(random, plan->full);
	fate.cut = random_chance(random, plan->cut);
	fate.lost = link->phase == FAULT_LINK_WELL && random_chance(random, plan->lose);
	if (random_chance(random, plan->delay))
		fate.delay_polls = 1 + random_below(random, plan->delay_polls);
	if (fate.cut || fate.lost || link->phase == FAULT_LINK_LOSSY)
		fate.effect = link->effects && random_below(random, 2) == 0;
	return fate;
}

/* What every call on the data path begins with. */
static int post_begin(struct fault_link *link, struct fault_fate *fate_p)
{
	if (link->phase == FAULT_LINK_FAILED)
		return -ENOTCONN;
	if (link->tail - link->head >= link->depth)
		return -EAGAIN;
	*fate_p = fate_draw(link);
	return fate_p->full ? -EAGAIN : 0;
}

/* The inner link has accepted an operation, as itself or as a read. */
static void post_finish(
	struct fault_link *link, const struct fault_fate *fate, uint64_t cookie)
{
	const struct fault_plan *plan = &fault_device(link->link.device)->plan;
	struct fault_operation *operation = operation_at(link, link->tail++);
	uint64_t polls = fate->lost ? plan->lose_polls : fate->delay_polls;

	*operation = (struct fault_operation){
		.cookie = cookie, .due = link->polls + polls, .lost = fate->lost};
	link->effects = fate->effect;
	if (fate->lost)
		link->phase = FAULT_LINK_LOSSY;
	if (fate->cut)
		link_fail(link, -EIO);
}

/* F1: instead of a word operation without effect. */
static int word_look(struct fault_link *link, uint64_t offset)
{
	if (offset % 8)
		return -EINVAL;
	return link->inner->ops->read(link->inner, offset, link->waste, 8, 0);
}

/* F1: instead of a transfer without effect. */
static int transfer_look(struct fault_link *link, uint64_t offset, size_t len)
{
	return link->inner->ops->read(link->inner, offset, link->waste, len, 0);
}

int fault_fetch_add(struct link *base, uint64_t offset, uint64_t n, uint64_t cookie)
{
	struct fault_link *link = fault_link(base);
	struct fault_fate fate;
	int rc = post_begin(link, &fate);

	if (rc)
		return rc;
	rc = fate.effect ? link->inner->ops->fetch_add(link->inner, offset, n, cookie)
			 : word_look(link, offset);
	if (!rc)
		post_finish(link, &fate, cookie);
	return rc;
}

int fault_compare_swap(struct link *base, uint64_t offset, uint64_t expected,
	uint64_t desired, uint64_t cookie)
{
	struct fault_link *link = fault_link(base);
	struct link *inner = link->inner;
	struct fault_fate fate;
	int rc = post_begin(link, &fate);

	if (rc)
		return rc;
	rc = fate.effect
		     ? inner->ops->compare_swap(inner, offset, expected, desired, cookie)
		     : word_look(link, offset);
	if (!rc)
		post_finish(link, &fate, cookie);
	return rc;
}

int fault_write(struct link *base, uint64_t offset, const void *bytes, size_t len,
	uint64_t cookie)
{
	struct fault_link *link = fault_link(base);
	struct fault_fate fate;
	int rc = post_begin(link, &fate);

	if (rc)
		return rc;
	rc = fate.effect
		     ? link->inner->ops->write(link->inner, offset, bytes, len, cookie)
		     : transfer_look(link, offset, len);
	if (!rc)
		post_finish(link, &fate, cookie);
	return rc;
}

int fault_read(
	struct link *base, uint64_t offset, void *bytes, size_t len, uint64_t cookie)
{
	struct fault_link *link = fault_link(base);
	struct fault_fate fate;
	int rc = post_begin(link, &fate);

	if (rc)
		return rc;
	rc = fate.effect ? link->inner->ops->read(link->inner, offset, bytes, len, cookie)
			 : transfer_look(link, offset, len);
	if (!rc)
		post_finish(link, &fate, cookie);
	return rc;
}

/* F1: instead of a pair without effect.  If the higher word is inside, both are. */
static int pair_look(struct fault_link *link, uint64_t write_offset, uint64_t read_offset)
{
	if ((write_offset | read_offset) % 8)
		return -EINVAL;
	return word_look(link, write_offset > read_offset ? write_offset : read_offset);
}

int fault_write_read(struct link *base, uint64_t write_offset, uint64_t word,
	uint64_t read_offset, void *bytes, uint64_t cookie)
{
	struct fault_link *link = fault_link(base);
	struct link *inner = link->inner;
	struct fault_fate fate;
	int rc = post_begin(link, &fate);

	if (rc)
		return rc;
	rc = fate.effect ? inner->ops->write_read(
				   inner, write_offset, word, read_offset, bytes, cookie)
			 : pair_look(link, write_offset, read_offset);
	if (!rc)
		post_finish(link, &fate, cookie);
	return rc;
}

/* F1: instead of a put without effect.  If its last bytes are inside, all are. */
static int put_look(struct fault_link *link, uint64_t offset, const struct memory *source,
	uint64_t source_offset, size_t len)
{
	size_t few = len < LINK_TRANSFER_MAX ? len : LINK_TRANSFER_MAX;
	int rc = memory_source_check(source, &link->link, source_offset, len);

	if (rc)
		return rc;
	if (offset > UINT64_MAX - len)
		return -ERANGE;
	return transfer_look(link, offset + len - few, few);
}

int fault_put(struct link *base, uint64_t offset, const struct memory *source,
	uint64_t source_offset, size_t len, uint64_t cookie)
{
	struct fault_link *link = fault_link(base);
	struct link *inner = link->inner;
	struct fault_fate fate;
	int rc = source->device == base->device ? post_begin(link, &fate) : -EINVAL;

	if (rc)
		return rc;
	rc = fate.effect ? inner->ops->put(inner, offset, fault_memory_inner(source),
				   source_offset, len, cookie)
			 : put_look(link, offset, source, source_offset, len);
	if (!rc)
		post_finish(link, &fate, cookie);
	return rc;
}

/* Takes what the inner link has completed since. */
static int answers_take(struct fault_link *link)
{
	while (link->inner && link->answered != link->tail) {
		struct fault_operation *operation = operation_at(link, link->answered);
		int count;
		int rc = link->inner->ops->poll(
			link->inner, &operation->answer, 1, &count);

		if (rc || count == 0)
			return rc;
		link->answered++;
	}
	return 0;
}

/* Hands over an operation of a link that has failed. */
static void operation_cancel(struct fault_link *link, struct completion *completion_p)
{
	struct fault_operation *operation = operation_at(link, link->head++);

	*completion_p = (struct completion){
		.cookie = operation->cookie,
		.status = link->first_status,
	};
	link->first_status = -ECANCELED; /* M4 */
}

/* Hands over the oldest operation if it is time; fails the link if that one is lost. */
static bool operation_take(struct fault_link *link, struct completion *completion_p)
{
	struct fault_operation *operation = operation_at(link, link->head);

	if (link->head == link->tail)
		return false;
	if (link->phase != FAULT_LINK_FAILED) {
		if (operation->due > link->polls)
			return false;
		if (operation->lost)
			link_fail(link, -ETIMEDOUT);
		else if (link->head == link->answered)
			return false;
	}
	if (link->phase == FAULT_LINK_FAILED) {
		operation_cancel(link, completion_p);
		return true;
	}
	*completion_p = operation->answer;
	completion_p->cookie = operation->cookie;
	link->head++;
	if (operation->answer.status)
		link_fail(link, -ECANCELED); /* the inner link has failed by itself */
	return true;
}

int fault_poll(struct link *base, struct completion *completions, int max, int *count_p)
{
	struct fault_link *link = fault_link(base);
	int count = 0;
	int rc = answers_take(link);

	if (rc)
		return rc;
	link->polls++;
	while (count < max && operation_take(link, &completions[count]))
		count++;
	*count_p = count;
	return 0;
}
