/* A participant's machine from the newest snapshot that the replicas keep (participant_snapshot.h). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/lib/participant.h"
#include "client/lib/subscriber.h"
#include "hw/clock.h"
#include "sequencer/core/crc32c.h"

#define ANSWER_NS UINT64_C(2000000000) /* a member is given so long for an answer */

bool restoring_can(const struct pawl_participant *p)
{
	return p->machine.restore_begin != NULL;
}

void restoring_begin(struct pawl_participant *p, uint64_t above, bool opening)
{
	struct participant_restoring *r = &p->restoring;
	bool fell_back = r->fell_back && p->applied == 0 && !opening;

	*r = (struct participant_restoring){
		.stage = fell_back ? RESTORING_NOTHING : RESTORING_LISTS,
		.opening = opening,
		.above = above,
		.why = r->why};
	if (!fell_back)
		return;
	p->broken = -EOVERFLOW;
	(void)error_set(
		&p->why, -EOVERFLOW, "%.300s (%.150s)", p->lost_why.text, r->why.text);
}

void restoring_lost(struct pawl_participant *p)
{
	struct participant_restoring *r = &p->restoring;

	if (r->stage != RESTORING_LISTS && r->stage != RESTORING_READS)
		return;
	r->stage = RESTORING_LISTS; /* members have other places */
	r->member = r->count = 0;
}

/* ---- What there is ---- */

static void candidate_add(
	struct participant_restoring *r, uint32_t member, uint64_t position)
{
	if (position > r->above &&
		r->count < sizeof(r->candidates) / sizeof(*r->candidates))
		r->candidates[r->count++] = (struct restoring_candidate){
			member, position};
}

/* The newest one that was not tried yet.  False: there is none. */
static bool candidate_take(struct participant_restoring *r)
{
	unsigned int best = 0;

	if (r->count == 0)
		return false;
	for (unsigned int i = 1; i < r->count; i++) {
		if (r->candidates[i].position > r->candidates[best].position)
			best = i;
	}
	r->at = r->candidates[best];
	r->candidates[best] = r->candidates[--r->count];
	r->offset = 0;
	r->crc = 0;
	return true;
}

static void why_not(struct pawl_participant *p, const char *what)
{
	struct participant_restoring *r = &p->restoring;

	(void)error_set(&r->why, 0,
		"pawl: %s/%s: the snapshot at position %" PRIu64 " is of no use: %.200s",
		p->pawl->where, p->stream->name, r->at.position, what);
}

/* ---- The machine ---- */

/* I7.  No machine takes nothing at all for a snapshot, but as what is new. */
static void machine_reset(struct pawl_participant *p)
{
	const struct pawl_machine *m = &p->machine;
	const char *reason = "";

	m->restore_begin(m->context);
	(void)m->restore_end(m->context, &reason);
	p->applied = 0;
}

static void settle_behind(struct pawl_participant *p, uint64_t position)
{
	p->applied = position;
	p->blurred = p->commands.submitted; /* I6 */
	p->restoring.stage = RESTORING_SETTLES;
	p->restoring.leaves = true;
}

/* No snapshot is of use. */
static void give_up(struct pawl_participant *p)
{
	struct participant_restoring *r = &p->restoring;

	if (r->opening && !r->touched) {
		settle_behind(p, p->applied);
		return;
	}
	if (r->touched) { /* perhaps an archive has everything */
		machine_reset(p);
		r->fell_back = true;
		settle_behind(p, 0);
		return;
	}
	r->stage = RESTORING_NOTHING;
	p->broken = -EOVERFLOW;
	(void)error_set(&p->why, -EOVERFLOW, "%.300s (%.150s)", p->lost_why.text,
		r->why.text[0] ? r->why.text : "no replica has a newer snapshot");
}

static void candidate_next(struct pawl_participant *p)
{
	if (!candidate_take(&p->restoring))
		give_up(p);
}

static void restored(struct pawl_participant *p)
{
	const struct pawl_machine *m = &p->machine;
	struct participant_restoring *r = &p->restoring;
	const char *reason = "its checksum is wrong";
	int rc = r->crc == r->wanted_crc ? m->restore_end(m->context, &reason) : -EBADMSG;

	if (rc) {
		why_not(p, reason);
		candidate_next(p);
		return;
	}
	settle_behind(p, r->at.position);
	if (p->snapshot_every)
		p->writing.due = p->applied + p->snapshot_every;
}

/* ---- Pieces ---- */

static bool piece_is_next(
	struct participant_restoring *r, const Control__SnapshotPiece *piece)
{
	if (r->offset == 0) {
		r->len = piece->len;
		r->wanted_crc = piece->crc;
	}
	return piece->position == r->at.position && piece->offset == r->offset &&
	       piece->len == r->len && piece->crc == r->wanted_crc &&
	       (piece->piece.len > 0 || r->offset == r->len);
}

static int piece_take(struct pawl_participant *p, const Control__SnapshotPiece *piece)
{
	const struct pawl_machine *m = &p->machine;
	struct participant_restoring *r = &p->restoring;
	const char *reason = "it is not what the machine takes";
	int rc = 0;

	if (r->offset == 0) {
		m->restore_begin(m->context);
		r->touched = true;
	}
	if (piece->piece.len > 0)
		rc = m->restore_next(
			m->context, piece->piece.data, piece->piece.len, &reason);
	if (rc)
		why_not(p, reason);
	r->crc = crc32c_update(r->crc, piece->piece.data, piece->piece.len);
	r->offset += piece->piece.len;
	return rc;
}

