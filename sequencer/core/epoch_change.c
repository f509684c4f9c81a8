/* Changes of the record that need no new epoch: ceilings (E10), and new counters. */
#include <errno.h>

#include "sequencer/core/epoch_internal.h"

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
	m->wishes.counter_index = m->seen.counters_count;
	m->wishes.counter_reserve_max = reserve_max;
	m->wishes.counter_unknown = 0;
	epoch_advance(m);
	return 0;
}

/* What is being written has the counter that is wished for. */
static bool counter_is_in(const struct epoch_machine *m)
{
	return m->writing == EPOCH_WRITE_CHANGE &&
	       m->want.counters_count > m->wishes.counter_index;
}

void epoch_change_unknown(struct epoch_machine *m)
{
	if (m->wishes.counter && counter_is_in(m))
		m->wishes.counter_unknown = m->revision;
}

bool epoch_counter_awaited(const struct epoch_machine *m)
{
	return m->wishes.counter && m->store == EPOCH_STORE_WRITING && counter_is_in(m);
}

bool epoch_counter_drop(struct epoch_machine *m)
{
	struct epoch_wishes *w = &m->wishes;

	if (!w->counter)
		return true;
	if ((w->counter_unknown == m->revision || epoch_counter_awaited(m)) &&
		!MUTATED(COUNTER_DROPPED))
		return false;
	if (m->store == EPOCH_STORE_WRITE_WANTED && counter_is_in(m)) {
		m->store = EPOCH_STORE_READY; /* ceilings in it are asked for again */
		m->writing = EPOCH_WRITE_NONE;
	}
	w->counter = false;
	return true;
}

void epoch_change_check(struct epoch_machine *m)
{
	struct epoch_wishes *w = &m->wishes;
	bool leads = m->seen.phase == EPOCH_PREPARING || is_acting_head(m);

	if (m->seen.counters_count > w->counter_index)
		w->counter = false; /* somebody's is there: perhaps this one */
	if (!leads)
		w->counter = false;
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

/* The wish is kept until the record is known to have a counter at its place. */
static bool counter_append(struct epoch_machine *m)
{
	const struct epoch_wishes *w = &m->wishes;

	if (!w->counter || m->want.counters_count == m->config.counters_max)
		return false;
	PAWL_ASSERT(m->want.counters_count == w->counter_index);
	m->want.counters[m->want.counters_count++] = (struct epoch_counter){
		.ceiling = m->config.ceiling_ahead,
		.reserve_max = w->counter_reserve_max};
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
