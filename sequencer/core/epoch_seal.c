/* Steps 2 and 3: sealing members of the newest active epoch, and the bases. */
#include <string.h>

#include "sequencer/core/epoch_internal.h"

void epoch_sealing_begin(struct epoch_machine *m)
{
	struct epoch_proposal *p = &m->proposal;
	uint32_t held = CHAIN_MAX;

	p->step = EPOCH_SEALING;
	p->since_ns = m->now_ns;
	p->resend_ns = m->now_ns + m->config.resend_ns;
	m->obeyed = p->claim;
	memset(m->exact, 0, m->config.counters_max * sizeof(uint64_t));
	memset(m->marks, 0, m->config.counters_max * sizeof(uint64_t));
	if (p->recovers)
		return;
	p->outbox = (1u << m->seen.former.count) - 1;
	if (m->serving.epoch == m->seen.active_epoch)
		held = epoch_chain_place(&m->seen.former, epoch_held_as(m));
	if (MUTATED(LOSS_FORGOTTEN) || MUTATED(STRANGER_CLAIMS))
		held = epoch_chain_place_of_id(&m->seen.former, m->config.self.id);
	if (held < CHAIN_MAX)
		p->outbox &= ~(1u << held);
	if (held < CHAIN_MAX || MUTATED(STRANGER_CLAIMS))
		m->seal_wanted = m->serving.epoch != 0;
	m->sealed_target = m->serving.epoch;
	m->sealed_count = m->seen.counters_count;
}

void epoch_report_take(struct epoch_machine *m, uint32_t place, bool exact,
	const uint64_t *values, uint32_t counters_count)
{
	struct epoch_proposal *p = &m->proposal;

	PAWL_ASSERT(counters_count == m->seen.counters_count);
	PAWL_ASSERT(!exact || place == 0 || MUTATED(STRANGER_CLAIMS));
	p->sealed |= 1u << place;
	p->outbox &= ~(1u << place);
	p->newest_seal_ns = m->now_ns;
	if (exact) {
		p->head_sealed = true;
		memcpy(m->exact, values, counters_count * sizeof(uint64_t));
		return;
	}
	for (uint32_t i = 0; i < counters_count; i++) {
		if (values[i] > m->marks[i])
			m->marks[i] = values[i];
	}
}

/* Members worth waiting for: the new chain's, and the head, whose values are exact. */
static uint32_t seals_missing(const struct epoch_machine *m)
{
	const struct epoch_chain *former = &m->seen.former;
	uint32_t missing = 0;

	for (uint32_t i = 0; i < former->count; i++) {
		bool stays = epoch_chain_place(&m->seen.chain, former->at[i]) < CHAIN_MAX;
		bool held = former->at[i].id == m->config.self.id;

		if (m->proposal.sealed >> i & 1 || m->proposal.refused >> i & 1)
			continue;
		if (held ? epoch_is_holder(m)
			 : !epoch_is_gone(m, former->at[i]) && (i == 0 || stays))
			missing |= 1u << i;
	}
	return missing;
}

static bool sealing_done(const struct epoch_machine *m)
{
	const struct epoch_proposal *p = &m->proposal;

	if (m->seen.former.count == 0 || p->recovers || p->head_sealed)
		return true;
	if (MUTATED(NOBODY_SEALED))
		return true;
	return p->sealed != 0 && seals_missing(m) == 0; /* E3 */
}

static uint64_t base_after_loss(const struct epoch_machine *m, uint32_t counter)
{
	const struct epoch_counter *c = &m->seen.counters[counter];

	return MUTATED(RECOVER_AT_BASE) ? c->base : c->ceiling;
}

static uint64_t limited(uint64_t value)
{
	return value < COUNTER_LIMIT ? value : COUNTER_LIMIT - 1;
}

/* The base of one counter (E4), and up to where earlier tickets stand (E5). */
static void base_compute(struct epoch_machine *m, uint32_t counter)
{
	const struct epoch_proposal *p = &m->proposal;
	const struct epoch_counter *old = &m->seen.counters[counter];
	struct epoch_counter *c = &m->want.counters[counter];
	uint64_t ceiling;

	if (p->recovers) {
		c->base = base_after_loss(m, counter);
		c->stand = 0;
	} else if (m->seen.former.count > 0) {
		c->base = p->head_sealed ? m->exact[counter] : m->marks[counter];
		c->stand = c->base;
		if (!p->head_sealed && !MUTATED(STAND_AT_BASE))
			c->stand = c->base > c->reserve_max ? c->base - c->reserve_max
							    : 0;
	}
	c->base = limited(c->base);
	PAWL_ASSERT(c->base >= old->base || MUTATED(NOBODY_SEALED)); /* E4 */
	ceiling = limited(c->base + m->config.ceiling_ahead);
	if (ceiling > c->ceiling)
		c->ceiling = ceiling; /* E10 */
}

/* m->want becomes the record of the epoch as it will be when it is active. */
static void bases_compute(struct epoch_machine *m)
{
	const struct epoch_proposal *p = &m->proposal;

	PAWL_ASSERT(p->sealed != 0 || m->seen.former.count == 0 || p->recovers ||
		    MUTATED(NOBODY_SEALED)); /* E3 */
	epoch_record_copy(&m->want, &m->seen);
	m->want.phase = p->stops ? EPOCH_STOPPED : EPOCH_ACTIVE;
	if (!p->stops)
		m->want.active_epoch = p->claim;
	m->want.former = m->want.chain;
	if (p->stops)
		m->want.former.count = 0;
	for (uint32_t i = 0; i < m->seen.counters_count; i++)
		base_compute(m, i);
	m->next.count = 0;
	if (m->serving.epoch == m->seen.active_epoch && m->serving.epoch != 0)
		epoch_history_copy(&m->next, &m->serving.history, m->seen.counters_count);
	epoch_history_push(&m->next, p->claim, m->seen.active_epoch, m->want.counters,
		m->want.counters_count);
}

static void missing_doubt(struct epoch_machine *m)
{
	uint32_t missing = seals_missing(m);

	for (uint32_t i = 0; i < m->seen.former.count; i++) {
		if (missing >> i & 1)
			epoch_doubt(m, m->seen.former.at[i]);
	}
}

bool epoch_sealing_advance(struct epoch_machine *m)
{
	struct epoch_proposal *p = &m->proposal;

	if (m->now_ns - p->since_ns >= m->config.step_ns)
		missing_doubt(m);
	if (epoch_chain_is_broken(m)) {
		epoch_reclaim(m);
		return false;
	}
	if (sealing_done(m)) {
		bases_compute(m);
		epoch_installing_begin(m);
		return true;
	}
	if (m->now_ns >= p->resend_ns) {
		p->resend_ns = m->now_ns + m->config.resend_ns;
		p->outbox |= ((1u << m->seen.former.count) - 1) & ~p->sealed &
			     ~p->refused;
		for (uint32_t i = 0; i < m->seen.former.count; i++) {
			if (m->seen.former.at[i].id == m->config.self.id)
				p->outbox &= ~(1u << i);
		}
	}
	return false;
}
