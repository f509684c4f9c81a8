#include "sequencer/core/epoch.h"

#include <string.h>

#include "sequencer/core/epoch_internal.h"
#include "sequencer/core/words.h"

/* Words of one counter in the machine's memory: records, histories, and four values. */
#define RECORDS 3
#define HISTORIES 3
#define VALUES 4
#define COUNTER_WORDS (sizeof(struct epoch_counter) / sizeof(uint64_t))

size_t epoch_words_count(uint32_t counters_max)
{
	return (size_t)counters_max *
	       (RECORDS * COUNTER_WORDS + HISTORIES * EPOCH_HISTORY + VALUES);
}

static uint64_t *words_carve(uint64_t **words, size_t count)
{
	uint64_t *at = *words;

	*words += count;
	return at;
}

static void record_carve(struct epoch_record *record, uint32_t max, uint64_t **words)
{
	record->counters = (struct epoch_counter *)(void *)words_carve(
		words, max * COUNTER_WORDS);
}

static void history_carve(struct epoch_history *history, uint32_t max, uint64_t **words)
{
	for (uint32_t i = 0; i < EPOCH_HISTORY; i++)
		history->stands[i] = words_carve(words, max);
}

static void memory_carve(struct epoch_machine *m, uint64_t *words)
{
	uint32_t max = m->config.counters_max;

	record_carve(&m->seen, max, &words);
	record_carve(&m->want, max, &words);
	record_carve(&m->fresh, max, &words);
	history_carve(&m->serving.history, max, &words);
	history_carve(&m->pending.history, max, &words);
	history_carve(&m->next, max, &words);
	m->exact = words_carve(&words, max);
	m->marks = words_carve(&words, max);
	m->report = words_carve(&words, max);
	m->wanted = words_carve(&words, max);
}

void epoch_init(struct epoch_machine *m, const struct epoch_config *config,
	uint64_t *words, uint64_t now_ns)
{
	PAWL_ASSERT(config->self.id != 0 && config->self.incarnation != 0);
	PAWL_ASSERT(config->counters_max >= 1 && config->counters_max <= COUNTERS_MAX);
	memset(m, 0, sizeof(*m));
	memset(words, 0, epoch_words_count(config->counters_max) * sizeof(words[0]));
	m->config = *config;
	m->now_ns = now_ns;
	m->reason_ns = UINT64_MAX;
	m->read_wanted = true;
	memory_carve(m, words);
}

void epoch_adopt(struct epoch_machine *m, uint64_t epoch, uint64_t incarnation)
{
	PAWL_ASSERT(m->serving.epoch == 0 && !m->known && epoch != 0);
	m->serving.epoch = epoch;
	m->serving.incarnation = incarnation;
	m->serving.installed = true;
}

void epoch_adopt_history(struct epoch_machine *m, const struct epoch_history *history,
	uint32_t counters_count)
{
	PAWL_ASSERT(m->serving.epoch != 0 && !m->known);
	PAWL_ASSERT(counters_count <= m->config.counters_max);
	epoch_history_copy(&m->serving.history, history, counters_count);
}

void epoch_record_copy(struct epoch_record *to, const struct epoch_record *from)
{
	struct epoch_counter *counters = to->counters;

	*to = *from;
	to->counters = counters;
	memcpy(counters, from->counters, from->counters_count * sizeof(counters[0]));
}

void epoch_chain_append(struct epoch_chain *chain, struct epoch_member member)
{
	PAWL_ASSERT(chain->count < CHAIN_MAX);
	chain->at[chain->count++] = member;
}

void epoch_chain_remove(struct epoch_chain *chain, uint32_t place)
{
	PAWL_ASSERT(place < chain->count);
	chain->count--;
	memmove(&chain->at[place], &chain->at[place + 1],
		(chain->count - place) * sizeof(chain->at[0]));
}

