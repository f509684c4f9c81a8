/* pawl down. */
#include <errno.h>
#include <stdio.h>

#include "client/command/command.h"
#include "client/command/launch.h"
#include "client/command/locals.h"
#include "client/command/stop.h"
#include "sequencer/core/limits.h"
#include "sequencer/core/names.h"

#define END_TIMEOUT_NS UINT64_C(10000000000)

struct down {
	struct launch launch; /* of the pawld that settles */
	bool erase;
	struct locals locals;
	struct stop_surroundings learned;
};

static error_t down_option(int key, char *arg, struct argp_state *state)
{
	struct down *d = state->input;

	switch (key) {
	case 'e':
		d->erase = true;
		return 0;
	case 's':
		d->launch.store = arg;
		return 0;
	default:
		return launch_option(key, arg, state, &d->launch);
	}
}

/* One that was killed before, or NULL. */
static const struct local_replica *killed(const struct locals *locals)
{
	for (unsigned int i = 0; i < locals->count; i++) {
		if (!locals->at[i].runs)
			return &locals->at[i];
	}
	return NULL;
}

/*
 * Replicas that were killed may have left memory behind, of which nothing is needed once the
 * numbers are saved.
 */
static void remains_clear(const struct down *d)
{
	struct error said;

	for (unsigned int i = 0; i < d->locals.count; i++) {
		if (!d->locals.at[i].runs)
			(void)!launch_settle(
				&d->launch, d->locals.at[i].id, false, &said);
	}
}

static int end_check(const struct down *d)
{
	const struct local_replica *left = locals_await_end(&d->locals, END_TIMEOUT_NS);
	char pid[16];

	if (!left)
		return COMMAND_OK;
	local_pid(&d->locals, left->id, pid);
	return command_fail(
		"pawl down: %s: %s replica %u, process %s, does not end; look "
		"at its log",
		d->launch.cluster,
		d->learned.alone.text[0] ? "nothing was saved, and"
					 : "the numbers are saved, but",
		(unsigned int)left->id, pid);
}

/* What the replicas that ran had, those that were killed had as well. */
static void surroundings_use(struct down *d)
{
	if (!d->launch.store && d->learned.store[0])
		d->launch.store = d->learned.store;
	if (d->launch.rest_count == 0 && d->learned.memory_dir[0])
		d->launch.memory_dir = d->learned.memory_dir;
}

/* They were dying when they were found, or did not answer before they ended. */
static bool died_meanwhile(const struct down *d, int rc)
{
	return (rc == -ECONNRESET || rc == -ECONNREFUSED || rc == -ENOENT ||
		       rc == -ETIMEDOUT || rc == -EREMCHG) &&
	       !locals_living(&d->locals);
}

/* Those that ran had nothing to save; killed ones may have left it. */
static int alone_end(const struct down *d)
{
	struct error said;

	for (unsigned int i = 0; i < d->locals.count; i++) {
		if (d->locals.at[i].runs ||
			launch_settle(&d->launch, d->locals.at[i].id, false, &said))
			continue;
		(void)printf("%s\n", said.text);
		return command_finish_output();
	}
	(void)printf("%s: down, but no number was saved: %s\n", d->launch.cluster,
		d->learned.alone.text);
	return command_finish_output();
}

/*
 * -EAGAIN: there is nobody to stop.  Else the exit status.  Once the record is gone nobody
 * knows any more what belonged to the cluster, so it goes last.
 */
static int running_stop(struct down *d)
{
	const struct local_replica *dead = killed(&d->locals);
	struct error err;
	int rc = stop_cluster(&d->locals, d->erase && !dead, &d->learned, &err);

	surroundings_use(d);
	if (rc)
		return died_meanwhile(d, rc) ? -EAGAIN : command_fail("%s", err.text);
	rc = end_check(d);
	if (rc)
		return rc;
	if (d->learned.alone.text[0] && !d->erase)
		return alone_end(d);
	remains_clear(d);
	if (dead && d->erase && launch_settle(&d->launch, dead->id, true, &err))
		return command_fail("%s", err.text);
	(void)printf("%s: down, %s\n", d->launch.cluster,
		d->erase ? "its numbers are forgotten" : "its numbers are kept");
	return command_finish_output();
}

/* In the name of the first replica for which it can be done. */
static int settle_any(const struct down *d, bool erase, struct error *said)
{
	struct local_replica none = {.id = 1};
	const struct local_replica *replica = d->locals.count ? d->locals.at : &none;
	struct error first = {.text = ""};

	for (unsigned int i = 0; i == 0 || i < d->locals.count; i++, replica++) {
		if (launch_settle(&d->launch, replica->id, erase, said) == 0)
			return 0;
		if (i == 0)
			first = *said;
	}
	*said = first;
	return -EIO;
}

/* Nobody runs: pawld itself settles what killed ones may have left. */
static int settle(const struct down *d)
{
	struct error said;
	bool many = d->locals.count > 1;
	int rc = d->erase && !many ? 0 : settle_any(d, false, &said);

	if (!rc && many)
		remains_clear(d);
	if (d->erase)
		rc = settle_any(d, true, &said);
	if (rc)
		return command_fail("%s", said.text);
	(void)printf("%s\n", said.text);
	return command_finish_output();
}

static bool any_runs(const struct locals *locals)
{
	bool any = false;

	for (unsigned int i = 0; i < locals->count; i++)
		any |= locals->at[i].runs;
	return any;
}

static int down(struct down *d)
{
	struct error err;
	int rc = locals_find(d->launch.cluster, &d->locals, &err);

	if (rc)
		return command_fail("%s", err.text);
	rc = any_runs(&d->locals) ? running_stop(d) : -EAGAIN;
	if (rc == -EAGAIN) {
		for (unsigned int i = 0; i < d->locals.count; i++)
			d->locals.at[i].runs = false;
		rc = settle(d);
	}
	locals_close(&d->locals);
	return rc;
}

int command_down(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"erase", 'e', NULL, 0,
			"Forget the numbers as well: a cluster started under this name "
			"begins again at 1",
			0},
		{"store", 's', "file:DIR|etcd:URL,.../PREFIX", 0,
			"Where the record is, for a cluster of which nothing runs any "
			"more (the state directory)",
			0},
		{0}};
	static const struct argp argp = {options, down_option,
		"NAME [-- PAWLD-OPTION...]",
		"Stop a cluster, all its replicas.  Its numbers are kept, and go on when "
		"it is started again.  When none runs any more, what killed ones left is "
		"settled: the numbers are saved from their memory.  Options after '--' "
		"are passed to the pawld that does this.",
		NULL, NULL, NULL};
	struct down d = {.erase = false};
	int rc = command_parse(&argp, argc, argv, &d);

	if (rc)
		return rc;
	if (!names_cluster_valid(d.launch.cluster))
		return command_misuse("pawl: '%s': not a cluster name; use 1 to %d "
				      "letters, digits, '.', "
				      "'_' or '-', beginning with a letter, digit or '_'",
			d.launch.cluster, CLUSTER_NAME_MAX);
	return down(&d);
}
