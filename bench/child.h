/* Processes that must not outlive the one that forked them. */
#ifndef PAWL_BENCH_CHILD_H
#define PAWL_BENCH_CHILD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hw/error.h"

/*
 * In the child, first of all: it is killed when @parent, which forked it, dies.  Interrupts
 * from the terminal are ignored, since the parent decides what they mean.
 */
void child_bind(pid_t parent);

/*
 * Looks whether one of @count children has ended; a pid of 0 is none.  Its pid becomes 0.
 * -ECHILD: process @err tells of, counted from 0, has.
 */
int children_check(pid_t *pids, unsigned int count, struct error *err)
	__attribute__((warn_unused_result));

/* Waits for those that are left, and after @timeout_ns kills them. */
void children_end(pid_t *pids, unsigned int count, uint64_t timeout_ns);

/* Memory that children share with their parent, zeroed; NULL: there is none left. */
void *shared_map(size_t len, int flags);

#endif
