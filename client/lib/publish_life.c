/* The life of a stream's publishing half: its row, its links to head and tail, and its end. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/publish.h"
#include "hw/clock.h"
#include "sequencer/core/region.h"

#define LINK_NS UINT64_C(2000000000) /* for links to connect */
#define LINK_AGAIN_NS UINT64_C(5000000)
#define LINK_ROOM 4

unsigned int publishing_depth(const struct pawl_stream *stream)
{
	unsigned int depth = stream->options.depth;

	if (depth > 0)
		return depth;
	depth = PAWL_PUBLISH_DEPTH;
	while (depth * (uint64_t)stream->limits.slot_len > PAWL_PUBLISH_BYTES)
		depth /= 2;
	return depth;
}

static uint64_t staged_slots(const struct pawl_stream *stream)
{
	uint64_t room = stream_slot_room(stream->limits.slot_len);
	uint64_t longest = (stream->limits.message_max + room - 1) / room;
	uint64_t depth = publishing_depth(stream);

	return longest > depth ? longest : depth;
}

/* Where the processor itself reaches memory, puts are not needed. */
static struct device *source_device(const struct session *s)
{
	return s->ops->word ? NULL : s->device;
}

static int publishing_fill(struct publishing *p)
{
	struct pawl_stream *stream = p->stream;
	uint32_t depth = publishing_depth(stream);

	p->messages = calloc(depth, sizeof(*p->messages));
	p->publications = calloc(depth, sizeof(*p->publications));
	if (!p->messages || !p->publications)
		return error_set(&stream->pawl->err, -ENOMEM,
			"pawl: %s/%s: out of memory", stream->pawl->where, stream->name);
	stream_publisher_init(&p->machine, 0, p->messages, depth);
	return staging_make(&p->staging, staged_slots(stream), stream->limits.slot_len,
		source_device(&stream->pawl->session), &stream->pawl->err);
}

int publishing_make(struct pawl_stream *stream)
{
	struct publishing *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return error_set(&stream->pawl->err, -ENOMEM,
			"pawl: %s/%s: out of memory", stream->pawl->where, stream->name);
	p->stream = stream;
	rc = publishing_fill(p);
	if (rc) {
		publishing_free(p, false);
		return handle_public_error(rc);
	}
	stream->publishing = p;
	stream_head_ask(stream);
	return 0;
}

void publishing_free(struct publishing *p, bool forked)
{
	if (!p)
		return;
	if (!forked)
		publishing_close(p);
	staging_free(&p->staging, forked);
	free(p->messages);
	free(p->publications);
	free(p);
}

bool publishing_wants_row(const struct publishing *p)
{
	return p && !p->failed;
}

void publishing_named(struct publishing *p, uint64_t publisher)
{
	struct stream_publisher *m = &p->machine;
	const struct pawl_stream *stream = p->stream;

	if (m->publisher == 0 && stream_publisher_incarnation(publisher) > 0 &&
		stream_publisher_row(publisher) < stream->limits.rows)
		stream_publisher_named(m, publisher);
	if (m->publisher != publisher || publisher == 0) {
		publishing_unknown(p);
		return;
	}
	p->named_in = stream->pawl->session.linked_epoch;
}

void publishing_close(struct publishing *p)
{
	struct link **links[] = {&p->head_counter, &p->head_inbox, &p->tail_words};

	for (int i = 0; i < 3; i++) {
		if (*links[i])
			(*links[i])->ops->disconnect(*links[i]);
		*links[i] = NULL;
	}
	p->puts = (struct put_queue){0};
	p->stage = PUBLISHING_SHUT;
}

void publishing_lost(struct publishing *p)
{
	stream_publisher_on_lost(&p->machine);
	p->stage = PUBLISHING_SHUT; /* P1 */
	p->named_in = 0;
}

void publishing_fail(struct publishing *p, int code, const char *why)
{
	const struct pawl_stream *stream = p->stream;

	if (p->failed)
		return;
	p->failed = error_set(
		&p->why, code, "pawl: %s/%s: %s", stream->pawl->where, stream->name, why);
	stream_publisher_abandon(&p->machine);
	p->stage = PUBLISHING_SHUT;
}

void publishing_unknown(struct publishing *p)
{
	publishing_fail(p, -ESTALE,
		"the stream has lost what it knew of this publisher, and what became of "
		"messages in flight nobody knows; open a new handle");
}

void publishing_again(struct publishing *p)
{
	publishing_close(p);
	p->failed = 0;
	p->named_in = 0;
	p->redone += p->machine.voids;
	p->taken_upto = p->staging.end;
	p->quiet_id = p->quiet_position = 0;
	stream_publisher_init(&p->machine, 0, p->messages, p->machine.depth);
	stream_head_ask(p->stream);
}

