/*
 * Writers of registers, and readers that ask the tail, in as many processes as one likes; what they
 * know of each other is on a board in shared memory.
 *
 *     store_tail write WHERE STORE BOARD NUMBER
 *     store_tail read WHERE STORE BOARD
 *
 * Each writer has a key of its own, and puts 1, 2, 3, ... there.  So a read of it is linearizable if
 * it shows nothing older than what was acknowledged or read by anybody before it began, and nothing
 * that had not begun when it ended.  Both go on until SIGTERM; a reader says how much it has read.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/store.h>

#include "tests/system/store_board.h"
#include "tests/system/until_term.h"

#define TIMEOUT_NS UINT64_C(2000000000)

struct client {
	struct pawl *pawl;
	struct pawl_store *store;
	struct board *board;
	uint64_t done;
	uint64_t late;
};

static int tell(struct client *c, int rc)
{
	fprintf(stderr, "store_tail: %s\n", pawl_errmsg(c->pawl));
	return rc;
}

static void know(struct board *board, unsigned int writer, uint64_t value)
{
	uint64_t known = board->known[writer];

	while (known < value &&
		!atomic_compare_exchange_strong(&board->known[writer], &known, value))
		;
}

static bool passes(int rc)
{
	return rc == -ETIMEDOUT || rc == -ECANCELED || rc == -EAGAIN;
}

static int write_on(struct client *c, unsigned int writer)
{
	char key[2] = {(char)('a' + writer), '\0'};

	for (uint64_t n = c->board->begun[writer] + 1; !told_to_end; n++) {
		int rc;

		c->board->begun[writer] = n;
		rc = pawl_store_put(c->store, key, 1, &n, sizeof(n), NULL);
		if (rc && !passes(rc))
			return tell(c, rc);
		if (!rc)
			know(c->board, writer, n);
	}
	return 0;
}

/* The value of the key; 0: there is none. */
static int value_read(struct client *c, unsigned int writer, uint64_t *value_p)
{
	char key[2] = {(char)('a' + writer), '\0'};
	struct pawl_reply reply;
	int rc = pawl_store_get(c->store, PAWL_READ_TAIL, key, 1, &reply);

	*value_p = 0;
	if (!rc && reply.value_len == sizeof(*value_p))
		memcpy(value_p, reply.value, sizeof(*value_p));
	return rc == -ENOENT ? 0 : rc;
}

static int read_one(struct client *c, unsigned int writer)
{
	uint64_t known = c->board->known[writer], begun, value;
	int rc = value_read(c, writer, &value);

	if (passes(rc)) {
		c->late++;
		return 0;
	}
	if (rc)
		return tell(c, rc);
	begun = c->board->begun[writer];
	if (value < known || value > begun) {
		fprintf(stderr,
			"store_tail: STALE: %" PRIu64
			" was read of writer %u, where %" PRIu64
			" was known before and %" PRIu64 " had begun\n",
			value, writer, known, begun);
		return -EIO;
	}
	know(c->board, writer, value);
	c->done++;
	c->board->reads++;
	return 0;
}

static int read_on(struct client *c)
{
	int rc = 0;

	for (unsigned int i = 0; !told_to_end && !rc; i = (i + 1) % 2)
		rc = read_one(c, i);
	printf("%" PRIu64 " reads, %" PRIu64 " without an answer in time\n", c->done,
		c->late);
	return rc;
}

static int client_open(struct client *c, const char *where, const char *store)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	int tries = 0;
	int rc;

	options.timeout_ns = TIMEOUT_NS;
	rc = pawl_open(where, &options, &c->pawl);
	if (rc) {
		fprintf(stderr, "store_tail: %s: %s\n", where, strerror(-rc));
		return rc;
	}
	do {
		rc = pawl_store_open(c->pawl, store, NULL, &c->store);
	} while (passes(rc) && ++tries < 10);
	return rc ? tell(c, rc) : 0;
}

int main(int argc, char **argv)
{
	bool writes = argc == 6 && !strcmp(argv[1], "write");
	struct client c = {.done = 0};
	int rc;

	if (!writes && (argc != 5 || strcmp(argv[1], "read") != 0))
		return 2;
	(void)signal(SIGTERM, on_term);
	c.board = board_map(argv[4]);
	if (!c.board)
		return 2;
	rc = client_open(&c, argv[2], argv[3]);
	if (!rc)
		rc = writes ? write_on(&c, (unsigned int)atoi(argv[5]) % WRITERS_MAX)
			    : read_on(&c);
	pawl_store_close(c.store);
	pawl_close(c.pawl);
	return rc ? 1 : 0;
}
