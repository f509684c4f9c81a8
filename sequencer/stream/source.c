#include "sequencer/stream/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/words.h"

static int buffers_make(struct stream_source *source, struct error *err)
{
	const struct stream_limits *l = &source->limits;

	source->room = (uint32_t)(STREAM_PULL_LEN / l->slot_len);
	source->entries = calloc(l->rows, sizeof(*source->entries));
	source->slots = aligned_alloc(64, (size_t)source->room * l->slot_len);
	if (source->entries && source->slots)
		return 0;
	return error_set(err, -ENOMEM,
		"stream: fill: no memory for %llu bytes of slots and a table of %u "
		"publishers; "
		"free some",
		(unsigned long long)STREAM_PULL_LEN, l->rows);
}

int stream_source_open(struct stream_source *source, struct device *device,
	const char *address, uint64_t token, const struct stream_limits *limits,
	struct error *err)
{
	int rc;

	memset(source, 0, sizeof(*source));
	source->limits = *limits;
	rc = buffers_make(source, err);
	if (!rc)
		rc = stream_pull_open(&source->pull, device, address, token, err);
	if (rc)
		stream_source_close(source);
	return rc;
}

/* The link first, for reads in flight write into the buffers. */
void stream_source_close(struct stream_source *source)
{
	stream_pull_close(&source->pull);
	free(source->entries);
	free(source->slots);
	source->entries = NULL;
	source->slots = NULL;
}

void stream_source_look(struct stream_source *source)
{
	stream_pull_begin(&source->pull, 0, &source->control, sizeof(source->control));
}

void stream_source_table(struct stream_source *source)
{
	stream_pull_begin(&source->pull, STREAM_TABLE_OFFSET, source->entries,
		source->limits.rows * sizeof(*source->entries));
}

void stream_source_batch(struct stream_source *source, uint64_t first, uint64_t last)
{
	const struct stream_limits *l = &source->limits;
	uint64_t place = first & (l->slots - 1);
	uint64_t count = least(least(last - first + 1, source->room), l->slots - place);

	source->first = first;
	source->count = (uint32_t)count;
	stream_pull_begin(&source->pull,
		stream_log_ring_offset(l->rows) + place * l->slot_len, source->slots,
		count * l->slot_len);
}

void stream_source_batch_before(struct stream_source *source, uint64_t before)
{
	uint64_t place = (before - 1) & (source->limits.slots - 1);
	uint64_t count = least(before - source->control.oldest,
		least(source->room, place + 1)); /* to where the ring begins */

	stream_source_batch(source, before - count, before - 1);
}

int stream_source_judge(const struct stream_source *source, struct error *err)
{
	const struct stream_control *c = &source->control;
	const struct stream_limits *l = &source->limits;

	if (c->magic != STREAM_MAGIC)
		return error_set(err, -EPROTO,
			"stream: fill: there is no log at the other member; it may be "
			"made anew just now");
	if (c->slot_len != l->slot_len || c->slots != l->slots || c->rows != l->rows)
		return error_set(err, -EPROTO,
			"stream: fill: the other member's log has %u slots of %u bytes "
			"and %u "
			"publishers, not %u of %u and %u; it is another stream's",
			c->slots, c->slot_len, c->rows, l->slots, l->slot_len, l->rows);
	/* Its words may be of different moments. */
	if (c->oldest <= c->begin || c->end < c->begin || c->oldest > c->end + 1)
		return error_set(err, -EAGAIN,
			"stream: fill: the other member's log goes from %llu to %llu; it "
			"changes faster than it can be read",
			(unsigned long long)c->oldest, (unsigned long long)c->end);
	return 0;
}

bool stream_source_lapped(const struct stream_source *source)
{
	return source->control.oldest > source->first;
}

static const unsigned char *slot_at(const struct stream_source *source, uint32_t i)
{
	return source->slots + (size_t)i * source->limits.slot_len;
}

static int slot_damaged(const struct stream_source *source, uint32_t i, struct error *err)
{
	return error_set(err, -EPROTO,
		"stream: fill: the slot of position %llu of another member's log is not "
		"whole; its memory is damaged",
		(unsigned long long)(source->first + i));
}

int stream_source_append(
	const struct stream_source *source, struct stream_log *log, struct error *err)
{
	for (uint32_t i = 0; i < source->count; i++) {
		if (!stream_log_fill(log, slot_at(source, i)))
			return slot_damaged(source, i, err);
	}
	return 0;
}

int stream_source_prepend(
	const struct stream_source *source, struct stream_log *log, struct error *err)
{
	uint32_t i = source->count;

	while (i-- > 0 && source->first + i >= source->control.oldest) {
		if (!stream_log_fill_before(log, slot_at(source, i)))
			return slot_damaged(source, i, err);
	}
	return 0;
}

void stream_source_create(const struct stream_source *source, struct stream_log *log,
	void *memory, uint64_t begin)
{
	const struct stream_limits *l = &source->limits;

	stream_log_create(log, memory, l->slots, l->slot_len, l->rows, begin);
	stream_log_entries_set(log, source->entries, l->rows);
}
