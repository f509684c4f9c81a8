/*
 * What becomes of the members that were read at before: they wait for nobody any more, once they
 * are told.
 *
 * Where the stream blocks, the head may not know yet that the member which is read now waits for
 * this subscriber.  If that member died, and nobody else waited, what is next might be overwritten
 * everywhere.  So the others are left only after a time in which the head hears of it, or finds out
 * by the heartbeat that the member is cut off (G7).
 */
#include "client/lib/subscriber.h"

#define LEAVE_NS UINT64_C(2000000000) /* longer than suspect-ms usually is */
#define TELL_NS UINT64_C(20000000)

static void leave(struct pawl_subscriber *s, uint32_t member)
{
	struct subscriber_reader *r = ask_reader_of(s, subscriber_peer(s, member));
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Unsubscribe unsubscribe = CONTROL__UNSUBSCRIBE__INIT;
	uint64_t id;

	if (!r)
		return;
	unsubscribe.counter = subscriber_stream(s)->counter;
	unsubscribe.reader = r->reader;
	unsubscribe.subscriber = s->number;
	request.body_case = CONTROL__REQUEST__BODY_UNSUBSCRIBE;
	request.unsubscribe = &unsubscribe;
	if (stream_request(subscriber_stream(s), member, &request, &id) == 0)
		*r = (struct subscriber_reader){0};
}

/* The reader that it has there already goes on from what is consumed here.  The answer is no news. */
static void tell(struct pawl_subscriber *s, uint32_t member)
{
	const struct subscriber_reader *r = ask_reader_of(s, subscriber_peer(s, member));
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Subscribe subscribe = CONTROL__SUBSCRIBE__INIT;
	uint64_t id;

	if (!r)
		return;
	subscribe.counter = subscriber_stream(s)->counter;
	subscribe.reader = r->reader;
	subscribe.subscriber = s->number;
	subscribe.consumed = subscriber_consumed(s);
	request.body_case = CONTROL__REQUEST__BODY_SUBSCRIBE;
	request.subscribe = &subscribe;
	if (stream_request(subscriber_stream(s), member, &request, &id))
		s->others_told = UINT64_MAX; /* again, over the next connection */
}

/* All members of the epoch but one; none where there is no epoch. */
static void others_each(struct pawl_subscriber *s, uint32_t member,
	void (*each)(struct pawl_subscriber *s, uint32_t member))
{
	uint32_t count = s->pawl->session.links_count;

	for (uint32_t i = 0; i < count && subscriber_stream(s)->entered; i++) {
		if (i != member)
			each(s, i);
	}
}

void leave_others(struct pawl_subscriber *s, uint32_t member)
{
	others_each(s, member, leave);
}

static void others_tell(struct pawl_subscriber *s, uint32_t member)
{
	others_each(s, member, tell);
}

static bool has_others(struct pawl_subscriber *s, uint32_t member)
{
	uint32_t count = s->pawl->session.links_count;

	for (uint32_t i = 0; i < count; i++) {
		if (i != member && ask_reader_of(s, subscriber_peer(s, i)))
			return true;
	}
	return false;
}

void leave_begin(struct pawl_subscriber *s, uint32_t member, uint64_t now_ns)
{
	bool blocks = subscriber_stream(s)->limits.blocks;

	s->leaves_ns = has_others(s, member) ? now_ns + (blocks ? LEAVE_NS : 0) : 0;
	s->others_ns = 0;
	s->others_told = UINT64_MAX;
	leave_step(s, now_ns);
}

void leave_step(struct pawl_subscriber *s, uint64_t now_ns)
{
	uint32_t member = s->kind == SOURCE_PLACE ? s->place.member : s->inbox.member;

	if (!s->leaves_ns)
		return;
	if (now_ns >= s->leaves_ns) {
		leave_others(s, member);
		/* Again, if there was no room for a request. */
		s->leaves_ns = has_others(s, member) ? now_ns + TELL_NS : 0;
	} else if (now_ns >= s->others_ns && subscriber_consumed(s) != s->others_told) {
		s->others_ns = now_ns + TELL_NS;
		s->others_told = subscriber_consumed(s);
		others_tell(s, member);
	}
}
