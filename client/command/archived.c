#include "client/command/archived.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sequencer/archive/archive_cursor.h"
#include "sequencer/archive/archive_survey.h"
#include "sequencer/core/stream_limits.h"

struct archived {
	struct archive_cursor *cursor;
	struct archive_survey survey; /* last is 0: it is not known */
	struct stream_subscriber subscriber;
	struct stream_ring ring; /* of one slot */
	uint64_t end;		 /* the words of the source */
	uint64_t oldest;
	const char *why; /* of the range that the source has not */
	uint64_t from;	 /* 0: with the first item */
	bool voids;
	unsigned char *buffer;
	_Alignas(64) unsigned char ring_slot[STREAM_SLOT_LEN_MAX];
	_Alignas(64) unsigned char slot[STREAM_SLOT_LEN_MAX];
};

static const char *const reasons[] = {
	[ARCHIVE_GONE] = "they are not retained any more",
	[ARCHIVE_MISSING] = "they were never archived",
	[ARCHIVE_DAMAGED] = "the archive is damaged there",
};

/* As long as the longest message that any stream can have; only what is used costs memory. */
static unsigned char *buffer_make(void)
{
	void *buffer = mmap(NULL, STREAM_MESSAGE_MAX, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return buffer == MAP_FAILED ? NULL : buffer;
}

/* What the archive's end should be.  When that can not be told, reading will say why. */
static void survey_make(struct archived *archived, const char *path)
{
	const struct archive_identity any = {.instance = 0};
	struct stream_entry *entries = calloc(STREAM_ROWS_MAX, sizeof(*entries));

	if (!entries || archive_survey(path, &any, NULL, entries, STREAM_ROWS_MAX,
				&archived->survey, NULL))
		archived->survey = (struct archive_survey){.last = 0};
	free(entries);
}

static int archived_make(
	const char *path, struct archived **archived_p, struct error *err)
{
	struct archived *archived = aligned_alloc(
		_Alignof(struct archived), sizeof(*archived));

	if (!archived)
		return error_set(err, -ENOMEM, "pawl replay: %s: out of memory", path);
	memset(archived, 0, sizeof(*archived));
	archived->buffer = buffer_make();
	if (!archived->buffer) {
		free(archived);
		return error_set(err, -ENOMEM,
			"pawl replay: %s: no room for the longest message: %s", path,
			strerror(errno));
	}
	*archived_p = archived;
	return 0;
}

int archived_open(const char *path, uint64_t from, bool voids,
	struct archived **archived_p, struct error *err)
{
	const struct archive_identity any = {.instance = 0};
	struct archived *archived = NULL;
	int rc = archived_make(path, &archived, err);

	if (rc)
		return rc;
	rc = archive_cursor_open(path, &any, NULL, &archived->cursor, err);
	if (rc) {
		archived_close(archived);
		return rc;
	}
	survey_make(archived, path);
	archived->from = from;
	archived->voids = voids;
	archive_cursor_seek(archived->cursor, from);
	*archived_p = archived;
	return 0;
}

void archived_close(struct archived *archived)
{
	if (archived->cursor)
		archive_cursor_close(archived->cursor);
	(void)munmap(archived->buffer, STREAM_MESSAGE_MAX);
	free(archived);
}

/* Begins with the first item, so that also one that is lost is told. */
static void subscriber_begin(struct archived *archived, uint64_t first)
{
	const struct stream_subscriber_config config = {.from = STREAM_FROM_POSITION,
		.position = archived->from ? archived->from : first,
		.voids = archived->voids,
		.slot = archived->slot,
		.buffer = archived->buffer,
		.buffer_len = STREAM_MESSAGE_MAX};

	archived->ring = (struct stream_ring){
		.bytes = archived->ring_slot, .slot_len = STREAM_SLOT_LEN_MAX, .mask = 0};
	stream_subscriber_init(&archived->subscriber, &config);
	stream_subscriber_attach(&archived->subscriber, &archived->ring, &archived->end,
		&archived->oldest);
}

/* The source shows this item, and nothing else. */
static void source_set(struct archived *archived, const struct archive_item *item)
{
	if (item->kind == ARCHIVE_SLOT) {
		memcpy(archived->ring_slot, item->bytes, stream_slot_used(&item->slot));
		archived->oldest = item->first;
	} else {
		archived->oldest = item->last + 1;
		archived->why = reasons[item->kind];
	}
	archived->end = item->last;
	if (!archived->subscriber.begun)
		subscriber_begin(archived, item->first);
}

int archived_next(
	struct archived *archived, struct archived_item *item_p, struct error *err)
{
	for (;;) {
		struct archive_item item;
		int rc = archive_cursor_next(archived->cursor, &item, err);

		if (rc)
			return rc;
		if (item.kind == ARCHIVE_NOT_YET)
			return -ENODATA;
		source_set(archived, &item);
		if (!stream_subscriber_poll(&archived->subscriber, 1, &item_p->delivery))
			continue;
		item_p->why = item_p->delivery.kind == STREAM_GONE ? archived->why : NULL;
		return 0;
	}
}

uint64_t archived_position(const struct archived *archived)
{
	return stream_subscriber_consumed(&archived->subscriber);
}

bool archived_is_whole(const struct archived *archived, struct error *err)
{
	const struct archive_cut *tail = &archived->survey.tail;

	if (tail->first == 0)
		return true;
	(void)error_set(err, -EBADMSG,
		"archive: %s: positions %" PRIu64 " to %" PRIu64
		" were there and are no whole records, from offset %" PRIu64
		"; replay another replica's archive",
		tail->file, tail->first, tail->last, tail->offset);
	return false;
}
