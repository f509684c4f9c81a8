/* Feeds one reader: its link, runs out of the log, slots out of the archive (readers.h). */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "hw/clock.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/words.h"
#include "sequencer/stream/readers_internal.h"

#define PIECE_LEN (256 * 1024)	  /* bytes in one turn of a reader, at least one slot */
#define END_NS (1000 * NS_PER_MS) /* the archiver may just be writing what the log lost */
#define DONE_MAX 16

static void line_tell(struct readers *readers, const struct error *err)
{
	if (readers->line_set)
		return;
	readers->line = *err;
	readers->line_set = true;
}

static void reader_lose(
	struct readers *readers, struct reader *reader, const struct error *why)
{
	struct error err;

	(void)error_set(&err, 0,
		"subscriber %" PRIu32 " (%s, process %" PRIu64
		"): its link is lost, and it is not fed until it subscribes again: %s",
		reader_number(readers, reader), reader->program, reader->pid, why->text);
	line_tell(readers, &err);
	reader_unfeed(readers, reader);
	reader->state = READER_LOST;
}

/* True: it may be fed. */
static bool link_is_there(struct readers *readers, struct reader *reader)
{
	struct error err = {.text = ""};
	int rc;

	if (reader->state == READER_FED)
		return true;
	rc = reader->link->ops->state(reader->link, &err);
	if (rc == 0)
		reader->state = READER_FED;
	else if (rc != -EAGAIN)
		reader_lose(readers, reader, &err);
	return rc == 0;
}

/* Slots from @first on are sent again. */
static void reader_rewind(struct readers *readers, struct reader *reader, uint64_t first)
{
	struct stream_feed *feed = &reader->feed;

	feed->sent = first - 1 > feed->consumed ? first - 1 : feed->consumed;
	if (reader->lane)
		feeder_end(readers->config.feeder, reader->lane);
	reader->lane = NULL; /* which was further */
}

/*
 * A put of the log's slots from @first on has completed.  What the log has overwritten by now may
 * have been torn (R3).
 */
static void put_check(struct readers *readers, struct reader *reader,
	const struct stream_log *log, uint64_t first)
{
	if (stream_log_oldest(log) > first && reader->feed.sent >= first)
		reader_rewind(readers, reader, first);
}

/* Takes completions.  False: the link has failed, and the reader is lost. */
static bool link_reap(
	struct readers *readers, struct reader *reader, const struct stream_log *log)
{
	struct completion done[DONE_MAX];
	struct error err;
	int count;

	do {
		count = 0;
		(void)reader->link->ops->poll(reader->link, done, DONE_MAX, &count);
		for (int i = 0; i < count; i++) {
			reader->posted--;
			if (done[i].status) {
				(void)error_set(
					&err, 0, "%s", error_reason(done[i].status));
				reader_lose(readers, reader, &err);
				return false;
			}
			if (done[i].cookie)
				put_check(readers, reader, log, done[i].cookie);
		}
	} while (count == DONE_MAX);
	return true;
}

/* What became of a post.  True: it was posted. */
static bool posted(struct readers *readers, struct reader *reader, int rc)
{
	struct error err;

	if (rc == 0) {
		reader->posted++;
		return true;
	}
	if (rc != -EAGAIN) {
		(void)error_set(&err, 0, "%s", error_reason(rc));
		reader_lose(readers, reader, &err);
	}
	return false;
}

static uint64_t inbox_offset(const struct reader *reader, uint64_t p, uint32_t slot_len)
{
	return sizeof(struct stream_inbox) + (p & (reader->feed.slots - 1)) * slot_len;
}

static uint32_t piece_slots(uint32_t slot_len)
{
	return slot_len < PIECE_LEN ? PIECE_LEN / slot_len : 1;
}

/* Everything before @position is given up, unless it was sent.  False: not yet (R2). */
static bool skip_to(struct reader *reader, uint64_t position)
{
	struct stream_feed *feed = &reader->feed;

	if (feed->consumed != feed->sent)
		return false;
	feed->sent = position - 1;
	reader->skipped = position;
	return true;
}

