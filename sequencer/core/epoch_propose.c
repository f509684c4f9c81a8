/* Step 1: who proposes, when, which chain, and whether the claim is still its own. */
#include <string.h>

#include "sequencer/core/epoch_internal.h"

#define DUEL_MAX 8

struct epoch_member epoch_held_as(const struct epoch_machine *m)
{
	return (struct epoch_member){m->config.self.id, m->serving.incarnation};
}

/* This replica's place in the newest active chain, by the region that it holds. */
static uint32_t held_place(const struct epoch_machine *m)
{
	if (m->serving.epoch == 0)
		return CHAIN_MAX;
	if (MUTATED(LOSS_FORGOTTEN) && m->serving.epoch == m->seen.active_epoch)
		return epoch_chain_place_of_id(&m->seen.former, m->config.self.id);
	if (MUTATED(STRANGER_CLAIMS))
		return epoch_chain_place_of_id(&m->seen.former, m->config.self.id);
	if (m->serving.epoch != m->seen.active_epoch)
		return CHAIN_MAX;
	return epoch_chain_place(&m->seen.former, epoch_held_as(m));
}

bool epoch_is_holder(const struct epoch_machine *m)
{
	if (m->seen.former.count == 0)
		return m->begin_wanted;
	if (MUTATED(STRANGER_CLAIMS))
		return m->serving.epoch != 0;
	return held_place(m) < CHAIN_MAX;
}

/* How many others of the newest active chain have their turn before this replica. */
static uint32_t turn_place(const struct epoch_machine *m)
{
	uint32_t before = 0;
	uint32_t place = held_place(m);

	for (uint32_t i = 0; i < m->seen.former.count && i < place; i++)
		before += !epoch_is_gone(m, m->seen.former.at[i]);
	return before;
}

bool epoch_is_first(const struct epoch_machine *m)
{
	return epoch_is_holder(m) && turn_place(m) == 0;
}

/* A living proposer may have to wait for leases (E7); that is not getting nowhere. */
static uint64_t takeover_ns(const struct epoch_machine *m)
{
	return m->config.takeover_ns + m->seen.lease_ns + m->seen.lease_ns / 100;
}

/* A claim by somebody who is gone, or gets nowhere, or was given up by this replica. */
static bool claim_is_orphan(const struct epoch_machine *m)
{
	return epoch_is_gone(m, m->seen.proposer) ||
	       epoch_member_same(m->seen.proposer, m->config.self) ||
	       m->now_ns - m->seen_ns >= takeover_ns(m);
}

static bool reason_exists(const struct epoch_machine *m)
{
	if (m->recover_wanted)
		return true;
	if (!epoch_is_holder(m))
		return false;
	switch (m->seen.phase) {
	case EPOCH_PREPARING:
		return claim_is_orphan(m);
	case EPOCH_ACTIVE:
		return epoch_chain_is_broken(m) || epoch_wishes_change(m);
	case EPOCH_STOPPED:
		return true; /* it is a holder because it may begin */
	}
	return false;
}

/*
 * Two members that do not reach each other, while both reach the store, take each other's
 * claims over.  The more claims came to nothing, the longer each waits before its next, and
 * the later in the chain the longer, so that one of them gets through.
 */
static uint64_t duel_ns(const struct epoch_machine *m)
{
	uint64_t failed = m->seen.epoch - m->seen.active_epoch;
	uint32_t place = held_place(m);

	if (m->seen.phase != EPOCH_PREPARING || failed < 2 || place == CHAIN_MAX)
		return 0;
	failed = failed - 1 < DUEL_MAX ? failed - 1 : DUEL_MAX;
	return failed * (place + 1) * m->config.turn_ns;
}

static uint64_t turn_ns(const struct epoch_machine *m)
{
	if (m->recover_wanted)
		return 0;
	return turn_place(m) * m->config.turn_ns + duel_ns(m);
}

static void promoted_first(const struct epoch_machine *m, struct epoch_chain *plan)
{
	uint32_t place = epoch_chain_place_of_id(plan, m->wishes.promoted);
	struct epoch_member member;

	if (m->wishes.promoted == 0 || place == CHAIN_MAX)
		return;
	member = plan->at[place];
	memmove(&plan->at[1], &plan->at[0], place * sizeof(plan->at[0]));
	plan->at[0] = member;
}

