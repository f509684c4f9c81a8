/* pawl replay: the messages in a stream's archive, without any daemon. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/command/archived.h"
#include "client/command/command.h"
#include "client/command/deliveries.h"
#include "client/command/ending.h"
#include "client/command/target.h"
#include "sequencer/control/paths.h"

#define OPTION_FROM 'f'
#define OPTION_ARCHIVE 'a'

struct replay_arguments {
	const char *what; /* the directory, or NAME/STREAM */
	const char
		*archive; /* where clusters have their archives; NULL: the usual place */
	const char *from;
	struct deliveries_arguments deliveries;
};

static error_t replay_option(int key, char *arg, struct argp_state *state)
{
	struct replay_arguments *a = state->input;
	error_t rc;

	switch (key) {
	case OPTION_FROM:
		a->from = arg;
		return 0;
	case OPTION_ARCHIVE:
		a->archive = arg;
		return 0;
	default:
		rc = deliveries_option(key, arg, &a->deliveries);
		return rc == ARGP_ERR_UNKNOWN
			       ? command_argument(key, arg, state, &a->what)
			       : rc;
	}
}

static int limits_set(
	const struct replay_arguments *a, uint64_t *from_p, struct deliveries *deliveries)
{
	const char *until = a->deliveries.until;
	int rc = deliveries_begin(&a->deliveries, "pawl replay", a->what, deliveries);

	if (rc)
		return rc;
	*from_p = 0;
	if (strcmp(a->from, "oldest") != 0 &&
		!command_number(a->from, 1, INT64_MAX, from_p))
		return command_misuse(
			"pawl replay: --from=%s: use oldest, or a position from 1",
			a->from);
	if (until && !command_number(until, 1, INT64_MAX, &deliveries->until))
		return command_misuse(
			"pawl replay: --until=%s: use a position from 1", until);
	return COMMAND_OK;
}

static void delivery_put(
	struct deliveries *deliveries, const struct stream_delivery *delivery)
{
	struct pawl_delivery put = {.position = delivery->last,
		.first = delivery->first,
		.publisher = delivery->publisher,
		.id = delivery->id,
		.time_ns = delivery->time_ns,
		.bytes = delivery->payload,
		.len = delivery->len,
		.is_void = delivery->kind == STREAM_NOTHING};

	deliveries_put(deliveries, &put);
}

static int archive_deliver(struct archived *archived, struct deliveries *deliveries)
{
	int rc = COMMAND_OK;

	ending_watch();
	while (!rc && !ending_asked() &&
		!deliveries_done(deliveries, archived_position(archived))) {
		struct archived_item item;
		struct error err;

		rc = archived_next(archived, &item, &err);
		if (rc == -ENODATA)
			return archived_is_whole(archived, &err)
				       ? COMMAND_OK
				       : command_fail("%s", err.text);
		if (rc)
			return command_fail("%s", err.text);
		if (item.why)
			deliveries_lost(deliveries, item.delivery.first,
				item.delivery.last, item.why);
		else
			delivery_put(deliveries, &item.delivery);
	}
	return rc;
}

static int replay_run(const char *path, uint64_t from, struct deliveries *deliveries)
{
	struct archived *archived;
	struct error err;
	int rc = archived_open(path, from, deliveries->voids, &archived, &err);

	if (rc)
		return command_fail("%s", err.text);
	rc = archive_deliver(archived, deliveries);
	archived_close(archived);
	return deliveries_end(deliveries, rc);
}

static bool is_directory(const char *path)
{
	struct stat found;

	return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static int stream_find(
	const char *base, const char *cluster, const char *stream, char **path_p)
{
	char state[PATHS_LEN_MAX], directory[PATHS_LEN_MAX];
	struct error err;
	int rc = 0;

	if (!base)
		rc = paths_state_dir(state, sizeof(state), &err);
	if (!rc)
		rc = paths_cluster_dir(
			base ? base : state, cluster, directory, sizeof(directory), &err);
	if (rc)
		return command_fail("%s", err.text);
	return archived_find(directory, stream, path_p);
}

/* *path_p is to be freed. */
static int path_find(const struct replay_arguments *a, char **path_p)
{
	const char *stream;
	char *cluster;
	int rc;

	if (!a->archive && is_directory(a->what)) {
		*path_p = strdup(a->what);
		return *path_p ? COMMAND_OK : command_fail("pawl replay: out of memory");
	}
	rc = target_split(a->what, &cluster, &stream);
	if (rc)
		return rc;
	rc = stream_find(a->archive, cluster, stream, path_p);
	free(cluster);
	return rc;
}

int command_replay(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"archive", OPTION_ARCHIVE, "DIRECTORY", 0,
			"The replicas' archive-dir, if it is not the state directory", 0},
		{"from", OPTION_FROM, "WHERE", 0,
			"Begin with the oldest message that is retained, or at a "
			"position: oldest, P (oldest)",
			0},
		{"until", DELIVERIES_OPTION_UNTIL, "P", 0,
			"End when everything up to position P was written", 0},
		DELIVERIES_ENTRIES, {0}};
	static const struct argp argp = {options, replay_option, "DIRECTORY|NAME/STREAM",
		"Write the messages in the archive of a stream to standard output, as "
		"'pawl subscribe' does, without any daemon.  DIRECTORY is that archive; "
		"NAME/STREAM is the one that goes farthest of those that replicas have "
		"on "
		"this host.",
		NULL, NULL, NULL};
	struct replay_arguments a = {.from = "oldest"};
	struct deliveries deliveries;
	uint64_t from;
	char *path = NULL;
	int rc = command_parse(&argp, argc, argv, &a);

	if (!rc)
		rc = limits_set(&a, &from, &deliveries);
	if (rc)
		return rc;
	rc = path_find(&a, &path);
	if (!rc)
		rc = replay_run(path, from, &deliveries);
	free(path);
	return rc;
}
