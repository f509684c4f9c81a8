/* Replicas tell each other where the memory of their streams is, and what is archived. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/daemon/replica.h"
#include "sequencer/daemon/streams_wire.h"

#define ASK_MS 10
#define TELL_NS UINT64_C(1000000000)  /* between what is told by those who wait */
#define HEARD_NS UINT64_C(5000000000) /* what was said is good for so long */

static void ask_send(struct replica *r)
{
	Control__StreamAsk ask = CONTROL__STREAM_ASK__INIT;

	ask.instance = r->facts.instance;
	if (r->mesh)
		mesh_stream_send_all(r->mesh, &ask, NULL);
}

static void on_ask_timer(uv_timer_t *timer)
{
	struct replica *r = timer->data;

	if (r->ended || !r->streams.host || !stream_host_asks(r->streams.host))
		(void)uv_timer_stop(timer);
	else
		ask_send(r);
}

/* And again, as long as somebody's places are missing. */
void streams_ask_all(struct replica *r)
{
	ask_send(r);
	if (!uv_is_closing((uv_handle_t *)&r->streams.ask))
		(void)uv_timer_start(&r->streams.ask, on_ask_timer, ASK_MS, ASK_MS);
}

/* All that is told, in one piece of memory. */
struct told {
	Control__StreamTell tell;
	Control__StreamPlaces *list[STREAMS_MAX];
	Control__StreamPlaces places[STREAMS_MAX];
	struct stream_addresses addresses[STREAMS_MAX];
	struct streams_fed fed;
};

/* NULL: no memory; whoever needs it asks again. */
static struct told *told_make(struct replica *r)
{
	const struct replica_streams *s = &r->streams;
	struct epoch_member self = roster_self(&r->roster)->member;
	struct told *told = calloc(1, sizeof(*told));

	if (!told)
		return NULL;
	told->tell = (Control__StreamTell)CONTROL__STREAM_TELL__INIT;
	told->tell.replica = self.id;
	told->tell.incarnation = self.incarnation;
	told->tell.instance = r->facts.instance;
	told->tell.places = told->list;
	told->tell.n_places = s->seats_count;
	for (uint32_t i = 0; i < s->seats_count; i++) {
		uint32_t counter = s->seats[i].counter;

		(void)stream_host_addresses(s->host, counter, &told->addresses[i]);
		streams_places_to_wire(counter, &told->addresses[i], &told->places[i]);
		told->places[i].archived = stream_host_archived(s->host, counter);
		told->places[i].acknowledged = stream_host_acknowledged(s->host, counter);
		snapshots_tell(r, i, &told->places[i]);
		told->list[i] = &told->places[i];
	}
	return told;
}

void streams_tell_all(struct replica *r)
{
	struct told *told = r->mesh && r->streams.host ? told_make(r) : NULL;

	if (told)
		mesh_stream_send_all(r->mesh, NULL, &told->tell);
	free(told);
}

/* Whoever is outside the chain copies before it joins; members need not be let in (host.h). */
static void outsider_admit(struct replica *r, struct epoch_member member)
{
	struct replica_streams *s = &r->streams;
	struct epoch_member *at;

	if (epoch_chain_place(&r->machine.seen.chain, member) < CHAIN_MAX ||
		epoch_chain_place(&r->machine.seen.former, member) < CHAIN_MAX)
		return;
	for (uint32_t i = 0; i < STREAMS_PEERS_MAX; i++) {
		if (epoch_member_same(s->admitted[i], member))
			return;
	}
	at = &s->admitted[s->admitted_next++ % STREAMS_PEERS_MAX];
	if (at->id)
		stream_host_evict(s->host, at->incarnation);
	*at = member;
	stream_host_admit(s->host, member.incarnation);
}

void streams_on_ask(
	void *context, struct epoch_member from, const Control__StreamAsk *ask)
{
	struct replica *r = context;
	struct told *told;

	if (r->ended || !r->streams.host)
		return;
	if (ask->snapshot) {
		snapshots_copy_asked(r, from, ask->snapshot);
		return;
	}
	outsider_admit(r, from);
	told = told_make(r);
	if (told) {
		streams_copy_feed(r, from, ask, &told->fed);
		told->tell.n_fed = told->fed.count;
		told->tell.fed = told->fed.list;
		mesh_stream_send(r->mesh, from, NULL, &told->tell);
	}
	free(told);
}

