/* Saving what dead replicas left, and forgetting a cluster: pawld --settle. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hw/clock.h"
#include "sequencer/control/paths.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/pawld.h"
#include "sequencer/daemon/record_store.h"

#define LOOK_MS 10
#define SETTLE_NS UINT64_C(25000000000) /* less than 'pawl down' waits */

static int no_such_cluster(const struct pawld *d, struct error *err)
{
	return error_set(err, -ENOENT,
		"pawl: %s: no such cluster: none of this name was ever started here; "
		"start "
		"it with 'pawl up %s'",
		d->config.cluster, d->config.cluster);
}

/* What is left of this replica in memory, and the record if it is to be forgotten. */
static int stopped_settle(struct pawld *d, struct store *store,
	const struct record *record, uint64_t revision, struct error *err)
{
	struct region_set regions = {.directory = d->config.memory_dir,
		.cluster = d->config.cluster,
		.replica = d->config.id,
		.instance = record->instance};

	region_set_clean(&regions, UINT64_MAX, NULL);
	streams_files_remove(
		d->config.memory_dir, d->config.cluster, record->instance, d->config.id);
	return d->config.erase ? record_erase(store, revision, err) : 0;
}

/* Looks at the record, and is done if nobody has to be stopped. */
static int record_settle(struct pawld *d, bool *stopped_p, struct error *err)
{
	struct record record = {.counters = NULL};
	struct store *store = NULL;
	uint64_t revision = 0;
	int rc = record_store_open(&d->config, &store, err);

	if (!rc)
		rc = record_load(store, &record, &revision, err);
	if (!rc && revision == 0)
		rc = no_such_cluster(d, err);
	if (!rc) {
		*stopped_p = record.phase == RECORD_STOPPED;
		if (*stopped_p)
			rc = stopped_settle(d, store, &record, revision, err);
	}
	record_free(&record);
	store_close(store);
	return rc;
}

static int too_late(const struct pawld *d, struct error *err)
{
	const char *trouble = d->handlers.replica->store_trouble;

	return error_set(err, -ETIMEDOUT,
		"pawld: %s/%u: its numbers could not be saved in time%s%s; they are "
		"where they were",
		d->config.cluster, d->config.id, trouble[0] ? ": " : "", trouble);
}

/* 0: goes on.  The replica holds the newest numbers, or says why it does not. */
static int settle_step(struct pawld *d, struct error *err)
{
	struct replica *r = d->handlers.replica;
	char waiting[REPLICA_TEXT_LEN];

	if (clock_now_ns() - d->handlers.started_ns >= SETTLE_NS)
		return too_late(d, err);
	replica_waiting(r, waiting, sizeof(waiting));
	if (d->stop_asked || (!r->served && waiting[0] == '\0'))
		return 0;
	d->stop_asked = true;
	if (r->served)
		return replica_stop(r, d->config.erase, err);
	if (d->config.erase && !r->store_trouble[0])
		return replica_give_up(r, true, err);
	return error_set(err, -ENODATA, "pawld: %s/%u: %.380s", d->config.cluster,
		d->config.id, waiting);
}

static void on_settle_tick(uv_timer_t *timer)
{
	(void)timer; /* the loop turns, and settle_step is called after every turn */
}

/* A killed replica left it, and clients would be told that nobody listens there. */
static void socket_remove(const struct pawld *d)
{
	char path[PATHS_LEN_MAX];

	if (paths_socket(d->config.runtime_dir, d->config.cluster, (uint16_t)d->config.id,
		    path, sizeof(path), NULL) == 0)
		(void)unlink(path);
}

static int machine_settle(struct pawld *d, struct error *err)
{
	uv_timer_t tick;
	int rc;

	d->config.rejoin = false; /* it is there to save, not to serve */
	rc = pawld_replica_start(d, err);
	(void)uv_timer_init(&d->loop, &tick);
	(void)uv_timer_start(&tick, on_settle_tick, LOOK_MS, LOOK_MS);
	while (!rc && !d->winding_down) {
		(void)uv_run(&d->loop, UV_RUN_ONCE);
		if (!d->winding_down)
			rc = settle_step(d, err);
	}
	pawld_wind_down(d);
	uv_close((uv_handle_t *)&tick, NULL);
	(void)uv_run(&d->loop, UV_RUN_DEFAULT);
	if (!rc && d->failure.text[0])
		rc = error_set(err, -EIO, "%s", d->failure.text);
	pawld_free(d);
	return rc;
}

int pawld_settle(struct pawld *d)
{
	struct error err = {.text = ""};
	bool stopped = false;
	int rc = record_settle(d, &stopped, &err);

	if (!rc && !stopped)
		rc = machine_settle(d, &err);
	if (rc) {
		/* Somebody reads this at once: a line for them, not for a log. */
		(void)fprintf(stderr, "%s\n", err.text);
		return EXIT_FAILURE;
	}
	socket_remove(d);
	if (d->config.erase)
		(void)printf("%s: was not running; its numbers are forgotten\n",
			d->config.cluster);
	else if (!stopped)
		(void)printf("%s: was not stopped; its numbers are saved now\n",
			d->config.cluster);
	else
		(void)printf(
			"%s: was not running; its numbers are kept\n", d->config.cluster);
	return EXIT_SUCCESS;
}