bool publishing_rests(const struct publishing *p)
{
	return !p || p->failed || p->stage == PUBLISHING_IN;
}

static int links_make(struct publishing *p, uint32_t tail)
{
	struct pawl_stream *stream = p->stream;
	const struct session *s = &stream->pawl->session;
	const char *region = s->links[0].peer->memory[0] ? s->links[0].peer->memory
							 : s->chain[0].memory;
	uint32_t depth = p->machine.depth + LINK_ROOM;
	int rc;

	if (depth > LINK_DEPTH_MAX)
		depth = LINK_DEPTH_MAX;
	rc = stream_link(stream, 0, region, depth, &p->head_counter);
	if (!rc)
		rc = stream_link(
			stream, 0, stream->members[0].at.inbox, depth, &p->head_inbox);
	if (!rc)
		rc = stream_link(stream, tail, stream->members[tail].at.words, LINK_ROOM,
			&p->tail_words);
	return rc;
}

static int links_check(struct publishing *p)
{
	const struct link *links[] = {p->head_counter, p->head_inbox, p->tail_words};
	struct session *s = &p->stream->pawl->session;
	int rc = s->ops->progress(s->device, &s->why);

	for (int i = 0; i < 3 && !rc; i++)
		rc = s->ops->state(links[i], &s->why);
	if (rc == -EAGAIN && clock_now_ns() - p->linking_ns >= LINK_NS)
		rc = error_set(&s->why, -ETIMEDOUT,
			"pawl: %s/%s: link: not connected within %llu ms; is the replica "
			"stopped or busy?",
			p->stream->pawl->where, p->stream->name,
			(unsigned long long)(LINK_NS / NS_PER_MS));
	return rc;
}

static uint64_t entry_offset(const struct publishing *p)
{
	return offsetof(struct stream_words, entries) +
	       stream_publisher_row(p->machine.publisher) * sizeof(uint64_t);
}

static const uint64_t *word_at(struct link *link, uint64_t offset)
{
	return (const uint64_t *)(const void *)link->ops->word(link, offset);
}

/* Where the words are in reach so is everything else, or the memories are none of a stream's. */
static int memory_find(struct publishing *p)
{
	struct pawl_stream *stream = p->stream;
	const struct memory_ops *ops = stream->pawl->session.ops;
	uint64_t last = stream_inbox_len(&stream->limits) - sizeof(uint64_t);

	p->drawn = NULL;
	if (!ops->word)
		return 0;
	p->inbox = (struct stream_ring){.slot_len = stream->limits.slot_len,
		.mask = stream->limits.slots - 1,
		.bytes = (void *)ops->word(p->head_inbox, STREAM_INBOX_RING)};
	p->commit = word_at(p->tail_words, offsetof(struct stream_words, commit));
	p->entry = word_at(p->tail_words, entry_offset(p));
	p->drawn = ops->word(p->head_counter, region_counter_offset(stream->counter));
	if (p->inbox.bytes && p->commit && p->entry && p->drawn &&
		ops->word(p->head_inbox, last))
		return 0;
	return error_set(&stream->pawl->session.why, -EPROTO,
		"pawl: %s/%s: the memory of the stream is shorter than it should be; use "
		"the same version on both sides",
		stream->pawl->where, stream->name);
}

static void links_failed(struct publishing *p)
{
	publishing_close(p);
	p->retry_at_ns = clock_now_ns() + LINK_AGAIN_NS;
	stream_ask_again(p->stream);
}

static void step_shut(struct publishing *p)
{
	struct pawl_stream *stream = p->stream;
	const struct session *s = &stream->pawl->session;
	uint32_t tail = s->links_count - 1;
	bool tail_known = stream_member_want(stream, tail);

	if (!stream->open || !tail_known || p->named_in != s->linked_epoch ||
		clock_now_ns() < p->retry_at_ns)
		return;
	publishing_close(p); /* of a failure before */
	if (links_make(p, tail)) {
		links_failed(p);
		return;
	}
	p->stage = PUBLISHING_LINKING;
	p->linking_ns = clock_now_ns();
}

static void step_linking(struct publishing *p)
{
	const struct pawl_stream *stream = p->stream;
	int rc = links_check(p);

	if (rc == -EAGAIN)
		return;
	if (!rc)
		rc = memory_find(p);
	if (rc) {
		links_failed(p);
		return;
	}
	p->stage = PUBLISHING_IN;
	stream_publisher_enter(
		&p->machine, stream->epoch, stream->base, stream->limits.slots);
}

void publishing_step(struct publishing *p)
{
	if (p->failed)
		return;
	if (p->stage == PUBLISHING_SHUT)
		step_shut(p);
	if (p->stage == PUBLISHING_LINKING)
		step_linking(p);
}
