/* Machines at replicas, which apply their committed logs; and reads at the tail. */
#include <string.h>

#include "tests/sim/stores.h"

#define TAIL_PATIENCE_NS 2500000

static struct sim_seat *seat_of(const struct sim_replica *r)
{
	return &r->cluster->streams->stores->seats[r->index];
}

static struct stream_replica *log_of(const struct sim_replica *r)
{
	return &r->cluster->streams->replicas[r->index];
}

/* It has a log that belongs to an epoch which it serves, or thinks it does. */
static bool serves(const struct sim_replica *r)
{
	const struct stream_replica *sr = log_of(r);

	return sr->bytes && !sr->lost && sr->log.phase == STREAM_OPEN && r->served != 0 &&
	       sr->log.control->epoch == r->served;
}

void seat_forget(struct sim_replica *r)
{
	struct sim_seat *seat = seat_of(r);

	seat->ready = false;
	seat->questions_count = 0;
}

/* ---- Applying ---- */

static void reader_begin(struct sim_seat *seat)
{
	struct stream_subscriber_config config = {.from = STREAM_FROM_POSITION,
		.position = seat->machine.passed + 1,
		.slot = seat->slot,
		.buffer = seat->buffer,
		.buffer_len = sizeof(seat->buffer)};

	stream_subscriber_init(&seat->reader, &config);
	seat->serial = 0;
	seat->ready = true;
}

static void seat_take(struct sim_replica *r)
{
	struct sim_seat *seat = seat_of(r);
	uint64_t oldest = stream_log_oldest(&log_of(r)->log);

	if (!machine_restore(&seat->machine, r->cluster, oldest))
		return;
	reader_begin(seat);
}

static void reader_attach(struct sim_replica *r)
{
	struct sim_seat *seat = seat_of(r);
	struct stream_replica *sr = log_of(r);

	if (seat->serial == sr->serial && seat->reader.ring.bytes == sr->log.ring.bytes)
		return;
	seat->serial = sr->serial;
	stream_subscriber_attach(
		&seat->reader, &sr->log.ring, &sr->log.commit, &sr->log.control->oldest);
}

static void seat_apply(struct sim_replica *r)
{
	struct sim_seat *seat = seat_of(r);
	uint32_t count = 1 + (uint32_t)cluster_random(r->cluster, 12);
	struct stream_delivery d;

	reader_attach(r);
	while (count-- > 0 && seat->ready && !r->cluster->wrong &&
		stream_subscriber_poll(&seat->reader, 1 + count, &d)) {
		if (d.kind == STREAM_MESSAGE)
			machine_apply(&seat->machine, d.last, d.payload, d.len);
		if (d.kind == STREAM_GONE)
			seat->ready = false;
		machine_passes(&seat->machine, &seat->reader);
	}
}

/* ---- Answering ---- */

static void answer(struct sim_replica *r, uint32_t place)
{
	struct cluster *c = r->cluster;
	struct sim_seat *seat = seat_of(r);
	struct sim_question question = seat->questions[place];
	struct parcel *parcel = parcel_new(c, PARCEL_ANSWER,
		subscriber_node(c, c->streams->stores->participants[question.participant]
					   .subscriber->index));

	machine_query(&seat->machine, question.bytes, question.len);
	question.position = kv_applied(seat->machine.kv);
	question.len = seat->machine.reply_len;
	memcpy(question.bytes, seat->machine.reply, question.len);
	parcel->from = r->index;
	parcel->question = question;
	parcel_send(c, parcel, network_delay(c));
	seat->questions_count--;
	seat->questions[place] = seat->questions[seat->questions_count];
	seat->upto[place] = seat->upto[seat->questions_count];
}

void seat_tick(struct sim_replica *r)
{
	struct sim_seat *seat = seat_of(r);

	if (r->cluster->streams->stores->over || !serves(r))
		return;
	if (!seat->ready)
		seat_take(r);
	if (!seat->ready)
		return;
	/* It has a thread of its own, which may be slow. */
	if (!cluster_chance(r->cluster,
		    r->cluster->quiet ? 300 : r->cluster->streams->stores->seats_rest))
		seat_apply(r);
	for (uint32_t i = seat->questions_count; seat->ready && i-- > 0;) {
		if (stream_subscriber_consumed(&seat->reader) >= seat->upto[i])
			answer(r, i);
	}
}

