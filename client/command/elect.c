/*
 * pawl elect: who holds a lock of a store leads, and its fencing token is the leader's.  A candidate's
 * name is the value of the key ELECTION/SESSION, which ends with its session.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/command/command.h"
#include "client/command/json_text.h"
#include "client/command/tenure.h"

#define TURN_MS 10
#define KEY_ROOM 1200 /* an election's name, a slash and a number */
#define TRIES 5

struct elect_arguments {
	struct tenure_arguments tenure;
	const char *name;
	const char *count;
	bool observes;
	bool json;
};

struct election {
	struct tenure tenure;
	const char *name;
	FILE *out;	/* not where the command's output goes */
	uint64_t count; /* lines, at most */
	uint64_t told;
	bool json;
};

static error_t elect_option(int key, char *arg, struct argp_state *state)
{
	struct elect_arguments *a = state->input;

	switch (key) {
	case 'n':
		a->name = arg;
		return 0;
	case 'o':
		a->observes = true;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case 'c':
		a->count = arg;
		return 0;
	default:
		return tenure_option(key, arg, state, &a->tenure);
	}
}

static int election_set(struct election *e, const struct elect_arguments *a)
{
	*e = (struct election){.name = a->name,
		.out = a->tenure.argv ? stderr : stdout,
		.count = UINT64_MAX,
		.json = a->json};
	if (a->observes == !!a->name)
		return command_misuse(
			"pawl elect: use --name to be elected, or --observe to look on");
	if (a->observes && a->tenure.argv)
		return command_misuse("pawl elect: --observe: runs no command; leave it "
				      "out, or use --name");
	if (a->count && !a->observes)
		return command_misuse("pawl elect: --count: is for --observe");
	if (a->count && !command_number(a->count, 1, UINT64_MAX, &e->count))
		return command_misuse(
			"pawl elect: --count=%s: not a count; use 1 or more", a->count);
	return tenure_set(&e->tenure, "pawl elect", &a->tenure);
}

/* ---- Who leads ---- */

static bool key_make(const struct election *e, uint64_t session, char key[KEY_ROOM])
{
	int len = snprintf(key, KEY_ROOM, "%s/%" PRIu64, e->tenure.holding.lock, session);

	return len < KEY_ROOM;
}

static struct pawl_reply name_of(const struct election *e, uint64_t session)
{
	struct pawl_reply reply = {.value = ""};
	char key[KEY_ROOM];

	if (!key_make(e, session, key) ||
		pawl_store_get(e->tenure.holding.target.store, PAWL_READ_LOCAL, key,
			strlen(key), &reply))
		return (struct pawl_reply){.value = ""};
	return reply;
}

static void leader_json(const struct election *e, uint64_t session, uint64_t fence,
	const struct pawl_reply *name)
{
	(void)fprintf(e->out, "{\"fence\": %" PRIu64, fence);
	if (fence) {
		(void)fprintf(e->out, ", \"session\": %" PRIu64 ", ", session);
		json_bytes_put(
			e->out, "name", "name_base64", name->value, name->value_len);
	}
	(void)fputs("}\n", e->out);
}

/* The store is as it was when the leader changed. */
static void on_change(void *context, uint64_t session, uint64_t fence)
{
	struct election *e = context;
	struct pawl_reply name;

	if (e->told == e->count)
		return;
	name = name_of(e, session);
	if (e->json) {
		leader_json(e, session, fence, &name);
	} else {
		(void)fprintf(e->out, "%" PRIu64 "\t", fence);
		(void)fwrite(name.value, 1, name.value_len, e->out);
		(void)fputc('\n', e->out);
	}
	(void)fflush(e->out);
	e->told++;
}

/* As it is at the begin.  What has changed before is in it. */
static int leader_look(struct election *e)
{
	struct holding *h = &e->tenure.holding;
	const struct pawl_command look = {
		.kind = PAWL_LOOK, .key = h->lock, .key_len = strlen(h->lock)};
	struct pawl_reply reply = {0};
	int rc = pawl_store_read(h->target.store, PAWL_READ_LOCAL, &look, &reply);

	if (rc && rc != -ENOENT) {
		(void)target_fail(&h->target);
		return GUARDED_FAILED;
	}
	h->changed = false;
	on_change(e, reply.session, reply.version);
	return COMMAND_OK;
}

