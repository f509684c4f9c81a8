/* The configuration file: what is accepted says the same when it is printed and read. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/daemon/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool claim)
{
	if (!claim)
		abort();
}

static char *print(const struct daemon_config *config, size_t *len_p)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len_p);

	require(out && config_print(config, out, NULL) == 0);
	require(fclose(out) == 0);
	return text;
}

static void go_round(const struct daemon_config *config)
{
	struct daemon_config back;
	size_t first_len, second_len;
	char *first = print(config, &first_len);
	char *second;

	require(config_parse_text("printed", first, first_len, &back, NULL) == 0);
	second = print(&back, &second_len);
	require(first_len == second_len && memcmp(first, second, first_len) == 0);
	free(first);
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct daemon_config config;
	struct error err = {.text = ""};

	if (config_parse_text("fuzz", (const char *)data, len, &config, &err)) {
		require(err.text[0] != '\0' && !strchr(err.text, '\n'));
		return 0;
	}
	go_round(&config);
	return 0;
}