static void plan_append(const struct epoch_machine *m, struct epoch_chain *plan,
	struct epoch_member member)
{
	if (epoch_is_gone(m, member) || epoch_wishes_remove(m, member.id))
		return;
	if (plan->count < CHAIN_MAX &&
		epoch_chain_place_of_id(plan, member.id) == CHAIN_MAX)
		epoch_chain_append(plan, member);
}

/* Survivors in their order, then this replica if it is new, then whoever wants to join. */
static void plan_make(const struct epoch_machine *m, struct epoch_chain *plan)
{
	plan->count = 0;
	for (uint32_t i = 0; i < m->seen.former.count && !m->recover_wanted; i++)
		plan_append(m, plan, m->seen.former.at[i]);
	plan_append(m, plan, m->config.self);
	for (uint32_t i = 0; i < m->wishes.join.count; i++)
		plan_append(m, plan, m->wishes.join.at[i]);
	if (plan->count == 0)
		epoch_chain_append(plan, m->config.self);
	promoted_first(m, plan);
}

static void claim(struct epoch_machine *m)
{
	struct epoch_proposal *p = &m->proposal;

	PAWL_ASSERT(m->recover_wanted || epoch_is_holder(m)); /* E2 */
	epoch_record_copy(&m->want, &m->seen);
	m->want.epoch = m->seen.epoch + 1; /* E1 */
	m->want.phase = EPOCH_PREPARING;
	m->want.proposer = m->config.self;
	plan_make(m, &m->want.chain);
	*p = (struct epoch_proposal){.step = EPOCH_CLAIMING,
		.claim = m->want.epoch,
		.since_ns = m->now_ns,
		.recovers = m->recover_wanted,
		.stops = m->wishes.stop};
	m->reason_ns = UINT64_MAX;
	epoch_write(m, EPOCH_WRITE_CLAIM);
}

bool epoch_idle_advance(struct epoch_machine *m)
{
	if (!m->known || !reason_exists(m)) {
		m->reason_ns = UINT64_MAX;
		if (m->known)
			epoch_change_advance(m);
		return false;
	}
	if (m->reason_ns == UINT64_MAX)
		m->reason_ns = m->now_ns;
	if (m->now_ns - m->reason_ns < turn_ns(m) || !epoch_store_free(m))
		return false;
	claim(m);
	return true;
}

uint64_t epoch_idle_wake_ns(const struct epoch_machine *m)
{
	if (m->reason_ns != UINT64_MAX) {
		uint64_t at = m->reason_ns + turn_ns(m);

		return at > m->store_retry_ns ? at : m->store_retry_ns;
	}
	if (m->known && m->seen.phase == EPOCH_PREPARING && epoch_is_holder(m))
		return m->seen_ns + takeover_ns(m);
	return UINT64_MAX;
}

static void proposal_end(struct epoch_machine *m)
{
	m->proposal.step = EPOCH_IDLE;
	m->doubts.count = 0;
	m->reason_ns = UINT64_MAX;
}

void epoch_reclaim(struct epoch_machine *m)
{
	if (!epoch_store_free(m))
		return;
	if (m->recover_wanted || epoch_is_holder(m)) {
		claim(m);
		return;
	}
	/* Somebody else's epoch took this replica's region: the claim is lost (E2). */
	proposal_end(m);
	m->known = false;
	m->read_wanted = true;
}

static void proposal_done(struct epoch_machine *m)
{
	uint32_t self = epoch_chain_place(&m->seen.chain, m->config.self);

	m->told = m->seen.chain;
	m->told_epoch = m->proposal.claim;
	if (self < CHAIN_MAX)
		epoch_chain_remove(&m->told, self);
	m->recover_wanted = false;
	epoch_wishes_done(m);
	proposal_end(m);
}

void epoch_proposal_check(struct epoch_machine *m)
{
	struct epoch_proposal *p = &m->proposal;
	bool mine = m->seen.epoch == p->claim &&
		    epoch_member_same(m->seen.proposer, m->config.self);

	if (p->step == EPOCH_IDLE || m->writing != EPOCH_WRITE_NONE)
		return;
	if (!mine)
		proposal_end(m);
	else if (m->seen.phase != EPOCH_PREPARING)
		proposal_done(m);
	else if (p->step == EPOCH_CLAIMING)
		epoch_sealing_begin(m);
}
