#include "sequencer/daemon/record_store.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define LOOK_MS 100

int record_store_open(
	const struct daemon_config *config, struct store **store_p, struct error *err)
{
	struct store_config store = {.address = config->store,
		.cluster = config->cluster,
		.timeout_ms = config->store_timeout_ms};

	return store_open(&store, store_p, err);
}

int record_store_refused(int code, struct error *err)
{
	return error_set(
		err, code, "pawld: store: request not accepted: %s", error_reason(code));
}

/* One request, and what became of it. */
struct waited {
	bool done;
	int status;
	uint64_t revision;
	struct record *record; /* decoded here, for a get */
	struct error *err;
};

static void on_done(void *context, const struct store_result *result)
{
	struct waited *w = context;

	w->done = true;
	w->status = result->status;
	w->revision = result->revision;
	if (result->status)
		w->status = error_set(w->err, result->status, "%s", result->err->text);
	else if (w->record && result->bytes)
		w->status = record_decode(result->bytes, result->len, w->record, w->err);
}

/* The store completes every request within its time-out (S3), so this ends. */
static int await(struct store *store, int accepted, struct waited *w)
{
	if (accepted)
		return record_store_refused(accepted, w->err);
	while (!w->done)
		store_wait(store, LOOK_MS);
	return w->status;
}

int record_load(struct store *store, struct record *record_p, uint64_t *revision_p,
	struct error *err)
{
	struct waited w = {.record = record_p, .err = err};
	int rc = await(store, store_get(store, on_done, &w), &w);

	if (!rc)
		*revision_p = w.revision;
	return rc;
}

int record_save(struct store *store, const struct record *record, uint64_t *revision_p,
	struct error *err)
{
	struct waited w = {.err = err};
	char *text;
	size_t len;
	int rc = record_encode(record, &text, &len, err);

	if (rc)
		return rc;
	rc = await(store, store_put_if(store, *revision_p, text, len, on_done, &w), &w);
	free(text);
	if (!rc)
		*revision_p = w.revision;
	return rc;
}

int record_erase(struct store *store, uint64_t revision, struct error *err)
{
	struct waited w = {.err = err};

	return await(store, store_erase_if(store, revision, on_done, &w), &w);
}
