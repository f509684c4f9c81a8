/*
 * A lock whose holder may be stopped for longer than its session lives: another one takes over,
 * and what the first one writes when it wakes up is refused, for its token is older.
 *
 *     guard WHERE STORE LOCK FILE WHO [SILENCE_MS]
 *     guard check FILE
 *
 * Takes turns with others that hold the lock and write to FILE (guarded_file.h), until SIGTERM
 * comes.  It says what it does, in lines that begin with waits, holds, writes, refused and releases;
 * between "holds" and "writes" is a good moment to stop it.  "check" looks at the file: it fails if
 * one stale record is in it, and says how many there would be without the token.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pawl/store.h>

#include "guarded_file.h"

#define RECORDS_PER_TURN 10
#define WORK_NS 5000000 /* for a record */
#define WAIT_NS UINT64_C(1000000000)
#define TRIES 10

struct guard {
	struct pawl *pawl;
	struct pawl_store *store;
	const char *lock;
	const char *path;
	const char *who;
	uint64_t silence_ms;
	uint64_t session; /* 0: none */
	uint64_t token;
	uint64_t turns;
	uint64_t records;
	uint64_t refused;
};

static volatile sig_atomic_t over;

static void on_term(int signal)
{
	(void)signal;
	over = 1;
}

static int tell(const struct guard *g, int rc)
{
	fprintf(stderr, "guard: %s: %s\n", g->who, pawl_errmsg(g->pawl));
	return rc;
}

/* The log was looked at, or there was no answer in time: what is asked for again is harmless. */
static int is_unknown(int rc)
{
	return rc == -ETIMEDOUT || rc == -ECANCELED || rc == -EAGAIN;
}

/* A session that is over took its lock and its place in the queue with it. */
static int session_get(struct guard *g)
{
	int tries = 0;
	int rc = 0;

	while (g->session == 0 && tries++ < TRIES) {
		rc = pawl_session_open(g->store, g->silence_ms, &g->session);
		if (rc && !is_unknown(rc))
			break;
	}
	return g->session ? 0 : tell(g, rc);
}

/* 1: it is held; 0: not yet. */
static int lock_get(struct guard *g)
{
	int rc = session_get(g);

	if (rc)
		return rc;
	rc = pawl_lock_wait(
		g->store, g->session, g->lock, strlen(g->lock), WAIT_NS, &g->token);
	if (rc == -ESTALE)
		g->session = 0;
	if (rc == -ESTALE || is_unknown(rc))
		return 0;
	return rc ? tell(g, rc) : 1;
}

/* Works for a while.  It keeps the session meanwhile, as long as it runs. */
static int work(struct guard *g)
{
	const struct timespec pause = {.tv_nsec = WORK_NS};
	int count;
	int rc = pawl_store_poll(g->store, 256, &count);

	if (rc == -ESTALE) /* nobody knows what became of a keep-alive: the log does */
		rc = pawl_store_sync(g->store);
	(void)nanosleep(&pause, NULL);
	return rc == -ETIMEDOUT ? 0 : rc;
}

/*
 * To ask before whether the session lives would not help: it could be stopped between the answer
 * and the write.
 */
static int record_write(struct guard *g)
{
	uint64_t newest = 0;
	int rc;

	printf("writes %" PRIu64 "\n", g->token);
	rc = guarded_file_add(g->path, g->token, g->who, g->records, &newest);
	if (rc == -ESTALE) {
		g->refused++;
		printf("refused %" PRIu64 ": %" PRIu64 " is newer\n", g->token, newest);
		return rc;
	}
	if (rc)
		fprintf(stderr, "guard: %s: %s: %s\n", g->who, g->path, strerror(-rc));
	g->records += rc == 0;
	return rc;
}

/* 0: the lock may be held to the end, or was lost. */
static int turn_run(struct guard *g)
{
	int rc = 0;

	for (int i = 0; i < RECORDS_PER_TURN && !over && !rc; i++) {
		printf("holds %" PRIu64 "\n", g->token);
		if (work(g))
			return tell(g, -1);
		rc = record_write(g);
	}
	if (rc && rc != -ESTALE)
		return rc;
	rc = pawl_unlock(g->store, g->session, g->lock, strlen(g->lock), g->token);
	if (rc == -ESTALE)
		g->session =
			0; /* of a session that lives, nobody else has taken the lock */
	else if (rc && !is_unknown(rc))
		return tell(g, rc);
	printf("releases %" PRIu64 "\n", g->token);
	g->turns++;
	return 0;
}

static int guard_run(struct guard *g)
{
	int rc = 0;

	while (!over && rc >= 0) {
		printf("waits\n");
		rc = lock_get(g);
		if (rc > 0)
			rc = turn_run(g);
	}
	if (rc == 0 && g->session && pawl_session_close(g->store, g->session) == -ESTALE)
		g->session = 0;
	fprintf(stderr,
		"guard: %s: %" PRIu64 " turns, %" PRIu64 " records, %" PRIu64
		" refused for an old token\n",
		g->who, g->turns, g->records, g->refused);
	return rc;
}

static int guard_open(struct guard *g, const char *where, const char *store)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	int rc;

	options.program = "example guard";
	options.wait = PAWL_WAIT_SLEEP; /* mostly it waits */
	options.timeout_ns = UINT64_C(30000000000);
	if (pawl_open(where, &options, &g->pawl)) {
		fprintf(stderr, "guard: %s\n", pawl_errmsg(NULL));
		return -1;
	}
	rc = pawl_store_open(g->pawl, store, NULL, &g->store);
	return rc ? tell(g, rc) : 0;
}

static int check(const char *path)
{
	struct guarded_file_report guarded, unguarded;
	char beside[4096];
	int rc = guarded_file_look(path, &guarded);

	(void)snprintf(beside, sizeof(beside), "%s.unguarded", path);
	if (!rc)
		rc = guarded_file_look(beside, &unguarded);
	if (rc) {
		fprintf(stderr, "guard: %s: %s\n", path, strerror(-rc));
		return EXIT_FAILURE;
	}
	printf("%" PRIu64 " records with %" PRIu64 " tokens, %" PRIu64
	       " of them stale; without the token %" PRIu64 " of %" PRIu64 " would be\n",
		guarded.records, guarded.tokens, guarded.stale, unguarded.stale,
		unguarded.records);
	return guarded.stale ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const struct sigaction ends = {.sa_handler = on_term};
	struct guard g = {.silence_ms = 2000};
	int rc;

	if (argc == 3 && strcmp(argv[1], "check") == 0)
		return check(argv[2]);
	if (argc < 6) {
		fprintf(stderr, "usage: guard WHERE STORE LOCK FILE WHO [SILENCE_MS]\n"
				"       guard check FILE\n");
		return 2;
	}
	g.lock = argv[3];
	g.path = argv[4];
	g.who = argv[5];
	if (argc > 6)
		g.silence_ms = strtoull(argv[6], NULL, 10);
	(void)sigaction(SIGTERM, &ends, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	rc = guard_open(&g, argv[1], argv[2]);
	if (!rc)
		rc = guard_run(&g);
	pawl_store_close(g.store);
	pawl_close(g.pawl);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
