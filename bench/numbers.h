/* Options that are numbers, for the subcommands' argp tables. */
#ifndef PAWL_BENCH_NUMBERS_H
#define PAWL_BENCH_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

struct number_option {
	int key;
	const char *name;
	uint64_t min;
	uint64_t max;
	size_t offset; /* of a uint64_t in the options' structure */
};

/*
 * Reads @text into the structure for the option with this key.  0.  EINVAL: not allowed, and
 * one line about it, beginning with @command, was printed.  ARGP_ERR_UNKNOWN: none of them.
 */
int number_option_set(const struct number_option *table, size_t count, int key,
	const char *text, const char *command, void *options)
	__attribute__((warn_unused_result));

#endif
