/*
 * A stretch of a stream's memory: a file in the memory file system, exposed on the device of the
 * stream's thread (places.h says what is in it).
 *
 * Making one takes two steps, both beside the loop and the thread (making.h): the file gets its
 * pages, and then it is exposed.
 *
 * The log's file is locked (flock) as long as its owner lives, as a region's is.
 */
#ifndef PAWL_STREAM_STRETCH_H
#define PAWL_STREAM_STRETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "hw/memory.h"

struct stretch {
	struct memory *memory; /* NULL: there is none */
	uint64_t epoch;	       /* of words */
	int lock;	       /* the log's; else -1 */
	char path[MEMORY_ADDRESS_MAX];
};

/* What all stretches of a replica have in common. */
struct stretch_common {
	const struct memory_ops *ops;
	struct pages_config pages;
	const char *directory;
	const char *cluster;
	uint32_t replica;
	uint64_t instance;
};

#define STRETCH_EMPTY ((struct stretch){.lock = -1})

/* What the names of all files of this replica's streams begin with, without the directory. */
int stretch_prefix(const struct stretch_common *common, char *text, size_t len);

/* "log" or "inbox" with epoch 0, or "words".  -ENAMETOOLONG. */
int stretch_name(struct stretch *stretch, const struct stretch_common *common,
	uint32_t counter, const char *what, uint64_t epoch, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Makes the file, zeroed, of @len bytes; one of that name is replaced.  Errors of pages_map.
 * Takes as long as the pages do.
 */
int stretch_file_make(struct stretch *stretch, const struct stretch_common *common,
	uint64_t len, struct error *err) __attribute__((warn_unused_result));

/*
 * Takes the lock that says whose the file is.  -ENOENT.  -EBUSY: another process has it, or its
 * owner has not quite ended.
 */
int stretch_lock(struct stretch *stretch, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Exposes the file, which has exactly @len bytes, in pages.  Where a card need not have all pages
 * in place, those of words are mapped as they are met, for they are exposed while publishers wait.
 * Errors of expose.
 */
int stretch_expose(struct stretch *stretch, const struct stretch_common *common,
	struct device *device, uint64_t len, struct error *err)
	__attribute__((warn_unused_result));

void *stretch_base(const struct stretch *stretch);
/* The address; "" when there is none. */
const char *stretch_address(const struct stretch *stretch);

/* Out of service; @remove the file as well.  It may be empty, or not exposed yet. */
void stretch_close(struct stretch *stretch, bool remove);

#endif
