/* Counters are opened at the head by name, all of them at once. */
#include "client/lib/handle.h"
#include "hw/clock.h"

#define OPEN_AGAIN_NS UINT64_C(5000000)

/* The epoch of the tickets that the next one decides about; 0: there are none. */
static uint64_t from_epoch(const struct pawl *pawl, const struct ticket_queue *q)
{
	bool unsettled = q->posted != q->settled_upto;

	return unsettled && q->epoch < pawl->session.linked_epoch ? q->epoch : 0;
}

/* How long the opener of a counter still waits; 0: nobody waits for this one alone. */
static uint64_t patience_ns(const struct pawl_counter *c)
{
	uint64_t now = clock_now_ns();

	return c->queue.epoch == 0 && c->open_by_ns > now ? c->open_by_ns - now : 0;
}

/* False when there is no room for the request now. */
static bool counter_ask(struct pawl_counter *c, struct control *head)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__OpenCounter open = CONTROL__OPEN_COUNTER__INIT;

	open.name = c->name;
	open.reserve_max = c->reserve_max;
	open.stream = c->of_stream;
	open.from_epoch = from_epoch(c->pawl, &c->queue);
	open.wait_ns = patience_ns(c);
	request.body_case = CONTROL__REQUEST__BODY_OPEN_COUNTER;
	request.open_counter = &open;
	if (control_request(head, &request, &c->request))
		return false;
	c->opening = COUNTER_ASKED;
	return true;
}

void opening_begin(struct pawl *pawl)
{
	for (uint32_t i = 0; i < pawl->counters_count; i++)
		pawl->counters[i]->opening = COUNTER_UNASKED;
	pawl->session.unopened = pawl->counters_count;
	pawl->session.open_again_ns = 0;
	pawl->session.answered = 0;
}

void opening_ask(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	struct control *head = &s->links[0].peer->control;
	bool room = clock_now_ns() >= s->open_again_ns;

	for (uint32_t i = 0; i < pawl->counters_count && room; i++) {
		if (pawl->counters[i]->opening == COUNTER_UNASKED)
			room = counter_ask(pawl->counters[i], head);
	}
	control_flush(head);
}

/* Answers come in the order of the questions, but for names that are made. */
static struct pawl_counter *counter_of(struct pawl *pawl, uint64_t request)
{
	struct session *s = &pawl->session;

	for (uint32_t i = 0; i < pawl->counters_count; i++) {
		uint32_t slot = (s->answered + i) % pawl->counters_count;
		struct pawl_counter *c = pawl->counters[slot];

		if (c->opening != COUNTER_ASKED || c->request != request)
			continue;
		s->answered = slot + 1;
		return c;
	}
	return NULL;
}

static void counter_place(struct pawl_counter *c, uint32_t index)
{
	const struct session *s = &c->pawl->session;

	c->index = index;
	c->offset = region_counter_offset(index);
	c->ceiling_at = region_ceiling_offset(&s->links[0].peer->layout, index);
	for (uint32_t i = 1; i < s->links_count; i++) {
		const struct peer *peer = s->links[i].peer;

		c->mark_at[i] = region_mark_offset(&peer->layout, peer->row, index);
	}
}

/* Where the processor itself reaches the words; all or nothing (H1). */
static void counter_words(struct pawl_counter *c)
{
	const struct session *s = &c->pawl->session;
	struct link *link = s->links[0].link;
	bool all = s->ops->word != NULL;

	c->word = all ? s->ops->word(link, c->offset) : NULL;
	all = all && c->word;
	for (uint32_t i = 1; i < s->links_count && all; i++) {
		link = s->links[i].link;
		c->marks[i] = s->ops->word(link, c->mark_at[i]);
		c->states[i] = s->ops->word(link, REGION_STATE_OFFSET);
		all = c->marks[i] && c->states[i];
	}
	if (!all)
		c->word = NULL;
}

static uint64_t reserve_of(const struct pawl_counter *c)
{
	uint64_t wanted = c->pawl->options.reserve;

	return wanted < c->answer.reserve_max ? wanted : c->answer.reserve_max;
}

static uint64_t lease_of(const struct session *s)
{
	uint64_t lease_ns = s->links[0].peer->lease_ns;

	for (uint32_t i = 1; i < s->links_count; i++) {
		if (s->links[i].peer->lease_ns < lease_ns)
			lease_ns = s->links[i].peer->lease_ns;
	}
	return lease_ns;
}

