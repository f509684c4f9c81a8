/* What operators, joiners and counters want of the head. */
#include <errno.h>
#include <string.h>

#include "sequencer/core/epoch_internal.h"

void epoch_begin(struct epoch_machine *m, const struct epoch_counter *counters,
	uint32_t counters_count, uint64_t lease_ns, uint64_t now_ns)
{
	PAWL_ASSERT(counters_count <= m->config.counters_max);
	m->now_ns = now_ns;
	m->begin_wanted = true;
	if (!m->known) {
		m->seen.lease_ns = lease_ns;
		m->seen.counters_count = counters_count;
		for (uint32_t i = 0; i < counters_count; i++)
			m->seen.counters[i] = counters[i];
	}
	epoch_advance(m);
}

void epoch_recover(struct epoch_machine *m, uint64_t now_ns)
{
	m->now_ns = now_ns;
	m->recover_wanted = true;
	epoch_advance(m);
}

bool epoch_wishes_remove(const struct epoch_machine *m, uint32_t id)
{
	for (uint32_t i = 0; i < m->wishes.removed_count; i++) {
		if (m->wishes.removed[i] == id)
			return true;
	}
	return false;
}

static bool joins_wait(const struct epoch_machine *m)
{
	const struct epoch_chain *chain = &m->seen.chain;

	for (uint32_t i = 0; i < m->wishes.join.count; i++) {
		struct epoch_member member = m->wishes.join.at[i];

		if (!epoch_is_gone(m, member) && chain->count < CHAIN_MAX &&
			epoch_chain_place_of_id(chain, member.id) == CHAIN_MAX &&
			!epoch_wishes_remove(m, member.id))
			return true;
	}
	return false;
}

static bool removals_wait(const struct epoch_machine *m)
{
	for (uint32_t i = 0; i < m->wishes.removed_count; i++) {
		if (epoch_chain_place_of_id(&m->seen.chain, m->wishes.removed[i]) <
			CHAIN_MAX)
			return m->seen.chain.count > 1;
	}
	return false;
}

bool epoch_wishes_change(const struct epoch_machine *m)
{
	const struct epoch_wishes *w = &m->wishes;
	bool promotion = w->promoted != 0 &&
			 epoch_chain_place_of_id(&m->seen.chain, w->promoted) != 0;

	return epoch_is_first(m) &&
	       (w->stop || promotion || joins_wait(m) || removals_wait(m));
}

void epoch_wishes_done(struct epoch_machine *m)
{
	struct epoch_wishes *w = &m->wishes;

	for (uint32_t i = w->join.count; i-- > 0;) {
		struct epoch_member member = w->join.at[i];

		if (epoch_chain_place(&m->seen.chain, member) < CHAIN_MAX ||
			epoch_is_gone(m, member))
			epoch_chain_remove(&w->join, i); /* those left out ask again */
	}
	w->removed_count = 0;
	w->promoted = 0;
	w->stop = false;
}

/* True when wishes are to be told to this replica: it is the first living member. */
static bool wishes_belong_here(const struct epoch_machine *m)
{
	return m->known && m->seen.former.count > 0 && epoch_is_first(m);
}

/*
 * A late wish of an earlier life says nothing about the life that is in the chain now: that
 * a member is no more is for the failure detector to say.
 */
void epoch_join_take(struct epoch_machine *m, struct epoch_member member)
{
	const struct epoch_chain *chain = &m->seen.chain;
	struct epoch_chain *join = &m->wishes.join;
	uint32_t waiting = epoch_chain_place_of_id(join, member.id);

	if (!m->known || member.id == m->config.self.id)
		return;
	if (!wishes_belong_here(m) || epoch_chain_place(chain, member) < CHAIN_MAX)
		return;
	if (waiting < CHAIN_MAX)
		join->at[waiting] = member;
	else if (join->count < CHAIN_MAX)
		epoch_chain_append(join, member);
}

int epoch_add(struct epoch_machine *m, struct epoch_member member, uint64_t now_ns)
{
	m->now_ns = now_ns;
	if (!wishes_belong_here(m))
		return -EREMCHG;
	if (m->seen.chain.count == CHAIN_MAX)
		return -EINVAL;
	epoch_join_take(m, member);
	epoch_advance(m);
	return 0;
}

static int member_wish_check(const struct epoch_machine *m, uint32_t id)
{
	if (!wishes_belong_here(m))
		return -EREMCHG;
	if (epoch_chain_place_of_id(&m->seen.chain, id) == CHAIN_MAX)
		return -EINVAL;
	return 0;
}

