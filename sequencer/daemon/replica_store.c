/* The epoch machine's requests to the store, and what their answers mean to the daemon. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/core/panic.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/record_store.h"
#include "sequencer/daemon/replica.h"

#define FORGET_NS UINT64_C(1000000000)

static void trouble_set(struct replica *r, const char *text)
{
	if (strcmp(r->store_trouble, text) == 0)
		return;
	if (!r->store_trouble[0])
		r->store_trouble_ns = clock_now_ns();
	if (text[0])
		log_warning("%s", text);
	else
		log_info("the store answers again");
	(void)snprintf(r->store_trouble, sizeof(r->store_trouble), "%s", text);
}

/* A read that works does not tell that a write would. */
static void readable_again(struct replica *r)
{
	if (!r->store_unwritten_ns)
		trouble_set(r, "");
}

void replica_store_look(struct replica *r)
{
	uint64_t age_ns = 2 * r->config->store_timeout_ms * NS_PER_MS + FORGET_NS;

	if (!r->store_unwritten_ns || clock_now_ns() - r->store_unwritten_ns < age_ns)
		return;
	r->store_unwritten_ns = 0;
	r->store_trouble[0] = '\0'; /* nobody wants to write any more */
}

int replica_facts_take(struct replica *r, const struct record *record, struct error *err)
{
	struct cluster_facts *facts = &r->facts;

	if (r->record_known && record->instance != facts->instance)
		return error_set(err, -ESTALE,
			"pawld: %s: the cluster was erased and begun again by others; "
			"start this replica again to join it",
			facts->name);
	facts->instance = record->instance;
	facts->counters_max = record->counters_max;
	if (record->phase == RECORD_STOPPED &&
		r->config->counters_max < record->counters_count)
		return error_set(err, -EINVAL,
			"pawld: %s: there are %u counters already; --counters-max=%u is "
			"too small",
			facts->name, record->counters_count, r->config->counters_max);
	if (record->phase == RECORD_STOPPED)
		facts->counters_max = r->config->counters_max;
	r->record_known = true;
	r->regions.instance = facts->instance;
	if (r->mesh)
		mesh_instance_set(r->mesh, facts->instance);
	return record_map_learn(record, &r->roster, &r->catalog, err);
}

/* After the machine knows what the record says. */
static void stop_act(struct replica *r)
{
	if (!r->machine.known || r->machine.seen.phase != EPOCH_STOPPED ||
		!r->seen_active || r->ended)
		return;
	if (r->erasing)
		replica_record_erase(r);
	else
		replica_end(r, REPLICA_STOPPED, NULL);
}

/* Nobody but this replica could have stopped its chain of one, and it did not. */
static bool serves_alone(struct replica *r)
{
	const struct held_region *region = replica_region(r);

	return region && owner_is_open(&region->owner) &&
	       epoch_serving(&r->machine)->chain.count == 1;
}

static void record_absent(struct replica *r)
{
	if (!r->record_known) {
		readable_again(r);
		epoch_on_record(&r->machine, NULL, 0, clock_now_ns());
	} else if (serves_alone(r)) {
		trouble_set(r,
			"pawld: the record is gone from the store, and nobody erased it "
			"with 'pawl down'; put it back");
		epoch_on_store_failed(&r->machine, clock_now_ns());
	} else {
		replica_end(r, REPLICA_ERASED, NULL);
	}
}

static void record_present(struct replica *r, const struct store_result *result)
{
	struct record record;
	struct error err = {0};
	int rc = record_decode(result->bytes, result->len, &record, &err);

	if (rc) {
		trouble_set(r, err.text);
		epoch_on_store_failed(&r->machine, clock_now_ns());
		return;
	}
	readable_again(r);
	rc = replica_facts_take(r, &record, &err);
	if (!rc)
		record_map_to_epoch(&record, &r->decoded);
	record_free(&record);
	if (rc) {
		replica_end(r, rc == -ESTALE ? REPLICA_ERASED : REPLICA_FAILED, &err);
		return;
	}
	r->seen_active = r->seen_active || r->decoded.phase == EPOCH_ACTIVE;
	epoch_on_record(&r->machine, &r->decoded, result->revision, clock_now_ns());
	stop_act(r);
}

