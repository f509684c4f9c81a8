/* An application's snapshot is safe: the head is told, and tells whoever archives the stream. */
#include <errno.h>
#include <inttypes.h>

#include "client/lib/stream.h"
#include "hw/clock.h"

#define AGAIN_NS UINT64_C(5000000) /* between two times that the head is asked */

static void ask(struct pawl_stream *stream, uint64_t position)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__AcknowledgeSnapshot acknowledge = CONTROL__ACKNOWLEDGE_SNAPSHOT__INIT;
	struct stream_snapshot *s = &stream->snapshot;

	acknowledge.counter = stream->counter;
	acknowledge.position = position;
	request.body_case = CONTROL__REQUEST__BODY_ACKNOWLEDGE_SNAPSHOT;
	request.acknowledge_snapshot = &acknowledge;
	if (stream_request(stream, 0, &request, &s->request) == 0)
		s->asking = STREAM_ASKED;
}

/* -EAGAIN: no answer yet, or one that may be another later. */
static int turn(struct pawl_stream *stream, uint64_t position)
{
	struct stream_snapshot *s = &stream->snapshot;

	if (s->asking == STREAM_ANSWERED && s->code == 0)
		return 0;
	if (s->asking == STREAM_ANSWERED && s->code != -EAGAIN)
		return error_set(&stream->pawl->err, handle_public_error(s->code), "%s",
			s->why.text);
	if (s->asking == STREAM_ANSWERED) {
		s->asking = STREAM_UNASKED;
		s->again_ns = clock_now_ns() + AGAIN_NS;
	}
	if (s->asking == STREAM_UNASKED && clock_now_ns() >= s->again_ns)
		ask(stream, position);
	return -EAGAIN;
}

bool stream_snapshot_reply(struct pawl_stream *stream, const Control__Reply *reply)
{
	struct stream_snapshot *s = &stream->snapshot;

	if (s->asking != STREAM_ASKED || s->request != reply->id)
		return false;
	s->asking = STREAM_ANSWERED;
	if (reply->error)
		s->code = error_set(&s->why, -(int)reply->error, "%s", reply->text);
	else if (reply->body_case == CONTROL__REPLY__BODY_SNAPSHOT_ACKNOWLEDGED)
		s->code = 0;
	else
		s->code = error_set(&s->why, -EPROTO,
			"pawl: %s/%s: snapshot: the answer is none; use the same version "
			"on both sides",
			stream->pawl->where, stream->name);
	return true;
}

static int is_late(struct pawl_stream *stream, uint64_t position)
{
	const char *why = stream->snapshot.why.text;

	return error_set(&stream->pawl->err, -ETIMEDOUT,
		"pawl: %s/%s: the snapshot up to %" PRIu64
		" is not acknowledged within %llu ms: %.250s; it may be said again at "
		"any time",
		stream->pawl->where, stream->name, position,
		(unsigned long long)(stream->pawl->options.timeout_ns / NS_PER_MS),
		why[0] ? why : "the head does not answer");
}

int pawl_stream_acknowledge_snapshot(struct pawl_stream *stream, uint64_t position)
{
	uint64_t deadline = clock_now_ns() + stream->pawl->options.timeout_ns;
	int rc = handle_check(stream->pawl);

	if (rc)
		return rc;
	if (position == 0 || position >= COUNTER_LIMIT)
		return error_set(&stream->pawl->err, -EINVAL,
			"pawl: %s/%s: snapshot: %" PRIu64
			" is no position; they begin with 1",
			stream->pawl->where, stream->name, position);
	stream->snapshot = (struct stream_snapshot){.asking = STREAM_UNASKED};
	for (;;) {
		stream->busy = true; /* so that answers are looked for */
		rc = stream_turn(stream);
		if (!rc)
			rc = turn(stream, position);
		if (rc != -EAGAIN)
			return rc;
		if (clock_now_ns() >= deadline)
			return is_late(stream, position);
		stream_wait_lost(stream);
	}
}
