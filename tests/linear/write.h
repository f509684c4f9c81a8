/* An operation as a line of JSON, as docs/histories.md has it and read.h reads it. */
#ifndef PAWL_TESTS_LINEAR_WRITE_H
#define PAWL_TESTS_LINEAR_WRITE_H

#include <stdio.h>

#include "tests/linear/linear.h"

/* -EIO, -ENOMEM. */
int linear_write(FILE *file, const struct linear_call *call,
	const struct linear_result *result) __attribute__((warn_unused_result));

#endif
