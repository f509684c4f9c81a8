/*
 * Leaves a counter of a stopped cluster only a few numbers, in the record that the cluster
 * goes on from.
 *
 *     use_up STORE CLUSTER COUNTER NUMBERS
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sequencer/daemon/record_store.h"

static int use_up(struct record *record, const char *name, uint64_t left)
{
	struct record_counter *counter = record_counter(record, name);

	if (!counter || record->phase != RECORD_STOPPED)
		return -ENOENT;
	counter->base = COUNTER_LIMIT - 1 - left;
	counter->stand = counter->base;
	counter->ceiling = RECORD_CEILING_MAX;
	return 0;
}

static int record_change(struct store *store, char **argv, struct error *err)
{
	struct record record = {.counters = NULL};
	uint64_t revision = 0;
	int rc = record_load(store, &record, &revision, err);

	if (!rc && use_up(&record, argv[3], strtoull(argv[4], NULL, 10)))
		rc = error_set(err, -ENOENT, "use_up: %s/%s: not there, or not stopped",
			argv[2], argv[3]);
	if (!rc)
		rc = record_save(store, &record, &revision, err);
	record_free(&record);
	return rc;
}

int main(int argc, char **argv)
{
	struct error err = {.text = "use_up: STORE CLUSTER COUNTER NUMBERS"};
	struct store_config config = {.timeout_ms = 1000};
	struct store *store = NULL;
	int rc = -EINVAL;

	if (argc == 5) {
		config.address = argv[1];
		config.cluster = argv[2];
		rc = store_open(&config, &store, &err);
	}
	if (!rc)
		rc = record_change(store, argv, &err);
	store_close(store);
	if (rc)
		(void)fprintf(stderr, "%s\n", err.text);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
