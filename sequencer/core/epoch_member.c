/* A member's side: it seals, installs, and keeps regions until they are history. */
#include "sequencer/core/epoch_internal.h"

bool epoch_obey(struct epoch_machine *m, uint64_t claim)
{
	if (claim < m->obeyed)
		return false; /* E12 */
	m->obeyed = claim;
	return true;
}

static void region_retire(struct epoch_machine *m, struct epoch_region *region)
{
	PAWL_ASSERT(m->retires_count < EPOCH_RETIRES_MAX);
	m->retires[m->retires_count++] = region->epoch;
	region->epoch = 0;
	region->installed = false;
	region->history.count = 0;
}

/* The pending region's epoch is active; what was served before is history (E8). */
static void region_promote(struct epoch_machine *m)
{
	struct epoch_region former = m->serving;

	PAWL_ASSERT(m->pending.installed && m->pending.epoch > former.epoch);
	m->serving = m->pending;
	m->pending = former;
	if (m->pending.epoch != 0)
		region_retire(m, &m->pending);
	m->serve_wanted = true;
	m->show_wanted = true;
}

void epoch_active_is(struct epoch_machine *m, uint64_t epoch)
{
	if (epoch == 0)
		return;
	if (m->pending.epoch == epoch)
		region_promote(m);
	else if (m->serving.epoch != 0 && m->serving.epoch < epoch &&
		 !MUTATED(STRANGER_CLAIMS))
		region_retire(m, &m->serving); /* this replica was voted out */
	if (m->serving.epoch == epoch && m->serving.chain.count == 0)
		m->serving.chain = m->seen.former; /* adopted */
}

/* The record has gone past the pending region's epoch without activating it (E8). */
void epoch_pending_check(struct epoch_machine *m)
{
	bool stopped = m->seen.phase == EPOCH_STOPPED && m->seen.epoch != 0;

	/* A late message of a claim that the record has passed must not bring it back. */
	if (m->obeyed < m->seen.epoch && !MUTATED(PASSED_OBEYED))
		m->obeyed = m->seen.epoch; /* E12 */
	if (m->pending.epoch != 0 && m->pending.epoch < m->seen.epoch)
		region_retire(m, &m->pending);
	if (stopped && m->serving.epoch != 0 && m->serving.epoch < m->seen.epoch)
		region_retire(m, &m->serving); /* the record has its bases */
}

static void reply_set(struct epoch_machine *m, enum epoch_message_kind kind,
	struct epoch_member to, uint64_t claim)
{
	m->reply = (struct epoch_message){
		.kind = kind, .from = m->config.self, .to = to, .claim = claim};
	m->reply_wanted = true;
}

/* The epoch that a proposer follows is active: its claim was made on that record. */
static void target_is_active(struct epoch_machine *m, uint64_t target)
{
	if (target != 0 && m->pending.epoch == target && m->pending.installed)
		region_promote(m);
}

static bool seal_fits(struct epoch_machine *m, const struct epoch_message *seal)
{
	target_is_active(m, seal->target);
	if (m->serving.epoch != seal->target || seal->target == 0)
		return false;
	if (m->serving.chain.count == 0)
		m->serving.chain = seal->chain;
	return m->serving.incarnation == seal->to.incarnation || MUTATED(LOSS_FORGOTTEN);
}

static void on_seal(struct epoch_machine *m, const struct epoch_message *seal)
{
	if (!epoch_obey(m, seal->claim) || seal->counters_count > m->config.counters_max)
		return;
	if (!seal_fits(m, seal)) {
		reply_set(m, EPOCH_REFUSED, seal->from, seal->claim);
		m->reply.target = seal->target;
		return;
	}
	m->sealed_for = seal->from;
	m->sealed_claim = seal->claim;
	m->sealed_target = seal->target;
	m->sealed_count = seal->counters_count;
	m->sealed_asked = true;
	m->seal_wanted = true;
}

static void sealed_reply(struct epoch_machine *m, bool exact, const uint64_t *values,
	uint32_t counters_count)
{
	m->sealed_asked = false;
	for (uint32_t i = 0; i < counters_count; i++)
		m->report[i] = values[i];
	reply_set(m, EPOCH_SEALED, m->sealed_for, m->sealed_claim);
	m->reply.target = m->serving.epoch;
	m->reply.exact = exact;
	m->reply.values = m->report;
	m->reply.counters_count = counters_count;
}

/* Where this replica's report belongs among those of the former chain. */
static uint32_t own_place(const struct epoch_machine *m)
{
	uint32_t place = epoch_chain_place(&m->seen.former, epoch_held_as(m));

	if (MUTATED(LOSS_FORGOTTEN) || MUTATED(STRANGER_CLAIMS))
		place = epoch_chain_place_of_id(&m->seen.former, m->config.self.id);
	if (MUTATED(STRANGER_CLAIMS) && place == CHAIN_MAX)
		place = CHAIN_MAX - 1;
	return place;
}

void epoch_on_sealed_here(struct epoch_machine *m, uint64_t epoch, bool exact,
	const uint64_t *values, uint32_t counters_count, uint64_t now_ns)
{
	uint32_t place;

	m->now_ns = now_ns;
	m->seal_running = false;
	if (epoch != m->serving.epoch) {
		epoch_advance(m);
		return;
	}
	place = own_place(m);
	if (counters_count != m->sealed_count) {
		m->seal_wanted = true; /* somebody asked for more counters meanwhile */
		epoch_advance(m);
		return;
	}
	if (m->proposal.step == EPOCH_SEALING && place < CHAIN_MAX &&
		counters_count == m->seen.counters_count &&
		(epoch == m->seen.active_epoch || MUTATED(STRANGER_CLAIMS)))
		epoch_report_take(m, place, exact, values, counters_count);
	if (m->sealed_asked)
		sealed_reply(m, exact, values, counters_count);
	epoch_advance(m);
}

