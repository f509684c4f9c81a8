#include "sequencer/daemon/replica.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "sequencer/core/panic.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/record_store.h"

#define STORE_TIMEOUT_MS 5000

struct replica {
	const struct daemon_config *config;
	const struct surroundings *surroundings;
	struct store *store;
	struct record record;
	uint64_t revision; /* of the record in the store; 0: there is none */
	const struct memory_ops *ops;
	struct device *device;
	struct owner owner;
	char former_path
		[RECORD_PATH_LEN]; /* region of the former run, still to be removed */
};

static int random_make(uint64_t *number_p, struct error *err)
{
	if (getrandom(number_p, sizeof(*number_p), 0) != (ssize_t)sizeof(*number_p))
		return error_set(err, -EAGAIN, "pawld: no random numbers: %s",
			error_reason(-errno));
	*number_p |= 1; /* 0 means none */
	return 0;
}

static struct pages_config pages_wanted(const struct replica *r)
{
	return (struct pages_config){
		.shared_with_group = r->surroundings->group_set,
		.group = r->surroundings->group,
		.huge = r->config->huge_pages,
		.lock = r->config->lock_memory,
		.node = r->surroundings->node,
	};
}

static void path_make(const struct replica *r, uint64_t epoch, char *path, size_t len)
{
	(void)snprintf(path, len, "%s/pawl-%s-%016" PRIx64 "-%u-e%" PRIu64,
		r->config->memory_dir, r->record.cluster, r->record.instance,
		r->config->id, epoch);
}

static int device_open(struct replica *r, struct error *err)
{
	const struct daemon_config *c = r->config;
	struct device_config config = {
		.device = c->device[0] ? c->device : NULL,
		.address = c->device_address[0] ? c->device_address : NULL,
		.port = (uint16_t)c->device_port,
		.listen = true,
		.timeout_ns = (uint64_t)c->link_timeout_ms * 1000000u,
		.device_memory = c->device_memory,
	};

	r->ops = c->transport == CONFIG_VERBS ? &verbs_memory_ops : &shm_memory_ops;
	return r->ops->open(&config, &r->device, err);
}

/* The record of a cluster that never ran. */
static int record_begin(struct replica *r, struct error *err)
{
	const struct daemon_config *c = r->config;
	int rc = record_init(&r->record, c->counters_max, err);

	if (rc)
		return rc;
	(void)snprintf(r->record.cluster, sizeof(r->record.cluster), "%s", c->cluster);
	r->record.sessions_max = c->sessions_max;
	r->record.phase = RECORD_STOPPED;
	return random_make(&r->record.instance, err);
}

static struct record_counter *counter_append(struct record *record, const char *name)
{
	struct record_counter *counter = &record->counters[record->counters_count++];

	PAWL_ASSERT(record->counters_count <= record->counters_max);
	memset(counter, 0, sizeof(*counter));
	(void)snprintf(counter->name, sizeof(counter->name), "%s", name);
	return counter;
}

/* Seals a region and writes the exact values into the record as bases (P2). */
static int bases_from_region(struct replica *r, struct owner *owner, struct error *err)
{
	uint64_t *values = calloc(owner->counters_count + 1, sizeof(*values));
	int rc;

	if (!values)
		return error_set(
			err, -ENOMEM, "pawld: %s: out of memory", r->record.cluster);
	rc = owner_seal(owner, values, err);
	for (uint32_t i = 0; i < owner->counters_count && !rc; i++) {
		const char *name = owner_counter_name(owner, i);
		struct record_counter *counter = record_counter(&r->record, name);

		if (!counter)
			counter = counter_append(&r->record, name);
		PAWL_ASSERT(values[i] >= counter->base); /* P2 */
		counter->base = values[i];
	}
	free(values);
	return rc;
}

static int region_gone(
	const struct replica *r, const struct record_member *member, struct error *err)
{
	return error_set(err, -ENODATA,
		"pawld: %s: the memory with the newest numbers is gone (%s), as after a "
		"reboot; "
		"starting again could repeat numbers. 'pawl down --erase %s' forgets "
		"them and the "
		"next start begins at 1",
		r->record.cluster, member->memory_path, r->record.cluster);
}