static void counter_enter(struct pawl_counter *c)
{
	const struct session *s = &c->pawl->session;
	bool jumped = c->queue.epoch != 0 && c->queue.epoch < s->linked_epoch;

	counter_words(c);
	ticket_ceiling_set(&c->queue, c->answer.ceiling);
	/*
	 * Where all words are in reach a look at the states costs less than one at a clock:
	 * marks are stored ahead, and no lease is needed.  A cluster whose lease is 0 allows
	 * neither.
	 */
	c->marked = 0;
	c->open = region_state_open(s->linked_epoch);
	c->backups = s->links_count - 1;
	c->ahead = c->word && lease_of(s) > 0 ? reserve_of(c) : 0;
	ticket_reserve_set(&c->queue, c->word ? 0 : reserve_of(c), lease_of(s));
	ticket_enter_epoch(
		&c->queue, s->linked_epoch, s->links_count - 1, c->answer.stand);
	if (jumped && c->answer.jump > 0 && !c->of_stream)
		event_jump(c, c->answer.jump);
}

static bool answer_is_sound(const struct pawl *pawl, const Control__CounterOpened *opened)
{
	const struct session *s = &pawl->session;

	for (uint32_t i = 0; i < s->links_count; i++) {
		if (opened->counter >= s->links[i].peer->layout.counters_max)
			return false;
	}
	return opened->epoch == s->linked_epoch;
}

static void counter_answered(struct pawl_counter *c, const Control__CounterOpened *opened)
{
	struct session *s = &c->pawl->session;

	c->answer = (struct counter_answer){.epoch = opened->epoch,
		.stand = opened->stand,
		.ceiling = opened->ceiling,
		.reserve_max = opened->reserve_max,
		.jump = opened->jump};
	c->opening = COUNTER_OPENED;
	s->unopened--;
	counter_place(c, opened->counter);
	if (s->stage == SESSION_READY)
		counter_enter(c);
}

/* The head does not serve this epoch any more, or never did. */
static void head_moved_on(struct pawl *pawl)
{
	if (pawl->session.stage == SESSION_READY)
		session_lost(pawl);
	else
		session_attempt_failed(pawl, -EAGAIN);
}

/* True when asking again may help: the store does not answer, or the epoch changes. */
static bool refusal_passes(int code)
{
	return code == -EAGAIN || code == -ETIMEDOUT || code == -EIO;
}

static void counter_refused(struct pawl_counter *c, const Control__Reply *reply)
{
	struct session *s = &c->pawl->session;
	int code = error_set(&s->why, -(int)reply->error, "%s", reply->text);

	s->why_code = handle_public_error(code);
	if (code == -EAGAIN && reply->body_case == CONTROL__REPLY__BODY_ELSEWHERE) {
		join_learn(s, reply->elsewhere->chain, reply->elsewhere->n_chain);
		head_moved_on(c->pawl);
	} else if (c->queue.epoch == 0 && code != -EAGAIN) {
		c->opening = COUNTER_REFUSED; /* a new name; the session is well */
		s->unopened--;
	} else if (refusal_passes(code)) {
		c->opening = COUNTER_UNASKED;
		s->open_again_ns = clock_now_ns() + OPEN_AGAIN_NS;
	} else {
		s->refused = true;
		head_moved_on(c->pawl);
	}
}

bool opening_reply(
	struct pawl *pawl, const struct peer *peer, const Control__Reply *reply)
{
	struct session *s = &pawl->session;
	bool awaited = s->stage != SESSION_JOINING && s->stage != SESSION_DRAINING;
	struct pawl_counter *c;

	if (!awaited || peer != s->links[0].peer || reply->id == 0)
		return false;
	c = counter_of(pawl, reply->id);
	if (!c)
		return false;
	if (reply->error) {
		counter_refused(c, reply);
	} else if (reply->body_case == CONTROL__REPLY__BODY_COUNTER_OPENED &&
		   answer_is_sound(pawl, reply->counter_opened)) {
		counter_answered(c, reply->counter_opened);
	} else {
		s->why_code = error_set(&s->why, -EPROTO,
			"pawl: %s: the epoch changed while counters were opened",
			peer->endpoint.text);
		head_moved_on(pawl);
	}
	return true;
}

void opening_finish(struct pawl *pawl)
{
	for (uint32_t i = 0; i < pawl->counters_count; i++) {
		if (pawl->counters[i]->opening == COUNTER_OPENED)
			counter_enter(pawl->counters[i]);
	}
}
