/*
 * A history as events, as outside checkers read them: each operation is invoked and then ends as
 * ok, fail (it never happened) or info (nobody knows), in the order of time.
 */
#ifndef PAWL_TESTS_LINEAR_EVENTS_H
#define PAWL_TESTS_LINEAR_EVENTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct event;

struct events {
	struct event *events;
	size_t count, room;
};

/* A line that read_line has taken.  -ENOMEM. */
int events_add(struct events *events, const char *text, size_t len)
	__attribute__((warn_unused_result));

/* Writes all of them.  -EIO, -ENOMEM. */
int events_print(struct events *events, FILE *stream) __attribute__((warn_unused_result));

void events_end(struct events *events);

#endif
