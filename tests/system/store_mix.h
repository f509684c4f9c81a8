/*
 * What store_mix does.
 *
 *     store_mix.c        options, and on until it is told to end
 *     store_mix_steps.c  what it asks for: keys, names and money
 *     store_mix_locks.c    and sessions and locks
 *     store_mix_ask.c    how it asks, and waits for the answer
 *     store_mix_lines.c  choices, and the lines of the history
 */
#ifndef PAWL_TESTS_STORE_MIX_H
#define PAWL_TESTS_STORE_MIX_H

#include <stdint.h>

#include <jansson.h>
#include <pawl/store.h>

#define MIX_READS 4
#define MIX_ITEMS 16
#define MIX_TEXT 64 /* bytes of a key or a value, at most */

struct mix_config {
	uint32_t process;
	uint64_t seed;
	uint32_t keys;
	uint64_t silence_ms;
	enum pawl_reading reads[MIX_READS];
	unsigned int reads_count;
	const char *guard; /* a file; NULL: none */
};

struct mix;

/* 0, or -EINVAL: there is no read that is called so. */
int mix_reading(const char *word, enum pawl_reading *how_p);

/* -EIO: the file, with errno; else the error of @pawl. */
int mix_begin(const struct mix_config *config, struct pawl *pawl, const char *store,
	const char *file, struct mix **mix_p);
int mix_step(struct mix *mix);
void mix_end(struct mix *mix);

/* ---- store_mix_ask.c ---- */

/* What was found: bytes of its own, as a reply's are soon gone. */
struct mix_found {
	char key[MIX_TEXT];
	char value[MIX_TEXT];
	uint64_t version;
	int present;
};

struct mix_answer {
	int status; /* of the store; 0 or one of its noes */
	int known;  /* else nobody knows what became of it */
	uint64_t position;
	uint64_t version;
	uint64_t session;
	int otherwise;
	struct mix_found found; /* value and version of the reply */
	struct mix_found items[MIX_ITEMS];
	unsigned int items_count;
};

struct mix {
	struct mix_config config;
	struct pawl *pawl;
	struct pawl_store *store;
	int file;
	uint64_t operations; /* begun */
	uint64_t random;
	struct mix_answer answer; /* of the operation in hand */
	uint64_t cookie;	  /* of the one that is waited for; 0: none */
	uint64_t session;	  /* 0: none */
	/* The session that has what is wanted, as it was seen last, */
	uint64_t other, other_spoke;
	uint64_t other_since_ns; /* since when */
};

/* The store's options: outcomes come to the answer. */
int mix_store_open(struct mix *mix, const char *name);

/*
 * Asks, and waits for the answer, which is in mix->answer.  0, also if the answer is no or nobody
 * knows it; else an error.
 */
int mix_command(struct mix *mix, const struct pawl_command *command);
int mix_transaction(struct mix *mix, const struct pawl_transaction *transaction);
int mix_read(struct mix *mix, enum pawl_reading how, const struct pawl_command *command);

/* ---- store_mix_lines.c ---- */

/* A number from 0 on, below @below. */
uint64_t mix_draw(struct mix *mix, uint64_t below);
/* "kind/7", of at most MIX_TEXT bytes. */
void mix_name(char *name, const char *kind, uint64_t number);
/* A value that nobody else writes, and this one once. */
void mix_value(const struct mix *mix, char *value);
struct pawl_command mix_command_of(
	enum pawl_command_kind kind, const char *key, const char *value);

/* A line to begin with, and its fields. */
json_t *mix_line(const char *op, const char *key);
void mix_text_set(json_t *line, const char *field, const char *text);
void mix_number_set(json_t *line, const char *field, uint64_t number);
void mix_done_set(json_t *line, int done);
/* What a read found, or a refusal told. */
void mix_found_set(json_t *line, const struct mix_found *found);
json_t *mix_items(const struct mix_answer *answer, int keys_too);

/* Writes that it is asked for now; the line has what is asked for. */
int mix_asks(struct mix *mix, json_t *line);
/* Writes that it never happened. */
int mix_refused(struct mix *mix, json_t *line);
/* Writes the answer that there is, unless @rc is an error, which it gives back.  Frees the line. */
int mix_line_end(struct mix *mix, json_t *line, int rc);

/* ---- store_mix_steps.c, store_mix_locks.c ---- */

/*
 * Asks for a write whose condition, if it has one, is in its line already, and writes down how it
 * went.  Frees the line.
 */
int mix_write(struct mix *mix, json_t *line, const struct pawl_command *command,
	int conditional);
int mix_lock_step(struct mix *mix);

#endif
