/* What operators and joiners want of the head. */
#include <errno.h>
#include <string.h>

#include "sequencer/core/epoch_internal.h"

/* A permission to begin is good for the cluster as it was when it was given. */
static void begin_check(struct epoch_machine *m)
{
	if (!m->begin_dated)
		m->begin_active_epoch = m->seen.active_epoch;
	m->begin_dated = true;
	if ((m->seen.phase == EPOCH_ACTIVE ||
		    m->seen.active_epoch != m->begin_active_epoch) &&
		!MUTATED(BEGIN_LASTS))
		m->begin_wanted = false;
}

void epoch_begin(struct epoch_machine *m, const struct epoch_counter *counters,
	uint32_t counters_count, uint64_t lease_ns, uint64_t now_ns)
{
	PAWL_ASSERT(counters_count <= m->config.counters_max);
	m->now_ns = now_ns;
	m->begin_wanted = true;
	m->begin_dated = false;
	if (m->seen.epoch == 0) {
		m->seen.lease_ns = lease_ns;
		m->seen.counters_count = counters_count;
		for (uint32_t i = 0; i < counters_count; i++)
			m->seen.counters[i] = counters[i];
	}
	if (m->known)
		begin_check(m);
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

static void removals_done(struct epoch_machine *m)
{
	struct epoch_wishes *w = &m->wishes;
	uint32_t left = 0;

	for (uint32_t i = 0; i < w->removed_count; i++) {
		if (epoch_chain_place_of_id(&m->seen.chain, w->removed[i]) < CHAIN_MAX)
			w->removed[left++] = w->removed[i];
	}
	/* Others died: nobody would be left. */
	w->removed_count = left < m->seen.chain.count ? left : 0;
}

void epoch_wishes_done(struct epoch_machine *m)
{
	struct epoch_wishes *w = &m->wishes;
	uint32_t promoted = epoch_chain_place_of_id(&m->seen.chain, w->promoted);

	for (uint32_t i = w->join.count; i-- > 0;) {
		struct epoch_member member = w->join.at[i];

		if (epoch_chain_place(&m->seen.chain, member) < CHAIN_MAX ||
			epoch_is_gone(m, member))
			epoch_chain_remove(&w->join, i); /* those left out ask again */
	}
	removals_done(m);
	if (promoted == 0 || promoted == CHAIN_MAX)
		w->promoted = 0;
	w->active_epoch = m->seen.active_epoch; /* those that came later go on */
}

void epoch_wishes_check(struct epoch_machine *m)
{
	struct epoch_wishes *w = &m->wishes;

	if (m->begin_wanted)
		begin_check(m);
	if (m->seen.former.count == 0 || m->seen.active_epoch != w->active_epoch ||
		(m->seen.phase == EPOCH_ACTIVE && !epoch_is_first(m))) {
		w->join.count = 0;
		w->removed_count = 0;
		w->promoted = 0;
		w->stop = false;
	}
	w->active_epoch = m->seen.active_epoch;
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
int epoch_join_take(struct epoch_machine *m, struct epoch_member member)
{
	const struct epoch_chain *chain = &m->seen.chain;
	struct epoch_chain *join = &m->wishes.join;
	uint32_t waiting = epoch_chain_place_of_id(join, member.id);

	if (!wishes_belong_here(m) || member.id == m->config.self.id ||
		epoch_chain_place(chain, member) < CHAIN_MAX)
		return 0;
	if (waiting < CHAIN_MAX)
		join->at[waiting] = member;
	else if (join->count == CHAIN_MAX)
		return -EBUSY;
	else
		epoch_chain_append(join, member);
	return 0;
}

int epoch_add(struct epoch_machine *m, struct epoch_member member, uint64_t now_ns)
{
	int rc;

	m->now_ns = now_ns;
	if (!wishes_belong_here(m))
		return -EREMCHG;
	if (m->seen.chain.count == CHAIN_MAX)
		return -EINVAL;
	rc = epoch_join_take(m, member);
	epoch_advance(m);
	return rc;
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
