/* Reads at the tail: storages that are applied at this replica (host.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/stream_tail_read.h"
#include "sequencer/core/words.h"
#include "sequencer/stream/host_internal.h"

void stream_answers_attach(struct stream *s)
{
	struct stream_answering *answering = &s->answering;

	answering->epoch = s->change.epoch;
	answering->tail = stream_is_tail(s);
	answering->source = (struct applier_source){.ring = s->log.ring,
		.commit = &s->log.places.words->commit,
		.oldest = &s->log.control->oldest};
	if (answering->store)
		answers_attach(answering->store, &answering->source);
}

void stream_answers_detach(struct stream *s)
{
	s->answering.epoch = 0;
	if (s->answering.store)
		answers_detach(s->answering.store);
}

/* What there is of it when it is asked for the first time. */
static int store_make(struct stream_host *host, struct stream *s, struct error *err)
{
	struct stream_answering *answering = &s->answering;
	struct keeper_place archive;
	int rc;

	if (s->keeper)
		archive = keeper_place(s->keeper);
	rc = answers_store_make(host->ways.answers, s->name, &s->limits,
		s->keeper ? &archive : NULL, &answering->store, err);
	if (!rc && answering->epoch)
		answers_attach(answering->store, &answering->source);
	return rc;
}

/* The commit point is the stream thread's, in memory that is there until it is detached. */
static struct stream_tail_seat seat_of(const struct stream *s)
{
	const struct stream_answering *answering = &s->answering;
	struct answers_status status = {.applied = 0};
	struct stream_tail_seat seat = {
		.epoch = answering->epoch, .tail = answering->tail};

	if (answering->epoch)
		seat.commit = word_load(answering->source.commit);
	if (answering->store)
		answers_status(answering->store, &status);
	seat.applied = status.applied;
	return seat;
}

int stream_host_question(struct stream_host *host, uint32_t counter,
	const struct stream_question *question, struct error *err)
{
	struct stream *s = host_stream(host, counter);
	struct answers_question of = {.number = question->number,
		.deadline_ns = question->deadline_ns,
		.bytes = question->bytes,
		.len = question->len};
	struct stream_tail_seat seat;
	int rc = 0;

	if (!s)
		return error_set(
			err, -EAGAIN, "stream: there is no such stream here yet");
	seat = seat_of(s);
	if (!stream_tail_question_take(&seat, question->epoch, &of.upto)) /* TR4 */
		return error_set(err, -EAGAIN,
			"stream: %s: this replica is not the tail of epoch %llu", s->name,
			(unsigned long long)question->epoch);
	if (!s->answering.store)
		rc = store_make(host, s, err);
	return rc ? rc : answers_ask(s->answering.store, &of, err); /* TR3 */
}

struct answer *stream_host_answer(struct stream_host *host)
{
	return answers_take(host->ways.answers);
}
