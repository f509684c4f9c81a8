/* Opening streams by name, once per handle, and what is to be known of them. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/publish.h"
#include "hw/clock.h"

#define SLOT_LEN_DEFAULT 256
#define SLOTS_DEFAULT 65536
#define HOLE_TIMEOUT_DEFAULT_NS UINT64_C(1000000)
#define MESSAGE_MAX_DEFAULT (UINT64_C(1) << 20)

static int option_refused(struct pawl *pawl, const char *what)
{
	return error_set(&pawl->err, -EINVAL, "pawl: %s: stream option out of range: %s",
		pawl->where, what);
}

static void defaults_fill(struct pawl_stream_options *o)
{
	if (o->slot_len == 0)
		o->slot_len = SLOT_LEN_DEFAULT;
	if (o->slots == 0)
		o->slots = SLOTS_DEFAULT;
	if (o->hole_timeout_ns == 0)
		o->hole_timeout_ns = HOLE_TIMEOUT_DEFAULT_NS;
	if (o->message_max == 0)
		o->message_max = MESSAGE_MAX_DEFAULT;
}

/* What a stream is made with. */
static int making_check(struct pawl *pawl, const struct pawl_stream_options *o)
{
	if (!stream_slot_len_valid(o->slot_len))
		return option_refused(
			pawl, "slot_len; it is 64 to 65536 bytes, a multiple of 64");
	if (o->slots < STREAM_RING_MIN || o->slots > STREAM_RING_MAX ||
		(o->slots & (o->slots - 1)) != 0)
		return option_refused(pawl, "slots; it is a power of two, 2^10 to 2^24");
	if ((uint64_t)o->slots * o->slot_len > STREAM_RING_BYTES_MAX)
		return option_refused(
			pawl, "slots and slot_len; a ring has at most 2^36 bytes");
	if (o->hole_timeout_ns < STREAM_HOLE_MIN_NS ||
		o->hole_timeout_ns > STREAM_HOLE_MAX_NS)
		return option_refused(pawl, "hole_timeout_ns; it is 10 us to 1 minute");
	if (o->message_max > PAWL_MESSAGE_MAX)
		return option_refused(pawl, "message_max; it is at most 2^30 bytes");
	if ((unsigned int)o->on_slow > PAWL_ON_SLOW_BLOCK)
		return option_refused(pawl, "on_slow; it is one of PAWL_ON_SLOW_");
	if ((unsigned int)o->archiving > PAWL_ARCHIVE_REQUIRED)
		return option_refused(pawl, "archiving; it is one of PAWL_ARCHIVE_");
	return 0;
}

static int options_take(struct pawl *pawl, const struct pawl_stream_options *given,
	struct pawl_stream_options *options_p)
{
	struct pawl_stream_options o = PAWL_STREAM_OPTIONS_INIT;
	int rc;

	if (given && given->size < sizeof(given->size))
		return option_refused(pawl, "size; begin with PAWL_STREAM_OPTIONS_INIT");
	if (given)
		memcpy(&o, given, given->size < sizeof(o) ? given->size : sizeof(o));
	defaults_fill(&o);
	rc = making_check(pawl, &o);
	if (rc)
		return rc;
	if (o.depth > PAWL_PUBLISH_DEPTH_MAX || (o.depth & (o.depth - 1)) != 0)
		return option_refused(pawl, "depth; it is a power of two up to 65536");
	*options_p = o;
	return 0;
}

static struct pawl_stream *stream_find(const struct pawl *pawl, const char *name)
{
	struct pawl_stream *stream = pawl->streams;

	while (stream && strcmp(stream->name, name) != 0)
		stream = stream->next;
	return stream;
}

