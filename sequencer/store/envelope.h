/*
 * How the file store keeps a value on disk: one header line, then the value.
 *
 *     pawl-store 1 value REVISION LENGTH CHECKSUM
 *
 * The checksum (CRC-32C, 8 hexadecimal digits) covers the header before it and the value.
 * An erased value leaves an envelope behind that says "erased" and holds no bytes, so that
 * revisions go on growing.  Anything that is not exactly what envelope_write makes is
 * refused.  Pure functions on bytes.
 */
#ifndef PAWL_STORE_ENVELOPE_H
#define PAWL_STORE_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/error.h"

#define ENVELOPE_HEADER_MAX \
	80 /* bytes of a header line with its newline and terminator */

struct envelope {
	uint64_t revision; /* 1 or more */
	bool erased;
	const void *bytes; /* the value; not owned */
	size_t len;
};

/* Writes the header line of @envelope; its length is in *len_p. */
void envelope_write(
	const struct envelope *envelope, char header[ENVELOPE_HEADER_MAX], size_t *len_p);

/*
 * Reads an envelope; its bytes then point into @bytes.  -EBADMSG: damaged, or written by a
 * version that this one does not know; @err tells what is wrong, for @name.
 */
int envelope_read(const char *name, const void *bytes, size_t len,
	struct envelope *envelope_p, struct error *err)
	__attribute__((warn_unused_result));

#endif
