/*
 * A reader that is cut off from all replicas but the tail, and reads there when that is history.
 *
 *     late_read WHERE STORE BOARD
 *
 * WHERE is the tail's address.  Reads once, says "ready", and waits for a line.  By then the chain has
 * gone on without the tail, as the board of store_tail shows; but nothing of that comes here.  Then it
 * asks the tail again.  What is returned may not be older than the board was before.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/include/pawl/store.h"
#include "client/lib/handle.h"
#include "tests/system/store_board.h"

#define TIMEOUT_NS UINT64_C(1500000000)

/* Connections that stay open, and on which nothing comes any more. */
static void others_mute(struct pawl *pawl, uint32_t replica)
{
	for (int i = 0; i < SESSION_PEERS_MAX; i++) {
		struct peer *peer = &pawl->session.peers[i];
		int ends[2];

		if (!peer_is_connected(peer) || peer->replica == replica)
			continue;
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) ||
			dup2(ends[0], peer->control.fd) < 0)
			err(EXIT_FAILURE, "mute");
	}
}

static int value_read(struct pawl_store *store, uint64_t *value_p)
{
	struct pawl_reply reply;
	int rc = pawl_store_get(store, PAWL_READ_TAIL, "a", 1, &reply);

	*value_p = 0;
	if (!rc && reply.value_len == sizeof(*value_p))
		memcpy(value_p, reply.value, sizeof(*value_p));
	return rc;
}

static void line_await(void)
{
	char line[16];

	if (puts("ready") < 0 || fflush(stdout) || !fgets(line, sizeof(line), stdin))
		exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	struct pawl_store *store;
	struct board *board;
	struct pawl *pawl;
	uint64_t known, value;
	int rc;

	if (argc != 4)
		errx(2, "usage: late_read WHERE STORE BOARD");
	board = board_map(argv[3]);
	options.timeout_ns = TIMEOUT_NS;
	if (!board || pawl_open(argv[1], &options, &pawl))
		errx(EXIT_FAILURE, "%s", pawl_errmsg(NULL));
	if (pawl_store_open(pawl, argv[2], NULL, &store) || value_read(store, &value))
		errx(EXIT_FAILURE, "%s", pawl_errmsg(pawl));
	others_mute(
		pawl, pawl->session.links[pawl->session.links_count - 1].peer->replica);
	line_await();
	known = board->known[0];
	rc = value_read(store, &value);
	printf("%" PRIu64 " was known; %s %" PRIu64 "\n", known,
		rc ? pawl_errmsg(pawl) : "read", value);
	if (!rc && value < known)
		errx(EXIT_FAILURE, "STALE");
	pawl_store_close(store);
	pawl_close(pawl);
	return rc && rc != -ETIMEDOUT ? EXIT_FAILURE : EXIT_SUCCESS;
}
