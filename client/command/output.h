/* Whoever reads what a command writes, on and on. */
#ifndef PAWL_COMMAND_OUTPUT_H
#define PAWL_COMMAND_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/* A pipe whose other end is closed is in error, also while nothing is written. */
bool output_is_read(FILE *out);

#endif
