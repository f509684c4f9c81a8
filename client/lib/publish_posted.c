/*
 * Publishing by operations on links: one fetch-add for all messages that wait, and one put for
 * all their slots, unless a ring wraps.
 */
#include <stddef.h>

#include "client/lib/publish.h"
#include "sequencer/core/region.h"

#define BATCH 32

enum {
	COOKIE_DRAW,
	COOKIE_PUT,
	COOKIE_COMMIT,
	COOKIE_ENTRY,
};

static void put_done(struct put_queue *q)
{
	q->first = (q->first + 1) % LINK_DEPTH_MAX;
	q->count--;
}

static void completion_apply(struct publishing *p, const struct completion *done)
{
	if (done->cookie == COOKIE_DRAW)
		stream_publisher_on_draw(&p->machine, done->value);
	else if (done->cookie == COOKIE_PUT)
		put_done(&p->puts);
	else if (done->cookie == COOKIE_ENTRY)
		stream_publisher_on_words(&p->machine, p->words_in[0], p->words_in[1]);
}

static bool link_collect(struct publishing *p, struct link *link)
{
	struct completion done[BATCH];
	int count;

	do {
		if (link->ops->poll(link, done, BATCH, &count))
			return false;
		for (int i = 0; i < count; i++) {
			if (done[i].status)
				return false;
			completion_apply(p, &done[i]);
		}
	} while (count == BATCH);
	return true;
}

/* False: a link has failed. */
static bool collect(struct publishing *p)
{
	return link_collect(p, p->head_counter) && link_collect(p, p->head_inbox) &&
	       link_collect(p, p->tail_words);
}

static int draw_post(struct publishing *p, const struct stream_publisher_effect *effect)
{
	struct link *link = p->head_counter;
	int rc = link->ops->fetch_add(
		link, region_counter_offset(p->stream->counter), effect->n, COOKIE_DRAW);

	if (rc)
		return rc;
	stream_publisher_posted(&p->machine, effect);
	p->stream->stats.draws++;
	return 0;
}

static int look_post(struct publishing *p, const struct stream_publisher_effect *effect)
{
	struct link *link = p->tail_words;
	uint64_t entry = offsetof(struct stream_words, entries) +
			 stream_publisher_row(p->machine.publisher) * sizeof(uint64_t);
	int rc = link->ops->read(link, offsetof(struct stream_words, commit),
		&p->words_in[0], sizeof(uint64_t), COOKIE_COMMIT);

	if (!rc)
		rc = link->ops->read(
			link, entry, &p->words_in[1], sizeof(uint64_t), COOKIE_ENTRY);
	if (rc)
		return rc;
	stream_publisher_posted(&p->machine, effect);
	p->stream->stats.reads++;
	return 0;
}

/* Slots that are behind each other in the staging and in the inbox. */
struct run {
	uint64_t at; /* the first in the staging */
	uint64_t position;
	uint64_t slots;
	uint64_t len;
};

static uint64_t staged_at(
	const struct publishing *p, const struct stream_publisher_effect *effect)
{
	return publication_of(p, effect->id)->at + effect->part;
}

static bool run_goes_on(const struct publishing *p, const struct run *run,
	const struct stream_publisher_effect *effect)
{
	uint64_t at = run->at + run->slots;
	uint64_t position = run->position + run->slots;

	return effect->kind == STREAM_WRITE && effect->position == position &&
	       staged_at(p, effect) == at && (at & p->staging.ring.mask) != 0 &&
	       (position & (p->stream->limits.slots - 1)) != 0 &&
	       (run->slots + 1) * p->staging.ring.slot_len <= LINK_PUT_MAX;
}

/* Builds the slot of @effect and of those behind it that may go with it. */
static void run_build(
	struct publishing *p, struct stream_publisher_effect *effect, struct run *run)
{
	do {
		uint32_t used = publish_slot_stage(p, effect);

		run->len = run->slots++ * p->staging.ring.slot_len + used;
		stream_publisher_posted(&p->machine, effect);
	} while (stream_publisher_next(&p->machine, effect) &&
		 run_goes_on(p, run, effect));
}

static void put_count(struct put_queue *q, const struct run *run)
{
	q->from[(q->first + q->count++) % LINK_DEPTH_MAX] = run->at;
	q->high = run->at + run->slots;
}

/* P3: what is drawn again was in a put before. */
static bool put_may(const struct publishing *p, uint64_t at)
{
	const struct put_queue *q = &p->puts;

	return q->count == 0 || (at >= q->high && q->count < p->machine.depth);
}

static int run_put(struct publishing *p, struct stream_publisher_effect *effect)
{
	uint64_t mask = p->stream->limits.slots - 1;
	uint32_t slot_len = p->staging.ring.slot_len;
	struct run run = {.at = staged_at(p, effect), .position = effect->position};
	struct link *link = p->head_inbox;

	if (!put_may(p, run.at))
		return -EAGAIN;
	run_build(p, effect, &run);
	if (link->ops->put(link, STREAM_INBOX_RING + (run.position & mask) * slot_len,
		    p->staging.memory, (run.at & p->staging.ring.mask) * slot_len,
		    run.len, COOKIE_PUT))
		return -EIO; /* counted as written: it is drawn again over other links */
	put_count(&p->puts, &run);
	p->stream->stats.writes++;
	return 0;
}

static int effect_post(
	struct publishing *p, struct stream_publisher_effect *effect, bool looks)
{
	switch (effect->kind) {
	case STREAM_DRAW:
		return draw_post(p, effect);
	case STREAM_WRITE:
		return run_put(p, effect);
	case STREAM_READ:
		break;
	}
	return looks ? look_post(p, effect) : -EAGAIN;
}

bool publish_posted_run(struct publishing *p, bool looks)
{
	struct stream_publisher_effect effect;
	int rc = collect(p) ? 0 : -EIO;

	while (!rc && stream_publisher_next(&p->machine, &effect))
		rc = effect_post(p, &effect, looks);
	return rc == 0 || rc == -EAGAIN;
}
