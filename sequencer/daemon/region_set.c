#include "sequencer/daemon/region_set.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sequencer/core/panic.h"
#include "sequencer/core/region_history.h"
#include "sequencer/daemon/log.h"

#define PREFIX_LEN 160

_Static_assert(REGION_SET_MAX <= PULSE_WORDS_MAX, "every region has a heartbeat");

struct held_region *region_set_find(struct region_set *set, uint64_t epoch)
{
	for (int i = 0; i < REGION_SET_MAX; i++) {
		if (set->at[i].epoch == epoch && epoch != 0)
			return &set->at[i];
	}
	return NULL;
}

/* X3 */
static void pulse_begin(struct region_set *set, struct held_region *region)
{
	if (set->pulse)
		pulse_add(set->pulse, owner_heartbeat(&region->owner));
}

static void pulse_end(struct region_set *set, struct held_region *region)
{
	if (set->pulse)
		pulse_remove(set->pulse, owner_heartbeat(&region->owner));
}

static void region_close(struct region_set *set, struct held_region *region, bool remove)
{
	pulse_end(set, region);
	owner_close(&region->owner, remove);
	*region = (struct held_region){.epoch = 0};
}

/* A free place; when there is none, that of the region that was retired first. */
static struct held_region *place_find(struct region_set *set)
{
	struct held_region *oldest = NULL;

	for (int i = 0; i < REGION_SET_MAX; i++) {
		struct held_region *region = &set->at[i];

		if (region->epoch == 0)
			return region;
		if (region->retired_ns &&
			(!oldest || region->retired_ns < oldest->retired_ns))
			oldest = region;
	}
	PAWL_ASSERT(oldest); /* at most one is served and one is pending */
	region_close(set, oldest, true);
	return oldest;
}

/* What the names of all region files of this replica in this cluster begin with. */
static void prefix_make(const struct region_set *set, char *prefix)
{
	(void)snprintf(prefix, PREFIX_LEN, "pawl-%s-%016" PRIx64 "-%" PRIu32 "-e",
		set->cluster, set->instance, set->replica);
}

static int path_make(const struct region_set *set, uint64_t epoch, char *path, size_t len)
{
	char prefix[PREFIX_LEN];
	int made;

	prefix_make(set, prefix);
	made = snprintf(path, len, "%s/%s%" PRIu64, set->directory, prefix, epoch);
	return made > 0 && (size_t)made < len ? 0 : -ENAMETOOLONG;
}

static int counters_install(struct owner *owner, const struct epoch_record *record,
	const struct catalog *catalog, struct error *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < record->counters_count && !rc; i++)
		rc = owner_counter_install(owner, i, catalog_name(catalog, i),
			record->counters[i].base, record->counters[i].ceiling, err);
	return rc;
}

int region_set_install(struct region_set *set, const struct epoch_record *record,
	const struct epoch_history *history, uint32_t counters_max, bool head,
	const struct catalog *catalog, struct error *err)
{
	struct held_region *region = place_find(set);
	struct owner_identity identity = {
		.replica = set->replica,
		.instance = set->instance,
		.incarnation = set->incarnation,
		.epoch = record->epoch,
		.counters_max = counters_max,
		.sessions_max = set->sessions_max,
		.head = head,
	};
	char path[sizeof(region->owner.path)];
	int rc = path_make(set, record->epoch, path, sizeof(path));

	PAWL_ASSERT(!region_set_find(set, record->epoch)); /* X2 */
	if (rc)
		return error_set(err, rc,
			"pawld: %s: the path is too long for a region's file; choose a "
			"shorter --memory-dir",
			set->directory);
	rc = owner_create(&region->owner, set->device, path, &identity, &set->pages, err);
	if (!rc)
		rc = counters_install(&region->owner, record, catalog, err);
	if (rc) {
		owner_close(&region->owner, true);
		return rc;
	}
	region->epoch = record->epoch;
	region->head = head;
	region_history_write(region->owner.memory->ops->base(region->owner.memory),
		&region->owner.layout, history, record->counters_count);
	owner_activate(&region->owner); /* X1 */
	pulse_begin(set, region);
	return 0;
}

