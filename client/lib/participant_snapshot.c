/* Snapshots that a participant writes to the replicas (participant_snapshot.h). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/participant.h"
#include "client/lib/wait.h"
#include "hw/clock.h"
#include "sequencer/core/crc32c.h"

#define AGAIN_NS UINT64_C(5000000) /* between two times that a member says not yet */
#define ROOM_FIRST (UINT64_C(1) << 16)
#define BATCH 256

/* ---- Over ---- */

/* With its text. */
static void writing_over(struct pawl_participant *p, int status, const char *why)
{
	struct participant_writing *w = &p->writing;

	w->status = error_set(&w->why, status, "%s", why);
	w->stage = WRITING_NOTHING;
	if (!status && w->position > w->kept)
		w->kept = w->position;
	w->due = UINT64_MAX;
	if (p->snapshot_every) /* after a failure it rests for as long */
		w->due = (status ? p->applied : w->position) + p->snapshot_every;
	free(w->bytes);
	w->bytes = NULL;
	w->room = w->len = 0;
}

void writing_free(struct pawl_participant *p)
{
	free(p->writing.bytes);
}

/* The next chain is asked how much of it it has. */
void writing_lost(struct pawl_participant *p)
{
	struct participant_writing *w = &p->writing;

	w->upto = 0;
	w->member = 0;
	if (w->stage == WRITING_ACKNOWLEDGES)
		w->stage = WRITING_PUTS;
}

/* A code of a replica's, for people. */
static int public_code(int code)
{
	switch (code) {
	case -EOPNOTSUPP:
	case -EFBIG:
	case -EIO:
		return code;
	default:
		return handle_public_error(code);
	}
}

/* ---- Taking ---- */

static bool room_make(struct participant_writing *w, uint64_t more)
{
	uint64_t room = w->room ? w->room : ROOM_FIRST;
	unsigned char *bytes;

	while (room - w->len < more)
		room *= 2;
	if (room == w->room)
		return true;
	bytes = realloc(w->bytes, room);
	if (!bytes)
		return false;
	w->bytes = bytes;
	w->room = room;
	return true;
}

/* I5.  What the machine had no room for it was asked for all the same, to its end. */
static bool pieces_take(struct pawl_participant *p)
{
	const struct pawl_machine *m = &p->machine;
	struct participant_writing *w = &p->writing;
	struct pawl_bytes piece;
	bool well = true;

	w->len = 0;
	w->crc = 0;
	m->snapshot_begin(m->context);
	while (m->snapshot_next(m->context, &piece)) {
		well = well && room_make(w, piece.len);
		if (!well || piece.len == 0)
			continue;
		memcpy(w->bytes + w->len, piece.bytes, piece.len);
		w->crc = crc32c_update(w->crc, piece.bytes, piece.len);
		w->len += piece.len;
	}
	return well;
}

static void take(struct pawl_participant *p)
{
	struct participant_writing *w = &p->writing;

	w->position = p->applied;
	w->upto = 0;
	w->member = 0;
	w->again_ns = 0;
	w->begun_ns = clock_now_ns();
	w->why.text[0] = '\0';
	w->stage = WRITING_PUTS;
	if (!pieces_take(p))
		writing_over(p, -ENOMEM, "pawl: snapshot: no memory for a copy of it");
}

/* ---- Asking ---- */

/* It is over, or the question is asked again. */
static void refused(struct pawl_participant *p)
{
	struct participant_writing *w = &p->writing;
	const struct participant_talk *t = &p->talk;

	if (t->code != -EAGAIN) {
		writing_over(p, public_code(t->code), t->why.text);
		return;
	}
	w->why = t->why;
	w->again_ns = clock_now_ns() + AGAIN_NS;
	if (!w->wanted && clock_now_ns() - w->begun_ns >= p->pawl->options.timeout_ns)
		writing_over(p, -ETIMEDOUT, t->why.text); /* somebody else is at it */
}

static void on_put(struct pawl_participant *p, const Control__Reply *reply)
{
	struct participant_writing *w = &p->writing;

	if (p->talk.code == -EOPNOTSUPP && w->member + 1 < talk_members(p)) {
		w->member++; /* this one has no archive */
		w->upto = 0;
		return;
	}
	if (p->talk.code) {
		refused(p);
		return;
	}
	w->upto = reply->snapshot_put->upto;
	if (w->upto >= w->len)
		w->stage = WRITING_ACKNOWLEDGES;
}

static void put(struct pawl_participant *p)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__PutSnapshot put = CONTROL__PUT_SNAPSHOT__INIT;
	struct participant_writing *w = &p->writing;
	uint64_t left = w->len - w->upto;

	put.counter = p->stream->counter;
	put.position = w->position;
	put.len = w->len;
	put.crc = w->crc;
	put.offset = w->upto;
	put.piece.data = w->len ? w->bytes + w->upto : NULL;
	put.piece.len = left < MESSAGE_PIECE_MAX ? left : MESSAGE_PIECE_MAX;
	request.body_case = CONTROL__REQUEST__BODY_PUT_SNAPSHOT;
	request.put_snapshot = &put;
	talk_ask(p, w->member, &request, CONTROL__REPLY__BODY_SNAPSHOT_PUT, on_put);
}

static void on_acknowledged(struct pawl_participant *p, const Control__Reply *reply)
{
	(void)reply;
	if (p->talk.code)
		refused(p);
	else
		writing_over(p, 0, "");
}

