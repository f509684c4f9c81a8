/*
 * Answers to reads at the tail: one thread per replica applies the storages that are asked for
 * (applier.h), and answers what the loop hands on to it.
 *
 * A storage is kept up to date while it is asked; when nobody has asked for ANSWERS_IDLE_NS its
 * memory goes, and the next question begins anew.  The thread is started with the first question.
 *
 * W1  A question is answered once, by answers_take: from a state that has everything up to where it
 *     wants it, or with an error.
 * W2  At most ANSWERS_WAITING_MAX questions wait, for ANSWERS_WAIT_NS at most, unless a disk does not
 *     answer; whoever asks has a deadline of its own.
 *
 * One thread, the loop's, calls what is below; nothing blocks but answers_free.
 */
#ifndef PAWL_STREAM_ANSWERS_H
#define PAWL_STREAM_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/stream/applier.h"

#define ANSWERS_WAITING_MAX 256
#define ANSWERS_WAIT_NS UINT64_C(60000000000)
#define ANSWERS_IDLE_NS UINT64_C(10000000000)
#define ANSWERS_LEN_MAX (UINT32_C(1) << 20) /* bytes of one answer */

struct answers;
struct answers_store; /* a storage, as long as the answers */

struct answers_config {
	uint64_t memory_max;	     /* bytes for machines; 0: nothing is applied */
	void (*news)(void *context); /* on the thread: answers_take has something */
	void *context;
};

struct answers_question {
	uint64_t number; /* of whoever asks */
	uint64_t upto;	 /* everything up to there is to be applied */
	uint64_t deadline_ns;
	const void *bytes; /* copied */
	uint32_t len;
};

struct answer {
	struct answer *next;
	uint64_t number;
	int code;	   /* 0; -EAGAIN: not in time; as applier_step; -EMSGSIZE */
	uint64_t position; /* that it is from */
	uint32_t len;
	unsigned char bytes[]; /* the answer, or a text */
};

/* -ENOMEM. */
int answers_make(const struct answers_config *config, struct answers **answers_p,
	struct error *err) __attribute__((warn_unused_result));
/*
 * Ends the thread and frees everything; all storages are detached.  A thread that waits for a disk
 * longer than @timeout_ns ends by itself, later.
 */
void answers_free(struct answers *answers, uint64_t timeout_ns);

/* -ENOMEM. */
int answers_store_make(struct answers *answers, const char *stream,
	const struct stream_limits *limits, const struct keeper_place *archive,
	struct answers_store **store_p, struct error *err)
	__attribute__((warn_unused_result));
/* As those of applier.h. */
void answers_attach(struct answers_store *store, const struct applier_source *source);
void answers_detach(struct answers_store *store);

/* -EAGAIN: too many questions wait.  -ENOTSUP: nothing is applied here.  -ENOMEM. */
int answers_ask(struct answers_store *store, const struct answers_question *question,
	struct error *err) __attribute__((warn_unused_result));

/* The next answer, which is the caller's: free it.  NULL: none. */
struct answer *answers_take(struct answers *answers);

/* For people. */
struct answers_status {
	uint64_t answered;
	uint64_t refused; /* answers that are errors */
	uint64_t applied; /* up to here; 0: nothing is applied */
};
void answers_status(const struct answers_store *store, struct answers_status *status_p);

#endif
