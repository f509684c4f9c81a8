/* Between tickets and links: effects become operations, completions become events. */
#include <errno.h>

#include "client/lib/handle.h"
#include "client/lib/tail_read.h"
#include "hw/clock.h"

#define PUMP_BATCH 32
#define KIND_TAIL_READ 0xfffeu /* beside those of tickets, in cookies */

/* A link's cookie names the effect that it belongs to. */
static uint64_t cookie_make(const struct ticket_effect *effect, uint32_t slot)
{
	return (uint64_t)effect->kind << 48 | (uint64_t)effect->replica << 32 | slot;
}

static enum ticket_effect_kind cookie_kind(uint64_t cookie)
{
	return (enum ticket_effect_kind)(cookie >> 48);
}

static uint32_t cookie_replica(uint64_t cookie)
{
	return (uint32_t)(cookie >> 32) & 0xffff;
}

static uint32_t cookie_slot(uint64_t cookie)
{
	return (uint32_t)cookie;
}

static bool cookie_is_tail_read(uint64_t cookie)
{
	return cookie >> 48 == KIND_TAIL_READ;
}

uint64_t pump_draw_cookie(const struct pawl_counter *c)
{
	const struct ticket_effect draw = {.kind = TICKET_DRAW};

	return cookie_make(&draw, c->slot);
}

void pump_count(struct pawl *pawl, uint32_t replica, uint32_t count)
{
	pawl->session.links[replica].in_flight += count;
	pawl->in_flight += count;
}

int pump_state_read(
	struct pawl *pawl, uint32_t replica, uint64_t *state_p, uint32_t number)
{
	struct link *link = pawl->session.links[replica].link;
	uint64_t cookie = (uint64_t)KIND_TAIL_READ << 48 | (uint64_t)replica << 32 |
			  number;
	int rc = link->ops->read(
		link, REGION_STATE_OFFSET, state_p, sizeof(*state_p), cookie);

	if (rc)
		return rc;
	pump_count(pawl, replica, 1);
	pump_way_update(pawl); /* H1 */
	return 0;
}

static int effect_post(struct pawl_counter *c, const struct ticket_effect *effect)
{
	struct link *link = c->pawl->session.links[effect->replica].link;
	uint64_t cookie = cookie_make(effect, c->slot);

	switch (effect->kind) {
	case TICKET_DRAW:
		return link->ops->fetch_add(link, c->offset, effect->value, cookie);
	case TICKET_WRITE_MARK:
		break; /* it goes with a read: mark_and_read_post */
	case TICKET_READ_STATE:
		return link->ops->read(link, REGION_STATE_OFFSET,
			&c->state_in[effect->replica], sizeof(uint64_t), cookie);
	case TICKET_READ_CEILING:
		return link->ops->read(
			link, c->ceiling_at, &c->ceiling_in, sizeof(uint64_t), cookie);
	}
	return -EINVAL;
}

/* A mark and the read after it in one call: the effects @mark and the next one. */
static int mark_and_read_post(struct pawl_counter *c, const struct ticket_effect *mark)
{
	struct link *link = c->pawl->session.links[mark->replica].link;
	struct ticket_effect read = {.kind = TICKET_READ_STATE, .replica = mark->replica};
	int rc = link->ops->write_read(link, c->mark_at[mark->replica], mark->value,
		REGION_STATE_OFFSET, &c->state_in[mark->replica],
		cookie_make(&read, c->slot));

	if (rc)
		return rc;
	ticket_effect_posted(&c->queue, mark);
	ticket_effect_posted(&c->queue, &read);
	pump_count(c->pawl, mark->replica, 1);
	return 0;
}

static int next_post(struct pawl_counter *c, const struct ticket_effect *effect)
{
	int rc;

	if (effect->kind == TICKET_WRITE_MARK)
		return mark_and_read_post(c, effect);
	rc = effect_post(c, effect);
	if (rc)
		return rc;
	ticket_effect_posted(&c->queue, effect);
	pump_count(c->pawl, effect->replica, 1);
	return 0;
}

/* 0: nothing more to draw.  -EAGAIN: the link is full.  Else the link has failed. */
static int draws_post(struct pawl_counter *c)
{
	struct link *link = c->pawl->session.links[0].link;
	uint64_t cookie = pump_draw_cookie(c);
	uint32_t count = 0;
	uint64_t n;
	int rc = 0;

	while (!rc && ticket_next_draw(&c->queue, &n)) {
		rc = link->ops->fetch_add(link, c->offset, n, cookie);
		if (rc)
			break;
		ticket_draw_posted(&c->queue);
		count++;
	}
	pump_count(c->pawl, 0, count);
	return rc;
}

