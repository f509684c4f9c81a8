/*
 * Leader election: whoever holds the lock called OFFICE leads, and the fencing token is the
 * epoch.  A leader that is killed, stopped or cut off is replaced when its session has been silent.
 *
 *     elect WHERE STORE OFFICE WHO [SILENCE_MS]
 *
 * Candidates wait in the queue of the lock.  The leader works: it adds one to the number in the key
 * OFFICE/work, under the condition that the lock still has its epoch; so what a leader does who has
 * been replaced and does not know changes nothing.  Prints "stands", "leads EPOCH", "deposed EPOCH" and
 * "follows EPOCH", until SIGTERM comes: then it resigns.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pawl/store.h>

#define WORK_NS UINT64_C(5000000)
#define WAIT_NS UINT64_C(500000000)

struct candidate {
	struct pawl *pawl;
	struct pawl_store *store;
	const char *office;
	const char *who;
	char key[256];
	uint64_t silence_ms;
	uint64_t session; /* 0: none */
	uint64_t epoch;
	uint64_t terms;
	uint64_t done; /* pieces of work */
};

static volatile sig_atomic_t over;

static void on_term(int signal)
{
	(void)signal;
	over = 1;
}

static int tell(const struct candidate *c, int rc)
{
	fprintf(stderr, "elect: %s: %s\n", c->who, pawl_errmsg(c->pawl));
	return rc;
}

/* What is asked for again is harmless. */
static int is_unknown(int rc)
{
	return rc == -ETIMEDOUT || rc == -ECANCELED || rc == -EAGAIN;
}

/* ---- Following ---- */

/* Told of every leader in the order of their epochs. */
static void on_change(void *context, const struct pawl_change *change)
{
	const struct candidate *c = context;

	if (change->kind == PAWL_GRANTED && change->session != c->session)
		printf("follows %" PRIu64 "\n", change->version);
}

/* 1: elected; 0: not yet. */
static int stand(struct candidate *c)
{
	int rc = 0;

	if (c->session == 0)
		rc = pawl_session_open(c->store, c->silence_ms, &c->session);
	if (!rc)
		rc = pawl_lock_wait(c->store, c->session, c->office, strlen(c->office),
			WAIT_NS, &c->epoch);
	if (rc == -ESTALE)
		c->session = 0;
	if (rc == -ESTALE || is_unknown(rc))
		return 0;
	return rc ? tell(c, rc) : 1;
}

/* ---- Leading ---- */

/* Only the leader of this epoch writes the key, so what was read is what is there. */
static int work(struct candidate *c)
{
	struct pawl_command still = {.kind = PAWL_IF_FENCE, .option = PAWL_EQUAL};
	struct pawl_command put = {.kind = PAWL_PUT};
	struct pawl_transaction t = {.comparisons = &still,
		.thens = &put,
		.comparisons_count = 1,
		.thens_count = 1};
	struct pawl_reply reply;
	uint64_t number = 0;
	char text[24];
	int rc = pawl_store_get(
		c->store, PAWL_READ_LOCAL, c->key, strlen(c->key), &reply);

	if (rc && rc != -ENOENT)
		return rc;
	if (!rc && reply.value_len < sizeof(text)) {
		memcpy(text, reply.value, reply.value_len);
		text[reply.value_len] = '\0';
		number = strtoull(text, NULL, 10);
	}
	still.key = c->office;
	still.key_len = strlen(c->office);
	still.number = c->epoch;
	put.key = c->key;
	put.key_len = strlen(c->key);
	put.value = text;
	put.value_len = (size_t)snprintf(text, sizeof(text), "%" PRIu64, number + 1);
	rc = pawl_store_transact(c->store, &t, &reply);
	if (!rc && reply.otherwise)
		return -ESTALE;
	c->done += rc == 0;
	return rc;
}

/* 0: it resigned, or was replaced. */
static int lead(struct candidate *c)
{
	int count, rc = 0;

	printf("leads %" PRIu64 "\n", c->epoch);
	c->terms++;
	while (!over && !rc) {
		rc = work(c);
		if (is_unknown(rc))
			rc = 0; /* it may be done; the next piece begins with what is there */
		if (!rc)
			rc = pawl_store_wait(c->store, 256, WORK_NS, &count);
		if (rc == -ETIMEDOUT)
			rc = 0;
	}
	if (rc == -ESTALE) {
		printf("deposed %" PRIu64 "\n", c->epoch);
		c->session = 0;
		return 0;
	}
	return rc ? tell(c, rc) : 0;
}

static int candidate_run(struct candidate *c)
{
	struct pawl_watch *watch;
	int rc = pawl_store_watch(c->store, PAWL_WATCH_LOCKS, c->office,
		strlen(c->office), on_change, c, &watch, NULL);

	if (rc)
		return tell(c, rc);
	printf("stands\n");
	while (!over && rc >= 0) {
		rc = stand(c);
		if (rc > 0)
			rc = lead(c);
	}
	/* To resign: the lock goes to the next in the queue with it. */
	if (rc == 0 && c->session && pawl_session_close(c->store, c->session))
		(void)tell(c, 0);
	fprintf(stderr, "elect: %s: led %" PRIu64 " times, %" PRIu64 " pieces of work\n",
		c->who, c->terms, c->done);
	return rc;
}

static int candidate_open(struct candidate *c, const char *where, const char *store)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	int rc;

	options.program = "example elect";
	options.wait = PAWL_WAIT_SLEEP; /* mostly it waits */
	options.timeout_ns = UINT64_C(30000000000);
	if (pawl_open(where, &options, &c->pawl)) {
		fprintf(stderr, "elect: %s\n", pawl_errmsg(NULL));
		return -1;
	}
	rc = pawl_store_open(c->pawl, store, NULL, &c->store);
	return rc ? tell(c, rc) : 0;
}

int main(int argc, char **argv)
{
	const struct sigaction ends = {.sa_handler = on_term};
	struct candidate c = {.silence_ms = 2000};
	int rc;

	if (argc < 5) {
		fprintf(stderr, "usage: elect WHERE STORE OFFICE WHO [SILENCE_MS]\n");
		return 2;
	}
	c.office = argv[3];
	c.who = argv[4];
	(void)snprintf(c.key, sizeof(c.key), "%s/work", c.office);
	if (argc > 5)
		c.silence_ms = strtoull(argv[5], NULL, 10);
	(void)sigaction(SIGTERM, &ends, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	rc = candidate_open(&c, argv[1], argv[2]);
	if (!rc)
		rc = candidate_run(&c);
	pawl_store_close(c.store);
	pawl_close(c.pawl);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
