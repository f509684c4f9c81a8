/* Options that are words out of a list, or name files, for the subcommands' argp tables. */
#ifndef PAWL_BENCH_WORDS_H
#define PAWL_BENCH_WORDS_H

#include <stdbool.h>

#include "client/include/pawl/pawl.h"

/* Prints one line about --@option=@text, beginning with @command.  EINVAL. */
int option_refuse(const char *command, const char *option, const char *text,
	const char *instead) __attribute__((warn_unused_result));

struct word_option {
	const char *command;
	const char *name;
	const char *const *words; /* up to a NULL */
};

/* *place_p: which of the words it is: 0.  EINVAL: none of them, which was said. */
int word_option_set(const struct word_option *option, const char *text, int *place_p)
	__attribute__((warn_unused_result));

/* --transport, --wait and --plot mean the same everywhere.  0 or EINVAL, as above. */
int transport_option_set(const char *command, const char *text, bool *verbs_p)
	__attribute__((warn_unused_result));
int wait_option_set(const char *command, const char *text, enum pawl_wait *wait_p)
	__attribute__((warn_unused_result));
int plot_option_set(const char *command, const char *text, const char **prefix_p)
	__attribute__((warn_unused_result));

const char *wait_option_name(enum pawl_wait wait);

#endif
