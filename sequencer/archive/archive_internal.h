/* What the parts of the writing archive share. */
#ifndef PAWL_ARCHIVE_INTERNAL_H
#define PAWL_ARCHIVE_INTERNAL_H

#include <stddef.h>

#include "sequencer/archive/archive.h"
#include "sequencer/archive/listing.h"
#include "sequencer/archive/scan.h"
#include "sequencer/archive/segment.h"
#include "sequencer/archive/segment_index.h"

#define ARCHIVE_BUFFER_LEN (256 * 1024)
#define ARCHIVE_STAGED_MAX 4096

/* A segment that nothing is appended to any more. */
struct archive_part {
	uint64_t first;
	uint64_t last;
	uint64_t len;
	uint64_t time_ns;
};

struct archive {
	struct archive_place place;
	struct archive_config config;
	int lock;
	struct archive_part *parts; /* in order */
	size_t parts_count;
	size_t parts_room;
	struct segment segment; /* the open one; fd -1: there is none */
	struct segment_index_writer index;
	bool reserved; /* the open one has its room on the disk */
	bool lost;     /* a sync failed: recover before anything else (Z4) */
	uint64_t next;
	uint64_t last;
	uint64_t synced;
	uint64_t sync_due_ns; /* with the interval policy; 0: nothing to sync */
	uint64_t epoch;	      /* of the newest slot */
	uint64_t inexact;
	uint64_t acknowledged;
	uint64_t acknowledged_stored; /* what the file says */
	struct stream_table table;
	struct scan scan;
	unsigned char *buffer;	    /* records that go into the segment together, */
	struct stream_slot *staged; /*   and their slots */
	struct archive_alarm alarm;
};

static inline bool archive_is_open(const struct archive *archive)
{
	return archive->segment.fd >= 0;
}

static inline bool archive_syncs(const struct archive *archive)
{
	return archive->config.sync != ARCHIVE_SYNC_NEVER;
}

/* Bytes that a new segment takes at most. */
static inline uint64_t archive_segment_room(const struct archive_config *config)
{
	return config->segment_len + SEGMENT_BLOCK_LEN +
	       (uint64_t)config->rows * SEGMENT_ENTRY_LEN;
}

/* A part more; -ENOMEM. */
int archive_part_add(struct archive *archive, const struct archive_part *part,
	struct error *err) __attribute__((warn_unused_result));

/* Takes up what is in the directory (Z5). */
int archive_take_up(struct archive *archive, struct archive_cut *cut_p, struct error *err)
	__attribute__((warn_unused_result));

/* Goes back to the synced point (Z4). */
int archive_go_back(struct archive *archive, struct error *err);

/* The open segment is complete: it becomes a part, or is removed if it is empty. */
int archive_seal(struct archive *archive, struct error *err)
	__attribute__((warn_unused_result));

/* A segment for archive->next. */
int archive_begin(struct archive *archive, struct error *err)
	__attribute__((warn_unused_result));

/* archive_snapshot.c: what was acknowledged, from and to its file.  A disk that fails is no error. */
void archive_snapshot_load(struct archive *archive);
void archive_snapshot_store(struct archive *archive);

/* Removes what need not be retained, when @more bytes are to come. */
int archive_retain(struct archive *archive, uint64_t more, struct error *err);

#endif
