/*
 * A thread beside the one that has the program's signals: all of them are blocked in it, also that
 * of a file that grew too large.
 */
#ifndef PAWL_HW_THREAD_H
#define PAWL_HW_THREAD_H

#include <pthread.h>

/*
 * Runs @run(@context) in a new thread that is called @name (up to 15 bytes) in the system's lists.
 * @attributes: NULL for the usual ones.  0; or what pthread_create says, negative: -EAGAIN,
 * -EINVAL, -EPERM.
 */
int thread_start(pthread_t *thread_p, const char *name, const pthread_attr_t *attributes,
	void *(*run)(void *context), void *context) __attribute__((warn_unused_result));

#endif
