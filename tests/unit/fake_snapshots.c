#include "tests/unit/fake_snapshots.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/core/crc32c.h"
#include "tests/unit/fake_replica.h"
#include "tests/unit/fake_talk.h"

static struct fake_snapshots *snapshots_of(struct fake *fake, unsigned int place)
{
	return &fake->stream.snapshots_at[place];
}

static void refusal_send(
	struct fake_connection *c, const Control__Request *request, int refusal)
{
	Control__Reply reply = CONTROL__REPLY__INIT;

	reply.id = request->id;
	reply.error = (uint32_t)refusal;
	reply.text = (char *)"fake: no snapshot for you; try another";
	fake_reply_send(c, &reply);
}

static void keep(struct fake_snapshots *s, const struct fake_snapshot *snapshot)
{
	free(s->kept[1].bytes);
	s->kept[1] = s->kept[0];
	s->kept[0] = *snapshot;
}

static void coming_begin(struct fake_snapshots *s, const Control__PutSnapshot *put)
{
	free(s->coming.bytes);
	s->coming = (struct fake_snapshot){.position = put->position,
		.len = put->len,
		.crc = put->crc,
		.bytes = malloc(put->len + 1)};
	assert_non_null(s->coming.bytes);
}

/* So much of it is there. */
static uint64_t put_take(struct fake_snapshots *s, const Control__PutSnapshot *put)
{
	struct fake_snapshot *c = &s->coming;

	if (s->kept[0].position >= put->position)
		return put->len;
	if (c->position != put->position || c->crc != put->crc)
		coming_begin(s, put);
	if (put->offset != c->upto)
		return c->upto;
	if (put->piece.len > 0)
		memcpy(c->bytes + c->upto, put->piece.data, put->piece.len);
	c->upto += put->piece.len;
	if (c->upto < c->len)
		return c->upto;
	assert_int_equal(crc32c_update(0, c->bytes, c->len), c->crc);
	keep(s, c);
	*c = (struct fake_snapshot){.position = 0};
	return put->len;
}

static void put_answer(struct fake_snapshots *s, struct fake_connection *c,
	const Control__Request *request)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__SnapshotPut put = CONTROL__SNAPSHOT_PUT__INIT;

	put.upto = put_take(s, request->put_snapshot);
	reply.id = request->id;
	reply.body_case = CONTROL__REPLY__BODY_SNAPSHOT_PUT;
	reply.snapshot_put = &put;
	fake_reply_send(c, &reply);
}

static const struct fake_snapshot *find(const struct fake_snapshots *s, uint64_t position)
{
	if (position == 0)
		position = s->kept[0].position;
	for (int i = 0; i < FAKE_SNAPSHOTS_KEPT; i++) {
		if (s->kept[i].position == position && position > 0)
			return &s->kept[i];
	}
	return NULL;
}

static void get_answer(struct fake_snapshots *s, struct fake_connection *c,
	const Control__Request *request)
{
	const Control__GetSnapshot *get = request->get_snapshot;
	const struct fake_snapshot *found = find(s, get->position);
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__SnapshotPiece piece = CONTROL__SNAPSHOT_PIECE__INIT;
	unsigned char bytes[MESSAGE_PIECE_MAX];
	uint64_t len;

	if (!found || get->offset > found->len) {
		refusal_send(c, request, ENOENT);
		return;
	}
	len = found->len - get->offset;
	if (len > sizeof(bytes))
		len = sizeof(bytes);
	memcpy(bytes, found->bytes + get->offset, len);
	if (len > 0 && (s->damages || s->damaged == found->position))
		bytes[len - 1] ^= 1;
	piece.counter = get->counter;
	piece.position = found->position;
	piece.len = found->len;
	piece.crc = found->crc;
	piece.offset = get->offset;
	piece.piece.data = bytes;
	piece.piece.len = len;
	piece.older = found == &s->kept[0] ? s->kept[1].position : 0;
	piece.coming = s->coming.position;
	reply.id = request->id;
	reply.body_case = CONTROL__REPLY__BODY_SNAPSHOT_PIECE;
	reply.snapshot_piece = &piece;
	fake_reply_send(c, &reply);
}

bool fake_snapshots_request(struct fake *fake, unsigned int place,
	struct fake_connection *c, const Control__Request *request)
{
	struct fake_snapshots *s = snapshots_of(fake, place);
	bool puts = request->body_case == CONTROL__REQUEST__BODY_PUT_SNAPSHOT;

	if (!puts && request->body_case != CONTROL__REQUEST__BODY_GET_SNAPSHOT)
		return false;
	s->puts += puts;
	s->gets += !puts;
	if (!puts && s->silent)
		return true;
	if (s->refusal)
		refusal_send(c, request, s->refusal);
	else if (puts)
		put_answer(s, c, request);
	else
		get_answer(s, c, request);
	return true;
}

void fake_snapshots_add(struct fake *fake, unsigned int place, uint64_t position,
	const void *bytes, uint64_t len)
{
	struct fake_snapshot snapshot = {.position = position,
		.len = len,
		.crc = crc32c_update(0, bytes, len),
		.upto = len,
		.bytes = malloc(len + 1)};

	assert_non_null(snapshot.bytes);
	memcpy(snapshot.bytes, bytes, len);
	(void)pthread_mutex_lock(&fake->lock);
	keep(snapshots_of(fake, place), &snapshot);
	(void)pthread_mutex_unlock(&fake->lock);
}

void fake_snapshots_copy(struct fake *fake, unsigned int from, unsigned int to)
{
	const struct fake_snapshots *s = snapshots_of(fake, from);

	for (int i = FAKE_SNAPSHOTS_KEPT - 1; i >= 0; i--) {
		if (s->kept[i].position)
			fake_snapshots_add(fake, to, s->kept[i].position,
				s->kept[i].bytes, s->kept[i].len);
	}
}

void fake_snapshots_end(struct fake *fake)
{
	for (unsigned int place = 0; place < FAKE_STREAM_PLACES; place++) {
		struct fake_snapshots *s = snapshots_of(fake, place);

		free(s->coming.bytes);
		for (int i = 0; i < FAKE_SNAPSHOTS_KEPT; i++)
			free(s->kept[i].bytes);
	}
}
