/*
 * Reading an archive in position order, beside the one who writes it or alone: for replay and
 * for those who come late.
 *
 * A cursor looks at every position once and in order: it delivers the slot, or says why there
 * is none and goes on behind the range.  It holds no lock, and the writer waits for nobody;
 * a segment that retention removes meanwhile is read to its end.
 *
 * Nothing waits: what is not there yet is told.  A cursor belongs to one thread.  Errors:
 * -ENOENT: there is no such directory; -EPROTO, -EPROTONOSUPPORT, -EACCES, -ENOMEM, -EIO as in
 * archive.h.
 */
#ifndef PAWL_ARCHIVE_CURSOR_H
#define PAWL_ARCHIVE_CURSOR_H

#include <stdint.h>

#include "hw/error.h"
#include "sequencer/archive/files.h"
#include "sequencer/core/stream_slot.h"

enum archive_item_kind {
	ARCHIVE_SLOT,
	ARCHIVE_NOT_YET, /* nothing is archived at `first` yet; asking again later is right */
	ARCHIVE_GONE,	 /* first to last are not retained any more */
	ARCHIVE_MISSING, /* first to last were never archived */
	ARCHIVE_DAMAGED, /* first to last can not be read; the text says where */
};

struct archive_item {
	enum archive_item_kind kind;
	uint64_t first;
	uint64_t last;
	struct stream_slot slot;
	const void *
		bytes; /* the used bytes of the slot, on a multiple of 8; until the next call */
};

struct archive_cursor;

/* Begins with the oldest retained position. */
int archive_cursor_open(const char *path, const struct archive_identity *identity,
	const struct archive_files *files, struct archive_cursor **cursor_p,
	struct error *err) __attribute__((warn_unused_result));
void archive_cursor_close(struct archive_cursor *cursor);

/* The next item will be about @position; 0: the oldest retained then. */
void archive_cursor_seek(struct archive_cursor *cursor, uint64_t position);

/* With ARCHIVE_DAMAGED *err says what is wrong and where. */
int archive_cursor_next(struct archive_cursor *cursor, struct archive_item *item_p,
	struct error *err) __attribute__((warn_unused_result));

#endif
