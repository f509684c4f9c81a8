#include "bench/rounds.h"

#include <errno.h>
#include <string.h>

#include "hw/clock.h"

#define LEAD_NS UINT64_C(25000000)	/* at full speed before the kill */
#define LEAD_MORE_NS UINT64_C(15000000) /* and up to so much more */
#define SETTLE_NS UINT64_C(5000000)	/* gently in the complete chain */

/* xorshift64: any spread will do. */
static uint64_t random_next(struct rounds *r)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return r->random;
}

/* From full speed in one chain to full speed in the next. */
static int head_lose(struct rounds *r, const struct chain *chain, uint64_t after_ns,
	struct round_result *result, struct error *err)
{
	int rc;

	crew_begin(r->crew, CREW_FULL);
	rc = crew_sleep(r->crew, LEAD_NS + random_next(r) % LEAD_MORE_NS, err);
	if (rc)
		return rc;
	result->killed = chain->head;
	rc = cluster_kill(r->cluster, chain->head, &result->moments.killed_ns, err);
	if (!rc)
		rc = crew_await_epoch(r->crew, chain->epoch + 1, err);
	return rc ? rc : crew_sleep(r->crew, after_ns, err);
}

/* The killed replica comes back, while all draw. */
static int replica_return(
	struct rounds *r, struct round_result *result, struct error *err)
{
	uint64_t begin_ns = clock_now_ns();
	struct chain chain;
	int rc = cluster_restart(r->cluster, result->killed, err);

	if (!rc)
		rc = chain_await(
			r->cluster->where, r->replicas, r->interrupted, &chain, err);
	if (rc)
		return rc;
	result->rejoined_ns = clock_now_ns() - begin_ns;
	rc = crew_await_epoch(r->crew, chain.epoch, err);
	return rc ? rc : crew_sleep(r->crew, SETTLE_NS, err);
}

/*
 * When a number of the former epoch was confirmed, as far as is known: at its end, but not
 * after the seal.  Its process may not have been running between the two, since what makes
 * the seal needs a processor, too.
 */
static uint64_t confirmed_ns(const struct split_moments *m, uint64_t end_ns)
{
	return end_ns < m->sealed_ns ? end_ns : m->sealed_ns;
}

/* The last number of the former epoch and the first of the new, over all processes. */
static void edges_find(const struct rounds *r, const struct history_part *parts,
	uint64_t epoch, struct round_result *result)
{
	struct split_moments *m = &result->moments;

	m->first_ns = UINT64_MAX;
	for (unsigned int i = 0; i < r->processes; i++) {
		const uint64_t *ends_ns = parts[i].ends_ns;
		uint64_t before = parts[i].count;

		if (crew_before_epoch(r->crew, i, epoch, &before) &&
			ends_ns[before] < m->first_ns)
			m->first_ns = ends_ns[before];
		if (before > 0 && confirmed_ns(m, ends_ns[before - 1]) > m->last_ns)
			m->last_ns = confirmed_ns(m, ends_ns[before - 1]);
		for (uint64_t at = before; at > 0 && ends_ns[at - 1] > m->killed_ns; at--)
			result->after_kill++;
	}
}

static int round_draw(struct rounds *r, uint64_t after_ns, struct round_result *result,
	uint64_t *epoch_p, struct error *err)
{
	struct chain chain;
	int rc = chain_await(r->cluster->where, r->replicas, r->interrupted, &chain, err);

	if (!rc)
		rc = head_lose(r, &chain, after_ns, result, err);
	if (rc)
		return rc;
	*epoch_p = chain.epoch + 1;
	crew_pace(r->crew, CREW_GENTLE);
	rc = chain_change_find(r->cluster->where, chain.epoch, r->interrupted,
		&result->change, &result->moments, err);
	if (!rc)
		rc = replica_return(r, result, err);
	return rc ? rc : crew_finish(r->crew, err);
}

int round_run(struct rounds *r, uint64_t after_ns, struct round_result *result_p,
	struct round_view *view_p, struct error *err)
{
	static struct history_part parts[CREW_MAX];
	uint64_t epoch = 0;
	int rc;

	memset(result_p, 0, sizeof(*result_p));
	rc = round_draw(r, after_ns, result_p, &epoch, err);
	if (rc)
		return rc;
	for (unsigned int i = 0; i < r->processes; i++) {
		crew_part(r->crew, i, &parts[i]);
		result_p->numbers += parts[i].count;
	}
	rc = history_check(&r->history, parts, r->processes, err);
	if (rc)
		return rc;
	edges_find(r, parts, epoch, result_p);
	*view_p = (struct round_view){result_p, parts, r->processes};
	return split_make(&result_p->moments, result_p->parts_ns, err);
}
