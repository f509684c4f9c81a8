/*
 * Another member's log, read one-sided while its owner may be writing it (places.h): control,
 * table, slots.  Who fills (fill.h) and who follows (follow.h) decide what counts.
 *
 * A log's identity are the epochs that its control shows: one that is made anew is of none, and
 * later of larger ones only (stream_log.h, C12).  So two looks that show the same epochs are at
 * one log, and what was read between them is of that one; even if the words of a look are of
 * different moments, for the epochs go before anything else is wiped.
 */
#ifndef PAWL_STREAM_SOURCE_H
#define PAWL_STREAM_SOURCE_H

#include "sequencer/core/stream_limits.h"
#include "sequencer/core/stream_log.h"
#include "sequencer/stream/pull.h"

struct stream_source {
	struct stream_pull pull;
	struct stream_limits limits;
	struct stream_control control; /* as of the last look */
	struct stream_entry *entries;
	unsigned char *slots; /* a batch of them: */
	uint64_t first;
	uint32_t count;
	uint32_t room;
};

/* -ENOMEM; errors of connect.  On an error it is closed. */
int stream_source_open(struct stream_source *source, struct device *device,
	const char *address, uint64_t token, const struct stream_limits *limits,
	struct error *err) __attribute__((warn_unused_result));
void stream_source_close(struct stream_source *source);

/* One of these, and stream_source_step until it is done, before the next. */
void stream_source_look(struct stream_source *source);
void stream_source_table(struct stream_source *source);
/* From @first on as many as fit, up to @last. */
void stream_source_batch(struct stream_source *source, uint64_t first, uint64_t last);

/* As many as fit that are before @before, and not before the oldest of the last look. */
void stream_source_batch_before(struct stream_source *source, uint64_t before);

/* As stream_pull_step. */
static inline int stream_source_step(struct stream_source *source, struct error *err)
{
	return stream_pull_step(&source->pull, err);
}

/*
 * Whether the control that was read is that of a log with these limits.  0; -EPROTO: it is not;
 * -EAGAIN: its words do not go together.
 */
int stream_source_judge(const struct stream_source *source, struct error *err)
	__attribute__((warn_unused_result));

/* The batch is lost, or a part of it: the last look says that it was overwritten. */
bool stream_source_lapped(const struct stream_source *source);

/* Appends the batch.  -EPROTO: a slot is not whole, though it was there; damaged. */
int stream_source_append(const struct stream_source *source, struct stream_log *log,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Puts the batch before what @log retains, as far as the last look says that it was still there.
 * Errors of stream_source_append.
 */
int stream_source_prepend(const struct stream_source *source, struct stream_log *log,
	struct error *err) __attribute__((warn_unused_result));

/* Makes @log anew in @memory, to be filled from behind @begin, with the table that was read. */
void stream_source_create(const struct stream_source *source, struct stream_log *log,
	void *memory, uint64_t begin);

#endif
