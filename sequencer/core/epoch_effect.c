/* What the machine wants done, one effect at a time. */
#include "sequencer/core/epoch_internal.h"

static bool retire_next(struct epoch_machine *m, struct epoch_effect *effect_p)
{
	if (m->retires_count == 0)
		return false;
	effect_p->kind = EPOCH_RETIRE_HERE;
	effect_p->epoch = m->retires[--m->retires_count];
	return true;
}

static bool seal_next(struct epoch_machine *m, struct epoch_effect *effect_p)
{
	struct epoch_member held = epoch_held_as(m);

	if (!m->seal_wanted || m->seal_running)
		return false;
	m->seal_wanted = false;
	/* Asked about a region that is history by now: its epoch's successor goes on. */
	if (m->serving.epoch == 0 || m->serving.epoch != m->sealed_target) {
		m->sealed_asked = false;
		return false;
	}
	m->seal_running = true;
	effect_p->kind = EPOCH_SEAL_HERE;
	effect_p->epoch = m->serving.epoch;
	effect_p->counters_count = m->sealed_count;
	effect_p->head = epoch_chain_place(&m->serving.chain, held) == 0;
	if (MUTATED(LOSS_FORGOTTEN))
		effect_p->head = epoch_chain_place_of_id(&m->serving.chain, held.id) == 0;
	return true;
}

static bool install_next(struct epoch_machine *m, struct epoch_effect *effect_p)
{
	if (!m->install_wanted)
		return false;
	m->install_wanted = false;
	effect_p->kind = EPOCH_INSTALL_HERE;
	effect_p->epoch = m->pending.epoch;
	effect_p->record = &m->fresh;
	return m->pending.epoch != 0;
}

static bool serve_next(struct epoch_machine *m, struct epoch_effect *effect_p)
{
	if (m->serve_wanted) {
		m->serve_wanted = false;
		effect_p->kind = EPOCH_SERVE;
		effect_p->epoch = m->serving.epoch;
		return m->serving.epoch != 0;
	}
	if (m->show_wanted && m->serving.epoch == m->seen.epoch &&
		m->seen.phase == EPOCH_ACTIVE) {
		m->show_wanted = false;
		effect_p->kind = EPOCH_SHOW_CEILINGS;
		effect_p->epoch = m->serving.epoch;
		effect_p->record = &m->seen; /* E10: the store has it */
		return true;
	}
	return false;
}

static void message_begin(const struct epoch_machine *m, struct epoch_effect *effect_p,
	enum epoch_message_kind kind, struct epoch_member to)
{
	effect_p->kind = EPOCH_SEND;
	effect_p->message = (struct epoch_message){.kind = kind,
		.from = m->config.self,
		.to = to,
		.claim = m->proposal.claim,
		.target = m->seen.active_epoch,
		.counters_count = m->seen.counters_count};
}

static uint32_t lowest_bit(uint32_t bits)
{
	uint32_t i = 0;

	while (!(bits >> i & 1))
		i++;
	return i;
}

static bool proposer_send_next(struct epoch_machine *m, struct epoch_effect *effect_p)
{
	struct epoch_proposal *p = &m->proposal;
	uint32_t place;

	if (p->outbox == 0 || (p->step != EPOCH_SEALING && p->step != EPOCH_INSTALLING))
		return false;
	place = lowest_bit(p->outbox);
	p->outbox &= ~(1u << place);
	if (p->step == EPOCH_SEALING) {
		message_begin(m, effect_p, EPOCH_SEAL, m->seen.former.at[place]);
		effect_p->message.chain = m->seen.former;
		return true;
	}
	message_begin(m, effect_p, EPOCH_INSTALL, m->seen.chain.at[place]);
	effect_p->message.chain = m->seen.chain;
	effect_p->message.counters = m->want.counters;
	effect_p->message.history = &m->next;
	return true;
}

static bool told_next(struct epoch_machine *m, struct epoch_effect *effect_p)
{
	if (m->told.count == 0)
		return false;
	m->told.count--;
	message_begin(m, effect_p, EPOCH_ACTIVATED, m->told.at[m->told.count]);
	effect_p->message.claim = m->told_epoch;
	return true;
}

static bool join_next(struct epoch_machine *m, struct epoch_effect *effect_p)
{
	const struct epoch_chain *chain = &m->seen.chain;
	uint32_t i = 0;

	if (!m->join_out)
		return false;
	m->join_out = false;
	while (i < chain->count && epoch_is_gone(m, chain->at[i]))
		i++;
	if (i == chain->count)
		return false;
	message_begin(m, effect_p, EPOCH_JOIN, chain->at[i]);
	return true;
}

static bool send_next(struct epoch_machine *m, struct epoch_effect *effect_p)
{
	if (m->reply_wanted) {
		m->reply_wanted = false;
		effect_p->kind = EPOCH_SEND;
		effect_p->message = m->reply;
		return true;
	}
	return proposer_send_next(m, effect_p) || told_next(m, effect_p) ||
	       join_next(m, effect_p);
}

static bool store_next(struct epoch_machine *m, struct epoch_effect *effect_p)
{
	if (m->store == EPOCH_STORE_WRITE_WANTED) {
		m->store = EPOCH_STORE_WRITING;
		effect_p->kind = EPOCH_WRITE_RECORD;
		effect_p->revision = m->revision;
		effect_p->record = &m->want;
		effect_p->blind = MUTATED(BLIND_WRITE) &&
				  m->writing == EPOCH_WRITE_ACTIVE;
		return true;
	}
	if (m->store != EPOCH_STORE_READY || !m->read_wanted ||
		m->now_ns < m->store_retry_ns)
		return false;
	m->read_wanted = false;
	m->store = EPOCH_STORE_READING;
	effect_p->kind = EPOCH_READ_RECORD;
	return true;
}

bool epoch_next_effect(struct epoch_machine *m, struct epoch_effect *effect_p)
{
	*effect_p = (struct epoch_effect){.epoch = 0};
	return retire_next(m, effect_p) || seal_next(m, effect_p) ||
	       install_next(m, effect_p) || serve_next(m, effect_p) ||
	       send_next(m, effect_p) || store_next(m, effect_p);
}
