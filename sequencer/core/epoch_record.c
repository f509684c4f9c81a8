/* The record and the store: one request at a time, and what its answer means (E11). */
#include "sequencer/core/epoch_internal.h"

bool epoch_store_free(const struct epoch_machine *m)
{
	return m->store == EPOCH_STORE_READY && m->now_ns >= m->store_retry_ns;
}

void epoch_write(struct epoch_machine *m, enum epoch_write kind)
{
	PAWL_ASSERT(epoch_store_free(m));
	m->store = EPOCH_STORE_WRITE_WANTED;
	m->writing = kind;
}

/* Consequences of what is known to be the record. */
static void record_taken(struct epoch_machine *m)
{
	m->known = true;
	epoch_active_is(m, m->seen.active_epoch);
	epoch_pending_check(m);
	epoch_proposal_check(m);
	epoch_wishes_check(m);
	epoch_change_check(m);
	if (m->serving.epoch != 0 && m->serving.epoch == m->seen.epoch)
		m->show_wanted = true;
}

static void record_absent(struct epoch_machine *m)
{
	/* A cluster that is not there yet: epoch_begin may have filled in its counters. */
	m->seen.epoch = 0;
	m->seen.active_epoch = 0;
	m->seen.phase = EPOCH_STOPPED;
	m->seen.chain.count = 0;
	m->seen.former.count = 0;
}

void epoch_on_record(struct epoch_machine *m, const struct epoch_record *record,
	uint64_t revision, uint64_t now_ns)
{
	PAWL_ASSERT(m->store == EPOCH_STORE_READING);
	PAWL_ASSERT(!record || record->counters_count <= m->config.counters_max);
	m->now_ns = now_ns;
	m->store = EPOCH_STORE_READY;
	if (!m->known || revision != m->revision)
		m->seen_ns = now_ns;
	if (revision < m->revision) {
		/* Older than what this replica has seen itself: not news. */
		m->read_wanted = true;
		m->store_retry_ns = now_ns + m->config.store_ns;
		epoch_advance(m);
		return;
	}
	m->revision = revision;
	if (record)
		epoch_record_copy(&m->seen, record);
	else
		record_absent(m);
	if (MUTATED(COUNTER_AGAIN))
		m->wishes.counter_index = m->seen.counters_count;
	record_taken(m);
	epoch_advance(m);
}

void epoch_on_store_failed(struct epoch_machine *m, uint64_t now_ns)
{
	PAWL_ASSERT(m->store == EPOCH_STORE_READING);
	m->now_ns = now_ns;
	m->store = EPOCH_STORE_READY;
	m->read_wanted = true;
	m->store_retry_ns = now_ns + m->config.store_ns;
	epoch_advance(m);
}

void epoch_on_written(struct epoch_machine *m, enum epoch_written written,
	uint64_t revision, uint64_t now_ns)
{
	PAWL_ASSERT(m->store == EPOCH_STORE_WRITING);
	m->now_ns = now_ns;
	m->store = EPOCH_STORE_READY;
	if (written == EPOCH_UNKNOWN)
		epoch_change_unknown(m);
	m->writing = EPOCH_WRITE_NONE;
	if (MUTATED(UNKNOWN_IS_DONE) && written == EPOCH_UNKNOWN) {
		written = EPOCH_WRITTEN;
		revision = m->revision;
	}
	if (written == EPOCH_WRITTEN) {
		m->revision = revision;
		m->seen_ns = now_ns;
		epoch_record_copy(&m->seen, &m->want);
		record_taken(m);
	} else {
		m->known = false;
		m->read_wanted = true;
		if (written == EPOCH_NOT_WRITTEN)
			m->store_retry_ns = now_ns + m->config.store_ns;
	}
	epoch_advance(m);
}

void epoch_on_watch(struct epoch_machine *m, uint64_t now_ns)
{
	m->now_ns = now_ns;
	m->read_wanted = true;
	epoch_advance(m);
}
