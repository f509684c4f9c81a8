/* What the files about reading archives for readers have in common (feeder.h). */
#ifndef PAWL_STREAM_FEEDER_INTERNAL_H
#define PAWL_STREAM_FEEDER_INTERNAL_H

#include <stdatomic.h>

#include "sequencer/stream/feeder.h"
#include "sequencer/stream/notice.h"

struct feeder_lane {
	struct feeder_lane *next;
	char path[ARCHIVE_PATH_MAX];
	char stream[64];
	struct archive_identity identity;
	const struct archive_files *files;

	struct archive_cursor *cursor; /* the feeder's thread's, as is the position */
	uint64_t position;	       /* that the next item is about */

	unsigned char *bytes; /* set before the first slot is put */
	uint32_t slots;
	_Atomic uint64_t put;	/* slots so far; partner: feeder_look */
	_Atomic uint64_t taken; /* partner: lane_fill */
	_Atomic uint64_t end;	/* nothing is archived from here on; 0: there is more */
	atomic_bool failed;
	atomic_bool ended; /* partner: lanes_turn */
	struct notice notice;
};

/* NULL: no memory. */
struct feeder_lane *feeder_lane_make(const struct feeder_lane_config *config);
void feeder_lane_free(struct feeder_lane *lane);

/* The feeder's thread reads a piece.  True: there may be more to read, and room for it. */
bool feeder_lane_fill(struct feeder_lane *lane);

/* There is room in a lane, or another lane. */
void feeder_wake(struct feeder *feeder);

#endif
