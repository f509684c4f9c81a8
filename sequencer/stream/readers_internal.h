/* What the files about readers have in common (readers.h). */
#ifndef PAWL_STREAM_READERS_INTERNAL_H
#define PAWL_STREAM_READERS_INTERNAL_H

#include "sequencer/core/limits.h"
#include "sequencer/stream/hold.h"
#include "sequencer/stream/readers.h"

enum reader_state {
	READER_NONE,
	READER_IN_PLACE,
	READER_CONNECTING, /* fed as soon as its link is there */
	READER_FED,
	READER_LOST, /* its link has failed */
};

struct reader {
	enum reader_state state;
	uint64_t token;
	uint32_t subscriber; /* of the session; 0: not known */
	bool replica;	     /* it is another replica's archive */
	uint64_t pid;
	char program[64];
	uint64_t consumed; /* R5 */

	/* Of a fed one. */
	struct link *link;
	struct stream_feed feed;
	uint64_t skipped;	  /* what is before and was not sent will not come */
	struct feeder_lane *lane; /* NULL: it is fed out of the log */
	bool no_archive;	  /* which could not be read */
	uint64_t end_since_ns;	  /* the archive has ended before the log begins; 0: no */
	uint32_t posted;	  /* operations that have not completed */
};

struct readers {
	struct readers_config config;
	char stream[COUNTER_NAME_MAX + 1];
	uint32_t top;  /* readers are before this one */
	uint32_t next; /* place for a new reader, if it is free */
	uint32_t turn; /* whose turn is next */

	struct stream_hold hold; /* R7 */

	bool line_set;
	struct error line;
	struct reader at[STREAM_READERS_MAX];
};

/* Whether this replica's archive may have what the log has no more. */
bool readers_have_archive(const struct readers *readers, const struct reader *reader);

/* Looks at what the reader has written into its line (R5). */
void reader_look(
	struct readers *readers, struct reader *reader, const struct stream_log *log);

/* Ends link and lane. */
void reader_unfeed(struct readers *readers, struct reader *reader);

/* One piece of a fed reader's feed.  True: something was done. */
bool reader_turn(struct readers *readers, struct reader *reader,
	const struct stream_log *log, uint64_t now_ns);

static inline bool reader_is_fed(const struct reader *reader)
{
	return reader->state == READER_CONNECTING || reader->state == READER_FED;
}

static inline uint32_t reader_number(
	const struct readers *readers, const struct reader *reader)
{
	return (uint32_t)(reader - readers->at) + 1;
}

#endif