/* The former run did not stop: take the numbers from the region that it left. */
static int bases_from_former_run(struct replica *r, struct error *err)
{
	const struct record_member *member = record_member(
		&r->record, (uint16_t)r->config->id);
	struct pages_config pages = pages_wanted(r);
	struct owner former;
	int rc;

	if (!member)
		return error_set(err, -EPERM,
			"pawld: %s/%u: this replica is not in the cluster's chain; check "
			"--id",
			r->record.cluster, r->config->id);
	struct owner_identity identity = {
		.replica = member->id,
		.instance = r->record.instance,
		.epoch = r->record.epoch,
	};
	rc = owner_adopt(&former, r->device, member->memory_path, &identity, &pages, err);
	if (rc == -ENOENT)
		return region_gone(r, member, err);
	if (rc)
		return rc;
	log_info("the former run was not stopped; its numbers are taken from %s",
		member->memory_path);
	(void)snprintf(r->former_path, sizeof(r->former_path), "%s", member->memory_path);
	rc = bases_from_region(r, &former, err);
	owner_close(&former, false);
	return rc;
}

/* Room for as many counters as are configured now, which may not be fewer than there are. */
static int record_resize(struct replica *r, struct error *err)
{
	struct record_counter *counters;
	uint32_t max = r->config->counters_max;

	if (max < r->record.counters_count)
		return error_set(err, -EINVAL,
			"pawld: %s: there are %u counters already; --counters-max=%u is "
			"too small",
			r->record.cluster, r->record.counters_count, max);
	counters = calloc(max, sizeof(*counters));
	if (!counters)
		return error_set(
			err, -ENOMEM, "pawld: %s: out of memory", r->record.cluster);
	memcpy(counters, r->record.counters,
		r->record.counters_count * sizeof(*counters));
	free(r->record.counters);
	r->record.counters = counters;
	r->record.counters_max = max;
	r->record.sessions_max = r->config->sessions_max;
	return 0;
}

/* A fresh region of the next epoch, every counter at its base. */
static int region_install(struct replica *r, struct error *err)
{
	struct pages_config pages = pages_wanted(r);
	struct owner_identity identity = {
		.replica = r->config->id,
		.instance = r->record.instance,
		.epoch = r->record.epoch + 1,
		.counters_max = r->record.counters_max,
		.sessions_max = r->record.sessions_max,
	};
	char path[RECORD_PATH_LEN];
	int rc = random_make(&identity.incarnation, err);

	path_make(r, identity.epoch, path, sizeof(path));
	if (!rc)
		rc = owner_create(&r->owner, r->device, path, &identity, &pages, err);
	for (uint32_t i = 0; i < r->record.counters_count && !rc; i++) {
		const struct record_counter *counter = &r->record.counters[i];
		uint32_t index;

		rc = owner_counter_add(
			&r->owner, counter->name, counter->base, &index, err);
	}
	return rc;
}

/* While an epoch is active the counters move on without the store. */
static void ceilings_set(struct record *record, bool active)
{
	for (uint32_t i = 0; i < record->counters_count; i++)
		record->counters[i].ceiling = active ? COUNTER_LIMIT
						     : record->counters[i].base;
}

static int record_activate(struct replica *r, struct error *err)
{
	struct record_member member = {.id = (uint16_t)r->config->id,
		.incarnation = r->owner.header.incarnation};

	(void)snprintf(
		member.memory_path, sizeof(member.memory_path), "%s", r->owner.path);
	r->record.epoch = r->owner.header.epoch;
	r->record.active_epoch = r->record.epoch;
	r->record.phase = RECORD_ACTIVE;
	r->record.proposer = member.id;
	r->record.chain[0] = member;
	r->record.chain_count = 1;
	ceilings_set(&r->record, true);
	return record_save(r->store, &r->record, &r->revision, err);
}

/* After P1's moment the former region is history. */
static void former_region_remove(struct replica *r)
{
	if (r->former_path[0])
		(void)remove(r->former_path);
	r->former_path[0] = '\0';
}

static int replica_load(struct replica *r, struct error *err)
{
	struct store_config config = {.address = r->config->store,
		.cluster = r->config->cluster,
		.timeout_ms = STORE_TIMEOUT_MS};
	int rc = store_open(&config, &r->store, err);

	if (!rc)
		rc = record_load(r->store, &r->record, &r->revision, err);
	if (!rc && !r->revision)
		rc = record_begin(r, err);
	return rc;
}

