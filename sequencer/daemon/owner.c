#include "sequencer/daemon/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "hw/clock.h"
#include "sequencer/core/panic.h"
#include "sequencer/daemon/owner_internal.h"

#define LOOPBACK_TIMEOUT_NS UINT64_C(5000000000)
#define LOOPBACK_DEPTH 4
#define LOCK_TIMEOUT_NS UINT64_C(1000000000)

static int loopback_open(struct owner *owner, struct error *err)
{
	const struct memory_ops *ops = owner->memory->ops;
	struct link_config config = {.depth = LOOPBACK_DEPTH, .token = owner->token};
	int rc = ops->connect(owner->device, ops->address(owner->memory), &config,
		&owner->loopback, err);

	return rc ? rc : link_wait_connected(owner->loopback, LOOPBACK_TIMEOUT_NS, err);
}

/* Waits for the operation just posted with @rc; its old value in *value_p. */
static int loopback_finish(
	struct owner *owner, int rc, uint64_t *value_p, struct error *err)
{
	struct completion done = {0};

	if (!rc)
		rc = link_wait_completion(owner->loopback, LOOPBACK_TIMEOUT_NS, &done);
	if (!rc)
		rc = done.status;
	if (rc)
		return error_set(err, rc,
			"pawld: %s: the replica can not reach its own memory: %s; "
			"check the device with 'pawl hw'",
			owner->path, error_reason(rc));
	*value_p = done.value;
	return 0;
}

int owner_word_add(struct owner *owner, uint32_t index, uint64_t n, uint64_t *old_p,
	struct error *err)
{
	struct link *link = owner->loopback;
	int rc;

	PAWL_ASSERT(link); /* a backup's counters are never drawn from or sealed */
	rc = link->ops->fetch_add(link, region_counter_offset(index), n, 0);
	return loopback_finish(owner, rc, old_p, err);
}

static void header_write(struct owner *owner, const struct owner_identity *identity)
{
	struct region_header *h = &owner->header;

	*h = (struct region_header){
		.replica = identity->replica,
		.instance = identity->instance,
		.incarnation = identity->incarnation,
		.epoch = identity->epoch,
		.created_ns = clock_wall_ns(),
	};
	if (owner->memory->ops->hot_on_card(owner->memory))
		h->flags |= REGION_FLAG_COUNTERS_ON_CARD;
	region_header_seal(h, &owner->layout);
	memcpy(owner->memory->ops->base(owner->memory), h, sizeof(*h));
}

