/* The file store's envelope: only what the writer itself makes is accepted. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/store/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool claim)
{
	if (!claim)
		abort();
}

/* Bytes from the fuzzer will not guess a checksum, so this makes a good envelope of them. */
static void wrap(const uint8_t *data, size_t len)
{
	struct envelope envelope = {.revision = len + 1, .bytes = data, .len = len};
	char *bytes = malloc(ENVELOPE_HEADER_MAX + len);
	char header[ENVELOPE_HEADER_MAX];
	struct envelope back;
	size_t header_len;

	require(bytes != NULL);
	envelope.erased = len == 0;
	envelope_write(&envelope, header, &header_len);
	memcpy(bytes, header, header_len);
	if (len > 0)
		memcpy(bytes + header_len, data, len);
	require(envelope_read("fuzz", bytes, header_len + len, &back, NULL) == 0);
	require(back.revision == len + 1 && back.len == len);
	bytes[(len * 31) % (header_len + len)] ^= 0x10;
	require(envelope_read("fuzz", bytes, header_len + len, &back, NULL) != 0);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char header[ENVELOPE_HEADER_MAX];
	struct envelope envelope;
	size_t header_len;

	if (envelope_read("fuzz", data, len, &envelope, NULL) == 0) {
		envelope_write(&envelope, header, &header_len);
		require(header_len + envelope.len == len);
		require(memcmp(header, data, header_len) == 0);
	}
	wrap(data, len);
	return 0;
}
