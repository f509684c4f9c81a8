/* Publishing where head and tail are mapped: everything takes effect at once. */
#include <string.h>

#include "client/lib/publish.h"
#include "sequencer/core/words.h"

unsigned char *publish_slot_build(
	struct publishing *p, const struct stream_publisher_effect *e, uint32_t *used_p)
{
	const struct publication *publication = publication_of(p, e->id);
	uint64_t at = publication->at + e->part;
	struct stream_slot slot = {.position = e->position,
		.epoch = p->machine.epoch,
		.publisher = p->machine.publisher,
		.id = e->id,
		.time_ns = publication->time_ns,
		.len = staging_part_len(&p->staging, publication->len, e->part),
		.flags = e->flags};
	unsigned char *bytes = staging_at(&p->staging, at);

	stream_slot_write(bytes, &slot, bytes + STREAM_SLOT_HEADER);
	*used_p = stream_slot_used(&slot);
	return bytes;
}

static void draw(struct publishing *p, const struct stream_publisher_effect *effect)
{
	uint64_t v = atomic_fetch_add(p->drawn, effect->n);

	stream_publisher_posted(&p->machine, effect);
	stream_publisher_on_draw(&p->machine, v);
	p->stream->stats.draws++;
}

/*
 * One copy of what was built (P2), its position last: whoever awaits that position finds the
 * rest in place.  Partner: stream_slot_position of the head's replica.
 */
static void slot_write(struct publishing *p, const struct stream_publisher_effect *effect)
{
	unsigned char *to = stream_ring_at(&p->inbox, effect->position);
	const unsigned char *from;
	uint64_t position;
	uint32_t used;

	stream_ring_prefetch(&p->inbox, effect->position + STREAM_AHEAD);
	from = publish_slot_build(p, effect, &used);
	memcpy(&position, from, sizeof(position));
	memcpy(to + sizeof(position), from + sizeof(position), used - sizeof(position));
	word_store((uint64_t *)(void *)to, position);
	stream_publisher_posted(&p->machine, effect);
	p->stream->stats.writes += effect->part == 0;
}

static void look(struct publishing *p, const struct stream_publisher_effect *effect)
{
	/* Partner: the tail, which shows an entry before the commit point (C7). */
	uint64_t commit = word_load(p->commit);
	uint64_t entry = word_load(p->entry);

	stream_publisher_posted(&p->machine, effect);
	stream_publisher_on_words(&p->machine, commit, entry);
	p->stream->stats.reads++;
}

bool publish_direct_run(struct publishing *p, bool looks)
{
	struct stream_publisher_effect effect;

	while (stream_publisher_next(&p->machine, &effect)) {
		if (effect.kind == STREAM_DRAW) {
			draw(p, &effect);
		} else if (effect.kind == STREAM_WRITE) {
			slot_write(p, &effect);
		} else if (looks) {
			look(p, &effect);
			looks = false;
		} else {
			break;
		}
	}
	return true;
}
