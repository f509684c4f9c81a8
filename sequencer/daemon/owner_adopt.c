/* Taking over the region that a dead replica left. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sequencer/daemon/owner_internal.h"

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
	ssize_t got = pread(owner->file, h, sizeof(*h), 0);
	struct stat at = {0};

	(void)fstat(owner->file, &at);
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
	for (uint32_t i = 0; i < owner->layout.counters_max; i++) {
		if (owner_entry(owner, i)->used)
			owner->counters_count = i + 1;
	}
	return rc;
}

int owner_adopt(struct owner *owner, struct device *device, const char *path,
	const struct owner_identity *identity, const struct pages_config *pages,
	struct error *err)
{
	int rc;

	owner_blank(owner, device, path);
	owner->token = identity->incarnation;
	rc = owner_file_lock(owner, err);
	if (!rc)
		rc = header_read(owner, err);
	if (!rc)
		rc = owner_memory_expose(owner, pages, true, err);
	if (!rc)
		rc = adopted_check(owner, identity, err);
	if (rc)
		owner_close(owner, false);
	return rc;
}
