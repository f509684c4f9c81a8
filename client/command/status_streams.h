/* The streams in 'pawl status': what the replicas of the chain say about each of them. */
#ifndef PAWL_COMMAND_STATUS_STREAMS_H
#define PAWL_COMMAND_STATUS_STREAMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/command/status_view.h"

/* What the replica says about the stream of this name, or NULL. */
const Control__StreamStatus *status_stream_find(
	const Control__Status *status, const char *name);

/* The next replica from *at_p on that has the stream; NULL: no more.  *at_p begins with 0. */
const Control__StreamStatus *status_stream_next(const struct status_view *view,
	const char *name, unsigned int *at_p, const Control__Status **replica_p);

/*
 * How far the log of the replica @status is behind that of the head: *behind_p.  False: it is
 * the head's, or one of another epoch, and nothing can be said.
 */
bool status_stream_behind(const struct status_view *view, const Control__Status *status,
	const Control__StreamStatus *stream, uint64_t *behind_p);

/* The replica archives the stream, or would if it could: then it has an alarm. */
bool status_stream_has_archive(const Control__StreamStatus *stream);

/* "lose" or "block", and "off", "on" or "required", of limits from the wire. */
const char *status_on_slow_text(const Control__StreamLimits *limits);
const char *status_archiving_text(const Control__StreamLimits *limits);

void status_streams_text_print(const struct status_view *view);

/* A list; NULL: out of memory. */
json_t *status_streams_json(const struct status_view *view);

#endif
