/*
 * The addresses that a handle knows: those it was given, and those it has heard of since.
 * One thread.  Nothing is allocated.
 */
#ifndef PAWL_CLIENT_BOOK_H
#define PAWL_CLIENT_BOOK_H

#include <stdbool.h>

#include "hw/error.h"
#include "sequencer/control/endpoint.h"
#include "sequencer/core/limits.h"

#define BOOK_CONTROLS_MAX 4 /* addresses of one replica */
/* Room for those heard of: the newest chain, and the one before. */
#define BOOK_HEARD_MAX (2 * CHAIN_MAX * BOOK_CONTROLS_MAX)
#define BOOK_MAX (ENDPOINTS_MAX + BOOK_HEARD_MAX)

struct book {
	unsigned int count;
	unsigned int given;  /* the first so many, which are never forgotten */
	unsigned int oldest; /* of those heard of: the next to be forgotten */
	unsigned int next;   /* the one to ask next */
	struct endpoint at[BOOK_MAX];
};

/* Writes down the addresses that @where stands for.  Errors of endpoint_list_find. */
int book_open(struct book *book, const char *where, struct error *err)
	__attribute__((warn_unused_result));

/*
 * The endpoint written @text, learned if it is new: then *new_p becomes true, and it is the
 * one to ask next.  NULL when it is no endpoint.  Blocks for a look-up when a new one has a
 * host's name instead of its number.  The endpoint may be forgotten at the next call.
 */
const struct endpoint *book_learn(struct book *book, const char *text, bool *new_p);

/* The endpoint to ask now; the next call gives the next one, round and round. */
const struct endpoint *book_turn(struct book *book);

/* The user named this endpoint: what answers there is what the user means. */
bool book_gave(const struct book *book, const struct endpoint *endpoint);

#endif
