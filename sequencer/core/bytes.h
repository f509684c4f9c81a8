/* Little-endian numbers in messages, slots and files. */
#ifndef PAWL_CORE_BYTES_H
#define PAWL_CORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A number whose first byte is its lowest, as in memory of a little-endian processor. */
static inline uint64_t bytes_order(uint64_t value)
{
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		return __builtin_bswap64(value);
	return value;
}

/* @len is 8 at most. */
static inline void bytes_put(unsigned char *to, uint64_t value, unsigned int len)
{
	value = bytes_order(value);
	memcpy(to, &value, len);
}

static inline uint64_t bytes_get(const unsigned char *from, unsigned int len)
{
	uint64_t value = 0;

	memcpy(&value, from, len);
	return bytes_order(value);
}

static inline bool bytes_are_zero(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

#endif
