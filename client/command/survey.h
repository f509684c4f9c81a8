/*
 * What all replicas of a cluster say of themselves at one time, and who of them is to be
 * believed about the cluster.
 */
#ifndef PAWL_COMMAND_SURVEY_H
#define PAWL_COMMAND_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "client/lib/control.h"

#define SURVEY_TIMEOUT_NS UINT64_C(2000000000) /* for all of them together */

struct survey_answer {
	struct endpoint endpoint;
	struct control control;
	const Control__Status *status; /* NULL: none, and @err tells why */
	struct error err;
	int rc;		 /* why there is none */
	uint32_t member; /* asked because the chain has it; 0: the user named it */
	bool repeated;	 /* another answer is of the same replica */
	uint64_t request;
	bool waits;
};

struct survey {
	unsigned int count;
	struct survey_answer at[ENDPOINTS_MAX];
};

/*
 * Asks @endpoints all at once, and then those members of the chain that nobody named.  The
 * answers live until survey_free.  NULL: out of memory.  Blocks up to twice the timeout,
 * and for name look-ups.
 */
struct survey *survey_make(const struct endpoint_list *endpoints);
void survey_free(struct survey *survey);

/* The status of the replica, or NULL. */
const Control__Status *survey_status(const struct survey *survey, uint32_t replica);
/* The same with its endpoint, for requests. */
const struct survey_answer *survey_answer(const struct survey *survey, uint32_t replica);

/*
 * Who knows best how the cluster is: the newest epoch, and in it the head before the others.
 * NULL: nobody answered.
 */
const Control__Status *survey_best(const struct survey *survey);

/* The first reason why there is no answer. */
const struct survey_answer *survey_failure(const struct survey *survey);

/* The replica's place in the chain of @status, or -1. */
int survey_place(const Control__Status *status, uint32_t replica);
bool survey_is_active(const Control__Status *status);

enum survey_rank {
	SURVEY_OUTSIDE,
	SURVEY_BACKUP,
	SURVEY_HEAD
};
enum survey_rank survey_rank(const Control__Status *status);
bool survey_serves(const Control__Status *status); /* as head or as backup */

#endif
