#include "sequencer/daemon/questions.h"

#include <errno.h>
#include <stdlib.h>

#include "hw/clock.h"
#include "sequencer/control/message.h"
#include "sequencer/core/words.h"
#include "sequencer/daemon/handlers.h"
#include "sequencer/stream/answers.h"

#define MARGIN_NS UINT64_C(300000000) /* so much earlier than the client gives up */

_Static_assert(ANSWERS_LEN_MAX == MESSAGE_ANSWER_MAX, "what is answered fits");

struct question {
	struct question *next;
	struct connection *connection;
	uint64_t id;
	uint64_t number;
	uint64_t epoch;
	uint64_t deadline_ns;
};

/* The answer has to be there before the client gives up. */
static uint64_t deadline_of(uint64_t told_ns)
{
	uint64_t wait_ns = told_ns ? least(told_ns, ANSWERS_WAIT_NS) : ANSWERS_WAIT_NS;

	return clock_now_ns() + wait_ns - least(wait_ns / 4, MARGIN_NS);
}

int questions_add(struct questions *questions, struct connection *connection, uint64_t id,
	const Control__TailRead *read, struct error *err)
{
	struct question *q = malloc(sizeof(*q));
	struct stream_question of = {.epoch = read->epoch,
		.number = questions->numbers + 1,
		.deadline_ns = deadline_of(read->wait_ns),
		.bytes = read->query.data,
		.len = (uint32_t)read->query.len};
	int rc;

	if (!q)
		return error_set(err, -ENOMEM, "pawld: read at the tail: out of memory");
	rc = stream_host_question(
		questions->replica->streams.host, read->counter, &of, err);
	if (rc) {
		free(q);
		return rc;
	}
	*q = (struct question){.connection = connection,
		.id = id,
		.number = ++questions->numbers,
		.epoch = read->epoch,
		.deadline_ns = of.deadline_ns,
		.next = questions->first};
	questions->first = q;
	return 0;
}

static void piece_send(const struct question *q, struct answer *answer, uint32_t offset)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__TailAnswer piece = CONTROL__TAIL_ANSWER__INIT;

	piece.epoch = q->epoch;
	piece.position = answer->position;
	piece.len = answer->len;
	piece.offset = offset;
	piece.piece.data = answer->bytes + offset;
	piece.piece.len = least(answer->len - offset, MESSAGE_PIECE_MAX);
	reply.id = q->id;
	reply.body_case = CONTROL__REPLY__BODY_TAIL_ANSWER;
	reply.tail_answer = &piece;
	connection_reply(q->connection, &reply);
}

static void answer_send(const struct question *q, struct answer *answer)
{
	uint32_t offset = 0;

	if (answer->code) {
		handlers_reply_error(
			q->connection, q->id, answer->code, (const char *)answer->bytes);
		return;
	}
	do {
		piece_send(q, answer, offset);
		offset += MESSAGE_PIECE_MAX;
	} while (offset < answer->len);
}

/* Takes it off the list.  NULL: nobody waits for it any more. */
static struct question *question_take(struct questions *questions, uint64_t number)
{
	struct question **link = &questions->first;
	struct question *q;

	while (*link && (*link)->number != number)
		link = &(*link)->next;
	q = *link;
	if (q)
		*link = q->next;
	return q;
}

static void answers_send(struct questions *questions)
{
	struct stream_host *host = questions->replica->streams.host;
	struct answer *answer;

	while (host && (answer = stream_host_answer(host)) != NULL) {
		struct question *q = question_take(questions, answer->number);

		if (q)
			answer_send(q, answer);
		free(q);
		free(answer);
	}
}

/* A disk does not answer, or there was no memory for the answer. */
static void overdue_answer(struct questions *questions, uint64_t now_ns)
{
	struct question **link = &questions->first;

	while (*link) {
		struct question *q = *link;

		if (now_ns < q->deadline_ns + MARGIN_NS / 2) {
			link = &q->next;
			continue;
		}
		*link = q->next;
		handlers_reply_error(q->connection, q->id, -EAGAIN,
			"pawld: the read at the tail is not answered in time; ask again");
		free(q);
	}
}

void questions_look(struct questions *questions)
{
	if (!questions->replica)
		return;
	answers_send(questions);
	overdue_answer(questions, clock_now_ns());
}

void questions_forget(struct questions *questions, const struct connection *connection)
{
	struct question **link = &questions->first;

	while (*link) {
		struct question *q = *link;

		if (q->connection != connection) {
			link = &q->next;
			continue;
		}
		*link = q->next;
		free(q);
	}
}

void questions_free(struct questions *questions)
{
	while (questions->first) {
		struct question *next = questions->first->next;

		free(questions->first);
		questions->first = next;
	}
}
