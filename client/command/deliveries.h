/*
 * What 'pawl subscribe' and 'pawl replay' write: messages in the order of their positions, each
 * in one piece, and a word about every range that is lost.
 *
 *   payload    the bytes of the message and a newline
 *   numbered   position, publisher (16 hexadecimal digits), id and the bytes, with tabs between;
 *              a void has publisher and id 0
 *   JSON       an object in a line
 *   framed     the length as 4 bytes, the most significant first, and the bytes
 */
#ifndef PAWL_COMMAND_DELIVERIES_H
#define PAWL_COMMAND_DELIVERIES_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "client/include/pawl/stream.h"

/* Exit status: all is well but for what is lost. */
#define COMMAND_LOST 3

enum deliveries_form {
	DELIVERIES_PAYLOAD,
	DELIVERIES_NUMBERED,
	DELIVERIES_JSON,
	DELIVERIES_FRAMED,
};

struct deliveries {
	const char *command; /* "pawl subscribe", for lines of error */
	const char *text;    /* what is read, as written */
	FILE *out;
	enum deliveries_form form;
	bool voids;
	uint64_t count_max;
	uint64_t until; /* nothing behind this position */
	uint64_t written;
	uint64_t lost;	/* positions */
	bool abandoned; /* whoever read the output has gone */
	int failure;	/* errno of a write that failed otherwise; 0: none */
};

/* Options that are common to them, for argp tables: keys and entries. */
#define DELIVERIES_OPTION_COUNT 'c'
#define DELIVERIES_OPTION_UNTIL 'u'
#define DELIVERIES_OPTION_VOIDS 'v'
#define DELIVERIES_OPTION_NUMBERED 'n'
#define DELIVERIES_OPTION_JSON 'j'
#define DELIVERIES_OPTION_FRAMED 'r'
#define DELIVERIES_ENTRIES                                                              \
	{"count", DELIVERIES_OPTION_COUNT, "N", 0, "End after N messages", 0},          \
		{"voids", DELIVERIES_OPTION_VOIDS, NULL, 0,                             \
			"Tell of voids as well, with --numbered or --json", 0},         \
		{"numbered", DELIVERIES_OPTION_NUMBERED, NULL, 0,                       \
			"Write position, publisher, id and message, with tabs between", \
			0},                                                             \
		{"json", DELIVERIES_OPTION_JSON, NULL, 0,                               \
			"Write a JSON object for each message, in a line", 0},          \
	{                                                                               \
		"framed", DELIVERIES_OPTION_FRAMED, NULL, 0,                            \
			"Write the length before each message, 4 bytes, big-endian", 0  \
	}

struct deliveries_arguments {
	const char *count;
	const char *until;
	bool voids;
	bool numbered;
	bool json;
	bool framed;
};

/* The part of an argp parser that takes them.  ARGP_ERR_UNKNOWN: the key is another's. */
error_t deliveries_option(int key, char *arg, struct deliveries_arguments *a)
	__attribute__((warn_unused_result));

/*
 * To standard output, as @a says; without @a->until, which is the caller's.  COMMAND_OK, or
 * COMMAND_USAGE with the reason printed.
 */
int deliveries_begin(const struct deliveries_arguments *a, const char *command,
	const char *text, struct deliveries *d) __attribute__((warn_unused_result));

/* Writes it, unless it is behind the end; a pawl_deliver_fn's work. */
void deliveries_put(struct deliveries *d, const struct pawl_delivery *delivery);

/* Positions @first to @last are lost; @why ends the sentence. */
void deliveries_lost(
	struct deliveries *d, uint64_t first, uint64_t last, const char *why);

/* Nothing more is wanted, or nothing more can be written; @position: all up to it was seen. */
bool deliveries_done(struct deliveries *d, uint64_t position);

/* How many more may come in one go, @batch at most. */
int deliveries_room(const struct deliveries *d, int batch);

/* Hands over what was written.  Looks also whether anybody still reads. */
void deliveries_flush(struct deliveries *d);

/* The exit status; @rc is that of whatever ended it.  Reports a failed write. */
int deliveries_end(struct deliveries *d, int rc) __attribute__((warn_unused_result));

/* The object of a message or of a void, with a newline. */
void deliveries_json_put(FILE *out, const struct pawl_delivery *delivery);
void deliveries_json_lost(FILE *out, uint64_t first, uint64_t last, const char *why);

#endif