/* ---- Candidates ---- */

static int name_put(struct election *e)
{
	struct holding *h = &e->tenure.holding;
	struct pawl_command put = {.kind = PAWL_PUT,
		.option = PAWL_EPHEMERAL,
		.value = e->name,
		.value_len = strlen(e->name),
		.session = h->session};
	char key[KEY_ROOM];
	int rc = -ECANCELED;

	if (!key_make(e, h->session, key)) {
		(void)command_fail("pawl elect: %s: the name of the election is longer "
				   "than names can be",
			h->target.text);
		return GUARDED_FAILED;
	}
	put.key = key;
	put.key_len = strlen(key);
	for (int i = 0; i < TRIES && rc == -ECANCELED; i++)
		rc = pawl_store_call(h->target.store, &put, NULL);
	if (rc)
		(void)target_fail(&h->target);
	return rc ? GUARDED_FAILED : COMMAND_OK;
}

/* Until it is asked to end, or nobody wants to know any more. */
static int look_on(struct election *e)
{
	struct tenure *t = &e->tenure;

	while (!guarded_wait(&t->guarded, TURN_MS)) {
		if (!holding_move(&t->holding))
			return t->holding.session ? GUARDED_LOST : GUARDED_FAILED;
		if (e->told >= e->count || ferror(e->out))
			break;
	}
	return e->out == stdout ? command_finish_output() : COMMAND_OK;
}

static int lead(struct election *e)
{
	struct holding *h = &e->tenure.holding;
	int rc;

	if (e->tenure.argv)
		return tenure_run(&e->tenure);
	rc = look_on(e);
	if (rc == COMMAND_OK && !holding_end(h))
		rc = GUARDED_LOST;
	return rc;
}

static int stand(struct election *e)
{
	struct holding *h = &e->tenure.holding;
	int rc = holding_begin(h, e->tenure.ttl_ms);

	if (!rc)
		rc = name_put(e);
	if (!rc)
		rc = holding_ask(h, true);
	if (!rc)
		rc = leader_look(e);
	if (!rc)
		rc = tenure_await(&e->tenure, UINT64_MAX);
	if (!rc)
		return lead(e);
	holding_abandon(h);
	return rc;
}

static int election_run(struct election *e)
{
	int rc;

	e->tenure.holding.on_change = on_change;
	e->tenure.holding.context = e;
	if (e->name)
		return stand(e);
	rc = leader_look(e);
	return rc ? rc : look_on(e);
}

int command_elect(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"name", 'n', "NAME", 0, "Be elected, as NAME", 0},
		{"observe", 'o', NULL, 0, "Only look on", 0},
		{"count", 'c', "N", 0, "With --observe: end after N lines", 0},
		{"json", 'j', NULL, 0, "Write JSON objects", 0}, TENURE_ENTRIES,
		{"timeout", TARGET_OPTION_TIMEOUT, "S", 0,
			"Give up when the replicas do not answer for S seconds (5)", 0},
		{0}};
	static const struct argp argp = {options, elect_option,
		"NAME/STORE ELECTION [-- COMMAND [ARGUMENT...]]",
		"Be elected leader or wait for it, and write who leads with every "
		"change: its fencing token, a tab and its name.  COMMAND is run while "
		"this "
		"one leads.",
		NULL, NULL, NULL};
	struct elect_arguments a = {.name = NULL};
	struct election e;
	int rc = command_parse_leading(&argp, argc, argv, &a);

	if (!rc)
		rc = election_set(&e, &a);
	if (!rc)
		rc = tenure_open(&e.tenure, &a.tenure);
	if (rc)
		return rc;
	rc = election_run(&e);
	holding_close(&e.tenure.holding);
	return rc;
}
