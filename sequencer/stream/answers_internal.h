/* What the files about answers have in common (answers.h). */
#ifndef PAWL_STREAM_ANSWERS_INTERNAL_H
#define PAWL_STREAM_ANSWERS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "sequencer/stream/answers.h"

struct question {
	struct question *next;
	struct answers_store *store;
	struct answers_question of;
	unsigned char bytes[];
};

struct answers_store {
	struct answers_store *next;
	struct answers *answers;
	struct applier *applier;

	/* Of the thread. */
	struct question *questions;
	uint64_t asked_ns;
	uint64_t failed_ns; /* with an error: not before RETRY_NS again; 0: it has not */
	int failure;
	struct error why;

	_Atomic uint64_t answered; /* for answers_status */
	_Atomic uint64_t refused;
	_Atomic uint64_t applied;
};

struct answers {
	struct answers_config config;
	struct applier_room room; /* of the thread */
	pthread_t thread;
	bool begun; /* the loop's */
	_Atomic uint32_t waiting;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct answers_store *stores; /* new ones come in front */
	struct question *asked;	      /* in order */
	struct question **asked_end;
	struct answer *done; /* in order */
	struct answer **done_end;
	bool stop;
	bool finished;
	bool abandoned; /* the thread frees it */
};

static inline struct timespec time_at(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u),
		.tv_nsec = (long)(ns % 1000000000u)};
}

/* answers_thread.c: what the thread runs; its context are the answers. */
void *answers_run(void *context);

/* Frees everything.  The thread has ended, or is this one. */
void answers_release(struct answers *answers);

#endif
