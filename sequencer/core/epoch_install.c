/* Steps 4 and 5: fresh regions everywhere, then the compare-and-set that makes it so. */
#include "sequencer/core/epoch_internal.h"

static void install_here(struct epoch_machine *m)
{
	struct epoch_message install = {
		.kind = EPOCH_INSTALL,
		.from = m->config.self,
		.to = m->config.self,
		.claim = m->proposal.claim,
		.target = m->seen.active_epoch,
		.counters_count = m->want.counters_count,
		.chain = m->want.chain,
		.counters = m->want.counters,
		.history = &m->next,
	};

	epoch_install(m, &install);
}

void epoch_installing_begin(struct epoch_machine *m)
{
	struct epoch_proposal *p = &m->proposal;
	uint32_t self = epoch_chain_place(&m->seen.chain, m->config.self);

	p->step = EPOCH_INSTALLING;
	p->since_ns = m->now_ns;
	p->resend_ns = m->now_ns + m->config.resend_ns;
	p->outbox = 0;
	if (p->stops)
		return;
	p->outbox = (1u << m->seen.chain.count) - 1;
	if (self < CHAIN_MAX) {
		p->outbox &= ~(1u << self);
		install_here(m);
	}
}

static uint32_t installs_missing(const struct epoch_machine *m)
{
	if (m->proposal.stops)
		return 0;
	return ((1u << m->seen.chain.count) - 1) & ~m->proposal.installed;
}

static void missing_doubt(struct epoch_machine *m)
{
	for (uint32_t i = 0; i < m->seen.chain.count; i++) {
		if (installs_missing(m) >> i & 1)
			epoch_doubt(m, m->seen.chain.at[i]);
	}
}

/*
 * The bases are what the old head had, and it is gone before this replica had it too: what only
 * the head had was confirmed to nobody, and the next claim does without it.
 */
static bool source_is_lost(const struct epoch_machine *m)
{
	uint32_t self = epoch_chain_place(&m->seen.chain, m->config.self);

	return self < CHAIN_MAX && (installs_missing(m) >> self & 1) &&
	       m->proposal.head_sealed && m->seen.former.count > 0 &&
	       epoch_is_gone(m, m->seen.former.at[0]);
}

/* A member of the new chain that does not make it is left out, by another claim. */
static bool chain_mended(struct epoch_machine *m)
{
	bool late = m->now_ns - m->proposal.since_ns >= m->config.step_ns;

	if (late)
		missing_doubt(m);
	if (!epoch_chain_is_broken(m) && !(late && source_is_lost(m)))
		return false;
	epoch_reclaim(m);
	return true;
}

bool epoch_installing_advance(struct epoch_machine *m)
{
	struct epoch_proposal *p = &m->proposal;
	uint32_t self = epoch_chain_place(&m->seen.chain, m->config.self);

	if (chain_mended(m))
		return false;
	if (installs_missing(m) == 0) {
		p->step = EPOCH_LEASING;
		return true;
	}
	if (m->now_ns >= p->resend_ns) {
		p->resend_ns = m->now_ns + m->config.resend_ns;
		p->outbox |= installs_missing(m);
		if (self < CHAIN_MAX)
			p->outbox &= ~(1u << self);
	}
	return false;
}

/* Some addition may have been confirmed on a lease that backups gave (E7). */
static bool leases_matter(const struct epoch_machine *m)
{
	const struct epoch_proposal *p = &m->proposal;

	if (p->head_sealed || p->recovers || m->seen.former.count == 0 ||
		MUTATED(NO_LEASE_WAIT))
		return false;
	for (uint32_t i = 0; i < m->seen.counters_count; i++) {
		if (m->seen.counters[i].reserve_max > 0)
			return true;
	}
	return false;
}

uint64_t epoch_lease_end_ns(const struct epoch_machine *m)
{
	uint64_t lease_ns = m->seen.lease_ns;
	/* For the drift, and what two clocks lose by counting whole nanoseconds. */
	uint64_t margin_ns = MUTATED(DRIFT_IGNORED) ? 0 : lease_ns / 100 + 2;

	if (!leases_matter(m))
		return 0;
	return m->proposal.newest_seal_ns + lease_ns + margin_ns;
}

bool epoch_leasing_advance(struct epoch_machine *m)
{
	if (chain_mended(m) || m->now_ns < epoch_lease_end_ns(m))
		return false;
	m->proposal.step = EPOCH_ACTIVATING;
	m->proposal.since_ns = m->now_ns;
	return true;
}

bool epoch_activating_advance(struct epoch_machine *m)
{
	/* After an unknown outcome the record was read, and still is the claim (E11). */
	if (m->known && epoch_store_free(m))
		epoch_write(m, EPOCH_WRITE_ACTIVE);
	return false;
}
