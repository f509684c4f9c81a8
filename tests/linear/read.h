/* Histories in files, as docs/histories.md describes them: one JSON object for each line. */
#ifndef PAWL_TESTS_LINEAR_READ_H
#define PAWL_TESTS_LINEAR_READ_H

#include <stddef.h>
#include <stdint.h>

#include "tests/linear/linear.h"

#define READ_LINE_MAX ((size_t)16 << 20) /* bytes of a line */

/*
 * Adds the operation of a line to the history; empty lines have none.  -EINVAL: not an operation,
 * and @err says why; -ENOBUFS, -ENOMEM.
 */
int read_line(struct linear_history *history, const char *text, size_t len, uint32_t line,
	struct error *err) __attribute__((warn_unused_result));

#endif