static void acknowledge(struct pawl_participant *p)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__AcknowledgeSnapshot acknowledge = CONTROL__ACKNOWLEDGE_SNAPSHOT__INIT;

	acknowledge.counter = p->stream->counter;
	acknowledge.position = p->writing.position;
	acknowledge.kept = true;
	request.body_case = CONTROL__REQUEST__BODY_ACKNOWLEDGE_SNAPSHOT;
	request.acknowledge_snapshot = &acknowledge;
	talk_ask(p, 0, &request, CONTROL__REPLY__BODY_SNAPSHOT_ACKNOWLEDGED,
		on_acknowledged);
}

/* What another participant has written, or is writing, will do. */
static void on_looked(struct pawl_participant *p, const Control__Reply *reply)
{
	struct participant_writing *w = &p->writing;
	const Control__SnapshotPiece *there = reply->snapshot_piece;
	uint64_t newest = 0;

	if (p->talk.code == -EOPNOTSUPP && w->member + 1 < talk_members(p)) {
		w->member++;
		return;
	}
	if (p->talk.code == -EAGAIN || p->talk.code == -EOPNOTSUPP) {
		refused(p);
		return;
	}
	if (!p->talk.code)
		newest = there->position > there->coming ? there->position
							 : there->coming;
	if (newest + p->snapshot_every > p->applied ||
		p->restoring.stage != RESTORING_NOTHING) {
		w->stage = WRITING_NOTHING;
		w->due = newest + p->snapshot_every;
	} else {
		take(p);
	}
}

static void look(struct pawl_participant *p)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__GetSnapshot get = CONTROL__GET_SNAPSHOT__INIT;

	get.counter = p->stream->counter;
	request.body_case = CONTROL__REQUEST__BODY_GET_SNAPSHOT;
	request.get_snapshot = &get;
	talk_ask(p, p->writing.member, &request, CONTROL__REPLY__BODY_SNAPSHOT_PIECE,
		on_looked);
}

/* ---- Steps ---- */

static void ask(struct pawl_participant *p)
{
	if (p->writing.stage == WRITING_LOOKS)
		look(p);
	else if (p->writing.stage == WRITING_PUTS)
		put(p);
	else
		acknowledge(p);
}

void writing_step(struct pawl_participant *p)
{
	struct participant_writing *w = &p->writing;
	int rc;

	if (w->stage == WRITING_NOTHING &&
		(p->applied < w->due || p->restoring.stage != RESTORING_NOTHING))
		return;
	if (w->stage == WRITING_NOTHING) {
		w->stage = WRITING_LOOKS;
		w->member = 0;
		w->begun_ns = clock_now_ns();
	}
	rc = talk_move(p);
	if (rc && rc != -ETIMEDOUT && w->stage != WRITING_NOTHING)
		writing_over(p, rc, p->pawl->err.text);
	if (w->stage != WRITING_NOTHING && talk_is_free(p) &&
		clock_now_ns() >= w->again_ns)
		ask(p);
}

/* ---- What people call ---- */

static int can_not(struct pawl_participant *p)
{
	struct error *err = &p->pawl->err;
	const char *where = p->pawl->where, *name = p->stream->name;

	if (!p->machine.snapshot_begin)
		return error_set(err, -EOPNOTSUPP,
			"pawl: %s/%s: snapshot: the machine has no functions for it",
			where, name);
	if (p->applied == 0)
		return error_set(err, -EINVAL,
			"pawl: %s/%s: snapshot: nothing was applied yet", where, name);
	return 0;
}

static int is_late(struct pawl_participant *p)
{
	const char *why = p->writing.why.text;

	return error_set(&p->pawl->err, -ETIMEDOUT,
		"pawl: %s/%s: the snapshot at position %" PRIu64
		" is not kept by all replicas within %llu ms, and is still being "
		"written: "
		"%.250s",
		p->pawl->where, p->stream->name, p->writing.position,
		(unsigned long long)(p->pawl->options.timeout_ns / NS_PER_MS),
		why[0] ? why : "the replicas do not answer");
}

/* Until nothing is being written; commands are applied meanwhile. */
static int wait_written(struct pawl_participant *p, uint64_t deadline_ns)
{
	struct waiter waiter = wait_begin(p->pawl->options.wait);
	int count, rc;

	while (p->writing.stage != WRITING_NOTHING) {
		rc = pawl_participant_wait(p, BATCH, 0, &count);
		if (rc && rc != -ETIMEDOUT)
			return rc;
		if (clock_now_ns() >= deadline_ns)
			return is_late(p);
		if (count == 0 && p->talk.asking == STREAM_ASKED)
			stream_wait_lost(p->stream);
		else if (count == 0 && p->writing.stage != WRITING_NOTHING)
			(void)wait_step(&waiter);
	}
	return 0;
}

int pawl_participant_snapshot(struct pawl_participant *p, uint64_t *position_p)
{
	uint64_t deadline = clock_now_ns() + p->pawl->options.timeout_ns;
	struct participant_writing *w = &p->writing;
	int rc = participant_check(p);

	if (!rc)
		rc = wait_written(p, deadline); /* of one that is due by itself */
	if (!rc)
		rc = participant_ready(p);
	if (!rc)
		rc = can_not(p);
	if (rc)
		return rc;
	w->wanted = true;
	take(p);
	rc = wait_written(p, deadline);
	w->wanted = false;
	if (rc)
		return rc;
	if (w->status)
		return error_set(&p->pawl->err, w->status, "%s", w->why.text);
	if (position_p)
		*position_p = w->position;
	return 0;
}

uint64_t pawl_participant_kept(
	const struct pawl_participant *p, int *status_p, const char **why_p)
{
	if (status_p)
		*status_p = p->writing.status;
	if (why_p)
		*why_p = p->writing.why.text;
	return p->writing.kept;
}
