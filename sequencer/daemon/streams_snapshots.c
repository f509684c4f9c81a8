#include "sequencer/daemon/streams_snapshots.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/snapshot_kept.h"
#include "sequencer/daemon/handlers.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/streams_handlers.h"
#include "sequencer/stream/keeper.h"

#define STOP_NS UINT64_C(5000000000)

_Static_assert(SNAPSHOTS_PIECE_MAX == MESSAGE_PIECE_MAX, "one piece, one message");

/* ---- Errands ---- */

struct errand *snapshots_errand(
	struct replica *r, uint32_t seat, enum snapshot_job_kind kind)
{
	struct errand *errand = calloc(1, sizeof(*errand));

	if (!errand)
		return NULL;
	errand->seat = seat;
	errand->job.kind = kind;
	errand->job.stream = r->streams.snapshots.seats[seat].stream;
	return errand;
}

int snapshots_send(struct replica *r, struct errand *errand)
{
	struct streams_snapshots *s = &r->streams.snapshots;
	int rc = snapshot_thread_add(s->thread, &errand->job);

	if (rc) {
		free(errand);
		return rc;
	}
	errand->next = s->errands;
	s->errands = errand;
	return 0;
}

static void errand_forget(struct streams_snapshots *s, const struct errand *errand)
{
	struct errand **at = &s->errands;

	while (*at != errand)
		at = &(*at)->next;
	*at = errand->next;
}

void snapshots_forget(struct replica *r, const struct connection *connection)
{
	for (struct errand *e = r->streams.snapshots.errands; e; e = e->next) {
		if (e->connection == connection)
			e->connection = NULL;
	}
}

/* ---- Knowing ---- */

/* On the thread. */
static void on_news(void *context)
{
	struct replica *r = context;

	(void)uv_async_send(&r->streams.news);
}

static int seat_make(struct replica *r, uint32_t seat, struct error *err)
{
	struct streams_snapshots *s = &r->streams.snapshots;
	uint32_t counter = r->streams.seats[seat].counter;
	const struct stream_archive_settings settings = {
		.directory = r->streams.archive_dir};
	const struct archive_identity identity = {.instance = r->facts.instance,
		.stream = catalog_name(&r->catalog, counter),
		.slot_len = catalog_stream(&r->catalog, counter)->slot_len};
	char path[ARCHIVE_PATH_MAX];
	struct errand *look;
	int rc = keeper_path(&settings, identity.stream, path, err);

	if (!rc && !s->thread)
		rc = snapshot_thread_start(
			r->config->snapshot_max, NULL, on_news, r, &s->thread, err);
	if (!rc)
		rc = snapshot_thread_know(
			s->thread, path, &identity, &s->seats[seat].stream);
	look = rc ? NULL : snapshots_errand(r, seat, SNAPSHOT_LOOK);
	return look ? snapshots_send(r, look) : rc ? rc : -ENOMEM;
}

void snapshots_know(struct replica *r, uint32_t seat)
{
	struct streams_snapshots *s = &r->streams.snapshots;
	uint32_t counter = r->streams.seats[seat].counter;
	const struct stream_limits *limits = catalog_stream(&r->catalog, counter);
	struct error err;
	int rc;

	s->seats[seat] = (struct snapshot_seat){0};
	if (limits->archiving == STREAM_ARCHIVE_OFF || !r->streams.archive_dir[0])
		return;
	rc = seat_make(r, seat, &err);
	s->seats[seat].keeps = rc == 0 || rc == -EAGAIN; /* it is looked at later, then */
	if (rc && rc != -EAGAIN)
		log_warning("stream '%s': no snapshots are kept here: %s",
			catalog_name(&r->catalog, counter), error_reason(rc));
}

void snapshots_end(struct replica *r)
{
	struct streams_snapshots *s = &r->streams.snapshots;

	if (s->thread && !snapshot_thread_stop(s->thread, STOP_NS))
		log_warning("snapshots: the disk has not answered within %d s",
			(int)(STOP_NS / (1000 * NS_PER_MS)));
	*s = (struct streams_snapshots){0};
}

/* ---- What was done ---- */

static void put_reply(const struct errand *errand)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__SnapshotPut put = CONTROL__SNAPSHOT_PUT__INIT;

	put.upto = errand->job.upto;
	reply.id = errand->request;
	reply.body_case = CONTROL__REPLY__BODY_SNAPSHOT_PUT;
	reply.snapshot_put = &put;
	connection_reply(errand->connection, &reply);
}

