#include "bench/numbers.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int number_read(const struct number_option *option, const char *text,
	const char *command, uint64_t *number_p)
{
	unsigned long long number = 0;
	char *end = NULL;

	errno = 0;
	if (text[0] >= '0' && text[0] <= '9')
		number = strtoull(text, &end, 10);
	if (end && !*end && !errno && number >= option->min && number <= option->max) {
		*number_p = number;
		return 0;
	}
	(void)fprintf(stderr,
		"%s: --%s=%s: not allowed; give %" PRIu64 " to %" PRIu64 "\n", command,
		option->name, text, option->min, option->max);
	return EINVAL;
}

int number_option_set(const struct number_option *table, size_t count, int key,
	const char *text, const char *command, void *options)
{
	for (size_t i = 0; i < count; i++) {
		if (table[i].key == key)
			return number_read(&table[i], text, command,
				(uint64_t *)(void *)((char *)options + table[i].offset));
	}
	return ARGP_ERR_UNKNOWN;
}
