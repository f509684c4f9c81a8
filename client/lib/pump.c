/* Between tickets and links: effects become operations, completions become events. */
#include <errno.h>

#include "client/lib/handle.h"

#define PUMP_BATCH 32

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

static int effect_post(struct pawl_counter *c, const struct ticket_effect *effect)
{
	const struct session *s = &c->pawl->session;
	struct link *link = s->links[effect->replica];
	uint64_t cookie = cookie_make(effect, c->slot);

	switch (effect->kind) {
	case TICKET_DRAW:
		return link->ops->fetch_add(link, c->offset, effect->value, cookie);
	case TICKET_WRITE_MARK:
		return link->ops->write(link,
			region_mark_offset(&s->layout, s->row, c->index), &effect->value,
			sizeof(effect->value), cookie);
	case TICKET_READ_STATE:
		return link->ops->read(link, REGION_STATE_OFFSET,
			&c->state_in[effect->replica], sizeof(uint64_t), cookie);
	case TICKET_READ_CEILING:
		return link->ops->read(link, region_ceiling_offset(&s->layout, c->index),
			&c->ceiling_in, sizeof(uint64_t), cookie);
	}
	return -EINVAL;
}

/* 0: nothing more to draw.  -EAGAIN: the link is full.  Else the link has failed. */
static int draws_post(struct pawl_counter *c)
{
	struct link *link = c->pawl->session.links[0];
	const struct ticket_effect draw = {.kind = TICKET_DRAW};
	uint64_t cookie = cookie_make(&draw, c->slot);
	uint64_t n;
	int rc = 0;

	while (!rc && ticket_next_draw(&c->queue, &n)) {
		rc = link->ops->fetch_add(link, c->offset, n, cookie);
		if (rc)
			break;
		ticket_draw_posted(&c->queue);
		c->pawl->in_flight++;
	}
	return rc;
}

void pump_post(struct pawl_counter *c)
{
	struct ticket_effect effect;
	int failed;

	if (c->pawl->session.stage != SESSION_READY)
		return;
	failed = draws_post(c);
	if (failed && failed != -EAGAIN)
		session_lost(c->pawl);
	if (failed || ticket_only_draws(&c->queue))
		return;
	while (ticket_next_effect(&c->queue, &effect)) {
		int rc = effect_post(c, &effect);

		if (rc == -EAGAIN)
			return;
		if (rc) {
			session_lost(c->pawl);
			return;
		}
		ticket_effect_posted(&c->queue, &effect);
		c->pawl->in_flight++;
	}
}

static void completion_apply(struct pawl *pawl, const struct completion *done)
{
	struct pawl_counter *c;
	uint32_t replica = cookie_replica(done->cookie);

	pawl->in_flight--;
	if (done->status) {
		session_lost(pawl);
		return;
	}
	if (done->cookie == PUMP_COOKIE_ALONE)
		return; /* whoever waited for it has given up */
	c = pawl->counters[cookie_slot(done->cookie)];
	if (cookie_kind(done->cookie) == TICKET_DRAW)
		ticket_on_draw(&c->queue, done->value);
	else if (cookie_kind(done->cookie) == TICKET_READ_STATE)
		ticket_on_state(&c->queue, replica, c->state_in[replica]);
	else if (cookie_kind(done->cookie) == TICKET_READ_CEILING)
		ticket_on_ceiling(&c->queue, c->ceiling_in);
	if (c->queue.phase == TICKET_SUSPENDED)
		session_lost(pawl);
}

/* True when there was a completion. */
static bool link_collect(struct pawl *pawl, struct link *link)
{
	struct completion done[PUMP_BATCH];
	bool any = false;
	int count;

	do {
		if (link->ops->poll(link, done, PUMP_BATCH, &count)) {
			session_lost(pawl);
			return true;
		}
		for (int i = 0; i < count; i++)
			completion_apply(pawl, &done[i]);
		any |= count > 0;
	} while (count == PUMP_BATCH);
	return any;
}

bool pump_collect(struct pawl *pawl)
{
	const struct session *s = &pawl->session;
	bool any = false;

	for (uint32_t i = 0; i < s->chain_len && pawl->in_flight > 0; i++)
		any |= link_collect(pawl, s->links[i]);
	return any;
}

static void post_all(struct pawl *pawl)
{
	for (uint32_t i = 0; i < pawl->counters_count; i++)
		pump_post(pawl->counters[i]);
	pump_hot_update(pawl);
}

void pump_run(struct pawl *pawl)
{
	(void)pump_collect(pawl);
	post_all(pawl);
}

void pump_turn(struct pawl *pawl)
{
	if (pump_collect(pawl))
		post_all(pawl);
}

void pump_hot_update(struct pawl *pawl)
{
	const struct session *s = &pawl->session;

	pawl->hot->direct = false;
	if (s->stage != SESSION_READY || pawl->in_flight > 0)
		return;
	for (uint32_t i = 0; i < pawl->counters_count; i++) {
		if (!ticket_alone(&pawl->counters[i]->queue))
			return;
	}
	pawl->hot->direct = true; /* H1 */
}
