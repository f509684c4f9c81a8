#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/words.h"
#include "sequencer/stream/applier_internal.h"

#define STEP_MAX 512   /* deliveries of one step */
#define LOOKS_MAX 4096 /* slots, between two deliveries */
#define RING_LEN (256 * 1024)
#define UNFOUNDED_MAX 4096 /* bytes; longer messages found nothing */

struct applier *applier_make(const struct applier_config *config)
{
	struct applier *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	(void)snprintf(a->stream, sizeof(a->stream), "%s", config->stream);
	a->slot_len = config->limits->slot_len;
	a->room = config->room;
	(void)pthread_mutex_init(&a->lock, NULL);
	if (!config->archive)
		return a;
	a->has_archive = true;
	a->identity = config->archive->identity;
	a->identity.stream = a->stream;
	a->files = config->archive->files;
	(void)snprintf(a->path, sizeof(a->path), "%s", config->archive->path);
	return a;
}

void applier_free(struct applier *a)
{
	applier_drop(a);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

void applier_attach(struct applier *a, const struct applier_source *source)
{
	(void)pthread_mutex_lock(&a->lock);
	a->source = *source;
	a->attached = true;
	a->sources++;
	(void)pthread_mutex_unlock(&a->lock);
}

void applier_detach(struct applier *a)
{
	(void)pthread_mutex_lock(&a->lock);
	a->attached = false;
	(void)pthread_mutex_unlock(&a->lock);
}

uint64_t applier_consumed(const struct applier *a)
{
	return a->begun ? stream_subscriber_consumed(&a->subscriber) : 0;
}

bool applier_is_begun(const struct applier *a)
{
	return a->begun;
}

/* ---- Memory ---- */

static int no_room(const struct applier *a, uint64_t len, struct error *err)
{
	return error_set(err, -ENOTSUP,
		"stream: %s: reads at the tail need %" PRIu64 " MiB here, and %" PRIu64
		" of %" PRIu64
		" MiB are taken; read in another way, or raise tail-memory",
		a->stream, (len >> 20) + 1, a->room->taken >> 20, a->room->max >> 20);
}

static int no_memory(const struct applier *a, struct error *err)
{
	return error_set(err, -ENOMEM,
		"stream: %s: no memory for reads at the tail; free some, or read in "
		"another way",
		a->stream);
}

static int room_take(struct applier *a, uint64_t len, struct error *err)
{
	if (len > a->room->max - a->room->taken)
		return no_room(a, len, err);
	a->room->taken += len;
	a->taken += len;
	return 0;
}

static void *lines_alloc(uint64_t len)
{
	return aligned_alloc(64, (len + 63) / 64 * 64);
}

void applier_drop(struct applier *a)
{
	if (a->cursor)
		archive_cursor_close(a->cursor);
	for (unsigned int i = 0; i < 3; i++) {
		free(a->buffers[i]);
		a->buffers[i] = NULL;
	}
	free(a->kv);
	a->cursor = NULL;
	a->kv = NULL;
	a->begun = false;
	a->room->taken -= a->taken;
	a->taken = 0;
}

/* As many slots as fit, a power of two. */
static uint32_t ring_slots(uint32_t slot_len)
{
	uint32_t slots = 1;

	while (slots * 2 * slot_len <= RING_LEN)
		slots *= 2;
	return slots;
}

int applier_buffers_make(struct applier *a, struct error *err)
{
	uint32_t slots = ring_slots(a->slot_len);
	uint64_t ring_len = (uint64_t)slots * a->slot_len;
	int rc = room_take(a, a->slot_len + UNFOUNDED_MAX + ring_len, err);

	if (rc)
		return rc;
	a->buffers[0] = lines_alloc(a->slot_len);
	a->buffers[1] = lines_alloc(UNFOUNDED_MAX);
	a->buffers[2] = lines_alloc(ring_len);
	a->ring = (struct stream_ring){
		.bytes = a->buffers[2], .slot_len = a->slot_len, .mask = slots - 1};
	if (a->buffers[0] && a->buffers[1] && a->buffers[2])
		return 0;
	return no_memory(a, err);
}

/* Behind a snapshot, or with nothing, in front of the first message of all. */
static int begin(struct applier *a, struct error *err)
{
	struct stream_subscriber_config config = {
		.from = STREAM_FROM_POSITION, .waits_at_gap = true};
	uint64_t position = 0;
	int rc = applier_restore(a, &position, err);

	if (!rc && position == 0)
		rc = applier_buffers_make(a, err);
	if (rc)
		return rc;
	config.position = position + 1;
	config.slot = a->buffers[0];
	config.buffer = a->buffers[1];
	config.buffer_len = a->kv ? kv_limits_of(a->kv)->command_max : UNFOUNDED_MAX;
	stream_subscriber_init(&a->subscriber, &config);
	a->source_read = 0;
	a->begun = true;
	return 0;
}

/* The machine, and room for the longest of its commands: what is longer changes nothing. */
int applier_machine_make(
	struct applier *a, const struct kv_limits *limits, struct error *err)
{
	uint64_t len = 0;
	unsigned char *buffer;
	void *memory;
	int rc;

	if (!kv_memory_len(limits, &len))
		return no_memory(a, err);
	rc = room_take(a, len + limits->command_max, err);
	if (rc)
		return rc;
	memory = lines_alloc(len);
	buffer = lines_alloc(limits->command_max);
	if (!memory || !buffer) {
		free(memory);
		free(buffer);
		return no_memory(a, err);
	}
	a->kv = kv_create(limits, memory, NULL, NULL);
	free(a->buffers[1]);
	a->buffers[1] = buffer;
	a->subscriber.config.buffer = buffer; /* no message is open */
	a->subscriber.config.buffer_len = limits->command_max;
	return 0;
}

/* ---- Applying ---- */

static int message_apply(
	struct applier *a, const struct stream_delivery *d, struct error *err)
{
	struct machine_result unused;
	struct kv_limits limits;
	unsigned char founding[UNFOUNDED_MAX];
	int rc = 0;

	if (a->kv) {
		kv_apply(a->kv, d->last, d->payload, d->len, &unused);
		return 0;
	}
	if (d->len > sizeof(founding) || !kv_command_founds(d->payload, d->len, &limits))
		return 0;
	memcpy(founding, d->payload, d->len); /* the buffer it is in goes */
	rc = applier_machine_make(a, &limits, err);
	if (!rc)
		kv_apply(a->kv, d->last, founding, d->len, &unused);
	return rc;
}

/* The next of the log (V1).  False: there is none now. */
static bool log_poll(struct applier *a, struct stream_delivery *d)
{
	bool got = false;

	(void)pthread_mutex_lock(&a->lock);
	if (a->attached) {
		if (a->source_read != a->sources)
			stream_subscriber_attach(&a->subscriber, &a->source.ring,
				a->source.commit, a->source.oldest);
		a->source_read = a->sources;
		got = stream_subscriber_poll(&a->subscriber, LOOKS_MAX, d);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return got;
}

/* The log has what comes next. */
static bool log_has_next(struct applier *a)
{
	bool has;

	(void)pthread_mutex_lock(&a->lock);
	has = a->attached && word_load(a->source.oldest) <= a->subscriber.next;
	(void)pthread_mutex_unlock(&a->lock);
	return has;
}

static int history_lost(const struct applier *a, uint64_t last, struct error *err)
{
	return error_set(err, -ENOTSUP,
		"stream: %s: positions %" PRIu64 " to %" PRIu64
		" are neither in the log nor in an archive of this replica, so that the "
		"storage can not be applied here; read in another way",
		a->stream, a->subscriber.next, last);
}

/* From now on slots come out of the archive, for the log has no more what is next. */
static int archive_begin(struct applier *a, uint64_t gone, struct error *err)
{
	uint64_t next = a->subscriber.next;
	int rc = 0;

	if (!a->has_archive)
		return history_lost(a, gone, err);
	if (!a->cursor)
		rc = archive_cursor_open(
			a->path, &a->identity, a->files, &a->cursor, err);
	if (rc)
		return rc;
	archive_cursor_seek(a->cursor, next);
	a->ring_end = next - 1;
	a->ring_oldest = next;
	a->source_read = 0;
	stream_subscriber_attach(&a->subscriber, &a->ring, &a->ring_end, &a->ring_oldest);
	return 0;
}

static void ring_put(struct applier *a, const struct archive_item *item)
{
	memcpy(stream_ring_at(&a->ring, item->first), item->bytes,
		STREAM_SLOT_HEADER + item->slot.len);
	a->ring_end = item->first;
}

/* Fills the ring, which was emptied.  It stays empty while the archive is not so far yet. */
static int archive_fill(struct applier *a, struct error *err)
{
	struct archive_item item;
	int rc;

	for (uint32_t i = 0; i <= a->ring.mask; i++) {
		rc = archive_cursor_next(a->cursor, &item, err);
		if (rc)
			return rc;
		if (item.kind == ARCHIVE_NOT_YET)
			return 0;
		if (item.kind == ARCHIVE_SLOT) {
			ring_put(a, &item);
			continue;
		}
		archive_cursor_seek(a->cursor, item.first);
		return i > 0 || log_has_next(a) ? 0 : history_lost(a, item.last, err);
	}
	return 0;
}

/* The next of the archive.  False: there is none now. */
static int archive_poll(
	struct applier *a, struct stream_delivery *d, bool *got_p, struct error *err)
{
	int rc = 0;

	*got_p = stream_subscriber_poll(&a->subscriber, LOOKS_MAX, d);
	if (*got_p || a->subscriber.next <= a->ring_end)
		return 0;
	if (log_has_next(a)) {
		*got_p = log_poll(a, d);
		return 0;
	}
	rc = archive_fill(a, err);
	if (!rc)
		*got_p = stream_subscriber_poll(&a->subscriber, LOOKS_MAX, d);
	return rc;
}

static bool reads_archive(const struct applier *a)
{
	return a->source_read == 0 && a->subscriber.end == &a->ring_end;
}

static int delivery_apply(
	struct applier *a, const struct stream_delivery *d, struct error *err)
{
	switch (d->kind) {
	case STREAM_MESSAGE:
		return message_apply(a, d, err);
	case STREAM_GONE:
		return archive_begin(a, d->last, err);
	case STREAM_TOO_LONG:
	case STREAM_NOTHING:
		break;
	}
	return 0;
}

int applier_step(struct applier *a, bool *moved_p, struct error *err)
{
	struct stream_delivery d;
	bool got = true;
	uint64_t before;
	int rc = a->begun ? 0 : begin(a, err);

	*moved_p = false;
	if (rc)
		return rc;
	before = a->subscriber.next;
	for (uint32_t i = 0; i < STEP_MAX && got && !rc; i++) {
		if (reads_archive(a))
			rc = archive_poll(a, &d, &got, err);
		else
			got = log_poll(a, &d);
		if (!rc && got)
			rc = delivery_apply(a, &d, err);
	}
	*moved_p = got || a->subscriber.next != before;
	return rc;
}

int applier_query(struct applier *a, const void *query, size_t len,
	struct machine_result *answer_p, struct error *err)
{
	if (!a->kv)
		return error_set(err, -ENOTSUP,
			"stream: %s: is no storage: nothing up to position %" PRIu64
			" founds one; only a storage can be read at the tail",
			a->stream, applier_consumed(a));
	kv_query(a->kv, query, len, answer_p);
	return 0;
}