/* O4.  A process that was killed may hold it a moment longer than its other locks. */
int owner_file_lock(struct owner *owner, struct error *err)
{
	uint64_t deadline = clock_now_ns() + LOCK_TIMEOUT_NS;

	owner->file = open(owner->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (owner->file < 0)
		return error_set(err, -errno, "pawld: %s: region file: %s", owner->path,
			error_reason(-errno));
	while (flock(owner->file, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set(err, -errno, "pawld: %s: region file: lock: %s",
				owner->path, error_reason(-errno));
		if (clock_now_ns() >= deadline)
			return error_set(err, -EBUSY,
				"pawld: %s: another process serves from this region; is "
				"a replica with the same id running, with another "
				"--runtime-dir?  give each an --id of its own",
				owner->path);
		(void)poll(NULL, 0, 1);
	}
	return 0;
}

void owner_blank(struct owner *owner, struct device *device, const char *path)
{
	memset(owner, 0, sizeof(*owner));
	owner->device = device;
	owner->file = -1;
	(void)snprintf(owner->path, sizeof(owner->path), "%s", path);
}

int owner_memory_expose(struct owner *owner, const struct pages_config *pages, bool adopt,
	struct error *err)
{
	struct memory_config config = {.pages = *pages};
	int rc;

	config.pages.path = owner->path;
	config.pages.len = owner->layout.len;
	config.pages.adopt = adopt;
	config.pages.tell_huge = true; /* for the status; of rings nobody asks */
	config.hot_offset = REGION_COUNTERS_OFFSET;
	/* A region on the card can not be adopted, and a backup's has no hot words. */
	if (!adopt && owner->head)
		config.hot_len = owner->layout.floors - REGION_COUNTERS_OFFSET;
	rc = owner->device->ops->expose(owner->device, &config, &owner->memory, err);
	if (!rc && (adopt || owner->head))
		rc = loopback_open(owner, err);
	return rc;
}

int owner_create(struct owner *owner, struct device *device, const char *path,
	const struct owner_identity *identity, const struct pages_config *pages,
	struct error *err)
{
	int rc;

	owner_blank(owner, device, path);
	owner->head = identity->head;
	owner->token = identity->incarnation;
	if (!region_layout_make(
		    identity->counters_max, identity->sessions_max, &owner->layout))
		return error_set(err, -EINVAL,
			"pawld: %s: counters-max and sessions-max are 1 to %d", path,
			COUNTERS_MAX);
	(void)unlink(
		path); /* left by a start that never became active: nobody knows it */
	rc = owner_memory_expose(owner, pages, false, err);
	if (!rc)
		rc = owner_file_lock(owner, err);
	if (rc) {
		owner_close(owner, true);
		return rc;
	}
	header_write(owner, identity);
	atomic_store(owner_word(owner, REGION_STATE_OFFSET),
		region_state_sealed(identity->epoch));
	return 0;
}

/*
 * Only a head's floors have flags, and peers' marks never become part of them.  The word
 * of a fresh head is 0; a backup's floor may be above the base when a row was folded.
 */
static int base_install(
	struct owner *owner, uint32_t index, uint64_t base, struct error *err)
{
	_Atomic uint64_t *floor = owner_word(
		owner, region_floor_offset(&owner->layout, index));
	uint64_t old;
	int rc = 0;

	if (atomic_load(floor) & FLOOR_FLAGS)
		return 0;
	if (owner->head && base > 0)
		rc = owner_word_add(owner, index, base, &old, err);
	if (!rc && atomic_load(floor) < base)
		atomic_store(floor, base); /* K1 */
	return rc;
}

static int place_check(
	const struct owner *owner, uint32_t index, const char *name, struct error *err)
{
	if (index >= owner->layout.counters_max)
		return error_set(err, -ENOSPC,
			"pawld: %s: all %u counters are taken; restart with a larger "
			"--counters-max",
			owner->path, owner->layout.counters_max);
	if (owner_entry(owner, index)->used &&
		strcmp(owner_entry(owner, index)->name, name))
		return error_set(err, -EEXIST,
			"pawld: %s: counter '%s' is in the place of counter '%s'; "
			"restart this replica, so that it makes its region anew",
			owner->path, owner_entry(owner, index)->name, name);
	return 0;
}

int owner_counter_install(struct owner *owner, uint32_t index, const char *name,
	uint64_t base, uint64_t ceiling, struct error *err)
{
	int rc = place_check(owner, index, name, err);

	PAWL_ASSERT(base < COUNTER_LIMIT && base <= ceiling);
	if (!rc && !owner_entry(owner, index)->used)
		rc = base_install(owner, index, base, err);
	if (rc)
		return rc;
	owner_ceiling_show(owner, index, ceiling);
	if (!owner_entry(owner, index)->used)
		region_entry_write(
			owner_entry(owner, index), name, (uint32_t)strlen(name));
	if (owner->counters_count <= index)
		owner->counters_count = index + 1;
	return 0;
}

void owner_ceiling_show(struct owner *owner, uint32_t index, uint64_t ceiling)
{
	_Atomic uint64_t *word = owner_word(
		owner, region_ceiling_offset(&owner->layout, index));

	if (atomic_load(word) < ceiling)
		atomic_store(word, ceiling); /* E10 */
}

const char *owner_counter_name(const struct owner *owner, uint32_t index)
{
	return owner_entry(owner, index)->name;
}

uint64_t owner_counter_base(const struct owner *owner, uint32_t index)
{
	return atomic_load(
		       owner_word(owner, region_floor_offset(&owner->layout, index))) &
	       ~FLOOR_FLAGS;
}

static uint64_t counter_load(const struct owner *owner, uint32_t index)
{
	return owner->memory->ops->load(owner->memory, region_counter_offset(index));
}

uint64_t owner_value(const struct owner *owner, uint32_t index)
{
	uint64_t word;

	if (!owner->head)
		return owner_report(owner, index);
	word = counter_load(owner, index);
	return word < COUNTER_LIMIT ? word : owner_counter_base(owner, index);
}

void owner_activate(struct owner *owner)
{
	/* Peers read it through their links after the store has the word (O1). */
	atomic_store(owner_word(owner, REGION_STATE_OFFSET),
		region_state_open(owner->header.epoch));
}

bool owner_is_open(const struct owner *owner)
{
	return atomic_load(owner_word(owner, REGION_STATE_OFFSET)) ==
	       region_state_open(owner->header.epoch);
}

_Atomic uint64_t *owner_heartbeat(const struct owner *owner)
{
	return owner_word(owner, REGION_HEARTBEAT_OFFSET);
}

void owner_evict(struct owner *owner, uint64_t token)
{
	owner->memory->ops->evict(owner->memory, token);
}

void owner_close(struct owner *owner, bool remove)
{
	if (owner->loopback)
		owner->loopback->ops->disconnect(owner->loopback);
	if (owner->memory)
		owner->memory->ops->withdraw(owner->memory);
	if (remove && owner->path[0])
		(void)unlink(owner->path);
	if (owner->file >= 0)
		(void)close(owner->file); /* O4: last, as whoever waits for it begins */
	owner->file = -1;
	owner->loopback = NULL;
	owner->memory = NULL;
}
