/*
 * A participant of a store that does what it is told, line by line, and is up to date meanwhile.
 *
 *     store_party NAME/STORE WHO [SNAPSHOT_EVERY [DEPTH]]
 *
 *     claim N    N new keys WHO-1, WHO-2, ..., many in flight; says what became of them: those that were
 *                done, those that are in but nobody knows how they ended, those that failed
 *     put N      N times one of 200 keys
 *     snapshot   written now
 *     kept       the newest one that all replicas have, of this participant's
 *     digest     position and checksum of everything, after a sync
 *     count WHO  keys of somebody
 *
 * Each line is answered by one.  "open POSITION" is the first: with what it began.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pawl/store.h>

#define LINE_MAX_LEN 128
#define POLL_MS 1

struct party {
	struct pawl *pawl;
	struct pawl_store *store;
	const char *who;
	uint64_t claimed;
	uint64_t done, inside, failed;
	int failure;
};

static void on_outcome(void *context, const struct pawl_store_outcome *outcome)
{
	struct party *p = context;

	if (outcome->status == 0)
		p->done++;
	else if (outcome->status == -ENODATA)
		p->inside++;
	else
		p->failed++;
	if (outcome->status && outcome->status != -ENODATA)
		p->failure = outcome->status;
}

static void polled(struct party *p)
{
	int count;
	int rc = pawl_store_poll(p->store, 256, &count);

	if (rc && rc != -ETIMEDOUT)
		errx(1, "poll: %s", pawl_errmsg(p->pawl));
}

static void write_one(struct party *p, bool claims, uint64_t i)
{
	char key[64], value[64];
	struct pawl_command c = {
		.kind = claims ? PAWL_CLAIM : PAWL_PUT, .key = key, .value = value};
	int rc;

	c.key_len = claims ? (size_t)snprintf(key, sizeof(key), "%s-%llu", p->who,
				     (unsigned long long)++p->claimed)
			   : (size_t)snprintf(key, sizeof(key), "key-%llu",
				     (unsigned long long)(i % 200));
	c.value_len = (size_t)snprintf(
		value, sizeof(value), "%s %llu", p->who, (unsigned long long)i);
	while ((rc = pawl_store_submit(p->store, &c, i)) == -EAGAIN)
		polled(p);
	if (rc)
		errx(1, "submit: %s", pawl_errmsg(p->pawl));
	polled(p);
}

static void many_write(struct party *p, bool claims, uint64_t count)
{
	p->done = p->inside = p->failed = 0;
	for (uint64_t i = 0; i < count; i++)
		write_one(p, claims, i);
	while (p->done + p->inside + p->failed < count)
		polled(p);
	printf("%llu done %llu inside %llu failed %d\n", (unsigned long long)p->done,
		(unsigned long long)p->inside, (unsigned long long)p->failed, p->failure);
}

static uint64_t hashed(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * UINT64_C(1099511628211);
	return hash;
}

/* Of all keys that begin with @prefix. */
static uint64_t listed(struct party *p, const char *prefix, uint64_t *hash_p)
{
	struct pawl_command list = {
		.kind = PAWL_LIST, .key = prefix, .key_len = strlen(prefix), .other = ""};
	struct pawl_reply reply, item;
	uint64_t count = 0;
	static char last[1024];

	do {
		if (pawl_store_read(p->store, PAWL_READ_LOCAL, &list, &reply))
			errx(1, "list: %s", pawl_errmsg(p->pawl));
		while (pawl_reply_next(&reply, &item)) {
			*hash_p = hashed(*hash_p, item.key, item.key_len);
			*hash_p = hashed(*hash_p, item.value, item.value_len);
			*hash_p = hashed(*hash_p, &item.version, sizeof(item.version));
			memcpy(last, item.key, item.key_len);
			list.other = last;
			list.other_len = item.key_len;
			count++;
		}
	} while (reply.more);
	return count;
}