static void on_read(void *context, const struct store_result *result)
{
	struct replica *r = context;

	if (r->ended)
		return;
	if (result->status) {
		trouble_set(r, result->err->text);
		epoch_on_store_failed(&r->machine, clock_now_ns());
	} else {
		if (result->bytes)
			record_present(r, result);
		else
			record_absent(r);
	}
	replica_run(r);
}

void replica_record_read(struct replica *r)
{
	if (store_get(r->store_loop.store, on_read, r))
		epoch_on_store_failed(&r->machine, clock_now_ns());
}

static enum epoch_written outcome_of(int status)
{
	switch (status) {
	case 0:
		return EPOCH_WRITTEN;
	case -ESTALE:
		return EPOCH_CONFLICT;
	case -ETIMEDOUT:
	case -ECANCELED:
		return EPOCH_UNKNOWN;
	default:
		return EPOCH_NOT_WRITTEN;
	}
}

/* The record that was being written is the record now: so is the new counter in it. */
static void written_learn(struct replica *r)
{
	const struct epoch_record *want = &r->machine.want;

	r->record_known = true;
	if (want->counters_count > r->catalog.count) {
		bool learnt = catalog_learn(&r->catalog, want->counters_count - 1,
			r->added.name, &r->added.stream);

		PAWL_ASSERT(learnt);
	}
	r->seen_active = r->seen_active || want->phase == EPOCH_ACTIVE;
}

static void on_written(void *context, const struct store_result *result)
{
	struct replica *r = context;
	enum epoch_written written = outcome_of(result->status);

	if (r->ended)
		return;
	r->store_unwritten_ns = 0;
	if (written == EPOCH_WRITTEN || written == EPOCH_CONFLICT) {
		trouble_set(r, "");
	} else {
		trouble_set(r, result->err->text);
		r->store_unwritten_ns = clock_now_ns();
	}
	if (written == EPOCH_WRITTEN)
		written_learn(r);
	epoch_on_written(&r->machine, written, result->revision, clock_now_ns());
	stop_act(r);
	replica_run(r);
}

void replica_record_write(struct replica *r, const struct epoch_effect *effect)
{
	struct record record;
	struct error err = {0};
	char *text = NULL;
	size_t len = 0;
	int rc;

	/* Nobody ever had room for the counters: this replica begins, and decides it. */
	if (effect->record->active_epoch == 0)
		r->facts.counters_max = r->config->counters_max;
	rc = record_map_from_epoch(effect->record, &r->facts, &r->roster, &r->catalog,
		&r->added, &record, &err);

	if (!rc) {
		rc = record_encode(&record, &text, &len, &err);
		record_free(&record);
	}
	if (!rc) {
		rc = store_put_if(
			r->store_loop.store, effect->revision, text, len, on_written, r);
		if (rc)
			(void)record_store_refused(rc, &err);
	}
	free(text);
	if (!rc)
		return;
	trouble_set(r, err.text);
	epoch_on_written(&r->machine, EPOCH_NOT_WRITTEN, 0, clock_now_ns());
}

static void on_erased(void *context, const struct store_result *result)
{
	struct replica *r = context;

	if (r->ended)
		return;
	if (result->status)
		replica_end(r, REPLICA_FAILED, result->err);
	else
		replica_end(r, REPLICA_ERASED, NULL);
}

void replica_record_erase(struct replica *r)
{
	struct error err;
	int rc = store_erase_if(r->store_loop.store, r->machine.revision, on_erased, r);

	r->erasing = false;
	if (!rc)
		return;
	(void)record_store_refused(rc, &err);
	replica_end(r, REPLICA_FAILED, &err);
}

static void on_changed(void *context, int status, const struct error *err)
{
	struct replica *r = context;

	if (r->ended)
		return;
	if (status)
		trouble_set(r, err->text);
	epoch_on_watch(&r->machine, clock_now_ns());
	replica_run(r);
}

void replica_store_watch(struct replica *r)
{
	store_watch(r->store_loop.store, on_changed, r);
}
