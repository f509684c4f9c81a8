/* Whatever the address parser accepts has sane ranges and is written again byte for byte.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hw/verbs/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct verbs_address address;
	char *again = malloc(size + 1);
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	if (verbs_address_parse(text, &address, NULL) == 0) {
		if (!verbs_target_valid(&address.target) ||
			verbs_address_write(&address, again, size + 1) ||
			strcmp(text, again) != 0)
			abort();
	}
	free(text);
	free(again);
	return 0;
}