static void digest(struct party *p)
{
	uint64_t hash = UINT64_C(14695981039346656037), count;

	if (pawl_store_sync(p->store))
		errx(1, "sync: %s", pawl_errmsg(p->pawl));
	count = listed(p, "", &hash);
	printf("%llu %016llx %llu keys\n",
		(unsigned long long)pawl_store_position(p->store),
		(unsigned long long)hash, (unsigned long long)count);
}

static void snapshot(struct party *p)
{
	uint64_t position;

	if (pawl_store_snapshot(p->store, &position))
		printf("%s\n", pawl_errmsg(p->pawl));
	else
		printf("snapshot %llu\n", (unsigned long long)position);
}

static void kept(struct party *p)
{
	const char *why;
	int status;
	uint64_t position = pawl_store_kept(p->store, &status, &why);

	printf("kept %llu%s%s\n", (unsigned long long)position, status ? ": " : "", why);
}

static void obey(struct party *p, const char *line)
{
	char word[LINE_MAX_LEN] = "", rest[LINE_MAX_LEN] = "";
	uint64_t hash = 0;

	(void)sscanf(line, "%127s %127s", word, rest);
	if (strcmp(word, "claim") == 0)
		many_write(p, true, strtoull(rest, NULL, 10));
	else if (strcmp(word, "put") == 0)
		many_write(p, false, strtoull(rest, NULL, 10));
	else if (strcmp(word, "snapshot") == 0)
		snapshot(p);
	else if (strcmp(word, "kept") == 0)
		kept(p);
	else if (strcmp(word, "digest") == 0)
		digest(p);
	else if (strcmp(word, "count") == 0)
		printf("%llu\n", (unsigned long long)listed(p, rest, &hash));
	else
		errx(2, "'%s': not a command", word);
	(void)fflush(stdout);
}

static bool input_waits(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&in, 1, POLL_MS) > 0;
}

/* False: that was the last. */
static bool line_read(char line[LINE_MAX_LEN])
{
	size_t len = 0;
	char c = '\0';

	while (len < LINE_MAX_LEN - 1 && read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		line[len++] = c;
	line[len] = '\0';
	return c == '\n' && len > 0;
}

static void party_open(struct party *p, char *where, uint64_t every, unsigned int depth)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	struct pawl_store_options with = PAWL_STORE_OPTIONS_INIT;
	char *slash = strchr(where, '/');

	if (!slash)
		errx(2, "'%s': not NAME/STORE", where);
	*slash = '\0';
	options.timeout_ns = UINT64_C(30000000000);
	options.wait = PAWL_WAIT_SLEEP;
	with.depth = depth;
	with.on_outcome = on_outcome;
	with.outcome_context = p;
	with.snapshot_every = every;
	if (pawl_open(where, &options, &p->pawl))
		errx(1, "%s", pawl_errmsg(NULL));
	if (pawl_store_open(p->pawl, slash + 1, &with, &p->store))
		errx(1, "open: %s", pawl_errmsg(p->pawl));
}

int main(int argc, char **argv)
{
	struct party party = {.who = argc > 2 ? argv[2] : ""};
	char line[LINE_MAX_LEN];

	if (argc < 3 || argc > 5)
		errx(2, "usage: store_party NAME/STORE WHO [SNAPSHOT_EVERY [DEPTH]]");
	party_open(&party, argv[1], argc > 3 ? strtoull(argv[3], NULL, 10) : 0,
		argc > 4 ? (unsigned int)strtoul(argv[4], NULL, 10) : 0);
	printf("open %llu\n", (unsigned long long)pawl_store_position(party.store));
	(void)fflush(stdout);
	for (;;) {
		polled(&party);
		if (!input_waits())
			continue;
		if (!line_read(line))
			break;
		obey(&party, line);
	}
	pawl_store_close(party.store);
	pawl_close(party.pawl);
	return 0;
}
