/* The segments in an archive's directory, by their names. */
#ifndef PAWL_ARCHIVE_LISTING_H
#define PAWL_ARCHIVE_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sequencer/archive/files.h"

struct listing {
	uint64_t *firsts; /* in order */
	size_t count;
	size_t room;
};

/* Reads the directory again; *listing is empty ({0}) or from the last time.  Errors: files_fail. */
int listing_read(const struct archive_place *place, struct listing *listing,
	struct error *err) __attribute__((warn_unused_result));
void listing_free(struct listing *listing);

/* The last segment that does not begin behind @position; false: all do. */
bool listing_find(const struct listing *listing, uint64_t position, size_t *number_p);

/* Removes what a writer that died may have left: half-made segments, indexes of none. */
void listing_tidy(const struct archive_place *place, const struct listing *listing);

#endif
