/* The life of a stream on a handle: asked for, open, lost with the session, asked for again. */
#include "client/lib/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "client/lib/publish.h"
#include "hw/clock.h"

#define WAIT_LOST_MS 1

/* 0: the session is ready. */
static int session_turn(struct pawl *pawl)
{
	const struct session *s = &pawl->session;
	int rc;

	(void)session_step(pawl);
	if (s->stage == SESSION_READY)
		return 0;
	if (!pawl->lost_since_ns)
		pawl->lost_since_ns = clock_now_ns();
	rc = session_verdict(
		pawl, clock_now_ns(), pawl->lost_since_ns + pawl->options.timeout_ns);
	return rc ? rc : -EAGAIN;
}

static int not_open(struct pawl_stream *stream)
{
	struct pawl *pawl = stream->pawl;
	uint64_t now = clock_now_ns();

	if (stream->refused)
		return error_set(&pawl->err, stream->refused, "%s", stream->why.text);
	if (!stream->shut_since_ns)
		stream->shut_since_ns = now;
	if (now - stream->shut_since_ns < pawl->options.timeout_ns)
		return -EAGAIN;
	return error_set(&pawl->err, -ETIMEDOUT,
		"pawl: %s/%s: the stream is not open within %llu ms: %.250s; 'pawl "
		"status' shows what the replicas wait for",
		pawl->where, stream->name,
		(unsigned long long)(pawl->options.timeout_ns / NS_PER_MS),
		stream->why.text[0] ? stream->why.text : "the head does not answer");
}

void stream_enter(struct pawl_stream *stream)
{
	if (stream->entered)
		return;
	stream->entered = true;
	stream->epoch = stream->pawl->session.linked_epoch;
	for (struct stream_listener *l = stream->listeners; l; l = l->next)
		l->ops->enter(l);
}

static bool is_busy(const struct pawl_stream *stream)
{
	for (uint32_t i = 0; i < stream->pawl->session.links_count; i++) {
		const struct stream_member *m = &stream->members[i];

		if (m->wanted && m->asking != STREAM_ANSWERED)
			return true;
	}
	return !publishing_rests(stream->publishing);
}

static int turn(struct pawl_stream *stream)
{
	struct pawl *pawl = stream->pawl;
	int rc = session_turn(pawl);

	if (rc)
		return rc;
	(void)stream_member_want(stream, 0);
	if (stream->opened)
		stream_enter(stream);
	if (stream->publishing)
		publishing_step(stream->publishing);
	if (!stream->refused)
		stream_members_ask(stream);
	peers_listen(pawl);
	if (pawl->session.stage != SESSION_READY)
		return -EAGAIN;
	if (stream->publishing)
		publishing_step(stream->publishing);
	stream->busy = is_busy(stream);
	return stream->open && !stream->refused ? 0 : not_open(stream);
}

int stream_turn(struct pawl_stream *stream)
{
	bool rests = stream->open && !stream->busy;

	if (rests && stream->pawl->session.stage == SESSION_READY)
		return 0;
	return turn(stream);
}

void stream_idle(struct pawl_stream *stream)
{
	handle_idle(stream->pawl);
}

void stream_wait_lost(struct pawl_stream *stream)
{
	session_wait(stream->pawl, WAIT_LOST_MS);
}

void stream_link_failed(struct pawl_stream *stream)
{
	session_lost(stream->pawl);
}

int stream_link(struct pawl_stream *stream, uint32_t member, const char *address,
	uint32_t depth, struct link **link_p)
{
	struct session *s = &stream->pawl->session;
	struct link_config config = {
		.token = s->links[member].peer->token, .depth = depth};

	return s->ops->connect(s->device, address, &config, link_p, &s->why);
}

/* L1 */
static void stream_lost(struct pawl_stream *stream)
{
	stream->open = stream->entered = false;
	stream->shut_since_ns = 0;
	if (stream->snapshot.asking == STREAM_ASKED)
		stream->snapshot.asking = STREAM_UNASKED;
	tail_read_lost(stream);
	for (uint32_t i = 0; i < CHAIN_MAX; i++)
		stream->members[i] = (struct stream_member){0};
	if (stream->publishing)
		publishing_lost(stream->publishing);
	for (struct stream_listener *l = stream->listeners; l; l = l->next)
		l->ops->lost(l);
}

void streams_lost(struct pawl *pawl)
{
	for (struct pawl_stream *stream = pawl->streams; stream; stream = stream->next)
		stream_lost(stream);
}

static void stream_close(struct pawl_stream *stream)
{
	if (stream->publishing)
		publishing_close(stream->publishing);
	for (struct stream_listener *l = stream->listeners; l; l = l->next)
		l->ops->close(l);
}

void streams_close(struct pawl *pawl)
{
	for (struct pawl_stream *stream = pawl->streams; stream; stream = stream->next)
		stream_close(stream);
}

bool streams_hold_device(const struct pawl *pawl)
{
	const struct pawl_stream *stream = pawl->streams;

	while (stream && !(stream->publishing && stream->publishing->staging.memory))
		stream = stream->next;
	return stream != NULL;
}

void stream_listen(struct pawl_stream *stream, struct stream_listener *listener)
{
	listener->stream = stream;
	listener->next = stream->listeners;
	stream->listeners = listener;
	if (stream->entered && stream->pawl->session.stage == SESSION_READY)
		listener->ops->enter(listener);
}

void stream_unlisten(struct stream_listener *listener)
{
	struct stream_listener **at = &listener->stream->listeners;

	while (*at != listener)
		at = &(*at)->next;
	*at = listener->next;
}

void stream_free(struct pawl_stream *stream, bool forked)
{
	while (stream->listeners) {
		struct stream_listener *listener = stream->listeners;

		stream->listeners = listener->next;
		listener->ops->free(listener, forked);
	}
	publishing_free(stream->publishing, forked);
	free(stream);
}

void streams_free(struct pawl *pawl, bool forked)
{
	if (!forked) {
		streams_lost(pawl);
		streams_close(pawl);
	}
	while (pawl->streams) {
		struct pawl_stream *stream = pawl->streams;

		pawl->streams = stream->next;
		stream_free(stream, forked);
	}
}
