/*
 * Archives that lack what another replica has archived are fed by it (sequencer/stream/copy.h).
 * Here is who that is, and what the two say to each other: the one asks by StreamAsk with an inbox
 * for each stream, the other answers with the reader's line in StreamTell.
 */
#include <errno.h>

#include "hw/clock.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/replica.h"

#define HEARD_NS UINT64_C(5000000000) /* what was said is good for so long */
#define ASK_NS UINT64_C(500000000)    /* between two times that a source is asked */

/* Whoever has archived most, if that is more than @archived; id 0: nobody. */
static struct epoch_member source_find(
	const struct replica *r, const struct stream_seat *seat, uint64_t archived)
{
	const struct replica_streams *s = &r->streams;
	struct epoch_member best = {.id = 0};
	uint64_t now_ns = clock_now_ns();

	for (uint32_t i = 0; i < STREAMS_PEERS_MAX; i++) {
		const struct streams_peer *peer = &s->peers[i];
		uint64_t theirs = peer->archived[seat - s->seats];

		if (!peer->member.id || now_ns - peer->heard_ns > HEARD_NS ||
			theirs <= archived)
			continue;
		archived = theirs;
		best = peer->member;
	}
	return best;
}

static void feed_ask(
	struct replica *r, struct stream_seat *seat, const struct stream_copy_want *want)
{
	Control__StreamAsk ask = CONTROL__STREAM_ASK__INIT;
	Control__Subscribe feed = CONTROL__SUBSCRIBE__INIT;
	Control__Subscribe *feeds[] = {&feed};
	uint64_t now_ns = clock_now_ns();

	if (now_ns - seat->asked_ns < ASK_NS)
		return;
	seat->asked_ns = now_ns;
	feed.counter = seat->counter;
	feed.consumed = want->consumed;
	feed.inbox = (char *)(uintptr_t)want->inbox;
	feed.inbox_slots = want->inbox_slots;
	ask.instance = r->facts.instance;
	ask.feeds = feeds;
	ask.n_feeds = 1;
	mesh_stream_send(r->mesh, seat->source, &ask, NULL);
}

/* False: nobody is known to have more, so all should be asked. */
static bool copy_begin(
	struct replica *r, struct stream_seat *seat, struct stream_copy_want *want)
{
	struct stream_host *host = r->streams.host;
	struct epoch_member source = source_find(r, seat, want->consumed);
	uint64_t now_ns = clock_now_ns();
	struct error err;

	if (source.id == 0)
		return false;
	seat->source = source;
	seat->asked_ns = 0;
	log_info("the archive of stream '%s' is fed by replica %u from its own",
		catalog_name(&r->catalog, seat->counter), source.id);
	if (stream_host_copy_begin(host, seat->counter, now_ns, &err))
		log_warning("%s", err.text);
	else if (stream_host_copy(host, seat->counter, now_ns, want) ==
		 STREAM_COPY_NEEDS_ASKING)
		feed_ask(r, seat, want);
	return true;
}

void streams_copy_tick(struct replica *r)
{
	struct replica_streams *s = &r->streams;
	struct stream_copy_want want;
	bool asks = false;

	for (uint32_t i = 0; s->host && r->mesh && i < s->seats_count; i++) {
		struct stream_seat *seat = &s->seats[i];

		switch (stream_host_copy(s->host, seat->counter, clock_now_ns(), &want)) {
		case STREAM_COPY_NEEDS_NOTHING:
			break;
		case STREAM_COPY_NEEDS_SOURCE:
			asks |= !copy_begin(r, seat, &want);
			break;
		case STREAM_COPY_NEEDS_ASKING:
			feed_ask(r, seat, &want);
			break;
		}
	}
	if (asks)
		streams_ask_all(r);
}

static const char *inbox_told(const Control__StreamTell *tell, uint32_t counter)
{
	for (size_t i = 0; i < tell->n_places; i++) {
		if (tell->places[i]->counter == counter)
			return tell->places[i]->inbox;
	}
	return "";
}

void streams_copy_told(
	struct replica *r, struct epoch_member from, const Control__StreamTell *tell)
{
	struct error err;

	for (size_t i = 0; i < tell->n_fed; i++) {
		uint32_t counter = tell->fed[i]->counter;
		const struct stream_seat *seat = streams_seat(r, counter);

		if (!seat || !epoch_member_same(seat->source, from))
			continue;
		if (stream_host_copy_fed(r->streams.host, counter,
			    inbox_told(tell, counter), tell->fed[i]->reader, &err))
			log_warning("%s", err.text);
	}
}

static bool feed_grant(struct replica *r, struct epoch_member from,
	const Control__Subscribe *feed, Control__StreamFed *fed)
{
	struct stream_seat *seat = streams_seat(r, feed->counter);
	struct stream_reader_config config = {.token = from.incarnation,
		.consumed = feed->consumed,
		.inbox = feed->inbox,
		.inbox_slots = feed->inbox_slots,
		.program = "pawld",
		.replica = true};
	struct stream_reader_answer answer = {.reader = 0};
	struct error err;
	int rc;

	if (!seat || !r->served || seat->entered != r->served || !feed->inbox[0])
		return false;
	rc = stream_host_reader_add(
		r->streams.host, feed->counter, &config, &answer, &err);
	if (rc && rc != -EAGAIN)
		log_warning("%s", err.text);
	*fed = (Control__StreamFed)CONTROL__STREAM_FED__INIT;
	fed->counter = feed->counter;
	fed->reader = answer.reader;
	return rc == 0;
}

void streams_copy_feed(struct replica *r, struct epoch_member from,
	const Control__StreamAsk *ask, struct streams_fed *fed)
{
	for (size_t i = 0; i < ask->n_feeds && fed->count < STREAMS_MAX; i++) {
		if (feed_grant(r, from, ask->feeds[i], &fed->at[fed->count])) {
			fed->list[fed->count] = &fed->at[fed->count];
			fed->count++;
		}
	}
}