static void installed_report(struct epoch_machine *m)
{
	struct epoch_proposal *p = &m->proposal;
	uint32_t self = epoch_chain_place(&m->seen.chain, m->config.self);

	if (!epoch_member_same(m->fresh.proposer, m->config.self))
		reply_set(m, EPOCH_INSTALLED, m->fresh.proposer, m->pending.epoch);
	else if (p->step == EPOCH_INSTALLING && p->claim == m->pending.epoch)
		p->installed |= 1u << self;
}

/* What the pending region is to be made from. */
static void fresh_set(struct epoch_machine *m, const struct epoch_message *install)
{
	struct epoch_record *fresh = &m->fresh;

	PAWL_ASSERT(install->counters_count <= m->config.counters_max);
	fresh->epoch = install->claim;
	fresh->active_epoch = install->target;
	fresh->phase = EPOCH_PREPARING;
	fresh->proposer = install->from;
	fresh->chain = install->chain;
	fresh->counters_count = install->counters_count;
	for (uint32_t i = 0; i < install->counters_count; i++)
		fresh->counters[i] = install->counters[i];
}

void epoch_install(struct epoch_machine *m, const struct epoch_message *install)
{
	target_is_active(m, install->target);
	if (install->claim == m->pending.epoch) {
		if (m->pending.installed)
			installed_report(m);
		return;
	}
	if (install->claim < m->pending.epoch || install->claim <= m->serving.epoch ||
		m->serving.epoch > install->target)
		return;
	if (m->pending.epoch != 0)
		region_retire(m, &m->pending);
	if (m->serving.epoch != 0 && m->serving.epoch != install->target)
		region_retire(m, &m->serving);
	m->pending.epoch = install->claim;
	m->pending.from = install->target;
	m->pending.incarnation = m->config.self.incarnation;
	m->pending.chain = install->chain;
	m->pending.installed = false;
	epoch_history_copy(
		&m->pending.history, install->history, install->counters_count);
	fresh_set(m, install);
	m->install_wanted = true;
}

void epoch_on_installed_here(struct epoch_machine *m, uint64_t epoch, uint64_t now_ns)
{
	m->now_ns = now_ns;
	if (epoch == m->pending.epoch) {
		m->pending.installed = true;
		installed_report(m);
		if (MUTATED(EARLY_SERVICE))
			region_promote(m);
	}
	epoch_advance(m);
}

static void on_install(struct epoch_machine *m, const struct epoch_message *install)
{
	if (!epoch_member_same(install->to, m->config.self)) {
		reply_set(m, EPOCH_REFUSED, install->from, install->claim);
		return;
	}
	if (epoch_obey(m, install->claim))
		epoch_install(m, install);
}

static void on_activated(struct epoch_machine *m, const struct epoch_message *message)
{
	if (m->pending.epoch == message->claim && m->pending.installed)
		region_promote(m);
	m->read_wanted = true;
}

/* An answer counts in the step that asked, for the claim that asked. */
static bool answer_fits(const struct epoch_machine *m, const struct epoch_message *answer,
	enum epoch_step step)
{
	return m->proposal.step == step && m->proposal.claim == answer->claim;
}

static void on_sealed(struct epoch_machine *m, const struct epoch_message *message)
{
	uint32_t place = epoch_chain_place_of_id(&m->seen.former, message->from.id);

	if (answer_fits(m, message, EPOCH_SEALING) && place < CHAIN_MAX &&
		message->target == m->seen.active_epoch &&
		message->counters_count == m->seen.counters_count &&
		message->exact == (place == 0))
		epoch_report_take(m, place, message->exact, message->values,
			message->counters_count);
}

static void on_refused(struct epoch_machine *m, const struct epoch_message *message)
{
	uint32_t place = epoch_chain_place_of_id(&m->seen.former, message->from.id);

	if (answer_fits(m, message, EPOCH_SEALING) && place < CHAIN_MAX) {
		m->proposal.refused |= 1u << place;
		m->proposal.outbox &= ~(1u << place);
		epoch_doubt(m, m->seen.former.at[place]);
	}
	place = epoch_chain_place_of_id(&m->seen.chain, message->from.id);
	if (answer_fits(m, message, EPOCH_INSTALLING) && place < CHAIN_MAX)
		epoch_doubt(m, m->seen.chain.at[place]);
}

static void on_installed(struct epoch_machine *m, const struct epoch_message *message)
{
	uint32_t place = epoch_chain_place(&m->seen.chain, message->from);

	if (!answer_fits(m, message, EPOCH_INSTALLING) || place == CHAIN_MAX)
		return;
	m->proposal.installed |= 1u << place;
	m->proposal.outbox &= ~(1u << place);
}

void epoch_on_message(
	struct epoch_machine *m, const struct epoch_message *message, uint64_t now_ns)
{
	m->now_ns = now_ns;
	switch (message->kind) {
	case EPOCH_SEAL:
		on_seal(m, message);
		break;
	case EPOCH_SEALED:
		on_sealed(m, message);
		break;
	case EPOCH_INSTALL:
		on_install(m, message);
		break;
	case EPOCH_INSTALLED:
		on_installed(m, message);
		break;
	case EPOCH_REFUSED:
		on_refused(m, message);
		break;
	case EPOCH_ACTIVATED:
		on_activated(m, message);
		break;
	case EPOCH_JOIN:
		(void)epoch_join_take(m, message->from); /* it asks again */
		break;
	}
	epoch_advance(m);
}
