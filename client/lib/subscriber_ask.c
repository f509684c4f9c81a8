/* What a subscriber says to members, and what they answer. */
#include <string.h>

#include "client/lib/subscriber.h"
#include "hw/clock.h"

const char *subscriber_transport(const struct pawl_subscriber *s, uint32_t member)
{
	const char *own = subscriber_peer(s, member)->transport;

	return own[0] ? own : s->pawl->session.chain[member].transport;
}

static bool reader_is_at(const struct subscriber_reader *r, const struct peer *peer)
{
	return r->asked && r->replica == peer->replica &&
	       r->incarnation == peer->incarnation && r->token == peer->token;
}

struct subscriber_reader *ask_reader_of(
	struct pawl_subscriber *s, const struct peer *peer)
{
	for (unsigned int i = 0; i < CHAIN_MAX; i++) {
		if (reader_is_at(&s->readers[i], peer))
			return &s->readers[i];
	}
	return NULL;
}

/* How much is lost with a record: nothing, if its replica has a new life, or a new session. */
static unsigned int reader_worth(
	const struct pawl_subscriber *s, const struct subscriber_reader *r)
{
	unsigned int worth = r->asked ? 1 : 0; /* of one that has left the chain */

	for (uint32_t i = 0; r->asked && i < s->pawl->session.links_count; i++) {
		const struct peer *peer = subscriber_peer(s, i);

		if (reader_is_at(r, peer))
			return 2;
		if (r->replica == peer->replica)
			worth = 0;
	}
	return worth;
}

/* There are as many as a chain has members, so one at least is of no member. */
static struct subscriber_reader *reader_room(struct pawl_subscriber *s)
{
	struct subscriber_reader *room = &s->readers[0];

	for (unsigned int i = 1; i < CHAIN_MAX; i++) {
		if (reader_worth(s, &s->readers[i]) < reader_worth(s, room))
			room = &s->readers[i];
	}
	return room;
}

static void reader_remember(
	struct pawl_subscriber *s, const struct peer *peer, uint32_t reader)
{
	struct subscriber_reader *r = ask_reader_of(s, peer);

	if (!r)
		r = reader_room(s);
	*r = (struct subscriber_reader){.asked = true,
		.replica = peer->replica,
		.reader = reader,
		.incarnation = peer->incarnation,
		.token = peer->token};
}

/* From now is known already, or will be from what is mapped. */
static void from_fill(const struct pawl_subscriber *s, Control__Subscribe *subscribe)
{
	if (s->begun)
		subscribe->consumed = subscriber_consumed(s);
	else if (s->options.from == PAWL_FROM_OLDEST)
		subscribe->oldest = true;
	else if (s->options.from == PAWL_FROM_POSITION)
		subscribe->consumed = s->options.position - 1;
}

static int subscribe_send(struct pawl_subscriber *s)
{
	const struct peer *peer = subscriber_peer(s, s->ask.member);
	const struct subscriber_reader *reader = ask_reader_of(s, peer);
	const struct memory *memory = s->ask.inbox.memory;
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Subscribe subscribe = CONTROL__SUBSCRIBE__INIT;
	int rc;

	subscribe.counter = subscriber_stream(s)->counter;
	subscribe.reader = reader ? reader->reader : 0;
	subscribe.subscriber = s->number;
	if (memory) {
		subscribe.inbox = (char *)memory->ops->address(memory);
		subscribe.inbox_slots = s->options.inbox_slots;
	}
	from_fill(s, &subscribe);
	request.body_case = CONTROL__REQUEST__BODY_SUBSCRIBE;
	request.subscribe = &subscribe;
	rc = stream_request(
		subscriber_stream(s), s->ask.member, &request, &s->ask.request);
	if (!rc)
		reader_remember(s, peer, subscribe.reader); /* G6 */
	return rc;
}

int ask_send(struct pawl_subscriber *s, uint32_t member, enum source_kind kind)
{
	int rc = 0;

	s->ask = (struct subscriber_ask){.kind = kind,
		.member = member,
		.since_ns = clock_now_ns(),
		.place = {.member = member},
		.inbox = {.member = member}};
	if (kind == SOURCE_INBOX)
		rc = inbox_open(s, member, &s->ask.inbox);
	if (!rc)
		rc = subscribe_send(s);
	if (rc)
		ask_drop(s);
	else
		s->stage = SUBSCRIBER_ASKED;
	return rc;
}

void ask_drop(struct pawl_subscriber *s)
{
	place_close(&s->ask.place);
	inbox_close(&s->ask.inbox);
	s->ask.kind = SOURCE_NONE;
	s->ask.request = 0;
}

/* Where a subscriber that has not begun begins, as the one that answers sees the stream. */
static uint64_t start_of(
	const struct pawl_subscriber *s, const Control__Subscribed *answer)
{
	if (s->options.from == PAWL_FROM_OLDEST)
		return 1; /* what nobody has any more is found out as any gap is */
	if (s->options.from == PAWL_FROM_POSITION)
		return s->options.position;
	if (s->ask.kind == SOURCE_INBOX)
		return answer->consumed + 1;
	return word_load(s->ask.place.commit) + 1;
}

static int answer_take(struct pawl_subscriber *s, const Control__Subscribed *answer)
{
	int rc;

	if (!answer->places || answer->reader == 0 ||
		answer->reader > STREAM_READERS_MAX ||
		answer->consumed >= COUNTER_LIMIT ||
		answer->epoch != subscriber_stream(s)->epoch)
		return error_set(&s->why, -EPROTO,
			"pawl: %s/%s: subscribe: the answer can not be, or is of another "
			"epoch",
			SUBSCRIBER_NAMES(s));
	reader_remember(s, subscriber_peer(s, s->ask.member), answer->reader);
	if (answer->places->epoch != answer->epoch)
		return error_set(&s->why, -EAGAIN,
			"pawl: %s/%s: subscribe: the replica has not entered its epoch "
			"yet",
			SUBSCRIBER_NAMES(s));
	if (s->ask.kind == SOURCE_PLACE)
		rc = place_open(s, answer, &s->ask.place);
	else
		rc = inbox_link(s, answer, &s->ask.inbox);
	if (!rc)
		s->ask.start = start_of(s, answer);
	return rc;
}

/* The member goes by this answer now, so that the inbox of before is not fed any more. */
static int answer_used(struct pawl_subscriber *s, const Control__Subscribed *answer)
{
	s->returns = false;
	return answer_take(s, answer);
}

static int refusal_take(struct pawl_subscriber *s, const Control__Reply *reply)
{
	return error_set(&s->why, -(int)reply->error, "%s", reply->text);
}

bool ask_reply(
	struct stream_listener *listener, uint32_t member, const Control__Reply *reply)
{
	struct pawl_subscriber *s = (struct pawl_subscriber *)listener;
	int rc;

	if (s->stage != SUBSCRIBER_ASKED || member != s->ask.member ||
		reply->id != s->ask.request)
		return false;
	s->stage = SUBSCRIBER_AWAITING;
	s->ask.since_ns = clock_now_ns();
	if (reply->error)
		rc = refusal_take(s, reply);
	else if (reply->body_case == CONTROL__REPLY__BODY_SUBSCRIBED)
		rc = answer_used(s, reply->subscribed);
	else
		rc = error_set(&s->why, -EPROTO, "pawl: %s/%s: subscribe: no answer",
			SUBSCRIBER_NAMES(s));
	if (rc)
		seek_failed(s, rc);
	else if (s->ask.kind == SOURCE_PLACE)
		seek_settle(s);
	return true;
}