/* The place of this life, or of another of its replica, or the one heard of longest ago. */
static struct streams_peer *peer_place(
	struct replica_streams *s, struct epoch_member member)
{
	struct streams_peer *oldest = &s->peers[0];

	for (uint32_t i = 0; i < STREAMS_PEERS_MAX; i++) {
		if (s->peers[i].member.id == member.id)
			return &s->peers[i];
		if (s->peers[i].heard_ns < oldest->heard_ns)
			oldest = &s->peers[i];
	}
	return oldest;
}

static void places_take(struct replica *r, struct epoch_member from,
	struct streams_peer *peer, const Control__StreamPlaces *places)
{
	struct stream_seat *seat = streams_seat(r, places->counter);
	struct stream_member member = {from.id, from.incarnation};
	struct stream_addresses addresses;

	if (!seat)
		return; /* the record has not told of it yet; it will be asked again */
	peer->archived[seat - r->streams.seats] = places->archived;
	peer->snapshots[seat - r->streams.seats] = (struct streams_peer_snapshot){
		places->keeps, places->snapshot, -(int)places->snapshot_error};
	(void)stream_host_snapshot(
		r->streams.host, places->counter, places->acknowledged);
	streams_places_from_wire(places, &addresses);
	stream_host_told(r->streams.host, places->counter, member, &addresses);
}

void streams_on_tell(
	void *context, struct epoch_member from, const Control__StreamTell *tell)
{
	struct replica *r = context;
	struct streams_peer *peer;

	if (r->ended || !r->streams.host)
		return;
	if (tell->snapshot) {
		snapshots_copy_told(r, from, tell->snapshot);
		return;
	}
	peer = peer_place(&r->streams, from);
	memset(peer, 0, sizeof(*peer));
	peer->member = from;
	peer->heard_ns = clock_now_ns();
	for (size_t i = 0; i < tell->n_places; i++)
		places_take(r, from, peer, tell->places[i]);
	streams_copy_told(r, from, tell);
	snapshots_copy_tick(r);
}

/* Whoever waits may be the one to recover, and has to know who has the longest archives. */
void streams_tick(struct replica *r)
{
	struct replica_streams *s = &r->streams;
	uint64_t now_ns = clock_now_ns();
	struct error err;

	streams_copy_tick(r);
	snapshots_copy_tick(r);
	if (r->served || !r->machine.known || r->catalog.streams_count == 0 ||
		now_ns - s->told_ns < TELL_NS)
		return;
	s->told_ns = now_ns;
	if (streams_know(r, &err))
		replica_end(r, REPLICA_FAILED, &err);
	else
		streams_tell_all(r);
}

static int archive_is_short(const struct replica *r, const struct stream_seat *seat,
	const struct streams_peer *peer, uint64_t theirs, struct error *err)
{
	uint64_t ours = stream_host_archived(r->streams.host, seat->counter);

	if (theirs <= ours)
		return 0;
	return error_set(err, -EREMCHG,
		"pawld: recover: replica %u has archived stream '%s' up to %" PRIu64
		" and replica %u only up to %" PRIu64 "; recover with replica %u instead",
		peer->member.id, catalog_name(&r->catalog, seat->counter), theirs,
		r->config->id, ours, peer->member.id);
}

int streams_archives_check(struct replica *r, struct error *err)
{
	const struct replica_streams *s = &r->streams;
	uint64_t now_ns = clock_now_ns();
	int rc = 0;

	for (uint32_t p = 0; p < STREAMS_PEERS_MAX && s->host; p++) {
		const struct streams_peer *peer = &s->peers[p];

		if (!peer->member.id || now_ns - peer->heard_ns > HEARD_NS)
			continue;
		for (uint32_t i = 0; i < s->seats_count && !rc; i++)
			rc = archive_is_short(
				r, &s->seats[i], peer, peer->archived[i], err);
	}
	return rc;
}