void pump_post(struct pawl_counter *c)
{
	struct ticket_effect effect;
	int rc;

	if (c->pawl->session.stage != SESSION_READY)
		return;
	if (c->queue.reserve > 0)
		ticket_on_time(&c->queue, clock_now_ns());
	rc = draws_post(c);
	if (!rc && ticket_only_draws(&c->queue))
		return;
	while (!rc && ticket_next_effect(&c->queue, &effect))
		rc = next_post(c, &effect);
	if (rc && rc != -EAGAIN)
		session_lost(c->pawl);
}

/* A lease may confirm a draw that came back before it ended (T7). */
static void draw_apply(struct pawl_counter *c, uint64_t v)
{
	if (c->queue.reserve > 0)
		ticket_on_draw_at(&c->queue, v, clock_now_ns());
	else
		ticket_on_draw(&c->queue, v);
}

static void completion_apply(
	struct pawl *pawl, struct session_link *slot, const struct completion *done)
{
	struct pawl_counter *c;
	uint32_t replica = cookie_replica(done->cookie);

	slot->in_flight--;
	pawl->in_flight--;
	if (done->status) {
		session_lost(pawl);
		return;
	}
	if (done->cookie == PUMP_COOKIE_NOBODY)
		return;
	if (cookie_is_tail_read(done->cookie)) {
		tail_read_on_state(pawl, cookie_slot(done->cookie), replica);
		return;
	}
	c = pawl->counters[cookie_slot(done->cookie)];
	if (cookie_kind(done->cookie) == TICKET_DRAW)
		draw_apply(c, done->value);
	else if (cookie_kind(done->cookie) == TICKET_READ_STATE)
		ticket_on_state(&c->queue, replica, c->state_in[replica]);
	else if (cookie_kind(done->cookie) == TICKET_READ_CEILING)
		ticket_on_ceiling(&c->queue, c->ceiling_in);
	if (c->queue.phase == TICKET_SUSPENDED && pawl->session.stage == SESSION_READY)
		session_over(pawl);
}

/* True when there was a completion. */
static bool link_collect(struct pawl *pawl, struct session_link *slot)
{
	struct completion done[PUMP_BATCH];
	bool any = false;
	int count;

	do {
		if (slot->link->ops->poll(slot->link, done, PUMP_BATCH, &count)) {
			pawl->in_flight -= slot->in_flight;
			slot->in_flight = 0; /* nothing will come back any more */
			session_lost(pawl);
			return true;
		}
		for (int i = 0; i < count; i++)
			completion_apply(pawl, slot, &done[i]);
		any |= count > 0;
	} while (count == PUMP_BATCH);
	return any;
}

bool pump_collect(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	bool any = false;

	for (uint32_t i = 0; i < s->links_count && pawl->in_flight > 0; i++) {
		if (s->links[i].in_flight > 0)
			any |= link_collect(pawl, &s->links[i]);
	}
	return any;
}

static void post_all(struct pawl *pawl)
{
	for (uint32_t i = 0; i < pawl->counters_count; i++)
		pump_post(pawl->counters[i]);
	pump_way_update(pawl);
}

void pump_run(struct pawl *pawl)
{
	(void)pump_collect(pawl);
	post_all(pawl);
}

bool pump_turn(struct pawl *pawl)
{
	bool any = pump_collect(pawl);

	if (any)
		post_all(pawl);
	return any;
}

static enum hot_way way_of(const struct session *s, const struct pawl_counter *c)
{
	bool chain = s->links_count > 1;

	if (c->word)
		return chain ? WAY_WORDS : WAY_WORD;
	return chain ? WAY_CHAIN : WAY_POSTED;
}

void pump_way_update(struct pawl *pawl)
{
	const struct session *s = &pawl->session;
	enum hot_way way = WAY_QUEUE;

	pawl->hot->way = WAY_QUEUE;
	if (s->stage != SESSION_READY || pawl->in_flight > 0 || s->unopened > 0)
		return;
	for (uint32_t i = 0; i < pawl->counters_count; i++) {
		const struct pawl_counter *c = pawl->counters[i];

		if (!ticket_idle(&c->queue) || (i > 0 && way_of(s, c) != way))
			return;
		way = way_of(s, c);
	}
	pawl->hot->way = way; /* H1 */
}
