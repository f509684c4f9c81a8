/* SIGINT and SIGTERM ask a command that goes on and on to end in good order. */
#ifndef PAWL_COMMAND_ENDING_H
#define PAWL_COMMAND_ENDING_H

#include <stdbool.h>

/* From now on a first signal only asks, and a second one ends the process. */
void ending_watch(void);

bool ending_asked(void);

#endif
