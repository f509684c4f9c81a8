/* Publishing where head and tail are mapped: everything takes effect at once. */
#include <string.h>

#include "client/lib/publish.h"
#include "sequencer/core/words.h"

/* Builds the slot of @e at @to, out of the payload that is staged; its length. */
static uint32_t slot_build(
	struct publishing *p, const struct stream_publisher_effect *e, void *to)
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

	stream_slot_write(to, &slot, staging_payload(&p->staging, at));
	return stream_slot_used(&slot);
}

uint32_t publish_slot_stage(
	struct publishing *p, const struct stream_publisher_effect *effect)
{
	uint64_t at = publication_of(p, effect->id)->at + effect->part;

	return slot_build(p, effect, staging_at(&p->staging, at));
}

static void draw(struct publishing *p, const struct stream_publisher_effect *effect)
{
	uint64_t v = atomic_fetch_add(p->drawn, effect->n);

	stream_publisher_posted(&p->machine, effect);
	stream_publisher_on_draw(&p->machine, v);
	p->stream->stats.draws++;
}

/*
 * Its position is written last: whoever awaits that position finds the rest in place.  Partner:
 * stream_slot_position of the head's replica.
 */
static void slot_write(struct publishing *p, const struct stream_publisher_effect *effect)
{
	stream_ring_prefetch_own(&p->inbox, effect->position + STREAM_AHEAD);
	(void)slot_build(p, effect, stream_ring_at(&p->inbox, effect->position)); /* P2 */
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
