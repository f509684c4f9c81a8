/*
 * The messages of standard input on their way into a stream: as many in flight as the handle
 * allows, results taken while the input is awaited, and a deadline for every wait.
 */
#ifndef PAWL_COMMAND_PUBLICATION_H
#define PAWL_COMMAND_PUBLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "client/command/target.h"

struct publication_config {
	bool framed;
	bool positions; /* a line for each acknowledged message, */
	bool times;	/*   with two times */
	uint64_t message_max;
	uint64_t timeout_ns; /* without any acknowledgement */
};

/* Returns the exit status, with the reason printed; tells how many were acknowledged. */
int publication_run(const struct target *target, const struct publication_config *config)
	__attribute__((warn_unused_result));

#endif
