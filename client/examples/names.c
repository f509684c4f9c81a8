/*
 * Takes user names out of a list, beside others that do the same: a name is whose claim came
 * first, and nobody else's, also when replicas die meanwhile.
 *
 *     names WHERE STORE WHO FILE [TIMEOUT_S]
 *
 * Claims every line of FILE for WHO, prints those that it got as "NAME<TAB>VERSION", and in the
 * end looks whether all of them are still its own.  WHO has to be nobody else's.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/store.h>

#define NAME_MAX_LEN 200

struct taker {
	struct pawl *pawl;
	struct pawl_store *store;
	const char *who;
	FILE *file;
	uint64_t won;
	uint64_t lost;
	uint64_t again; /* claims whose outcome was not known at first */
	uint64_t wrong;
};

static int tell(const struct taker *t, int rc)
{
	fprintf(stderr, "names: %s: %s\n", t->who, pawl_errmsg(t->pawl));
	return rc;
}

static int is_mine(const struct taker *t, const struct pawl_reply *reply)
{
	return reply->value_len == strlen(t->who) &&
	       memcmp(reply->value, t->who, reply->value_len) == 0;
}

/* To claim again what may be claimed already is safe: the answer says whose it is. */
static int claim(struct taker *t, const char *name)
{
	struct pawl_reply reply;
	int tries = 0;
	int rc;

	do {
		rc = pawl_store_claim(
			t->store, name, strlen(name), t->who, strlen(t->who), &reply);
		t->again += rc == -ETIMEDOUT || rc == -ECANCELED;
	} while ((rc == -ETIMEDOUT || rc == -ECANCELED) && ++tries < 5);
	if (rc && rc != -EEXIST)
		return tell(t, rc);
	if (rc == -EEXIST && (tries == 0 || !is_mine(t, &reply))) {
		t->lost++;
		return 0;
	}
	t->won++;
	printf("%s\t%" PRIu64 "\n", name, reply.version);
	return 0;
}

static int look(struct taker *t, const char *name)
{
	struct pawl_reply reply;
	int rc = pawl_store_get(t->store, PAWL_READ_LOCAL, name, strlen(name), &reply);

	if (rc && rc != -ENOENT)
		return tell(t, rc);
	t->won -= !rc && is_mine(t, &reply);
	t->wrong += rc == -ENOENT;
	return 0;
}

static int each_name(struct taker *t, int (*each)(struct taker *t, const char *name))
{
	char name[NAME_MAX_LEN];
	int rc = 0;

	rewind(t->file);
	while (!rc && fgets(name, sizeof(name), t->file)) {
		name[strcspn(name, "\n")] = '\0';
		if (name[0])
			rc = each(t, name);
	}
	return rc;
}

static int names_take(struct taker *t)
{
	uint64_t won;
	int rc = each_name(t, claim);

	won = t->won;
	if (!rc && pawl_store_sync(t->store))
		rc = tell(t, -1);
	if (!rc)
		rc = each_name(t, look);
	fprintf(stderr,
		"names: %s: %" PRIu64 " won, %" PRIu64 " lost, %" PRIu64
		" claimed again for an unknown outcome, up to position %" PRIu64 "\n",
		t->who, won, t->lost, t->again, pawl_store_position(t->store));
	if (!rc && (t->won || t->wrong)) {
		fprintf(stderr, "names: %s: what was won is not what is there\n", t->who);
		rc = -1;
	}
	return rc;
}

static int taker_run(struct taker *t, int argc, char **argv)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	int rc;

	options.program = "example names";
	options.timeout_ns = (argc > 5 ? strtoull(argv[5], NULL, 10) : 30) *
			     UINT64_C(1000000000);
	if (pawl_open(argv[1], &options, &t->pawl)) {
		fprintf(stderr, "names: %s\n", pawl_errmsg(NULL));
		return -1;
	}
	rc = pawl_store_open(t->pawl, argv[2], NULL, &t->store);
	rc = rc ? tell(t, rc) : names_take(t);
	if (t->store)
		pawl_store_close(t->store);
	pawl_close(t->pawl);
	return rc;
}

int main(int argc, char **argv)
{
	struct taker t = {.won = 0};
	int rc;

	if (argc < 5) {
		fprintf(stderr, "usage: names WHERE STORE WHO FILE [TIMEOUT_S]\n");
		return 2;
	}
	t.who = argv[3];
	t.file = fopen(argv[4], "r");
	if (!t.file) {
		fprintf(stderr, "names: %s: %s\n", argv[4], strerror(errno));
		return EXIT_FAILURE;
	}
	rc = taker_run(&t, argc, argv);
	(void)fclose(t.file);
	return rc || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
