/*
 * The address of shared memory in text: `shm path=/dev/shm/x len=4096`.
 *
 * The text comes from another machine's mouth by way of the control connection, so the
 * parser believes nothing: there is exactly one way to write an address, and whatever is
 * written another way is refused.  A path is absolute and made of visible ASCII, so that
 * it needs no quoting; a memory whose path is not like that is refused when it is
 * exposed.
 */
#ifndef PAWL_HW_SHM_ADDRESS_H
#define PAWL_HW_SHM_ADDRESS_H

#include <stddef.h>

#include "hw/error.h"
#include "hw/memory.h"

struct shm_address {
	char path[MEMORY_ADDRESS_MAX]; /* absolute */
	size_t len;		       /* bytes, not 0; the exact length of the file */
};

/* 0, or -EINVAL when @text is not an address of this kind. */
int shm_address_parse(const char *text, struct shm_address *address_p, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Writes the address of @len bytes at @path.  -EINVAL: @len is 0 or @path can not be part
 * of an address.  -ENAMETOOLONG: the text would be longer than MEMORY_ADDRESS_MAX.
 */
int shm_address_format(const char *path, size_t len, char text_p[MEMORY_ADDRESS_MAX],
	struct error *err) __attribute__((warn_unused_result));

#endif
