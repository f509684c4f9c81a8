/*
 * A client that maps the words and touches them itself, as on shared memory: each access is
 * an event of its own, so that anything may happen between two of them (ticket_direct).
 */
#include <string.h>

#include "tests/sim/cluster.h"

/* A word of the chain's member at @place; NULL when its memory is gone. */
static uint64_t *word_of(struct sim_client *k, uint32_t place, uint64_t offset)
{
	struct cluster *c = k->cluster;

	for (uint32_t i = 0; i < c->config.replicas; i++) {
		struct sim_replica *r = &c->replicas[i];

		for (uint32_t j = 0; j < REGIONS_MAX && r->alive; j++) {
			struct memory *memory = r->regions[j].memory;

			if (memory && strcmp(memory->ops->address(memory),
					      k->addresses[place]) == 0)
				return region_word(&r->regions[j], offset);
		}
	}
	return NULL;
}

/* The rule, or the broken one: link and processor write marks in any order. */
static bool may_go(const struct ticket_queue *q)
{
	if (MUTATED(DIRECT_IN_ROUND))
		return q->phase == TICKET_OPEN && q->over_from == UINT64_MAX &&
		       q->drawn == q->submitted && q->submitted - q->taken < q->depth;
	return ticket_direct(q);
}

bool direct_begin(struct sim_client *k, uint32_t counter, uint64_t n)
{
	struct sim_direct *d = &k->direct;
	uint64_t *word = word_of(k, 0, region_counter_offset(counter));

	PAWL_ASSERT(!d->busy);
	if (!word || !may_go(&k->queues[counter]))
		return false;
	*d = (struct sim_direct){.busy = true, .counter = counter, .n = n, .v = *word};
	*word += n;
	return true;
}

void direct_end(struct sim_client *k, bool dead)
{
	struct sim_direct *d = &k->direct;
	struct ticket_queue *q = &k->queues[d->counter];
	uint64_t index;

	if (!d->busy)
		return;
	d->busy = false;
	if (dead || q->phase != TICKET_OPEN) {
		k->cluster->gaps_allowed[d->counter] += d->n;
		k->returned[d->counter]++;
		return;
	}
	PAWL_ASSERT(ticket_submit_drawn(
		q, d->n, d->v, k->submitted[d->counter] - UINT64_C(1), &index));
}

static void direct_confirm(struct sim_client *k)
{
	struct sim_direct *d = &k->direct;
	struct ticket_result result = {.cookie = k->submitted[d->counter] - UINT64_C(1),
		.n = d->n,
		.last = d->v + d->n,
		.outcome = TICKET_CONFIRMED};

	d->busy = false;
	client_result(k, d->counter, &result);
}

/* How many backups count. */
static uint32_t backups_of(const struct ticket_queue *q)
{
	return MUTATED(ONE_BACKUP) && q->backups > 1 ? 1 : q->backups;
}

static bool mark_store(struct sim_client *k, uint32_t backup)
{
	uint64_t *word = word_of(k, backup + 1,
		region_mark_offset(&k->cluster->layout, k->index, k->direct.counter));

	if (word)
		*word = k->direct.mark;
	return word != NULL;
}

static bool state_is_open(struct sim_client *k, uint32_t backup)
{
	const struct ticket_queue *q = &k->queues[k->direct.counter];
	const uint64_t *word = word_of(k, backup + 1, REGION_STATE_OFFSET);

	return word && (*word == region_state_open(q->epoch) || MUTATED(NO_STATE_READ));
}

void direct_step(struct sim_client *k)
{
	struct sim_direct *d = &k->direct;
	struct ticket_queue *q = &k->queues[d->counter];
	uint32_t backups = backups_of(q), step = d->step++;
	bool marks = (step < backups) != MUTATED(MARK_AFTER_READ), good;

	if (step == 0) {
		if (!ticket_confirmed_within(q, d->v, d->n)) {
			direct_end(k, false);
			return;
		}
		if (d->v + d->n <= k->direct_marked[d->counter]) {
			step = backups; /* a mark ahead covers it */
			d->step = step + 1;
			marks = MUTATED(MARK_AFTER_READ);
		} else {
			d->mark = ticket_direct_mark(
				q, d->v, d->n, k->reserve[d->counter]);
		}
	}
	if (step == 2 * backups) {
		if (d->mark > k->direct_marked[d->counter])
			k->direct_marked[d->counter] = d->mark;
		direct_confirm(k);
		return;
	}
	good = marks ? mark_store(k, step % backups) : state_is_open(k, step % backups);
	if (!good)
		direct_end(k, false);
}
