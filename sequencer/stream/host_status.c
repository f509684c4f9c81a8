/* Readers, and what is told about streams. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sequencer/core/words.h"
#include "sequencer/stream/host_internal.h"

int stream_host_reader_add(struct stream_host *host, uint32_t counter,
	const struct stream_reader_config *config, struct stream_reader_answer *answer_p,
	struct error *err)
{
	struct stream *s = host_stream(host, counter);
	int rc = -EAGAIN;

	if (!s)
		return error_set(err, -EAGAIN,
			"stream: number %u is not served here now; ask again", counter);
	host_hold(s);
	if (s->stage == STREAM_SERVED)
		rc = readers_add(s->readers, &s->log, config, answer_p, err);
	else
		(void)error_set(err, rc, "stream: %s: is not served here now; ask again",
			s->name);
	host_release(s);
	return rc;
}

void stream_host_reader_remove(struct stream_host *host, uint32_t counter, uint64_t token,
	uint32_t reader, uint32_t subscriber)
{
	struct stream *s = host_stream(host, counter);

	if (!s || !s->readers)
		return;
	host_hold(s);
	readers_remove(s->readers, token, reader, subscriber);
	host_release(s);
}

/* The thread writes the entry meanwhile, the publisher first (stream_table_apply). */
bool stream_host_entry(const struct stream_host *host, uint32_t counter, uint32_t row,
	struct stream_entry *entry_p)
{
	const struct stream *s = host_stream(host, counter);
	const struct stream_entry *entry;

	if (!s || row >= s->limits.rows || s->words.epoch != s->change.epoch ||
		!s->words.memory || !stream_is_head(s))
		return false;
	entry = &s->log.table.entries[row];
	entry_p->publisher = word_load(&entry->publisher);
	entry_p->id = word_load(&entry->id);
	return true;
}

static void log_status(const struct stream *s, struct stream_status *status)
{
	if (!s->log.control)
		return;
	status->oldest = stream_log_oldest(&s->log);
	status->end = stream_log_end(&s->log);
	status->commit = s->log.commit;
	status->counts = s->log.counts;
}

static void archive_status(const struct stream *s, struct stream_status *status)
{
	struct keeper_status keeper;

	if (!s->keeper)
		return;
	keeper_status(s->keeper, &keeper);
	status->archiving = keeper.archiving;
	status->archive_oldest = keeper.oldest;
	status->archived = keeper.archived;
	status->synced = keeper.synced;
	status->archive_missing = keeper.missing;
	status->acknowledged = keeper_acknowledged(s->keeper);
	(void)snprintf(status->archive_alarm, sizeof(status->archive_alarm), "%s",
		keeper.alarm.text);
}

static void answers_to_status(const struct stream *s, struct stream_status *status)
{
	struct answers_status answers;

	if (!s->answering.store)
		return;
	answers_status(s->answering.store, &answers);
	status->tail_reads = answers.answered;
	status->tail_refused = answers.refused;
	status->tail_applied = answers.applied;
}

bool stream_host_status(
	struct stream_host *host, uint32_t counter, struct stream_status *status_p)
{
	struct stream *s = host_stream(host, counter);

	if (!s)
		return false;
	memset(status_p, 0, sizeof(*status_p));
	status_p->name = s->name;
	status_p->limits = s->limits;
	stream_thread_hold(s->thread);
	log_status(s, status_p);
	if (s->stage == STREAM_SERVED)
		status_p->rate = s->rate.rate;
	status_p->runs = s->runs;
	status_p->writes = s->writes;
	stream_thread_release(s->thread);
	archive_status(s, status_p);
	answers_to_status(s, status_p);
	return true;
}

bool stream_host_reader_status(struct stream_host *host, uint32_t counter, uint32_t index,
	struct stream_reader_status *status_p)
{
	struct stream *s = host_stream(host, counter);
	bool found;

	if (!s || !s->readers)
		return false;
	stream_thread_hold(s->thread);
	found = readers_status(s->readers, &s->log, index, status_p);
	stream_thread_release(s->thread);
	return found;
}

uint64_t stream_host_archived(const struct stream_host *host, uint32_t counter)
{
	const struct stream *s = host_stream(host, counter);

	return s && s->keeper ? keeper_archived(s->keeper) : 0;
}
