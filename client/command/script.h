/*
 * A transaction as people write it: a comparison or an operation in each line.
 *
 *     if KEY absent              or exists
 *     if KEY version = NUMBER    the relation is =, !=, < or >
 *     if KEY value = VALUE
 *     if lock NAME free          or held
 *     if lock NAME fence = NUMBER
 *     if lock NAME holder = NUMBER
 *     then
 *     get KEY
 *     put KEY VALUE
 *     del KEY
 *     else
 *     ...
 *
 * Operations before any "then" belong to it.  Words are parted by blanks and tabs; one in quotation
 * marks may have any bytes, with \" \\ \n \r \t and \x with two digits.  Empty lines, and those that
 * begin with #, are nothing.
 */
#ifndef PAWL_COMMAND_SCRIPT_H
#define PAWL_COMMAND_SCRIPT_H

#include <stddef.h>

#include "client/include/pawl/store.h"

/* Its parts point into @bytes. */
struct script {
	struct pawl_command comparisons[PAWL_OPERATIONS_MAX];
	struct pawl_command thens[PAWL_OPERATIONS_MAX];
	struct pawl_command elses[PAWL_OPERATIONS_MAX];
	struct pawl_transaction transaction;
	unsigned char *bytes; /* of all words */
};

/* What is wrong with a script. */
struct script_fault {
	unsigned int line; /* from 1; the one behind the last for what is missing */
	char text[192];
};

/* -EINVAL: as *fault_p says.  -ENOMEM.  Only after 0 there is something to be ended. */
int script_parse(const char *text, size_t len, struct script *script,
	struct script_fault *fault_p) __attribute__((warn_unused_result));
void script_end(struct script *script);

#endif
