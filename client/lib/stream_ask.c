/* What members of the chain are asked about a stream, and what they answer. */
#include <errno.h>
#include <stdio.h>

#include "client/lib/publish.h"
#include "hw/clock.h"
#include "sequencer/control/stream_message.h"

#define ASK_AGAIN_NS UINT64_C(5000000)

static struct stream_limits limits_wanted(const struct pawl_stream_options *o)
{
	return (struct stream_limits){.slot_len = o->slot_len,
		.slots = o->slots,
		.blocks = o->on_slow == PAWL_ON_SLOW_BLOCK,
		.archiving = (enum stream_archiving)o->archiving,
		.hole_timeout_ns = o->hole_timeout_ns,
		.message_max = o->message_max};
}

static uint64_t patience_ns(const struct pawl_stream *stream, uint64_t now_ns)
{
	return stream->open_by_ns > now_ns ? stream->open_by_ns - now_ns : 0;
}

static int member_ask(struct pawl_stream *stream, uint32_t member, uint64_t now_ns)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__OpenStream open = CONTROL__OPEN_STREAM__INIT;
	const struct stream_limits wanted = limits_wanted(&stream->options);
	const struct publishing *p = stream->publishing;
	Control__StreamLimits limits;

	stream_limits_to_wire(&wanted, &limits);
	open.name = stream->name;
	open.wait_ns = patience_ns(stream, now_ns);
	if (member == 0 && !stream->opened && !stream->options.existing)
		open.limits = &limits;
	if (member == 0 && publishing_wants_row(p)) {
		open.publishes = true;
		open.publisher = p->machine.publisher;
	}
	request.body_case = CONTROL__REQUEST__BODY_OPEN_STREAM;
	request.open_stream = &open;
	if (member == 0)
		stream->row_asked = open.publishes;
	return stream_request(stream, member, &request, &stream->members[member].request);
}

void stream_members_ask(struct pawl_stream *stream)
{
	uint32_t count = stream->opened ? stream->pawl->session.links_count : 1;
	uint64_t now = clock_now_ns();

	for (uint32_t i = 0; i < count; i++) {
		struct stream_member *m = &stream->members[i];

		if (m->wanted && m->asking == STREAM_UNASKED && now >= m->again_ns &&
			member_ask(stream, i, now) == 0)
			m->asking = STREAM_ASKED;
	}
}

bool stream_member_want(struct pawl_stream *stream, uint32_t member)
{
	struct stream_member *m = &stream->members[member];

	if (!m->wanted)
		stream->busy = true;
	m->wanted = true;
	return m->asking == STREAM_ANSWERED;
}

void stream_head_ask(struct pawl_stream *stream)
{
	stream->members[0].asking = STREAM_UNASKED;
	stream->busy = true;
}

void stream_ask_again(struct pawl_stream *stream)
{
	uint64_t again = clock_now_ns() + ASK_AGAIN_NS;

	for (uint32_t i = 0; i < CHAIN_MAX; i++) {
		stream->members[i].asking = STREAM_UNASKED;
		stream->members[i].again_ns = again;
	}
	stream->busy = true;
}

int stream_request(struct pawl_stream *stream, uint32_t member, Control__Request *request,
	uint64_t *id_p)
{
	struct control *control = &stream->pawl->session.links[member].peer->control;
	int rc = control_request(control, request, id_p);

	control_flush(control);
	return rc ? -EAGAIN : 0;
}

static void ask_later(struct stream_member *m)
{
	m->asking = STREAM_UNASKED;
	m->again_ns = clock_now_ns() + ASK_AGAIN_NS;
}

/* An address that is too long for its place is none of ours. */
static void text_keep(char to[MEMORY_ADDRESS_MAX], const char *from)
{
	(void)snprintf(to, MEMORY_ADDRESS_MAX, "%s", from ? from : "");
}

static void places_keep(struct stream_member *m, const Control__StreamPlaces *places)
{
	m->at.epoch = places->epoch;
	text_keep(m->at.words, places->words);
	text_keep(m->at.inbox, places->inbox);
	text_keep(m->at.log, places->log);
	text_keep(m->at.words_path, places->words_path);
	text_keep(m->at.inbox_path, places->inbox_path);
	text_keep(m->at.log_path, places->log_path);
	m->archived = places->archived;
}

/* What is decided about a stream is decided once. */
static bool stream_is_the_same(
	struct pawl_stream *stream, const Control__StreamOpened *opened)
{
	const struct region_layout *layout = &stream->pawl->session.links[0].peer->layout;
	struct stream_limits limits;

