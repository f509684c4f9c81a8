/* A lane: slots from an archive on their way to one reader (feeder.h). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/panic.h"
#include "sequencer/stream/feeder_internal.h"

#define LANE_LEN (512 * 1024)
#define LANE_SLOTS_MIN 4
#define STEP_SLOTS 256

struct feeder_lane *feeder_lane_make(const struct feeder_lane_config *config)
{
	struct feeder_lane *lane = calloc(1, sizeof(*lane));
	uint32_t slots = LANE_LEN / config->identity.slot_len;

	if (!lane)
		return NULL;
	(void)snprintf(lane->path, sizeof(lane->path), "%s", config->path);
	(void)snprintf(lane->stream, sizeof(lane->stream), "%s", config->identity.stream);
	lane->identity = config->identity;
	lane->identity.stream = lane->stream;
	lane->files = config->files;
	lane->position = config->position;
	lane->slots = slots < LANE_SLOTS_MIN ? LANE_SLOTS_MIN : slots;
	return lane;
}

void feeder_lane_free(struct feeder_lane *lane)
{
	if (lane->cursor)
		archive_cursor_close(lane->cursor);
	free(lane->bytes);
	free(lane);
}

static void lane_fail(struct feeder_lane *lane, const struct error *err)
{
	(void)notice_put(&lane->notice, err);
	atomic_store_explicit(&lane->failed, true, memory_order_release);
}

/* Memory and cursor; false: not yet, or the lane has failed. */
static bool lane_begin(struct feeder_lane *lane)
{
	struct error err;
	int rc;

	if (lane->cursor)
		return true;
	if (!lane->bytes)
		lane->bytes = aligned_alloc(
			64, (size_t)lane->slots * lane->identity.slot_len);
	if (!lane->bytes) {
		(void)error_set(&err, -ENOMEM,
			"archive: %s: no memory for %" PRIu32
			" slots to read ahead; free some",
			lane->path, lane->slots);
		lane_fail(lane, &err);
		return false;
	}
	rc = archive_cursor_open(
		lane->path, &lane->identity, lane->files, &lane->cursor, &err);
	if (rc == 0) {
		archive_cursor_seek(lane->cursor, lane->position);
		return true;
	}
	lane->cursor = NULL;
	if (rc == -ENOENT) /* it is still to be made: nothing is archived */
		atomic_store_explicit(&lane->end, lane->position, memory_order_release);
	else
		lane_fail(lane, &err);
	return false;
}

static uint64_t lane_room(const struct feeder_lane *lane)
{
	return lane->slots -
	       (atomic_load_explicit(&lane->put, memory_order_relaxed) -
		       atomic_load_explicit(&lane->taken, memory_order_acquire));
}

/* I1.  What is behind the used bytes of a slot counts for nothing. */
static void slot_put(struct feeder_lane *lane, const struct archive_item *item)
{
	uint64_t put = atomic_load_explicit(&lane->put, memory_order_relaxed);
	size_t at = (size_t)(put % lane->slots) * lane->identity.slot_len;

	memcpy(lane->bytes + at, item->bytes, stream_slot_used(&item->slot));
	atomic_store_explicit(&lane->end, 0, memory_order_relaxed);
	atomic_store_explicit(&lane->put, put + 1, memory_order_release);
}

/* Takes up one item.  False: there is no more for now. */
static bool item_take(struct feeder_lane *lane, const struct archive_item *item,
	const struct error *err)
{
	if (item->kind == ARCHIVE_NOT_YET) {
		atomic_store_explicit(&lane->end, lane->position, memory_order_release);
		return false;
	}
	if (item->kind == ARCHIVE_DAMAGED)
		(void)notice_put(&lane->notice, err);
	if (item->kind == ARCHIVE_SLOT)
		slot_put(lane, item);
	lane->position = item->last + 1;
	return true;
}

bool feeder_lane_fill(struct feeder_lane *lane)
{
	struct archive_item item;
	struct error err;

	if (atomic_load_explicit(&lane->failed, memory_order_relaxed) ||
		!lane_begin(lane))
		return false;
	for (unsigned int n = 0; n < STEP_SLOTS; n++) {
		if (lane_room(lane) == 0)
			return false;
		if (archive_cursor_next(lane->cursor, &item, &err)) {
			lane_fail(lane, &err);
			return false;
		}
		if (!item_take(lane, &item, &err))
			return false;
	}
	return true;
}

static const unsigned char *lane_at(const struct feeder_lane *lane, uint64_t number)
{
	return lane->bytes + (size_t)(number % lane->slots) * lane->identity.slot_len;
}

/* Slots from number @taken on that are back to back and consecutive. */
static uint32_t run_count(
	const struct feeder_lane *lane, uint64_t taken, uint64_t put, uint32_t count_max)
{
	uint64_t first = stream_slot_position(lane_at(lane, taken));
	uint32_t left = lane->slots - (uint32_t)(taken % lane->slots);
	uint32_t count = 1;

	if (left > count_max)
		left = count_max;
	while (count < left && taken + count < put &&
		stream_slot_position(lane_at(lane, taken + count)) == first + count)
		count++;
	return count;
}

enum feeder_state feeder_look(const struct feeder_lane *lane, uint32_t count_max,
	const unsigned char **slots_p, uint32_t *count_p, uint64_t *position_p)
{
	/* What is behind all slots is looked at before them. */
	bool failed = atomic_load_explicit(&lane->failed, memory_order_acquire);
	uint64_t end = atomic_load_explicit(&lane->end, memory_order_acquire);
	uint64_t put = atomic_load_explicit(&lane->put, memory_order_acquire);
	uint64_t taken = atomic_load_explicit(&lane->taken, memory_order_relaxed);

	PAWL_ASSERT(count_max > 0);
	if (put > taken) {
		*slots_p = lane_at(lane, taken);
		*count_p = run_count(lane, taken, put, count_max);
		*position_p = stream_slot_position(*slots_p);
		return FEEDER_SLOTS;
	}
	if (failed)
		return FEEDER_FAILED;
	*position_p = end;
	return end ? FEEDER_END : FEEDER_READING;
}

/* The thread sleeps while a lane is full, and is not woken for every slot. */
void feeder_take(struct feeder *feeder, struct feeder_lane *lane, uint32_t count)
{
	uint64_t put = atomic_load_explicit(&lane->put, memory_order_acquire);
	uint64_t taken = atomic_load_explicit(&lane->taken, memory_order_relaxed);
	uint64_t half = lane->slots / 2;

	PAWL_ASSERT(taken + count <= put); /* I1 */
	atomic_store_explicit(&lane->taken, taken + count, memory_order_release);
	if (put - taken > half && put - taken - count <= half)
		feeder_wake(feeder);
}

bool feeder_line(struct feeder_lane *lane, struct error *line_p)
{
	if (!notice_look(&lane->notice))
		return false;
	*line_p = lane->notice.line;
	notice_taken(&lane->notice);
	return true;
}