static void piece_reply(const struct replica *r, const struct errand *errand)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__SnapshotPiece piece = CONTROL__SNAPSHOT_PIECE__INIT;

	snapshots_piece_fill(r, errand, &piece);
	reply.id = errand->request;
	reply.body_case = CONTROL__REPLY__BODY_SNAPSHOT_PIECE;
	reply.snapshot_piece = &piece;
	connection_reply(errand->connection, &reply);
}

static void client_answer(const struct replica *r, const struct errand *errand)
{
	const struct snapshot_job *job = &errand->job;

	if (job->code)
		handlers_reply_error(
			errand->connection, errand->request, job->code, job->err.text);
	else if (job->kind == SNAPSHOT_PUT)
		put_reply(errand);
	else
		piece_reply(r, errand);
}

/* True: there is another newest one, of which others should hear. */
static bool kept_take(struct snapshot_seat *seat, const struct snapshot_job *job)
{
	bool news = !seat->known || seat->kept[0].position != job->kept[0].position;

	if (job->code && job->kept[0].position == 0)
		return false; /* it could not be looked at */
	seat->known = true;
	memcpy(seat->kept, job->kept, sizeof(seat->kept));
	seat->coming = job->coming;
	return news;
}

/* True: others should be told. */
static bool errand_done(struct replica *r, struct errand *errand)
{
	struct snapshot_seat *seat = &r->streams.snapshots.seats[errand->seat];
	const struct snapshot_job *job = &errand->job;
	uint32_t counter = r->streams.seats[errand->seat].counter;
	bool news = kept_take(seat, job);

	errand_forget(&r->streams.snapshots, errand);
	if (job->passed)
		log_warning("stream '%s': %u damaged snapshots are passed over",
			catalog_name(&r->catalog, counter), job->passed);
	if (job->kind == SNAPSHOT_LOOK && job->code)
		log_warning("%s", job->err.text);
	if (errand->connection)
		client_answer(r, errand);
	if (errand->peer.id)
		snapshots_copy_give(r, errand);
	if (errand->fetch)
		snapshots_copy_written(r, errand);
	return news;
}

void snapshots_look(struct replica *r)
{
	struct streams_snapshots *s = &r->streams.snapshots;
	struct snapshot_job *job;
	bool news = false;

	while (s->thread && (job = snapshot_thread_take(s->thread))) {
		news |= errand_done(r, (struct errand *)job);
		free(job);
	}
	if (news)
		streams_tell_all(r);
}

void snapshots_piece_fill(const struct replica *r, const struct errand *errand,
	Control__SnapshotPiece *piece)
{
	const struct snapshot_job *job = &errand->job;

	piece->counter = r->streams.seats[errand->seat].counter;
	piece->position = job->id.position;
	piece->len = job->id.len;
	piece->crc = job->id.crc;
	piece->offset = job->offset;
	piece->piece.data = (uint8_t *)(uintptr_t)job->bytes;
	piece->piece.len = job->len;
	if (job->kept[0].position == job->id.position)
		piece->older = job->kept[1].position;
	piece->coming = job->coming;
}

void snapshots_tell(const struct replica *r, uint32_t seat, Control__StreamPlaces *places)
{
	const struct snapshot_seat *at = &r->streams.snapshots.seats[seat];

	places->keeps = at->keeps;
	places->snapshot = at->kept[0].position;
	places->snapshot_error = (uint32_t)-at->trouble;
}

/* ---- Clients ---- */

/* @seat_p: of a stream whose snapshots are kept here. */
static int seat_get(struct handlers *h, const struct connection *connection,
	uint32_t counter, uint32_t *seat_p, struct error *err)
{
	struct replica *r = h->replica;
	struct stream_addresses unused = {.epoch = 0};
	int rc = streams_session_check(h, connection, counter, &unused, err);

	if (rc)
		return rc;
	*seat_p = (uint32_t)(streams_seat(r, counter) - r->streams.seats);
	if (r->streams.snapshots.seats[*seat_p].keeps)
		return 0;
	return error_set(err, -EOPNOTSUPP,
		"pawld: %s/%u: stream '%s' has no archive here, and snapshots are kept "
		"beside it; make it with an archive",
		r->facts.name, r->config->id, catalog_name(&r->catalog, counter));
}

static void request_send(struct handlers *h, struct connection *connection, uint64_t id,
	struct errand *errand)
{
	int rc = -ENOMEM;

