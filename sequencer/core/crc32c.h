/*
 * CRC-32C (Castagnoli, as in iSCSI, RFC 3720 appendix B.4): finds torn, damaged and
 * misplaced bytes.  It is no protection against somebody who means harm.
 */
#ifndef PAWL_CORE_CRC32C_H
#define PAWL_CORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * The checksum of the bytes that @crc covers followed by @len more; begin with 0.  Uses
 * the processor's instruction where there is one (SSE 4.2), else a table.
 */
uint32_t crc32c_update(uint32_t crc, const void *bytes, size_t len);

/*
 * The checksum of @word, lowest byte first, of what is at @a and of what is at @b, one behind the
 * other: one step for short pieces, each of which would cost a call.
 */
uint32_t crc32c_joined(
	uint64_t word, const void *a, size_t a_len, const void *b, size_t b_len);

/* As crc32c_update, by the table on every processor. */
uint32_t crc32c_update_by_table(uint32_t crc, const void *bytes, size_t len);

#endif
