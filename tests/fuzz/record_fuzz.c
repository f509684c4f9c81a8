/* The record: whatever is accepted is valid, and written and read again it is the same. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/store/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool claim)
{
	if (!claim)
		abort();
}

/* What the decoder takes must survive a round through the encoder, byte for byte. */
static void go_round(const struct record *record)
{
	char *first, *second;
	size_t first_len, second_len;
	struct record back;

	require(record_encode(record, &first, &first_len, NULL) == 0);
	require(record_decode(first, first_len, &back, NULL) == 0);
	require(record_encode(&back, &second, &second_len, NULL) == 0);
	require(first_len == second_len && memcmp(first, second, first_len) == 0);
	record_free(&back);
	free(first);
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct record record;
	struct error err = {.text = ""};

	if (record_decode(data, len, &record, &err)) {
		require(err.text[0] != '\0' && !strchr(err.text, '\n'));
		return 0;
	}
	require(record_validate(&record, NULL) == 0);
	go_round(&record);
	record_free(&record);
	return 0;
}
