/* What a participant asks members of the chain about snapshots (participant_snapshot.h). */
#include <errno.h>

#include "client/lib/participant.h"
#include "hw/clock.h"

#define LOOK_NS UINT64_C(20000) /* between two looks for an answer */

static struct pawl_participant *participant_of(struct stream_listener *listener)
{
	return ((struct participant_talk *)listener)->participant;
}

static void on_enter(struct stream_listener *listener)
{
	participant_of(listener)->talk.ready = true;
}

static void on_lost(struct stream_listener *listener)
{
	struct pawl_participant *p = participant_of(listener);

	p->talk.ready = false;
	p->talk.asking = STREAM_UNASKED;
	writing_lost(p);
	restoring_lost(p);
}

static void on_close(struct stream_listener *listener)
{
	(void)listener;
}

static bool on_reply(
	struct stream_listener *listener, uint32_t member, const Control__Reply *reply)
{
	struct participant_talk *t = (struct participant_talk *)listener;
	const struct pawl *pawl = t->participant->pawl;

	if (t->asking != STREAM_ASKED || t->member != member || t->request != reply->id)
		return false;
	t->asking = STREAM_UNASKED;
	t->code = 0;
	if (reply->error)
		t->code = error_set(&t->why, -(int)reply->error, "%s", reply->text);
	else if (reply->body_case != t->expects)
		t->code = error_set(&t->why, -EPROTO,
			"pawl: %s/%s: snapshot: the answer is none; use the same version "
			"on both sides",
			pawl->where, listener->stream->name);
	t->answered(t->participant, reply);
	return true;
}

/* It is the participant's memory. */
static void on_free(struct stream_listener *listener, bool forked)
{
	(void)listener;
	(void)forked;
}

static const struct stream_listener_ops talk_ops = {
	.enter = on_enter,
	.lost = on_lost,
	.close = on_close,
	.reply = on_reply,
	.free = on_free,
};

void talk_begin(struct pawl_participant *p)
{
	p->talk.participant = p;
	p->talk.listener.ops = &talk_ops;
	stream_listen(p->stream, &p->talk.listener);
}

void talk_end(struct pawl_participant *p)
{
	if (p->talk.listener.ops)
		stream_unlisten(&p->talk.listener);
}

bool talk_is_free(const struct pawl_participant *p)
{
	return p->talk.ready && p->talk.asking == STREAM_UNASKED &&
	       p->pawl->session.stage == SESSION_READY;
}

uint32_t talk_members(const struct pawl_participant *p)
{
	return p->talk.ready ? p->pawl->session.links_count : 0;
}

int talk_move(struct pawl_participant *p)
{
	uint64_t now_ns = clock_now_ns();
	int rc;

	if (now_ns - p->talk.looked_ns < LOOK_NS)
		return 0;
	p->talk.looked_ns = now_ns;
	p->stream->busy = true; /* so that answers are looked for */
	rc = stream_turn(p->stream);
	return rc == -EAGAIN ? 0 : rc;
}

void talk_ask(struct pawl_participant *p, uint32_t member, Control__Request *request,
	Control__Reply__BodyCase expects,
	void (*answered)(struct pawl_participant *p, const Control__Reply *reply))
{
	struct participant_talk *t = &p->talk;

	t->expects = expects;
	t->answered = answered;
	t->member = member;
	t->since_ns = clock_now_ns();
	if (stream_request(p->stream, member, request, &t->request) == 0)
		t->asking = STREAM_ASKED;
}
