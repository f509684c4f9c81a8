/*
 * A file that a lock guards: it lets nobody write with an older token than it has seen.
 *
 * Its first line is the newest token, and the others are records, "TOKEN WHO NUMBER".  What would
 * have been written without the check stands in a file beside it, PATH.unguarded.
 */
#ifndef EXAMPLE_GUARDED_FILE_H
#define EXAMPLE_GUARDED_FILE_H

#include <stdint.h>

/*
 * Adds a record, durably.  -ESTALE: *newest_p, which is newer than @token, has been seen, and
 * nothing was written.  Or another -errno.
 */
int guarded_file_add(const char *path, uint64_t token, const char *who, uint64_t number,
	uint64_t *newest_p);

struct guarded_file_report {
	uint64_t records;
	uint64_t tokens; /* that differ */
	uint64_t
		stale; /* records with an older token than one before them, or another's */
};

/* Looks at the records of a guarded file, or of one beside it.  0 or -errno. */
int guarded_file_look(const char *path, struct guarded_file_report *report);

#endif