	if (errand) {
		errand->connection = connection;
		errand->request = id;
		rc = snapshots_send(h->replica, errand);
	}
	if (rc)
		handlers_reply_error(connection, id, rc,
			"pawld: snapshots: there is too much to do now; try again");
}

void snapshots_put_request(struct handlers *h, struct connection *connection, uint64_t id,
	const Control__PutSnapshot *put)
{
	struct error err = {.text = ""};
	struct errand *errand;
	uint32_t seat;
	int rc = seat_get(h, connection, put->counter, &seat, &err);

	if (rc) {
		handlers_reply_error(connection, id, rc, err.text);
		return;
	}
	errand = snapshots_errand(h->replica, seat, SNAPSHOT_PUT);
	if (errand) {
		errand->job.id = (struct snapshot_id){put->position, put->len, put->crc};
		errand->job.offset = put->offset;
		errand->job.len = put->piece.len;
		memcpy(errand->job.bytes, put->piece.data, put->piece.len);
	}
	request_send(h, connection, id, errand);
}

void snapshots_get_request(struct handlers *h, struct connection *connection, uint64_t id,
	const Control__GetSnapshot *get)
{
	struct error err = {.text = ""};
	struct errand *errand;
	uint32_t seat;
	int rc = seat_get(h, connection, get->counter, &seat, &err);

	if (rc) {
		handlers_reply_error(connection, id, rc, err.text);
		return;
	}
	errand = snapshots_errand(h->replica, seat, SNAPSHOT_GET);
	if (errand) {
		errand->job.id.position = get->position;
		errand->job.offset = get->offset;
	}
	request_send(h, connection, id, errand);
}

/* ---- Z12 ---- */

static const struct streams_peer *peer_find(
	const struct replica *r, struct epoch_member member)
{
	for (uint32_t i = 0; i < STREAMS_PEERS_MAX; i++) {
		const struct streams_peer *peer = &r->streams.peers[i];

		if (peer->member.id && epoch_member_same(peer->member, member))
			return peer;
	}
	return NULL;
}

/* What a member has of the stream's snapshots; *trouble_p: why it has no newer one, or 0. */
static struct snapshot_keeper keeper_of(const struct replica *r, uint32_t seat,
	struct epoch_member member, int *trouble_p)
{
	const struct snapshot_seat *own = &r->streams.snapshots.seats[seat];
	const struct streams_peer *peer = peer_find(r, member);
	struct streams_peer_snapshot has = {.position = 0};

	if (member.id == r->config->id)
		has = (struct streams_peer_snapshot){
			own->keeps, own->kept[0].position, own->trouble};
	else if (peer)
		has = peer->snapshots[seat];
	*trouble_p = has.trouble;
	return (struct snapshot_keeper){.known = peer || member.id == r->config->id,
		.keeps = has.keeps,
		.trouble = has.trouble != 0,
		.position = has.position};
}

int snapshots_check(
	struct replica *r, uint32_t counter, uint64_t position, struct error *err)
{
	const struct epoch_chain *chain = &epoch_serving(&r->machine)->chain;
	uint32_t seat = (uint32_t)(streams_seat(r, counter) - r->streams.seats);
	struct snapshot_keeper keepers[CHAIN_MAX];
	int troubles[CHAIN_MAX];
	uint32_t at = 0;

	for (uint32_t i = 0; i < chain->count; i++)
		keepers[i] = keeper_of(r, seat, chain->at[i], &troubles[i]);
	switch (snapshot_kept_look(keepers, chain->count, position, &at)) {
	case SNAPSHOT_KEPT:
		return 0;
	case SNAPSHOT_KEPT_NOT_YET:
		return error_set(err, -EAGAIN,
			"pawld: %s: replica %u does not have the snapshot at position "
			"%" PRIu64 " yet",
			r->facts.name, chain->at[at].id, position);
	case SNAPSHOT_KEPT_TROUBLE:
		return error_set(err, troubles[at],
			"pawld: %s: replica %u can not take a snapshot: %s; its log says "
			"more",
			r->facts.name, chain->at[at].id, error_reason(troubles[at]));
	case SNAPSHOT_KEPT_BY_NOBODY:
		break;
	}
	return error_set(err, -EOPNOTSUPP,
		"pawld: %s: no replica of the chain archives stream '%s', and snapshots "
		"are kept beside archives",
		r->facts.name, catalog_name(&r->catalog, counter));
}
