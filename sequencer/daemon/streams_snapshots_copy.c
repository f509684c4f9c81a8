/*
 * Snapshots that another replica has and this one lacks.  Everybody tells the newest that it has
 * (StreamTell), and who has an older one asks for it, piece by piece (StreamAsk).
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/replica.h"
#include "sequencer/daemon/streams_snapshots.h"

#define ASKED_NS UINT64_C(2000000000) /* an answer is waited for so long */
#define AGAIN_NS UINT64_C(5000000000) /* after a failure */
#define BUSY_NS UINT64_C(50000000)    /* while another one is written */

static struct snapshot_seat *seat_at(struct replica *r, uint32_t seat)
{
	return &r->streams.snapshots.seats[seat];
}

static void piece_ask(struct replica *r, uint32_t seat)
{
	struct snapshot_fetch *fetch = &seat_at(r, seat)->fetch;
	Control__StreamAsk ask = CONTROL__STREAM_ASK__INIT;
	Control__GetSnapshot get = CONTROL__GET_SNAPSHOT__INIT;

	get.counter = r->streams.seats[seat].counter;
	get.position = fetch->position;
	get.offset = fetch->upto;
	ask.instance = r->facts.instance;
	ask.snapshot = &get;
	fetch->asked_ns = clock_now_ns();
	mesh_stream_send(r->mesh, fetch->from, &ask, NULL);
}

/* Whoever has the newest one, if that is newer than what is here. */
static const struct streams_peer *source_find(const struct replica *r, uint32_t seat)
{
	uint64_t newest = r->streams.snapshots.seats[seat].kept[0].position;
	const struct streams_peer *best = NULL;

	for (uint32_t i = 0; i < STREAMS_PEERS_MAX; i++) {
		const struct streams_peer *peer = &r->streams.peers[i];

		if (!peer->member.id || peer->snapshots[seat].position <= newest)
			continue;
		newest = peer->snapshots[seat].position;
		best = peer;
	}
	return best;
}

static void seat_tick(struct replica *r, uint32_t seat, uint64_t now_ns)
{
	struct snapshot_seat *at = seat_at(r, seat);
	const struct streams_peer *peer;

	if (!at->keeps || !at->known || at->fetch.writing || now_ns < at->again_ns)
		return;
	if (at->fetch.from.id && now_ns - at->fetch.asked_ns < ASKED_NS)
		return;
	at->fetch = (struct snapshot_fetch){.upto = 0};
	peer = source_find(r, seat);
	if (!peer)
		return;
	at->fetch.from = peer->member;
	at->fetch.position = peer->snapshots[seat].position;
	piece_ask(r, seat);
}

void snapshots_copy_tick(struct replica *r)
{
	uint64_t now_ns = clock_now_ns();

	for (uint32_t i = 0; r->mesh && i < r->streams.seats_count; i++)
		seat_tick(r, i, now_ns);
}

void snapshots_copy_asked(
	struct replica *r, struct epoch_member from, const Control__GetSnapshot *get)
{
	const struct stream_seat *seat = streams_seat(r, get->counter);
	uint32_t at = seat ? (uint32_t)(seat - r->streams.seats) : 0;
	struct errand *errand;

	if (!seat || !seat_at(r, at)->keeps)
		return;
	errand = snapshots_errand(r, at, SNAPSHOT_GET);
	if (!errand)
		return;
	errand->peer = from;
	errand->job.id.position = get->position;
	errand->job.offset = get->offset;
	if (snapshots_send(r, errand))
		log_debug("snapshots: replica %u asks again", from.id);
}

void snapshots_copy_give(struct replica *r, const struct errand *errand)
{
	struct epoch_member self = roster_self(&r->roster)->member;
	Control__StreamTell tell = CONTROL__STREAM_TELL__INIT;
	Control__SnapshotPiece piece = CONTROL__SNAPSHOT_PIECE__INIT;

	if (errand->job.code || !r->mesh)
		return; /* it asks somebody else when nothing comes */
	snapshots_piece_fill(r, errand, &piece);
	tell.replica = self.id;
	tell.incarnation = self.incarnation;
	tell.instance = r->facts.instance;
	tell.snapshot = &piece;
	mesh_stream_send(r->mesh, errand->peer, NULL, &tell);
}

/* What comes is what was asked for, once. */
static bool is_awaited(const struct snapshot_fetch *fetch, struct epoch_member from,
	const Control__SnapshotPiece *piece)
{
	return fetch->from.id && epoch_member_same(fetch->from, from) &&
	       !fetch->writing && piece->position == fetch->position &&
	       piece->offset == fetch->upto;
}

void snapshots_copy_told(
	struct replica *r, struct epoch_member from, const Control__SnapshotPiece *piece)
{
	const struct stream_seat *seat = streams_seat(r, piece->counter);
	uint32_t at = seat ? (uint32_t)(seat - r->streams.seats) : 0;
	struct errand *errand;

	if (!seat || !is_awaited(&seat_at(r, at)->fetch, from, piece))
		return;
	errand = snapshots_errand(r, at, SNAPSHOT_PUT);
	if (!errand)
		return;
	errand->fetch = true;
	errand->job.id = (struct snapshot_id){piece->position, piece->len, piece->crc};
	errand->job.offset = piece->offset;
	errand->job.len = piece->piece.len;
	memcpy(errand->job.bytes, piece->piece.data, piece->piece.len);
	seat_at(r, at)->fetch.writing = snapshots_send(r, errand) == 0;
}

/* A newer one may go better; until then others hear why not. */
static void copy_failed(struct replica *r, uint32_t seat, const struct errand *errand)
{
	struct snapshot_seat *at = seat_at(r, seat);
	int code = errand->job.code;
	bool busy = code == -EAGAIN;

	at->fetch = (struct snapshot_fetch){.upto = 0};
	at->again_ns = clock_now_ns() + (busy ? BUSY_NS : AGAIN_NS);
	if (busy)
		return;
	log_warning("the snapshot at position %" PRIu64
		    " of another replica can not be kept here: %s",
		errand->job.id.position, errand->job.err.text);
	at->trouble = code;
	streams_tell_all(r);
}

void snapshots_copy_written(struct replica *r, const struct errand *errand)
{
	struct snapshot_seat *at = seat_at(r, errand->seat);
	const struct snapshot_job *job = &errand->job;

	at->fetch.writing = false;
	if (job->code) {
		copy_failed(r, errand->seat, errand);
		return;
	}
	at->trouble = 0;
	at->fetch.upto = job->upto;
	if (job->upto < job->id.len)
		piece_ask(r, errand->seat);
	else
		at->fetch = (struct snapshot_fetch){.upto = 0};
}
