/* Subscribing, what the stream tells a subscriber, and its end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "client/lib/subscriber.h"
#include "hw/clock.h"

#define INBOX_SLOTS_DEFAULT 4096
#define INBOX_SLOTS_MIN 16
#define SLOT_ALIGNMENT 64
#define ROUNDS_MAX 3 /* in which nobody would do, before subscribing gives up */

static int option_refused(const struct pawl_stream *stream, const char *what)
{
	return error_set(&stream->pawl->err, -EINVAL,
		"pawl: %s/%s: subscribe: option out of range: %s", stream->pawl->where,
		stream->name, what);
}

static int options_take(const struct pawl_stream *stream,
	const struct pawl_subscribe_options *given, struct pawl_subscribe_options *o)
{
	*o = (struct pawl_subscribe_options)PAWL_SUBSCRIBE_OPTIONS_INIT;
	if (given && given->size < sizeof(given->size))
		return option_refused(
			stream, "size; begin with PAWL_SUBSCRIBE_OPTIONS_INIT");
	if (given)
		memcpy(o, given, given->size < sizeof(*o) ? given->size : sizeof(*o));
	if (o->inbox_slots == 0)
		o->inbox_slots = INBOX_SLOTS_DEFAULT;
	if (o->inbox_slots < INBOX_SLOTS_MIN || o->inbox_slots > STREAM_RING_MAX ||
		(o->inbox_slots & (o->inbox_slots - 1)) != 0)
		return option_refused(
			stream, "inbox_slots; a power of two from 16 to 2^24");
	if ((unsigned int)o->from > PAWL_FROM_POSITION)
		return option_refused(stream, "from; it is one of PAWL_FROM_");
	if (o->from == PAWL_FROM_POSITION &&
		(o->position == 0 || o->position >= COUNTER_LIMIT))
		return option_refused(stream, "position; the first one is 1");
	return 0;
}

