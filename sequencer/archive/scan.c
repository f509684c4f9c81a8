#include "sequencer/archive/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/bytes.h"

int scan_make(struct scan *scan_p)
{
	unsigned char *window = malloc(SCAN_WINDOW_LEN + STREAM_SLOT_LEN_MAX);

	if (!window)
		return -ENOMEM;
	*scan_p = (struct scan){.window = window};
	return 0;
}

void scan_free(struct scan *scan)
{
	free(scan->window);
	scan->window = NULL;
}

void scan_begin(struct scan *scan, const struct archive_place *place,
	const struct segment *segment, uint64_t position, uint64_t offset, uint64_t limit)
{
	scan->place = place;
	scan->segment = segment;
	scan->position = position;
	scan->offset = offset;
	scan->limit = limit;
	scan->window_offset = offset;
	scan->window_len = 0;
}

void scan_extend(struct scan *scan, uint64_t limit)
{
	scan->limit = limit;
	scan->window_len = 0;
}

static int window_fill(struct scan *scan, uint64_t limit, struct error *err)
{
	uint64_t want = limit > scan->offset ? limit - scan->offset : 0;
	size_t len = 0;
	int rc;

	if (want > SCAN_WINDOW_LEN)
		want = SCAN_WINDOW_LEN;
	rc = scan->place->files->read(
		scan->segment->fd, scan->window, (size_t)want, scan->offset, &len);
	if (rc)
		return files_fail(
			scan->place, scan->segment->name, "can not be read", rc, err);
	memset(scan->window + len, 0, STREAM_SLOT_LEN_MAX);
	scan->window_offset = scan->offset;
	scan->window_len = len;
	return 0;
}

/* A whole slot at the next offset, or all that there is up to the limit. */
static int window_ready(struct scan *scan, struct error *err)
{
	uint64_t have = scan->window_offset + scan->window_len;
	uint64_t need = scan->offset + scan->segment->header.slot_len;

	if (need > scan->limit)
		need = scan->limit;
	if (scan->window_len > 0 && scan->offset >= scan->window_offset && need <= have)
		return 0;
	return window_fill(scan, scan->limit, err);
}

int scan_next(struct scan *scan, struct scan_record *record_p, struct error *err)
{
	struct scan_record record = {.whole = false};
	uint64_t at, len;
	int rc = window_ready(scan, err);

	if (rc)
		return rc;
	at = scan->offset - scan->window_offset;
	record.bytes = scan->window + at;
	if (stream_slot_read(
		    record.bytes, scan->segment->header.slot_len, &record.slot)) {
		len = segment_record_len(&record.slot);
		record.whole = record.slot.position == scan->position &&
			       at + len <= scan->window_len &&
			       bytes_are_zero(
				       record.bytes + stream_slot_used(&record.slot),
				       len - stream_slot_used(&record.slot));
	}
	if (record.whole) {
		scan->offset += segment_record_len(&record.slot);
		scan->position++;
	}
	*record_p = record;
	return 0;
}

int scan_rest(struct scan *scan, uint64_t *len_p, struct error *err)
{
	uint64_t begin = scan->offset, last = begin;
	int rc = 0;

	do {
		rc = window_fill(scan, scan->segment->file_len, err);
		for (uint64_t i = 0; !rc && i < scan->window_len; i++)
			if (scan->window[i])
				last = scan->offset + i + 1;
		scan->offset += scan->window_len;
	} while (!rc && scan->window_len > 0);
	scan->offset = begin;
	scan->window_len = 0;
	if (!rc)
		*len_p = last - begin;
	return rc;
}
