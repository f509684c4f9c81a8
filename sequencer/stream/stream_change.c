/* How a stream comes out of one epoch and into the next. */
#include <errno.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/words.h"
#include "sequencer/stream/begin.h"
#include "sequencer/stream/stream.h"

static bool has_log(const struct stream *s)
{
	return s->log.control != NULL;
}

static void fill_end(struct stream *s)
{
	stream_fill_end(s->fill);
	s->fill = NULL;
}

static void follow_end(struct stream *s)
{
	stream_follow_end(s->follow);
	s->follow = NULL;
	s->followed.incarnation = 0;
}

void stream_change_drop(struct stream *s)
{
	fill_end(s);
	follow_end(s);
	stretch_close(&s->words_next, true);
	if (s->stage != STREAM_SERVED)
		s->stage = STREAM_AT_REST;
}

/* The inbox of its words, which a backup's predecessor writes; a head has none. */
static struct stream_inbox *link_inbox(struct stream *s, const struct stretch *words)
{
	unsigned char *bytes = stretch_base(words);

	if (stream_is_head(s))
		return &s->no_inbox;
	return (void *)(bytes + stream_words_room(s->limits.rows));
}

void stream_ready_set(struct stream *s)
{
	PAWL_ASSERT(stream_log_end(&s->log) == s->change.base); /* G2 */
	stream_log_prepare(&s->log, s->change.epoch, stretch_base(&s->words_next),
		link_inbox(s, &s->words_next));
	s->stage = STREAM_READY;
	word_store(&s->ready, s->change.epoch); /* partner: stream_host_prepared */
}

/* The log as the cluster begins with it, or after everything was lost. */
static int log_begin(struct stream *s, struct error *err)
{
	const struct stream_limits *l = &s->limits;
	const struct stream_host_config *config = s->ways->config;
	char path[ARCHIVE_PATH_MAX];
	struct stream_begin_config begin = {.identity = {.instance = config->instance,
						    .stream = s->name,
						    .slot_len = l->slot_len},
		.limits = l,
		.memory = stretch_base(&s->log_memory),
		.base = s->change.base};
	struct stream_begun begun;
	int rc;

	if (s->change.base == 0 || l->archiving == STREAM_ARCHIVE_OFF ||
		!config->archive.directory) {
		stream_log_create(&s->log, begin.memory, l->slots, l->slot_len, l->rows,
			s->change.base);
		return 0;
	}
	rc = keeper_path(&config->archive, s->name, path, err);
	if (rc)
		return rc;
	begin.path = path;
	rc = stream_begin(&begin, &s->log, &begun, err);
	if (rc == -EEXIST)
		return rc;
	if (rc) /* of no use: the log is empty */
		stream_complain(s, err);
	return 0;
}

/* It is there already. */
static bool is_brought(const struct stream *s)
{
	return has_log(s) && stream_log_keeps(&s->log, s->change.from, s->change.base) &&
	       stream_log_end(&s->log) == s->change.base;
}

/*
 * Nobody's log matters: the head begins, from its archive if it has one, and the others are
 * filled from it, so that all have the same table.  Where nothing was ever, everybody begins: it
 * may be that nobody had a log yet in the epoch before.
 */
static bool begins(const struct stream *s)
{
	return s->change.base == 0 || (s->change.from == 0 && stream_is_head(s));
}

static int log_bring(struct stream *s, struct error *err)
{
	int rc = 0;

	if (!is_brought(s) && !begins(s)) {
		s->stage = STREAM_FILLING;
		s->fill_again_ns = 0;
		return 0;
	}
	if (!is_brought(s))
		rc = log_begin(s, err);
	if (!rc)
		stream_ready_set(s);
	return rc;
}

/* Whatever it was open in is over here, if the machine has not said so before (C6). */
static void log_close(struct stream *s)
{
	uint64_t len;

	if (has_log(s) && s->log.phase == STREAM_OPEN)
		PAWL_ASSERT(stream_log_seal(&s->log, s->log.control->epoch, &len));
	s->stage = STREAM_AT_REST;
}

static int readers_begin(struct stream *s, struct error *err)
{
	struct readers_config config = {.stream = s->name,
		.limits = &s->limits,
		.device = stream_thread_device(s->thread),
		.log = s->log_memory.memory,
		.inbox = s->inbox.memory,
		.keeper = s->keeper,
		.feeder = s->keeper ? s->ways->feeder : NULL};

	return s->readers ? 0 : readers_make(&config, &s->readers, err);
}

