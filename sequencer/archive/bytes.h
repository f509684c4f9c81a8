/* Little-endian numbers in files. */
#ifndef PAWL_ARCHIVE_BYTES_H
#define PAWL_ARCHIVE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void bytes_put(unsigned char *to, uint64_t value, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		to[i] = (unsigned char)(value >> 8 * i);
}

static inline uint64_t bytes_get(const unsigned char *from, unsigned int len)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < len; i++)
		value |= (uint64_t)from[i] << 8 * i;
	return value;
}

static inline bool bytes_are_zero(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

#endif
