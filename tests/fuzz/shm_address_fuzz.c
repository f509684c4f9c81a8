/*
 * Any bytes as the address of shared memory.  What is accepted must say the same when it
 * is written again, so there is no second way to spell an address.
 */
#include <stdint.h>
#include <string.h>

#include "hw/shm/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char text[2 * MEMORY_ADDRESS_MAX], again[MEMORY_ADDRESS_MAX];
	struct shm_address address;
	struct error err;

	if (len >= sizeof(text))
		return 0;
	memcpy(text, bytes, len);
	text[len] = '\0';
	if (shm_address_parse(text, &address, &err))
		return 0;
	if (shm_address_format(address.path, address.len, again, &err))
		__builtin_trap();
	if (strcmp(text, again) != 0)
		__builtin_trap();
	return 0;
}
