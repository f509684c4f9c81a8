#include "sequencer/daemon/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sequencer/core/panic.h"

#define LOOPBACK_TIMEOUT_NS UINT64_C(5000000000)
#define LOOPBACK_DEPTH 4

/* In a floor: the rest of the word is the exact value at which the counter was sealed. */
#define FLOOR_SEALED (UINT64_C(1) << 63)
/* In a floor: the counter is about to be sealed, or was, by an owner that died over it.
 */
#define FLOOR_SEALING (UINT64_C(1) << 62)
#define FLOOR_FLAGS (FLOOR_SEALED | FLOOR_SEALING)

/* The owner's processor changes words that no peer changes; peers read them at any time.
 */
static _Atomic uint64_t *word_at(const struct owner *owner, uint64_t offset)
{
	char *base = owner->memory->ops->base(owner->memory);

	PAWL_ASSERT(
		offset % sizeof(uint64_t) == 0 && offset < owner->layout.len); /* G1 */
	return (_Atomic uint64_t *)(void *)(base + offset);
}

static struct region_entry *entry_at(const struct owner *owner, uint32_t index)
{
	char *base = owner->memory->ops->base(owner->memory);

	return (struct region_entry *)(void *)(base + region_entry_offset(
							      &owner->layout, index));
}

static int loopback_open(struct owner *owner, struct error *err)
{
	const struct memory_ops *ops = owner->memory->ops;
	struct link_config config = {.depth = LOOPBACK_DEPTH};
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

static int counter_add_own(struct owner *owner, uint32_t index, uint64_t n,
	uint64_t *old_p, struct error *err)
{
	struct link *link = owner->loopback;
	int rc = link->ops->fetch_add(link, region_counter_offset(index), n, 0);

	return loopback_finish(owner, rc, old_p, err);
}

static uint64_t wall_clock_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void header_write(struct owner *owner, const struct owner_identity *identity)
{
	struct region_header *h = &owner->header;

	*h = (struct region_header){
		.replica = identity->replica,
		.instance = identity->instance,
		.incarnation = identity->incarnation,
		.epoch = identity->epoch,
		.created_ns = wall_clock_ns(),
	};
	if (owner->memory->ops->hot_on_card(owner->memory))
		h->flags |= REGION_FLAG_COUNTERS_ON_CARD;
	region_header_seal(h, &owner->layout);
	memcpy(owner->memory->ops->base(owner->memory), h, sizeof(*h));
}

static int memory_expose(struct owner *owner, const struct pages_config *pages,
	bool adopt, struct error *err)
{
	struct memory_config config = {.pages = *pages};
	int rc;

	config.pages.path = owner->path;
	config.pages.len = owner->layout.len;
	config.pages.adopt = adopt;
	config.hot_offset = REGION_COUNTERS_OFFSET;
	config.hot_len = adopt ? 0 : owner->layout.floors - REGION_COUNTERS_OFFSET;
	rc = owner->device->ops->expose(owner->device, &config, &owner->memory, err);
	return rc ? rc : loopback_open(owner, err);
}

int owner_create(struct owner *owner, struct device *device, const char *path,
	const struct owner_identity *identity, const struct pages_config *pages,
	struct error *err)
{
	int rc;

	memset(owner, 0, sizeof(*owner));
	owner->device = device;
	(void)snprintf(owner->path, sizeof(owner->path), "%s", path);
	if (!region_layout_make(
		    identity->counters_max, identity->sessions_max, &owner->layout))
		return error_set(err, -EINVAL,
			"pawld: %s: counters-max and sessions-max are 1 to %d", path,
			COUNTERS_MAX);
	(void)unlink(
		path); /* left by a start that never became active: nobody knows it */
	rc = memory_expose(owner, pages, false, err);
	if (rc) {
		owner_close(owner, true);
		return rc;
	}
	header_write(owner, identity);
	atomic_store(word_at(owner, REGION_STATE_OFFSET),
		region_state_sealed(identity->epoch));
	return 0;
}

static int damaged(const struct owner *owner, const char *what, struct error *err)
{
	return error_set(err, -EUCLEAN,
		"pawld: %s: %s; its numbers can not be trusted: move the file away, and "
		"read "
		"docs/operations.md, \"A region that can not be used\", before starting "
		"again",
		owner->path, what);
}

static const char *fault_text(enum region_fault fault)
{
	switch (fault) {
	case REGION_SOUND:
		break;
	case REGION_NOT_A_REGION:
		return "not a region file";
	case REGION_OTHER_VERSION:
		return "a region file of another version of pawld";
	case REGION_DAMAGED_HEADER:
		return "the header of the region file is damaged";
	case REGION_WRONG_LENGTH:
		return "the region file is cut short";
	case REGION_DAMAGED_DIRECTORY:
		return "the directory of counters in the region file is damaged";
	}
	return "unknown fault";
}

/* Reads limits and identity from the file before it is mapped. */
static int header_read(struct owner *owner, struct error *err)
{
	struct region_header *h = &owner->header;
	int fd = open(owner->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat at = {0};
	ssize_t got;

	if (fd < 0)
		return error_set(err, -errno, "pawld: %s: region file: %s", owner->path,
			error_reason(-errno));
	got = pread(fd, h, sizeof(*h), 0);
	(void)fstat(fd, &at);
	(void)close(fd);
	if (got != (ssize_t)sizeof(*h))
		return damaged(owner, fault_text(REGION_WRONG_LENGTH), err);
	if (h->magic != REGION_MAGIC)
		return damaged(owner, fault_text(REGION_NOT_A_REGION), err);
	if (h->version != REGION_VERSION)
		return damaged(owner, fault_text(REGION_OTHER_VERSION), err);
	if (!region_layout_make(h->counters_max, h->sessions_max, &owner->layout))
		return damaged(owner, fault_text(REGION_DAMAGED_HEADER), err);
	if ((uint64_t)at.st_size < owner->layout.len)
		return damaged(owner, fault_text(REGION_WRONG_LENGTH), err);
	return 0;
}

static int identity_check(const struct owner *owner,
	const struct owner_identity *identity, struct error *err)
{
	const struct region_header *h = &owner->header;

	if (h->replica != identity->replica || h->instance != identity->instance ||
		h->epoch != identity->epoch)
		return damaged(owner,
			"the region belongs to another replica, cluster or epoch", err);
	if (h->flags & REGION_FLAG_COUNTERS_ON_CARD)
		return error_set(err, -ENODATA,
			"pawld: %s: the counters were in the network card's memory and "
			"ended with the "
			"replica; read docs/operations.md, \"Numbers on the card\"",
			owner->path);
	return 0;
}

static int adopted_check(
	struct owner *owner, const struct owner_identity *identity, struct error *err)
{
	const struct memory_ops *ops = owner->memory->ops;
	enum region_fault fault = region_check(ops->base(owner->memory),
		ops->len(owner->memory), &owner->header, &owner->layout);
	int rc;

	if (fault != REGION_SOUND)
		return damaged(owner, fault_text(fault), err);
	rc = identity_check(owner, identity, err);
	while (!rc && owner->counters_count < owner->layout.counters_max &&
		entry_at(owner, owner->counters_count)->used)
		owner->counters_count++;
	return rc;
}

int owner_adopt(struct owner *owner, struct device *device, const char *path,
	const struct owner_identity *identity, const struct pages_config *pages,
	struct error *err)
{
	int rc;

	memset(owner, 0, sizeof(*owner));
	owner->device = device;
	(void)snprintf(owner->path, sizeof(owner->path), "%s", path);
	rc = header_read(owner, err);
	if (!rc)
		rc = memory_expose(owner, pages, true, err);
	if (!rc)
		rc = adopted_check(owner, identity, err);
	if (rc)
		owner_close(owner, false);
	return rc;
}

int owner_counter_add(struct owner *owner, const char *name, uint64_t base,
	uint32_t *index_p, struct error *err)
{
	uint32_t index = owner->counters_count;
	uint64_t old;
	int rc;

	PAWL_ASSERT(base < COUNTER_LIMIT);
	if (index == owner->layout.counters_max)
		return error_set(err, -ENOSPC,
			"pawld: %s: all %u counters are taken; restart with a larger "
			"--counters-max",
			name, index);
	rc = counter_add_own(owner, index, base, &old, err);
	if (rc)
		return rc;
	atomic_store(word_at(owner, region_floor_offset(&owner->layout, index)), base);
	region_entry_write(entry_at(owner, index), name, (uint32_t)strlen(name));
	owner->counters_count++;
	*index_p = index;
	return 0;
}

bool owner_counter_find(const struct owner *owner, const char *name, uint32_t *index_p)
{
	for (uint32_t i = 0; i < owner->counters_count; i++) {
		if (strcmp(entry_at(owner, i)->name, name) == 0) {
			*index_p = i;
			return true;
		}
	}
	return false;
}

const char *owner_counter_name(const struct owner *owner, uint32_t index)
{
	return entry_at(owner, index)->name;
}

uint64_t owner_counter_base(const struct owner *owner, uint32_t index)
{
	return atomic_load(word_at(owner, region_floor_offset(&owner->layout, index))) &
	       ~FLOOR_FLAGS;
}

static uint64_t counter_load(const struct owner *owner, uint32_t index)
{
	return owner->memory->ops->load(owner->memory, region_counter_offset(index));
}

uint64_t owner_counter_value(const struct owner *owner, uint32_t index)
{
	uint64_t word = counter_load(owner, index);

	return word < COUNTER_LIMIT ? word : owner_counter_base(owner, index);
}

void owner_activate(struct owner *owner)
{
	/* Peers read it through their links after the store has the word (O1). */
	atomic_store(word_at(owner, REGION_STATE_OFFSET),
		region_state_open(owner->header.epoch));
}

bool owner_is_open(const struct owner *owner)
{
	return atomic_load(word_at(owner, REGION_STATE_OFFSET)) ==
	       region_state_open(owner->header.epoch);
}

/*
 * The value of a counter whose word was @word before it was sealed, or, when @sealed, may
 * have been sealed by an owner that died before it could remember the value.  Additions
 * that came after that seal were never confirmed; counting them in is safe and makes a
 * small jump (O3).  A word at the limit that nobody sealed is used up.
 */
static uint64_t value_of(uint64_t word, bool sealed)
{
	if (word < COUNTER_LIMIT)
		return word;
	if (sealed && word < 2 * COUNTER_LIMIT)
		return word - COUNTER_LIMIT;
	return COUNTER_LIMIT - 1;
}

static int counter_seal(
	struct owner *owner, uint32_t index, uint64_t *value_p, struct error *err)
{
	_Atomic uint64_t *floor = word_at(
		owner, region_floor_offset(&owner->layout, index));
	uint64_t remembered = atomic_load(floor);
	bool sealing = remembered & FLOOR_SEALING;
	uint64_t word;
	int rc;

	if (remembered & FLOOR_SEALED) {
		*value_p = remembered & ~FLOOR_FLAGS;
		return 0;
	}
	rc = counter_add_own(owner, index, 0, &word, err);
	if (rc)
		return rc;
	if (word < COUNTER_LIMIT) {
		atomic_store(floor, remembered | FLOOR_SEALING);
		rc = counter_add_own(owner, index, COUNTER_LIMIT, &word, err);
		if (rc)
			return rc;
		sealing = false;
	}
	*value_p = value_of(word, sealing);
	atomic_store(floor, *value_p | FLOOR_SEALED);
	return 0;
}

int owner_seal(struct owner *owner, uint64_t *values, struct error *err)
{
	int rc = 0;

	atomic_store(word_at(owner, REGION_STATE_OFFSET),
		region_state_sealed(owner->header.epoch));
	for (uint32_t i = 0; i < owner->counters_count && !rc; i++)
		rc = counter_seal(owner, i, &values[i], err); /* O2 */
	return rc;
}

void owner_close(struct owner *owner, bool remove)
{
	if (owner->loopback)
		owner->loopback->ops->disconnect(owner->loopback);
	if (owner->memory)
		owner->memory->ops->withdraw(owner->memory);
	if (remove && owner->path[0])
		(void)unlink(owner->path);
	owner->loopback = NULL;
	owner->memory = NULL;
}
