#include "client/lib/tail_read.h"

#include <string.h>

#include "client/lib/stream.h"
#include "hw/clock.h"

#define AGAIN_NS UINT64_C(5000000) /* between two times that a tail is asked in vain */

_Static_assert(
	MESSAGE_PIECE_MAX + 1024 < PEER_BUFFER_LEN, "a piece fits in a connection");
_Static_assert(MESSAGE_QUERY_MAX + 1024 < PEER_BUFFER_LEN, "and so does a question");

void tail_read_begin(struct pawl_stream *stream, const void *query, size_t len,
	void *room, size_t room_len, uint64_t deadline_ns)
{
	struct tail_read *t = &stream->tail_read;

	t->begun = false;
	t->request = 0;
	t->again_ns = 0;
	t->deadline_ns = deadline_ns;
	t->query = query;
	t->query_len = len;
	t->room = room;
	t->room_len = room_len;
	t->code = 0;
	t->why.text[0] = '\0';
}

bool tail_read_waits(const struct pawl_stream *stream)
{
	const struct tail_read *t = &stream->tail_read;

	return !t->begun || t->machine.phase == STREAM_TAIL_READ_ASKING;
}

size_t tail_read_len(const struct pawl_stream *stream)
{
	return stream->tail_read.len;
}

/* ---- What is posted ---- */

static int ask(struct pawl_stream *stream, uint32_t member)
{
	struct tail_read *t = &stream->tail_read;
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__TailRead read = CONTROL__TAIL_READ__INIT;
	uint64_t now = clock_now_ns();

	read.counter = stream->counter;
	read.epoch = t->machine.epoch;
	read.query.data = (uint8_t *)(uintptr_t)t->query;
	read.query.len = t->query_len;
	read.wait_ns = t->deadline_ns > now ? t->deadline_ns - now : 1;
	request.body_case = CONTROL__REQUEST__BODY_TAIL_READ;
	request.tail_read = &read;
	t->len = t->got = 0;
	return stream_request(stream, member, &request, &t->request);
}

static int state_read(struct pawl_stream *stream, uint32_t member)
{
	struct tail_read *t = &stream->tail_read;

	return pump_state_read(stream->pawl, member, &t->states[member], t->number);
}

/* As far as connection and links take it. */
static int effects_post(struct pawl_stream *stream)
{
	struct tail_read *t = &stream->tail_read;
	struct stream_tail_read_effect effect;
	int rc = 0;

	while (!rc && stream_tail_read_next(&t->machine, &effect)) {
		if (effect.kind == STREAM_TAIL_READ_ASK)
			rc = ask(stream, effect.member);
		else
			rc = state_read(stream, effect.member);
		if (!rc)
			stream_tail_read_posted(&t->machine, &effect);
	}
	return rc;
}

static void try_begin(struct pawl_stream *stream)
{
	struct tail_read *t = &stream->tail_read;

	stream_tail_read_begin(
		&t->machine, stream->epoch, stream->pawl->session.links_count);
	t->number = ++stream->pawl->tail_reads;
	t->request = 0;
	t->begun = true;
}

int tail_read_step(struct pawl_stream *stream)
{
	struct tail_read *t = &stream->tail_read;
	int rc;

	stream->busy = true; /* so that answers are looked for */
	rc = stream_turn(stream);
	if (rc == -ETIMEDOUT)
		rc = -EAGAIN; /* until this read's own deadline */
	if (rc)
		return rc;
	if (t->code)
		return error_set(&stream->pawl->err, t->code, "%s", t->why.text);
	if (!t->begun && clock_now_ns() >= t->again_ns)
		try_begin(stream);
	if (!t->begun)
		return -EAGAIN;
	rc = effects_post(stream);
	if (rc && rc != -EAGAIN)
		stream_link_failed(stream);
	(void)pump_turn(stream->pawl);
	return t->begun && t->machine.phase == STREAM_TAIL_READ_VALID ? 0 : -EAGAIN;
}