int region_set_adopt(struct region_set *set, const char *path, uint64_t epoch,
	uint64_t *incarnation_p, struct error *err)
{
	struct held_region *region = place_find(set);
	struct owner_identity identity = {.replica = set->replica,
		.instance = set->instance,
		.incarnation = set->incarnation,
		.epoch = epoch};
	int rc = owner_adopt(
		&region->owner, set->device, path, &identity, &set->pages, err);

	if (rc)
		return rc;
	region->epoch = epoch;
	pulse_begin(set, region);
	*incarnation_p = region->owner.header.incarnation;
	return 0;
}

void region_set_drop(struct region_set *set, uint64_t epoch)
{
	struct held_region *region = region_set_find(set, epoch);

	if (region)
		region_close(set, region, false);
}

int region_set_seal(struct region_set *set, uint64_t epoch, bool head,
	uint32_t counters_count, uint64_t *values, struct error *err)
{
	struct held_region *region = region_set_find(set, epoch);

	if (!region)
		return error_set(err, -ENOENT,
			"pawld: %s: there is no region of epoch %" PRIu64 " to seal",
			set->cluster, epoch);
	region->head = head;
	if (head)
		return owner_seal(&region->owner, counters_count, values, err);
	owner_seal_backup(&region->owner, counters_count, values);
	return 0;
}

void region_set_retire(struct region_set *set, uint64_t epoch, uint64_t now_ns)
{
	struct held_region *region = region_set_find(set, epoch);

	if (!region || region->retired_ns)
		return;
	pulse_end(set, region);
	region->retired_ns = now_ns;
}

/* X1.  Whoever was voted out never was asked to seal. */
static void region_finish(struct region_set *set, struct held_region *region)
{
	uint64_t *values = calloc(COUNTERS_MAX, sizeof(*values));
	struct error err;

	if (values && owner_is_open(&region->owner)) {
		if (!region->head)
			owner_seal_backup(&region->owner, 0, values);
		else if (owner_seal(&region->owner, 0, values, &err))
			log_warning("%s", err.text);
	}
	free(values);
	region_close(set, region, true);
}

void region_set_sweep(struct region_set *set, uint64_t now_ns, uint64_t age_ns)
{
	for (int i = 0; i < REGION_SET_MAX; i++) {
		struct held_region *region = &set->at[i];

		if (region->retired_ns && now_ns - region->retired_ns >= age_ns)
			region_finish(set, region);
	}
}

/* The epoch in a file name that begins with @prefix, or 0. */
static uint64_t epoch_of_name(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncmp(name, prefix, len) != 0 || name[len] < '1' || name[len] > '9')
		return 0;
	return strtoull(name + len, NULL, 10);
}

static bool path_is_held(const struct region_set *set, const char *path)
{
	for (int i = 0; i < REGION_SET_MAX; i++) {
		if (set->at[i].epoch && strcmp(set->at[i].owner.path, path) == 0)
			return true;
	}
	return false;
}

void region_set_clean(const struct region_set *set, uint64_t epoch, const char *keep)
{
	DIR *directory = opendir(set->directory);
	char prefix[PREFIX_LEN], path[PREFIX_LEN + 256];
	struct dirent *entry;

	prefix_make(set, prefix);
	while (directory && (entry = readdir(directory))) {
		uint64_t left = epoch_of_name(entry->d_name, prefix);

		if (left == 0 || left > epoch ||
			path_make(set, left, path, sizeof(path)) ||
			path_is_held(set, path) || (keep && strcmp(path, keep) == 0))
			continue;
		log_info("%s: left by an earlier life and no longer needed; removed",
			path);
		(void)unlink(path);
	}
	if (directory)
		(void)closedir(directory);
}

void region_set_close(struct region_set *set, bool remove)
{
	for (int i = 0; i < REGION_SET_MAX; i++) {
		if (set->at[i].retired_ns)
			region_finish(set, &set->at[i]);
		else if (set->at[i].epoch)
			region_close(set, &set->at[i], remove);
	}
}

void region_set_links_end(struct region_set *set, uint64_t token)
{
	for (int i = 0; i < REGION_SET_MAX; i++) {
		if (set->at[i].epoch)
			owner_evict(&set->at[i].owner, token);
	}
}

void region_set_row_fold(struct region_set *set, uint32_t row)
{
	for (int i = 0; i < REGION_SET_MAX; i++) {
		if (set->at[i].epoch && !set->at[i].retired_ns &&
			row < set->at[i].owner.layout.sessions_max)
			owner_row_fold(&set->at[i].owner, row);
	}
}
