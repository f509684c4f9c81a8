/*
 * What the archive asks of the system, where its files are, and whose they must be.
 *
 * The calls are a table, so that a test can count them, and let a disk be full or broken.
 * Rules for whoever fills it:
 *  - 0 or a negative errno; a call that was interrupted is carried on.
 *  - write: all bytes or an error, and then any part of them may have been written.
 *  - read: as many bytes as there are, up to @len; fewer only at the end of the file.
 *  - sync: what was written is on stable storage, or it is an error; of files and directories.
 *  - reserve: the file is @len long and has its room on the disk, as far as the file system
 *    knows how; what is new reads as zero.
 *
 * Calls block for as long as the disk does.
 */
#ifndef PAWL_ARCHIVE_FILES_H
#define PAWL_ARCHIVE_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "hw/error.h"

#define ARCHIVE_PATH_MAX 256
#define ARCHIVE_NAME_MAX 32

struct archive_files {
	int (*write)(int fd, const void *bytes, size_t len, uint64_t offset);
	int (*read)(int fd, void *bytes, size_t len, uint64_t offset, size_t *len_p);
	int (*sync)(int fd);
	int (*reserve)(int fd, uint64_t len);
	int (*truncate)(int fd, uint64_t len);
	uint64_t (*now_ns)(void);  /* monotonic */
	uint64_t (*wall_ns)(void); /* since 1970 */
};

extern const struct archive_files archive_files_system;

/* Whose files they are.  Whoever only reads may leave any of them 0: then all are right. */
struct archive_identity {
	uint64_t instance;  /* of the cluster */
	const char *stream; /* its name; copied */
	uint32_t slot_len;
};

/* The directory of one stream. */
struct archive_place {
	int fd;
	char path[ARCHIVE_PATH_MAX];
	uint64_t instance;
	char stream[64];
	uint32_t slot_len;
	const struct archive_files *files;
};

/*
 * -EINVAL: a name or a length is out of its limits; else as files_fail.  With @make the
 * directory is made if it is missing; the one above it must be there.
 */
int archive_place_open(const char *path, const struct archive_identity *identity,
	const struct archive_files *files, int make, struct archive_place *place_p,
	struct error *err) __attribute__((warn_unused_result));
void archive_place_close(struct archive_place *place);

/*
 * Flattens a negative errno of the system to -EACCES, -ENOENT, -ENOMEM, -ENOSPC or -EIO, and
 * says what to do.
 */
int files_fail(const struct archive_place *place, const char *name, const char *what,
	int code, struct error *err);

#endif