int tail_read_overdue(struct pawl_stream *stream)
{
	const struct tail_read *t = &stream->tail_read;

	return error_set(&stream->pawl->err, -ETIMEDOUT,
		"pawl: %s/%s: the tail has not answered within %llu ms: %.250s",
		stream->pawl->where, stream->name,
		(unsigned long long)(stream->pawl->options.timeout_ns / NS_PER_MS),
		t->why.text[0] ? t->why.text : "no answer of a chain that lasted");
}

/* ---- What comes back ---- */

/* Nothing of this try counts any more. */
static void try_end(struct tail_read *t)
{
	if (!t->begun)
		return;
	stream_tail_read_on_lost(&t->machine);
	if (t->machine.phase != STREAM_TAIL_READ_INVALID)
		return;
	t->begun = false;
	t->request = 0;
}

void tail_read_lost(struct pawl_stream *stream)
{
	try_end(&stream->tail_read);
}

/* Another answer to the same question may be better. */
static bool refusal_passes(int code)
{
	return code != -ENOTSUP && code != -EMSGSIZE && code != -EPROTO;
}

static void refused(struct tail_read *t, const Control__Reply *reply)
{
	int code = error_set(&t->why, -(int)reply->error, "%s", reply->text);

	if (!refusal_passes(code))
		t->code = code;
	t->again_ns = clock_now_ns() + AGAIN_NS;
	try_end(t);
}

static void not_ours(struct pawl_stream *stream)
{
	struct tail_read *t = &stream->tail_read;

	t->code = error_set(&t->why, -EPROTO,
		"pawl: %s/%s: the answer of the tail is none, or longer than the storage "
		"allows; use the same version on both sides",
		stream->pawl->where, stream->name);
	try_end(t);
}

/* False: it does not go on where the pieces before have ended. */
static bool piece_take(struct tail_read *t, const Control__TailAnswer *answer)
{
	const ProtobufCBinaryData *piece = &answer->piece;

	if (answer->len > t->room_len || (t->got > 0 && answer->len != t->len) ||
		answer->offset != t->got || piece->len > answer->len - t->got ||
		piece->len == 0)
		return false;
	memcpy(t->room + t->got, piece->data, piece->len);
	t->len = answer->len;
	t->got += (uint32_t)piece->len;
	return true;
}

static void answered(struct pawl_stream *stream, const Control__TailAnswer *answer)
{
	struct tail_read *t = &stream->tail_read;

	if (!piece_take(t, answer)) {
		not_ours(stream);
		return;
	}
	if (t->got < t->len)
		return;
	t->request = 0;
	stream_tail_read_on_answer(&t->machine, answer->epoch, answer->position);
	if (t->machine.phase == STREAM_TAIL_READ_INVALID)
		try_end(t);
}

bool tail_read_reply(struct pawl_stream *stream, const Control__Reply *reply)
{
	struct tail_read *t = &stream->tail_read;

	if (t->request == 0 || t->request != reply->id)
		return false;
	if (reply->error)
		refused(t, reply);
	else if (reply->body_case == CONTROL__REPLY__BODY_TAIL_ANSWER)
		answered(stream, reply->tail_answer);
	else
		not_ours(stream);
	return true;
}

static struct pawl_stream *stream_of(struct pawl *pawl, uint32_t number)
{
	struct pawl_stream *stream = pawl->streams;

	while (stream && !(stream->tail_read.begun && stream->tail_read.number == number))
		stream = stream->next;
	return stream;
}

/* A member that is sealed: the epoch will not come back. */
void tail_read_on_state(struct pawl *pawl, uint32_t number, uint32_t member)
{
	struct pawl_stream *stream = stream_of(pawl, number);
	struct tail_read *t;

	if (!stream)
		return;
	t = &stream->tail_read;
	stream_tail_read_on_state(&t->machine, t->states[member]);
	if (t->machine.phase != STREAM_TAIL_READ_INVALID)
		return;
	try_end(t);
	if (pawl->session.stage == SESSION_READY)
		session_over(pawl);
}