static bool part_put(struct readers *readers, struct reader *reader,
	const struct stream_log *log, const struct stream_part *part)
{
	const struct memory *memory = readers->config.log;
	const unsigned char *base = memory->ops->base(memory);
	uint32_t slot_len = log->ring.slot_len;
	size_t from = (size_t)(stream_ring_at(&log->ring, part->first) - base);

	return posted(readers, reader,
		reader->link->ops->put(reader->link,
			inbox_offset(reader, part->first, slot_len), memory, from,
			(size_t)part->count * slot_len, part->first));
}

/* Posts as many parts of the run as there is room for on the link. */
static bool run_put(struct readers *readers, struct reader *reader,
	const struct stream_log *log, struct stream_run *run)
{
	uint32_t count = 0;

	while (count < run->parts_count &&
		part_put(readers, reader, log, &run->parts[count]))
		count++;
	if (count == 0 || reader->state != READER_FED)
		return false;
	run->parts_count = count;
	run->end = run->parts[count - 1].first + run->parts[count - 1].count - 1;
	stream_feed_run_posted(&reader->feed, run);
	return true;
}

/* The log has no more what comes next: the archive may.  True: something was done. */
static bool archive_begin(
	struct readers *readers, struct reader *reader, const struct stream_log *log)
{
	struct keeper_place place;
	struct feeder_lane_config config;

	if (!readers_have_archive(readers, reader))
		return skip_to(reader, stream_log_oldest(log));
	place = keeper_place(readers->config.keeper);
	config = (struct feeder_lane_config){.path = place.path,
		.identity = place.identity,
		.files = place.files,
		.position = reader->feed.sent + 1};
	reader->lane = feeder_ask(readers->config.feeder, &config);
	reader->end_since_ns = 0;
	return reader->lane != NULL;
}

static void archive_end(struct readers *readers, struct reader *reader)
{
	feeder_end(readers->config.feeder, reader->lane);
	reader->lane = NULL;
}

static bool log_feed(
	struct readers *readers, struct reader *reader, const struct stream_log *log)
{
	struct stream_run run;

	if (log->phase != STREAM_OPEN)
		return false;
	if (reader->feed.sent + 1 < stream_log_oldest(log))
		return archive_begin(readers, reader, log);
	return stream_log_run_to(
		       log, &reader->feed, piece_slots(log->ring.slot_len), &run) &&
	       run_put(readers, reader, log, &run);
}

/* @len bytes in writes that are not too long. */
static bool bytes_write(struct readers *readers, struct reader *reader, uint64_t offset,
	const unsigned char *bytes, size_t len)
{
	while (len > 0) {
		size_t piece = len < LINK_TRANSFER_MAX ? len : LINK_TRANSFER_MAX;

		if (!posted(readers, reader,
			    reader->link->ops->write(
				    reader->link, offset, bytes, piece, 0)))
			return false;
		offset += piece;
		bytes += piece;
		len -= piece;
	}
	return true;
}

/* Some of @count slots, which are back to back, of consecutive positions from the next one. */
static uint32_t slots_write(struct readers *readers, struct reader *reader,
	const unsigned char *slots, uint32_t count, uint32_t slot_len)
{
	uint32_t group = slot_len < LINK_TRANSFER_MAX ? LINK_TRANSFER_MAX / slot_len : 1;
	uint32_t written = 0;

	while (written < count) {
		uint64_t p = reader->feed.sent + 1;
		uint32_t some = count - written < group ? count - written : group;
		struct stream_run run = {.parts = {{.first = p, .count = some}},
			.parts_count = 1,
			.end = p + some - 1};

		if (!bytes_write(readers, reader, inbox_offset(reader, p, slot_len),
			    slots + (size_t)written * slot_len, (size_t)some * slot_len))
			break;
		stream_feed_run_posted(&reader->feed, &run);
		written += some;
	}
	return written;
}

/* Slots that may be written from the next position on, before either ring ends (Y1). */
static uint32_t inbox_room(const struct reader *reader, uint32_t slot_len)
{
	const struct stream_feed *feed = &reader->feed;
	uint64_t full = feed->consumed + feed->slots;
	uint64_t wrap = feed->slots - ((feed->sent + 1) & (feed->slots - 1));

	if (feed->sent >= full) /* it is still to be told of what was skipped */
		return 0;
	return (uint32_t)least(least(full - feed->sent, wrap), piece_slots(slot_len));
}