/* No row is taken by opening a stream, but it may be made without being open here. */
static int not_open_yet(struct pawl_stream *stream)
{
	struct pawl *pawl = stream->pawl;
	const struct session *s = &pawl->session;
	const char *why = s->why.text[0] ? s->why.text : "still joining";

	if (s->stage == SESSION_READY)
		why = stream->why.text[0] ? stream->why.text : "the head does not answer";
	return error_set(&pawl->err, -ETIMEDOUT,
		"pawl: %s/%s: not open within %llu ms, and if it is new it may have been "
		"made: %.250s; 'pawl status' shows what the replicas wait for",
		pawl->where, stream->name,
		(unsigned long long)(pawl->options.timeout_ns / NS_PER_MS), why);
}

static int stream_await(struct pawl_stream *stream)
{
	uint64_t deadline = clock_now_ns() + stream->pawl->options.timeout_ns;

	stream->open_by_ns = deadline;
	for (;;) {
		int rc = stream_turn(stream);

		if (rc == -ETIMEDOUT || (rc == -EAGAIN && clock_now_ns() >= deadline))
			return not_open_yet(stream);
		if (rc != -EAGAIN)
			return rc;
		stream_wait_lost(stream);
	}
}

static int stream_open_new(struct pawl *pawl, const char *name,
	const struct pawl_stream_options *options, struct pawl_stream **stream_p)
{
	struct pawl_stream *stream = calloc(1, sizeof(*stream));
	int rc;

	if (!stream)
		return error_set(&pawl->err, -ENOMEM, "pawl: %s/%s: out of memory",
			pawl->where, name);
	stream->pawl = pawl;
	(void)strcpy(stream->name, name);
	stream->options = *options;
	stream->next = pawl->streams;
	pawl->streams = stream;
	rc = stream_await(stream);
	if (rc) {
		pawl->streams = stream->next; /* nobody opens one meanwhile */
		stream_free(stream, false);
		return rc;
	}
	*stream_p = stream;
	return 0;
}

int pawl_stream_open(struct pawl *pawl, const char *name,
	const struct pawl_stream_options *options, struct pawl_stream **stream_p)
{
	struct pawl_stream_options taken;
	struct pawl_stream *stream;
	int rc = handle_check(pawl);

	if (!rc)
		rc = handle_name_check(pawl, name, "stream");
	if (!rc)
		rc = options_take(pawl, options, &taken);
	if (rc)
		return rc;
	stream = stream_find(pawl, name);
	if (!stream)
		return stream_open_new(pawl, name, &taken, stream_p);
	*stream_p = stream;
	return 0;
}

const char *pawl_stream_name(const struct pawl_stream *stream)
{
	return stream->name;
}

int pawl_stream_options_get(
	const struct pawl_stream *stream, struct pawl_stream_options *options_p)
{
	struct pawl_stream_options o = {.size = sizeof(o),
		.slot_len = stream->limits.slot_len,
		.slots = stream->limits.slots,
		.hole_timeout_ns = stream->limits.hole_timeout_ns,
		.message_max = stream->limits.message_max,
		.on_slow = stream->limits.blocks ? PAWL_ON_SLOW_BLOCK : PAWL_ON_SLOW_LOSE,
		.archiving = (enum pawl_archiving)stream->limits.archiving,
		.depth = publishing_depth(stream),
		.existing = stream->options.existing};

	if (!stream->pawl->hot->alive)
		return -EBADF;
	*options_p = o;
	return 0;
}

uint64_t pawl_stream_publisher(const struct pawl_stream *stream)
{
	return stream->publishing ? stream->publishing->machine.publisher : 0;
}

int pawl_stream_stats_get(
	const struct pawl_stream *stream, struct pawl_stream_stats *stats_p)
{
	struct pawl_stream_stats stats = stream->stats;
	const struct publishing *p = stream->publishing;

	if (!stream->pawl->hot->alive)
		return -EBADF;
	if (p) {
		stats.redone = p->redone + p->machine.voids;
		stats.committed = p->machine.commit;
	}
	*stats_p = stats;
	return 0;
}