static int replica_enter_epoch(struct replica *r, struct error *err)
{
	int rc = device_open(r, err);

	if (!rc)
		rc = record_resize(r, err);
	if (!rc && r->record.phase != RECORD_STOPPED)
		rc = bases_from_former_run(r, err);
	if (!rc)
		rc = region_install(r, err);
	if (!rc)
		rc = record_activate(r, err);
	if (rc)
		return rc;
	owner_activate(&r->owner);
	former_region_remove(r);
	return 0;
}

int replica_start(const struct daemon_config *config,
	const struct surroundings *surroundings, struct replica **replica_p,
	struct error *err)
{
	struct replica *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return error_set(
			err, -ENOMEM, "pawld: %s: out of memory", config->cluster);
	r->config = config;
	r->surroundings = surroundings;
	rc = replica_load(r, err);
	if (!rc)
		rc = replica_enter_epoch(r, err);
	if (rc) {
		/* Nobody knows the region, unless the record may have become active after all. */
		owner_close(&r->owner, rc != -ETIMEDOUT);
		replica_free(r);
		return rc;
	}
	*replica_p = r;
	return 0;
}

static int settle_seal(struct replica *r, struct error *err)
{
	int rc = device_open(r, err);

	if (!rc)
		rc = record_resize(r, err);
	return rc ? rc : bases_from_former_run(r, err);
}

static int settle_from_region(struct replica *r, struct error *err)
{
	int rc = settle_seal(r, err);

	if (rc)
		return rc;
	r->record.phase = RECORD_STOPPED;
	ceilings_set(&r->record, false);
	rc = record_save(r->store, &r->record, &r->revision, err);
	if (!rc)
		former_region_remove(r);
	return rc;
}

/*
 * Whoever still has the region mapped must not draw from it beside a cluster that begins
 * again; a region that is gone or damaged can not be sealed and need not be.
 */
static int settle_erase(struct replica *r, bool was_active, struct error *err)
{
	const struct record_member *member = record_member(
		&r->record, (uint16_t)r->config->id);
	int rc;

	if (was_active && settle_seal(r, err))
		log_warning("%s", err->text);
	rc = record_erase(r->store, r->revision, err);
	if (!rc && member && member->memory_path[0])
		(void)remove(member->memory_path);
	return rc;
}

int replica_settle(const struct daemon_config *config,
	const struct surroundings *surroundings, bool erase, bool *was_active_p,
	struct error *err)
{
	struct replica *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return error_set(
			err, -ENOMEM, "pawld: %s: out of memory", config->cluster);
	r->config = config;
	r->surroundings = surroundings;
	rc = replica_load(r, err);
	if (!rc && !r->revision)
		rc = error_set(err, -ENOENT,
			"pawl: %s: no such cluster: none of this name was ever started "
			"here; start it "
			"with 'pawl up %s'",
			config->cluster, config->cluster);
	if (!rc) {
		*was_active_p = r->record.phase != RECORD_STOPPED;
		if (erase)
			rc = settle_erase(r, *was_active_p, err);
		else if (*was_active_p)
			rc = settle_from_region(r, err);
	}
	replica_free(r);
	return rc;
}

int replica_stop(struct replica *r, bool erase, struct error *err)
{
	int rc = bases_from_region(r, &r->owner, err);

	if (!rc && erase)
		rc = record_erase(r->store, r->revision, err);
	if (!rc && !erase) {
		r->record.phase = RECORD_STOPPED;
		ceilings_set(&r->record, false);
		rc = record_save(r->store, &r->record, &r->revision, err);
	}
	owner_close(&r->owner, rc == 0); /* P1 */
	return rc;
}

void replica_free(struct replica *r)
{
	if (!r)
		return;
	owner_close(&r->owner, false);
	if (r->device)
		r->ops->close(r->device);
	record_free(&r->record);
	store_close(r->store);
	free(r);
}

struct owner *replica_owner(struct replica *r)
{
	return &r->owner;
}

const char *replica_cluster(const struct replica *r)
{
	return r->record.cluster;
}