int stream_change_begin(
	struct stream *s, const struct stream_change *change, struct error *err)
{
	int rc = readers_begin(s, err);

	PAWL_ASSERT(
		s->words_next.memory && s->words_next.epoch == change->epoch); /* H2 */
	if (rc)
		return rc;
	stream_links_close(s);
	log_close(s);
	stream_archive_detach(s);
	stream_answers_detach(s);
	s->change = *change;
	word_store(&s->ready, 0);
	return log_bring(s, err);
}

static struct stream_entering entering_of(struct stream *s)
{
	struct stream_inbox *inbox = link_inbox(s, &s->words);
	unsigned char *publishers = stretch_base(&s->inbox);
	void *ring = stream_is_head(s) ? publishers + STREAM_INBOX_RING
				       : (unsigned char *)(inbox + 1);

	return (struct stream_entering){.epoch = s->change.epoch,
		.ceiling = s->change.ceiling,
		.hole_timeout_ns = s->limits.hole_timeout_ns,
		.head = stream_is_head(s),
		.tail = stream_is_tail(s),
		.places = {.words = stretch_base(&s->words),
			.inbox = inbox,
			.ring = {.bytes = ring,
				.slot_len = s->limits.slot_len,
				.mask = s->limits.slots - 1}}};
}

static void log_open(struct stream *s)
{
	struct stream_entering entering = entering_of(s);
	uint64_t now_ns = clock_now_ns();

	readers_enter(s->readers, &s->change, &s->log, now_ns);
	stream_log_waits_for(&s->log, readers_waited_for(s->readers, &s->log, now_ns));
	stream_log_enter(&s->log, &entering);
	s->rate = (struct stream_rate){.since_ns = now_ns, .commit = s->log.commit};
	stream_archive_attach(s, now_ns);
	stream_answers_attach(s);
}

void stream_enter(struct stream *s, uint64_t epoch, const struct memory *region,
	uint64_t word_offset)
{
	if (s->change.epoch != epoch)
		return;
	s->region = region;
	s->word_offset = word_offset;
	s->drawn = 0;
	s->drawn_ns = 0;
	if (s->stage != STREAM_READY) /* served already, or sealed before it was served */
		return;
	PAWL_ASSERT(s->log.phase != STREAM_OPEN); /* G1 */
	stream_words_close(s);
	s->words = s->words_next;
	s->words_next = STRETCH_EMPTY;
	log_open(s);
	s->stage = STREAM_SERVED;
	stream_neighbours_begin(s);
}

/* A log that is sealed in the epoch for which it was ready is not entered any more (C6). */
bool stream_seal(struct stream *s, uint64_t epoch, uint64_t *len_p)
{
	if (!has_log(s) || !stream_log_seal(&s->log, epoch, len_p))
		return false;
	if (s->stage == STREAM_SERVED ||
		(s->stage == STREAM_READY && s->change.epoch == epoch))
		s->stage = STREAM_AT_REST;
	return true;
}

/* The words of the epoch, and what was prepared for it, if it never began here. */
void stream_retire(struct stream *s, uint64_t epoch)
{
	uint64_t len;

	if (s->words.memory && s->words.epoch == epoch) {
		stream_archive_detach(s);
		stream_answers_detach(s);
		if (stream_seal(s, epoch, &len))
			stream_links_close(s);
		s->region = NULL;
		stream_words_close(s);
	}
	if (s->words_next.memory && s->words_next.epoch == epoch)
		stream_change_drop(s);
}

/*
 * An archive that waits for another member's to fill a gap is left: it is filled in the next life.
 *
 * Sealed logs of the last epoch are each a begin of what the base ends (E4), so that all of it is
 * committed now, also what this member had not heard of.
 */
void stream_finish(struct stream *s, uint64_t epoch, uint64_t base)
{
	uint64_t len;

	if (s->keeper && s->copy.state == STREAM_COPY_NONE && stream_seal(s, epoch, &len))
		keeper_finish(s->keeper, &s->log, base);
}

void stream_follow_set(struct stream *s, struct stream_member member, uint64_t epoch)
{
	stream_change_drop(s);
	stream_links_close(s);
	log_close(s);
	stream_archive_detach(s);
	stream_answers_detach(s);
	s->followed = member;
	s->followed_epoch = epoch;
	s->fill_again_ns = 0;
	s->stage = STREAM_FOLLOWING;
	stream_archive_follow(s, clock_now_ns());
}
