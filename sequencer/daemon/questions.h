/*
 * Clients that wait for the answer to a read at the tail (sequencer/stream/answers.h).
 *
 * Everything runs on the loop's thread.
 */
#ifndef PAWL_DAEMON_QUESTIONS_H
#define PAWL_DAEMON_QUESTIONS_H

#include "sequencer/daemon/replica.h"
#include "sequencer/daemon/server.h"

struct question;

struct questions {
	struct replica *replica;
	struct question *first;
	uint64_t numbers; /* given so far */
};

/* Is answered later.  Errors of stream_host_question: then it is not. */
int questions_add(struct questions *questions, struct connection *connection, uint64_t id,
	const Control__TailRead *read, struct error *err)
	__attribute__((warn_unused_result));

/* Answers those that can be answered; after every change, and now and then. */
void questions_look(struct questions *questions);

/* The connection ended: nobody waits there any more. */
void questions_forget(struct questions *questions, const struct connection *connection);

/* Drops all of them. */
void questions_free(struct questions *questions);

#endif