/* The log has what comes next, and it will not be lost again at once. */
static bool log_is_reached(const struct reader *reader, const struct stream_log *log)
{
	uint64_t margin = stream_ring_slots(&log->ring) / 8;

	return log->phase == STREAM_OPEN &&
	       reader->feed.sent + 1 >= stream_log_oldest(log) + margin;
}

/* The archive has nothing before @position: perhaps the log does. */
static bool archive_gap(struct readers *readers, struct reader *reader,
	const struct stream_log *log, uint64_t position)
{
	uint64_t oldest = stream_log_oldest(log);

	if (log->phase != STREAM_OPEN)
		return false;
	if (reader->feed.sent + 1 < oldest)
		return skip_to(reader, least(position, oldest));
	archive_end(readers, reader);
	return true;
}

/* The archive ends at the next position, and the log does not have it. */
static bool archive_wait(struct readers *readers, struct reader *reader,
	const struct stream_log *log, uint64_t now_ns)
{
	if (reader->end_since_ns == 0)
		reader->end_since_ns = now_ns;
	if (now_ns - reader->end_since_ns < END_NS ||
		!skip_to(reader, stream_log_oldest(log)))
		return false;
	archive_end(readers, reader);
	return true;
}

static bool archive_ended(struct readers *readers, struct reader *reader,
	const struct stream_log *log, uint64_t position, uint64_t now_ns)
{
	uint64_t next = reader->feed.sent + 1;

	if (log->phase == STREAM_OPEN && position <= next &&
		next < stream_log_oldest(log))
		return archive_wait(readers, reader, log, now_ns);
	return archive_gap(readers, reader, log, position);
}

/* The archive's next slots are from @first on. */
static bool archive_slots(struct readers *readers, struct reader *reader,
	const struct stream_log *log, const unsigned char *slots, uint32_t count,
	uint64_t first)
{
	uint32_t written;

	PAWL_ASSERT(first > reader->feed.sent); /* R1 */
	reader->end_since_ns = 0;
	if (first > reader->feed.sent + 1)
		return archive_gap(readers, reader, log, first);
	written = slots_write(
		readers, reader, slots, count, readers->config.limits->slot_len);
	if (reader->lane && written > 0)
		feeder_take(readers->config.feeder, reader->lane, written);
	return written > 0;
}

static void archive_complain(struct readers *readers, struct reader *reader)
{
	struct error err;

	if (feeder_line(reader->lane, &err))
		line_tell(readers, &err);
}

static bool archive_feed(struct readers *readers, struct reader *reader,
	const struct stream_log *log, uint64_t now_ns)
{
	uint32_t room = inbox_room(reader, readers->config.limits->slot_len);
	const unsigned char *slots;
	uint64_t position;
	uint32_t count;

	archive_complain(readers, reader);
	if (log_is_reached(reader, log)) {
		archive_end(readers, reader);
		return true;
	}
	switch (feeder_look(reader->lane, room ? room : 1, &slots, &count, &position)) {
	case FEEDER_SLOTS:
		return room > 0 &&
		       archive_slots(readers, reader, log, slots, count, position);
	case FEEDER_END:
		return archive_ended(readers, reader, log, position, now_ns);
	case FEEDER_FAILED:
		archive_end(readers, reader);
		reader->no_archive = true;
		return true;
	case FEEDER_READING:
		break;
	}
	return false;
}

/* Y2.  Behind the slots, on the same link. */
static bool words_write(struct readers *readers, struct reader *reader)
{
	struct stream_fed words;

	if (!stream_feed_words(&reader->feed, reader->skipped, &words) ||
		!posted(readers, reader,
			reader->link->ops->write(reader->link,
				offsetof(struct stream_inbox, fed), &words, sizeof(words),
				0)))
		return false;
	stream_feed_words_posted(&reader->feed, &words);
	return true;
}

bool reader_turn(struct readers *readers, struct reader *reader,
	const struct stream_log *log, uint64_t now_ns)
{
	bool did;

	if (!link_is_there(readers, reader) || !link_reap(readers, reader, log))
		return false;
	reader_look(readers, reader, log);
	did = reader->lane ? archive_feed(readers, reader, log, now_ns)
			   : log_feed(readers, reader, log);
	if (reader->state != READER_FED)
		return true;
	if (words_write(readers, reader))
		did = true;
	/* Over shared memory a put is over by now, and the log has not moved since. */
	if (reader->state == READER_FED)
		(void)link_reap(readers, reader, log);
	return did;
}