/* Room that costs nothing until a message needs it. */
static int buffer_make(struct stream_subscriber_config *config, uint64_t len)
{
	void *buffer = mmap(NULL, len, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (buffer == MAP_FAILED)
		return -ENOMEM;
	config->buffer = buffer;
	config->buffer_len = len;
	return 0;
}

static int machine_make(struct pawl_subscriber *s)
{
	const struct stream_limits *limits = &subscriber_stream(s)->limits;
	struct stream_subscriber_config *config = &s->machine.config;

	config->voids = s->options.voids;
	config->waits_at_gap = true;
	config->slot = aligned_alloc(SLOT_ALIGNMENT, limits->slot_len);
	if (!config->slot)
		return -ENOMEM;
	return buffer_make(config, limits->message_max);
}

static void subscriber_free(struct stream_listener *listener, bool forked)
{
	struct pawl_subscriber *s = (struct pawl_subscriber *)listener;

	stream_subscriber_detach(&s->machine);
	if (!forked) {
		ask_drop(s);
		now_close(s);
		place_close(&s->place);
		inbox_close(&s->inbox);
		if (s->device)
			s->ops->close(s->device);
		if (s->local)
			s->local->ops->close(s->local);
	}
	if (s->machine.config.buffer)
		(void)munmap(s->machine.config.buffer, s->machine.config.buffer_len);
	free(s->machine.config.slot);
	free(s);
}

static void on_enter(struct stream_listener *listener)
{
	struct pawl_subscriber *s = (struct pawl_subscriber *)listener;

	if (!s->adrift_ns)
		s->adrift_ns = clock_now_ns();
	seek_begin(s);
}

static void on_lost(struct stream_listener *listener)
{
	struct pawl_subscriber *s = (struct pawl_subscriber *)listener;

	s->tells = false; /* G3 */
	if (s->stage == SUBSCRIBER_SETTLED || !s->adrift_ns)
		s->adrift_ns = clock_now_ns();
	s->stage = SUBSCRIBER_ADRIFT;
}

static void on_close(struct stream_listener *listener)
{
	struct pawl_subscriber *s = (struct pawl_subscriber *)listener;

	now_close(s);
	inbox_unlink(&s->inbox);
	ask_drop(s);
}

const struct stream_listener_ops subscriber_listener_ops = {
	.enter = on_enter,
	.lost = on_lost,
	.close = on_close,
	.reply = ask_reply,
	.free = subscriber_free,
};

static int subscriber_make(
	struct pawl_stream *stream, struct pawl_subscriber *s, struct error *err)
{
	const struct device_config config = {0};
	const struct memory_ops *ops = memory_ops_find("shm");

	s->pawl = stream->pawl;
	s->listener = (struct stream_listener){
		.ops = &subscriber_listener_ops, .stream = stream};
	s->place.member = s->inbox.member = SUBSCRIBER_NOBODY;
	s->ask.place.member = s->ask.inbox.member = SUBSCRIBER_NOBODY;
	if (machine_make(s))
		return error_set(err, -ENOMEM, "pawl: %s/%s: subscribe: out of memory",
			SUBSCRIBER_NAMES(s));
	return ops->open(&config, &s->local, err);
}

static int not_settled(struct pawl_subscriber *s)
{
	return error_set(&s->pawl->err, -ETIMEDOUT,
		"pawl: %s/%s: no replica to subscribe at within %llu ms (%.250s)",
		SUBSCRIBER_NAMES(s),
		(unsigned long long)(s->pawl->options.timeout_ns / 1000000),
		s->why.text[0] ? s->why.text : "none answers");
}

int subscriber_settle(struct pawl_subscriber *s, uint64_t now_ns, uint64_t deadline_ns)
{
	int rc = subscriber_move(s, now_ns);

	if (rc && rc != -EAGAIN)
		return rc;
	if (s->stage == SUBSCRIBER_SETTLED)
		return 0;
	if (s->rounds >= ROUNDS_MAX && s->why_code != -EAGAIN)
		return error_set(&s->pawl->err, handle_public_error(s->why_code), "%s",
			s->why.text);
	return now_ns < deadline_ns ? -EAGAIN : not_settled(s);
}

static int open_wait(struct pawl_subscriber *s)
{
	uint64_t deadline = clock_now_ns() + s->pawl->options.timeout_ns;
	int rc;

	do {
		rc = subscriber_settle(s, clock_now_ns(), deadline);
		if (rc == -EAGAIN)
			stream_wait_lost(subscriber_stream(s));
	} while (rc == -EAGAIN);
	return rc;
}

int subscriber_begin(struct pawl_stream *stream,
	const struct pawl_subscribe_options *options,
	struct pawl_subscriber **subscriber_p)
{
	struct pawl_subscribe_options taken;
	struct pawl_subscriber *s;
	int rc = handle_check(stream->pawl);

	if (!rc)
		rc = options_take(stream, options, &taken);
	if (rc)
		return rc;
	s = calloc(1, sizeof(*s));
	if (!s)
		return error_set(&stream->pawl->err, -ENOMEM,
			"pawl: %s/%s: subscribe: out of memory", stream->pawl->where,
			stream->name);
	s->options = taken;
	s->number = ++stream->pawl->subscribers_made;
	rc = subscriber_make(stream, s, &stream->pawl->err);
	if (rc) {
		subscriber_free(&s->listener, false);
		return handle_public_error(rc);
	}
	stream_listen(stream, &s->listener);
	*subscriber_p = s;
	return 0;
}

int pawl_subscribe(struct pawl_stream *stream,
	const struct pawl_subscribe_options *options,
	struct pawl_subscriber **subscriber_p)
{
	struct pawl_subscriber *s;
	int rc = subscriber_begin(stream, options, &s);

	if (rc)
		return rc;
	rc = open_wait(s);
	if (rc)
		pawl_unsubscribe(s);
	else
		*subscriber_p = s;
	return rc;
}

void pawl_unsubscribe(struct pawl_subscriber *s)
{
	if (!s)
		return;
	if (s->pawl->hot->alive)
		leave_others(s, SUBSCRIBER_NOBODY);
	stream_unlisten(&s->listener);
	subscriber_free(&s->listener, !s->pawl->hot->alive);
}