void seat_asked(struct sim_replica *r, const struct sim_question *question)
{
	struct sim_seat *seat = seat_of(r);
	const struct stream_log *log = &log_of(r)->log;
	struct stream_tail_seat here = {.epoch = r->served};
	uint64_t upto;

	if (!serves(r) || !seat->ready || seat->questions_count == STORE_QUESTIONS)
		return;
	here.tail = log->tail;
	here.commit = log->commit;
	here.applied = stream_subscriber_consumed(&seat->reader);
	if (!stream_tail_question_take(&here, question->epoch, &upto))
		return;
	seat->questions[seat->questions_count] = *question;
	seat->upto[seat->questions_count++] = upto;
}

/* ---- Asking ---- */

/* Some are so late that the tail is a tail no more. */
static uint64_t question_delay(struct cluster *c)
{
	uint64_t delay_ns = network_delay(c);

	if (!c->quiet && cluster_chance(c, c->streams->stores->tails ? 500 : 200))
		delay_ns += cluster_random(c, 2000000);
	return delay_ns;
}

static void ask(struct sim_participant *p)
{
	struct cluster *c = p->cluster;
	struct parcel *parcel = parcel_new(c, PARCEL_QUESTION, p->client->tail);
	struct sim_question *question = &parcel->question;
	const struct sim_operation *o = operation_at(p, p->tail.operation);

	parcel->from = subscriber_node(c, p->subscriber->index);
	*question = (struct sim_question){.participant = p->index,
		.serial = p->tail.serial,
		.epoch = p->tail.read.epoch};
	question->len = (uint32_t)work_query(o, question->bytes, sizeof(question->bytes));
	parcel_send(c, parcel, question_delay(c));
}

static bool client_is_linked(const struct sim_client *k)
{
	return k->links_count > 0 && !k->linking && !k->failed;
}

static void tail_read_again(struct sim_participant *p)
{
	struct sim_tail_read *tail = &p->tail;

	tail->fresh = false;
	tail->serial++;
	tail->since_ns = cluster_now(p->cluster);
	stream_tail_read_begin(&tail->read, p->client->epoch, p->client->links_count);
}

void tail_read_begin(struct sim_participant *p, uint32_t operation)
{
	p->tail.active = true;
	p->tail.operation = operation;
	p->tail.fresh = true;
}

void participant_answered(struct cluster *c, const struct sim_question *answer)
{
	struct sim_participant *p =
		&c->streams->stores->participants[answer->participant];
	struct sim_tail_read *tail = &p->tail;

	if (!tail->active || tail->fresh || answer->serial != tail->serial ||
		tail->read.phase != STREAM_TAIL_READ_ASKING)
		return;
	tail->len = answer->len;
	memcpy(tail->answer, answer->bytes, answer->len);
	stream_tail_read_on_answer(&tail->read, answer->epoch, answer->position);
}

void participant_unlinked(struct sim_participant *p)
{
	if (p->tail.active && !p->tail.fresh)
		stream_tail_read_on_lost(&p->tail.read);
}

void participant_state(
	struct sim_participant *p, uint32_t serial, uint32_t member, uint64_t state)
{
	(void)member;
	if (p->tail.active && !p->tail.fresh && serial == (p->tail.serial & 0xffff))
		stream_tail_read_on_state(&p->tail.read, state);
}

static void effects_post(struct sim_participant *p)
{
	struct stream_tail_read *read = &p->tail.read;
	struct stream_tail_read_effect effect;

	while (stream_tail_read_next(read, &effect)) {
		if (effect.kind == STREAM_TAIL_READ_ASK)
			ask(p);
		else if (!client_state_read(
				 p->client, effect.member, (uint32_t)p->tail.serial))
			return;
		stream_tail_read_posted(read, &effect);
	}
}

void tail_read_step(struct sim_participant *p)
{
	struct sim_tail_read *tail = &p->tail;

	if (!tail->active)
		return;
	if (!tail->fresh && cluster_now(p->cluster) - tail->since_ns > TAIL_PATIENCE_NS)
		stream_tail_read_on_lost(&tail->read);
	if (tail->fresh || tail->read.phase == STREAM_TAIL_READ_INVALID) {
		if (!client_is_linked(p->client))
			return;
		tail_read_again(p);
	}
	effects_post(p);
	if (tail->read.phase != STREAM_TAIL_READ_VALID)
		return;
	tail->active = false;
	p->cluster->streams->stores->tail_reads++;
	operation_replied(p, operation_at(p, tail->operation), tail->answer, tail->len,
		tail->read.position);
}