int epoch_remove(struct epoch_machine *m, uint32_t id, uint64_t now_ns)
{
	int rc = member_wish_check(m, id);

	m->now_ns = now_ns;
	if (!rc && m->seen.chain.count <= m->wishes.removed_count + 1)
		rc = -EINVAL;
	if (rc)
		return rc;
	if (!epoch_wishes_remove(m, id))
		m->wishes.removed[m->wishes.removed_count++] = id;
	epoch_advance(m);
	return 0;
}

int epoch_promote(struct epoch_machine *m, uint32_t id, uint64_t now_ns)
{
	int rc = member_wish_check(m, id);

	m->now_ns = now_ns;
	if (!rc && m->wishes.promoted != 0 && m->wishes.promoted != id)
		rc = -EBUSY;
	if (rc)
		return rc;
	m->wishes.promoted = id;
	epoch_advance(m);
	return 0;
}

int epoch_stop(struct epoch_machine *m, uint64_t now_ns)
{
	m->now_ns = now_ns;
	if (!wishes_belong_here(m))
		return -EREMCHG;
	m->wishes.stop = true;
	epoch_advance(m);
	return 0;
}

/* The head of the epoch in the record, which nobody is about to end. */
static bool is_acting_head(const struct epoch_machine *m)
{
	return m->known && m->seen.phase == EPOCH_ACTIVE &&
	       m->serving.epoch == m->seen.epoch &&
	       epoch_member_same(m->seen.chain.at[0], m->config.self);
}

int epoch_counter_add(struct epoch_machine *m, uint64_t reserve_max, uint64_t now_ns)
{
	m->now_ns = now_ns;
	if (!is_acting_head(m))
		return -EREMCHG;
	if (m->seen.counters_count == m->config.counters_max)
		return -EINVAL;
	if (m->wishes.counter)
		return -EBUSY;
	m->wishes.counter = true;
	m->wishes.counter_reserve_max = reserve_max;
	epoch_advance(m);
	return 0;
}

void epoch_on_value(
	struct epoch_machine *m, uint32_t counter, uint64_t value, uint64_t now_ns)
{
	uint64_t ceiling, ahead = m->config.ceiling_ahead;

	m->now_ns = now_ns;
	if (!is_acting_head(m) || counter >= m->seen.counters_count ||
		value >= COUNTER_LIMIT)
		return;
	ceiling = m->seen.counters[counter].ceiling;
	if (ceiling >= COUNTER_LIMIT - 1 || value + ahead / 2 < ceiling)
		return;
	m->wanted[counter] = value + ahead;
	if (m->wanted[counter] >= COUNTER_LIMIT)
		m->wanted[counter] = COUNTER_LIMIT - 1;
	if (MUTATED(CEILING_EARLY)) {
		m->seen.counters[counter].ceiling = m->wanted[counter];
		m->show_wanted = true;
	}
	epoch_advance(m);
}

static bool ceilings_raise(struct epoch_machine *m)
{
	bool any = false;

	for (uint32_t i = 0; i < m->seen.counters_count; i++) {
		if (m->wanted[i] > m->seen.counters[i].ceiling ||
			(MUTATED(CEILING_EARLY) && m->wanted[i] != 0)) {
			m->want.counters[i].ceiling = m->wanted[i]; /* E10: only grows */
			any = true;
		}
		m->wanted[i] = 0;
	}
	return any;
}

static bool counter_append(struct epoch_machine *m)
{
	struct epoch_counter *c;

	if (!m->wishes.counter)
		return false;
	m->wishes.counter = false;
	if (m->want.counters_count == m->config.counters_max)
		return false;
	c = &m->want.counters[m->want.counters_count++];
	*c = (struct epoch_counter){.ceiling = m->config.ceiling_ahead,
		.reserve_max = m->wishes.counter_reserve_max};
	return true;
}

void epoch_change_advance(struct epoch_machine *m)
{
	bool changed;

	if (!is_acting_head(m) || !epoch_store_free(m))
		return;
	epoch_record_copy(&m->want, &m->seen);
	changed = ceilings_raise(m);
	changed = counter_append(m) || changed;
	if (changed)
		epoch_write(m, EPOCH_WRITE_CHANGE);
}

static bool join_is_due(const struct epoch_machine *m)
{
	return m->config.rejoin && m->known && m->seen.phase == EPOCH_ACTIVE &&
	       m->proposal.step == EPOCH_IDLE && m->now_ns >= m->join_ns &&
	       epoch_chain_place(&m->seen.chain, m->config.self) == CHAIN_MAX;
}

void epoch_join_advance(struct epoch_machine *m)
{
	if (!m->config.rejoin || m->now_ns < m->join_ns)
		return;
	m->join_out = join_is_due(m);
	m->join_ns = m->now_ns + m->config.join_ns;
}
