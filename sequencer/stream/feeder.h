/*
 * Reads archives for the readers of a replica's streams: files block, and a stream's thread must
 * not (docs/protocol.md).
 *
 * One thread for all of them, begun when it is first needed.  For every reader that needs the
 * archive there is a *lane*: slots in the order of their positions, in a ring of bounded memory
 * which that thread fills and the stream's thread empties.
 *
 * I1  A lane has one who fills and one who empties; each slot in it is whole, and its position is
 *     larger than that of the one before.  Positions between two slots are not in the archive.
 * I2  A lane that is ended is freed by the feeder's thread, which may still be reading a file.
 */
#ifndef PAWL_STREAM_FEEDER_H
#define PAWL_STREAM_FEEDER_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/archive/archive_cursor.h"

struct feeder;
struct feeder_lane;

/* -ENOMEM. */
int feeder_make(struct feeder **feeder_p, struct error *err)
	__attribute__((warn_unused_result));
/*
 * All lanes were ended.  Waits for a read that is under way; a disk that does not answer for
 * @timeout_ns is left behind with the thread, which frees the rest when it comes back.
 */
void feeder_free(struct feeder *feeder, uint64_t timeout_ns);

struct feeder_lane_config {
	const char *path; /* of the archive; copied, as is the identity */
	struct archive_identity identity;
	const struct archive_files *files; /* NULL: the system's */
	uint64_t position;		   /* the first that is wanted */
};

/* NULL: no memory, or no thread; ask again later.  Does not block. */
struct feeder_lane *feeder_ask(
	struct feeder *feeder, const struct feeder_lane_config *config);
void feeder_end(struct feeder *feeder, struct feeder_lane *lane);

enum feeder_state {
	FEEDER_SLOTS,	/* there are some */
	FEEDER_READING, /* there will be more, or the archive's end */
	FEEDER_END,	/* *position_p is not archived yet, and nothing between is */
	FEEDER_FAILED,	/* the archive can not be read */
};

/*
 * What comes next.  FEEDER_SLOTS: *slots_p has *count_p slots (up to @count_max) back to back
 * with consecutive positions from *position_p, until feeder_take.
 */
enum feeder_state feeder_look(const struct feeder_lane *lane, uint32_t count_max,
	const unsigned char **slots_p, uint32_t *count_p, uint64_t *position_p);
/* @count of them were used. */
void feeder_take(struct feeder *feeder, struct feeder_lane *lane, uint32_t count);

/* What was wrong: a part that is damaged and skipped, or why it failed.  False: nothing new. */
bool feeder_line(struct feeder_lane *lane, struct error *line_p);

#endif