static uint32_t suspect_place(const struct epoch_machine *m, struct epoch_member member)
{
	uint32_t i = 0;

	while (i < m->suspects_count && !epoch_member_same(m->suspects[i], member))
		i++;
	return i;
}

bool epoch_is_gone(const struct epoch_machine *m, struct epoch_member member)
{
	if (member.id == m->config.self.id)
		return member.incarnation != m->config.self.incarnation;
	return suspect_place(m, member) < m->suspects_count ||
	       epoch_chain_place(&m->doubts, member) < CHAIN_MAX;
}

bool epoch_chain_is_broken(const struct epoch_machine *m)
{
	for (uint32_t i = 0; i < m->seen.chain.count; i++) {
		if (epoch_is_gone(m, m->seen.chain.at[i]))
			return true;
	}
	return false;
}

void epoch_doubt(struct epoch_machine *m, struct epoch_member member)
{
	if (epoch_is_gone(m, member) || member.id == m->config.self.id)
		return;
	if (m->doubts.count == CHAIN_MAX)
		epoch_chain_remove(&m->doubts, 0);
	epoch_chain_append(&m->doubts, member);
}

static void suspect_add(struct epoch_machine *m, struct epoch_member member)
{
	if (suspect_place(m, member) < m->suspects_count)
		return;
	if (m->suspects_count == EPOCH_SUSPECTS_MAX) {
		m->suspects_count--;
		memmove(&m->suspects[0], &m->suspects[1],
			m->suspects_count * sizeof(m->suspects[0]));
	}
	m->suspects[m->suspects_count++] = member;
}

void epoch_on_suspect(
	struct epoch_machine *m, struct epoch_member member, uint64_t now_ns)
{
	m->now_ns = now_ns;
	if (member.id != m->config.self.id)
		suspect_add(m, member);
	epoch_advance(m);
}

void epoch_on_trust(struct epoch_machine *m, struct epoch_member member, uint64_t now_ns)
{
	uint32_t place = suspect_place(m, member);

	m->now_ns = now_ns;
	if (place < m->suspects_count)
		m->suspects[place] = m->suspects[--m->suspects_count];
	epoch_advance(m);
}

/* One step as far as it goes.  True: look again, the step is another one now. */
static bool step_advance(struct epoch_machine *m)
{
	switch (m->proposal.step) {
	case EPOCH_IDLE:
		return epoch_idle_advance(m);
	case EPOCH_SEALING:
		return epoch_sealing_advance(m);
	case EPOCH_INSTALLING:
		return epoch_installing_advance(m);
	case EPOCH_LEASING:
		return epoch_leasing_advance(m);
	case EPOCH_ACTIVATING:
		return epoch_activating_advance(m);
	case EPOCH_CLAIMING:
		break; /* the store decides */
	}
	return false;
}

void epoch_advance(struct epoch_machine *m)
{
	while (step_advance(m))
		;
	epoch_join_advance(m);
}

void epoch_on_time(struct epoch_machine *m, uint64_t now_ns)
{
	m->now_ns = now_ns;
	epoch_advance(m);
}

uint64_t epoch_wake_ns(const struct epoch_machine *m)
{
	const struct epoch_proposal *p = &m->proposal;
	uint64_t wake = UINT64_MAX;

	if (m->read_wanted && m->store == EPOCH_STORE_READY)
		wake = m->store_retry_ns;
	if (p->step == EPOCH_IDLE)
		wake = least(wake, epoch_idle_wake_ns(m));
	if (p->step == EPOCH_SEALING || p->step == EPOCH_INSTALLING)
		wake = least(wake, least(p->resend_ns, p->since_ns + m->config.step_ns));
	if (p->step == EPOCH_LEASING)
		wake = least(wake, epoch_lease_end_ns(m));
	if (m->config.rejoin)
		wake = least(wake, m->join_ns);
	return wake;
}

const struct epoch_region *epoch_serving(const struct epoch_machine *m)
{
	return &m->serving;
}