	if (!opened->limits || opened->counter >= layout->counters_max)
		return false;
	limits = stream_limits_from_wire(opened->limits);
	if (!stream_limits_valid(&limits))
		return false;
	if (stream->opened)
		return stream->counter == opened->counter &&
		       stream_limits_same(&stream->limits, &limits);
	stream->counter = opened->counter;
	stream->limits = limits;
	return true;
}

static void head_opened(struct pawl_stream *stream, const Control__StreamOpened *opened)
{
	stream->open = stream->opened = true;
	stream->base = opened->epoch_base;
	stream->shut_since_ns = 0;
	if (stream->row_asked && publishing_wants_row(stream->publishing))
		publishing_named(stream->publishing, opened->publisher);
	stream_enter(stream);
}

static void not_ours(struct pawl_stream *stream)
{
	stream->refused = error_set(&stream->why, -EPROTO,
		"pawl: %s/%s: the stream is another one all of a sudden, or its limits "
		"can not be; use the same version on both sides, and open a new handle",
		stream->pawl->where, stream->name);
}

/* The words are there a little later than the epoch. */
static bool answer_is_whole(const struct pawl_stream *stream, uint32_t member,
	const Control__StreamOpened *opened)
{
	uint64_t epoch = stream->pawl->session.linked_epoch;

	return opened->epoch == epoch && opened->places &&
	       opened->places->epoch == epoch && opened->places->words &&
	       opened->places->words[0] &&
	       (member > 0 || (opened->places->inbox && opened->places->inbox[0]));
}

static void member_answered(
	struct pawl_stream *stream, uint32_t member, const Control__StreamOpened *opened)
{
	struct stream_member *m = &stream->members[member];

	if (!answer_is_whole(stream, member, opened)) {
		ask_later(m);
		return;
	}
	if (!stream_is_the_same(stream, opened)) {
		not_ours(stream);
		return;
	}
	places_keep(m, opened->places);
	m->asking = STREAM_ANSWERED;
	if (member == 0)
		head_opened(stream, opened);
}

static int refusal_code(int code)
{
	return code == -EEXIST ? code : handle_public_error(code);
}

/* True when asking again may help: the store does not answer, or the epoch changes. */
static bool refusal_passes(const struct pawl_stream *stream, int code)
{
	return code == -EAGAIN ||
	       (stream->opened && (code == -ETIMEDOUT || code == -EIO));
}

static void member_refused(
	struct pawl_stream *stream, uint32_t member, const Control__Reply *reply)
{
	struct stream_member *m = &stream->members[member];
	int code = error_set(&stream->why, -(int)reply->error, "%s", reply->text);

	ask_later(m);
	if (member > 0 || refusal_passes(stream, code))
		return;
	if (code == -EUSERS && stream->row_asked) {
		publishing_fail(stream->publishing, code,
			"all its rows for publishers are taken; end some publishers, or "
			"make the stream anew in a cluster with a larger --sessions-max");
		return;
	}
	stream->refused = refusal_code(code);
}

static bool stream_reply(
	struct pawl_stream *stream, uint32_t member, const Control__Reply *reply)
{
	struct stream_member *m = &stream->members[member];

	if (m->asking == STREAM_ASKED && m->request == reply->id) {
		if (reply->error)
			member_refused(stream, member, reply);
		else if (reply->body_case == CONTROL__REPLY__BODY_STREAM_OPENED)
			member_answered(stream, member, reply->stream_opened);
		else
			not_ours(stream);
		return true;
	}
	if (member == 0 && stream_snapshot_reply(stream, reply))
		return true;
	if (tail_read_reply(stream, reply))
		return true;
	for (struct stream_listener *l = stream->listeners; l; l = l->next) {
		if (l->ops->reply(l, member, reply))
			return true;
	}
	return false;
}

static uint32_t member_of(const struct session *s, const struct peer *peer)
{
	uint32_t member = 0;

	while (member < s->links_count && s->links[member].peer != peer)
		member++;
	return member;
}

bool streams_reply(
	struct pawl *pawl, const struct peer *peer, const Control__Reply *reply)
{
	const struct session *s = &pawl->session;
	uint32_t member = member_of(s, peer);

	if (s->stage != SESSION_READY || reply->id == 0 || member == s->links_count)
		return false;
	for (struct pawl_stream *stream = pawl->streams; stream; stream = stream->next) {
		if (stream_reply(stream, member, reply))
			return true;
	}
	return false;
}
