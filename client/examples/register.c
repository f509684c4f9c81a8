/*
 * Registers users beside others that do the same: a user has a name and an e-mail address, and both
 * are nobody else's.  One transaction takes the two keys or none of them.
 *
 *     register WHERE STORE WHO FILE
 *
 * Tries every line "NAME ADDRESS" of FILE, prints those that it got as "NAME<TAB>ADDRESS<TAB>VERSION",
 * and in the end looks whether each is there whole: the name with its address, the address with its
 * name, both written at once.  WHO has to be nobody else's.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/store.h>

#define LINE_LEN 200
#define TRIES 5

struct registrar {
	struct pawl *pawl;
	struct pawl_store *store;
	const char *who;
	FILE *file;
	uint64_t won;
	uint64_t lost;
	uint64_t again; /* whose outcome was not known at first */
	uint64_t half;
};

/* A user, as it is asked for. */
struct user {
	char name[LINE_LEN];	  /* the key, "name/..." */
	char address[LINE_LEN];	  /* the key, "mail/..." */
	char whose[2 * LINE_LEN]; /* the value of both */
};

static int tell(const struct registrar *r, int rc)
{
	fprintf(stderr, "register: %s: %s\n", r->who, pawl_errmsg(r->pawl));
	return rc;
}

static struct pawl_command is_free(const char *key)
{
	return (struct pawl_command){.kind = PAWL_IF_VERSION,
		.option = PAWL_EQUAL,
		.key = key,
		.key_len = strlen(key),
		.number = 0};
}

static struct pawl_command take(const char *key, const struct user *user)
{
	return (struct pawl_command){.kind = PAWL_PUT,
		.key = key,
		.key_len = strlen(key),
		.value = user->whose,
		.value_len = strlen(user->whose)};
}

/* *version_p: when both keys were written for this very user, or 0. */
static int look(const struct registrar *r, const struct user *user, uint64_t *version_p)
{
	const char *const keys[] = {user->name, user->address};
	uint64_t versions[2] = {0};

	for (int i = 0; i < 2; i++) {
		struct pawl_reply reply;
		int rc = pawl_store_get(
			r->store, PAWL_READ_LOCAL, keys[i], strlen(keys[i]), &reply);

		if (rc && rc != -ENOENT)
			return rc;
		if (!rc && reply.value_len == strlen(user->whose) &&
			memcmp(reply.value, user->whose, reply.value_len) == 0)
			versions[i] = reply.version;
	}
	*version_p = versions[0] == versions[1] ? versions[0] : 0;
	return 0;
}

/* To try again what may be done already is safe: the keys say whose they are. */
static int user_try(struct registrar *r, const struct user *user, bool *taken_p)
{
	const struct pawl_command ifs[] = {is_free(user->name), is_free(user->address)};
	const struct pawl_command puts[] = {
		take(user->name, user), take(user->address, user)};
	const struct pawl_transaction transaction = {.comparisons = ifs,
		.comparisons_count = 2,
		.thens = puts,
		.thens_count = 2};
	struct pawl_reply reply;
	int rc, tries = 0;

	do {
		rc = pawl_store_transact(r->store, &transaction, &reply);
		r->again += rc == -ETIMEDOUT || rc == -ECANCELED;
	} while ((rc == -ETIMEDOUT || rc == -ECANCELED) && ++tries < TRIES);
	*taken_p = !rc && reply.otherwise && tries == 0;
	return rc;
}

static int user_register(struct registrar *r, const struct user *user)
{
	uint64_t version = 0;
	bool taken;
	int rc = user_try(r, user, &taken);

	if (!rc && !taken)
		rc = look(r, user, &version);
	if (rc)
		return tell(r, rc);
	r->won += version > 0;
	r->lost += version == 0;
	if (version > 0)
		printf("%s\t%s\t%" PRIu64 "\n", user->name, user->address, version);
	return 0;
}

/* Whoever was told that he is registered is. */
static int user_look_again(struct registrar *r, const struct user *user)
{
	struct pawl_reply reply;
	uint64_t version = 0;
	int rc = look(r, user, &version);

	if (rc)
		return tell(r, rc);
	r->won -= version > 0;
	rc = pawl_store_get(
		r->store, PAWL_READ_LOCAL, user->name, strlen(user->name), &reply);
	r->half += version == 0 && !rc && reply.value_len == strlen(user->whose) &&
		   memcmp(reply.value, user->whose, reply.value_len) == 0;
	return 0;
}

static int user_read(struct registrar *r, const char *line, struct user *user)
{
	char name[LINE_LEN], address[LINE_LEN];

	if (sscanf(line, "%190s %190s", name, address) != 2)
		return 0;
	(void)snprintf(user->name, sizeof(user->name), "name/%.190s", name);
	(void)snprintf(user->address, sizeof(user->address), "mail/%.190s", address);
	(void)snprintf(user->whose, sizeof(user->whose), "%.40s %.150s %.150s", r->who,
		name, address);
	return 1;
}

static int each_user(
	struct registrar *r, int (*each)(struct registrar *r, const struct user *user))
{
	char line[2 * LINE_LEN];
	struct user user;
	int rc = 0;

	rewind(r->file);
	while (!rc && fgets(line, sizeof(line), r->file)) {
		if (user_read(r, line, &user))
			rc = each(r, &user);
	}
	return rc;
}

static int all_register(struct registrar *r)
{
	uint64_t won;
	int rc = each_user(r, user_register);

	won = r->won;
	if (!rc && pawl_store_sync(r->store))
		rc = tell(r, -EIO);
	if (!rc)
		rc = each_user(r, user_look_again);
	fprintf(stderr,
		"register: %s: %" PRIu64 " users registered, %" PRIu64
		" had a name or an address of others, %" PRIu64
		" tried again for an unknown outcome\n",
		r->who, won, r->lost, r->again);
	if (!rc && (r->won || r->half)) {
		fprintf(stderr,
			"register: %s: VIOLATION: %" PRIu64 " users are gone and %" PRIu64
			" are half there\n",
			r->who, r->won, r->half);
		rc = -EILSEQ;
	}
	return rc;
}

static int registrar_run(struct registrar *r, char **argv)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	int rc;

	options.program = "example register";
	if (pawl_open(argv[1], &options, &r->pawl)) {
		fprintf(stderr, "register: %s\n", pawl_errmsg(NULL));
		return -EIO;
	}
	rc = pawl_store_open(r->pawl, argv[2], NULL, &r->store);
	rc = rc ? tell(r, rc) : all_register(r);
	pawl_store_close(r->store);
	pawl_close(r->pawl);
	return rc;
}

int main(int argc, char **argv)
{
	struct registrar r = {.won = 0};
	int rc;

	if (argc != 5) {
		fprintf(stderr, "usage: register WHERE STORE WHO FILE\n");
		return 2;
	}
	r.who = argv[3];
	r.file = fopen(argv[4], "r");
	if (!r.file) {
		fprintf(stderr, "register: %s: %s\n", argv[4], strerror(errno));
		return EXIT_FAILURE;
	}
	rc = registrar_run(&r, argv);
	(void)fclose(r.file);
	return rc || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