static void on_piece(struct pawl_participant *p, const Control__Reply *reply)
{
	struct participant_restoring *r = &p->restoring;
	const Control__SnapshotPiece *piece = reply->snapshot_piece;

	if (r->stage != RESTORING_READS || p->talk.code == -EAGAIN)
		return; /* it is asked again */
	if (p->talk.code || !piece_is_next(r, piece)) {
		why_not(p, p->talk.code ? p->talk.why.text : "its pieces do not fit");
		candidate_next(p);
	} else if (piece_take(p, piece)) {
		candidate_next(p);
	} else if (r->offset == r->len) {
		restored(p);
	}
}

static void on_listed(struct pawl_participant *p, const Control__Reply *reply)
{
	struct participant_restoring *r = &p->restoring;
	const Control__SnapshotPiece *piece = reply->snapshot_piece;

	if (r->stage != RESTORING_LISTS || p->talk.code == -EAGAIN)
		return;
	if (!p->talk.code) {
		candidate_add(r, r->member, piece->position);
		candidate_add(r, r->member, piece->older);
	} else if (p->talk.code != -ENOENT && p->talk.code != -EOPNOTSUPP) {
		r->why = p->talk.why;
	}
	r->member++;
}

static void get(struct pawl_participant *p, uint32_t member, uint64_t position,
	uint64_t offset,
	void (*answered)(struct pawl_participant *p, const Control__Reply *reply))
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__GetSnapshot get = CONTROL__GET_SNAPSHOT__INIT;

	get.counter = p->stream->counter;
	get.position = position;
	get.offset = offset;
	request.body_case = CONTROL__REQUEST__BODY_GET_SNAPSHOT;
	request.get_snapshot = &get;
	talk_ask(p, member, &request, CONTROL__REPLY__BODY_SNAPSHOT_PIECE, answered);
}

/* A member that is stopped, or whose disk is, does not keep the others from helping. */
static void answer_await(struct pawl_participant *p)
{
	struct participant_restoring *r = &p->restoring;

	if (p->talk.asking != STREAM_ASKED ||
		clock_now_ns() - p->talk.since_ns < ANSWER_NS)
		return;
	p->talk.asking = STREAM_UNASKED;
	if (p->talk.answered != on_listed && p->talk.answered != on_piece)
		return;
	(void)error_set(&r->why, 0,
		"pawl: %s/%s: a replica does not answer about snapshots", p->pawl->where,
		p->stream->name);
	if (r->stage == RESTORING_LISTS)
		r->member++;
	else
		candidate_next(p);
}

/* ---- Steps ---- */

static void ask(struct pawl_participant *p)
{
	struct participant_restoring *r = &p->restoring;

	if (r->stage == RESTORING_LISTS && r->member >= talk_members(p)) {
		r->stage = RESTORING_READS;
		candidate_next(p);
	}
	if (r->stage == RESTORING_LISTS)
		get(p, r->member, 0, 0, on_listed);
	else if (r->stage == RESTORING_READS)
		get(p, r->at.member, r->at.position, r->offset, on_piece);
}

static int settle(struct pawl_participant *p)
{
	struct pawl_subscribe_options from = PAWL_SUBSCRIBE_OPTIONS_INIT;
	int rc = 0;

	from.from = PAWL_FROM_POSITION;
	from.position = p->applied + 1;
	if (p->restoring.leaves) {
		pawl_unsubscribe(p->subscriber);
		p->subscriber = NULL;
		p->restoring.leaves = false;
	}
	if (!p->subscriber)
		rc = subscriber_begin(p->stream, &from, &p->subscriber);
	if (!rc)
		rc = subscriber_settle(p->subscriber, clock_now_ns(), UINT64_MAX);
	if (rc == 0)
		p->restoring.stage = RESTORING_NOTHING;
	if (rc == 0 || rc == -EAGAIN)
		return rc;
	pawl_unsubscribe(p->subscriber); /* the next step tries again */
	p->subscriber = NULL;
	return rc;
}

int restoring_step(struct pawl_participant *p)
{
	struct participant_restoring *r = &p->restoring;
	int rc;

	if (r->stage == RESTORING_SETTLES)
		return settle(p);
	rc = talk_move(p);
	if (rc)
		return rc;
	answer_await(p);
	if (r->stage != RESTORING_NOTHING && talk_is_free(p))
		ask(p);
	if (p->broken)
		return error_set(&p->pawl->err, p->broken, "%s", p->why.text);
	return r->stage == RESTORING_NOTHING ? 0 : -EAGAIN;
}

static int not_restored(struct pawl_participant *p)
{
	return error_set(&p->pawl->err, -ETIMEDOUT,
		"pawl: %s/%s: not restored within %llu ms; it goes on with the next call "
		"(%.200s)",
		p->pawl->where, p->stream->name,
		(unsigned long long)(p->pawl->options.timeout_ns / NS_PER_MS),
		p->restoring.why.text[0] ? p->restoring.why.text
					 : "the replicas do not answer");
}

int restoring_finish(struct pawl_participant *p)
{
	uint64_t deadline = clock_now_ns() + p->pawl->options.timeout_ns;
	int rc = 0;

	while (!rc && p->restoring.stage != RESTORING_NOTHING) {
		rc = restoring_step(p);
		if (rc != -EAGAIN)
			break;
		rc = 0;
		if (clock_now_ns() >= deadline)
			return not_restored(p);
		if (p->talk.asking == STREAM_ASKED || !p->talk.ready ||
			p->restoring.stage == RESTORING_SETTLES)
			stream_wait_lost(p->stream);
	}
	return rc;
}
