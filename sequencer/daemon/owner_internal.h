/* What the parts of the owner share: its words, and how it changes a counter's. */
#ifndef PAWL_DAEMON_OWNER_INTERNAL_H
#define PAWL_DAEMON_OWNER_INTERNAL_H

#include <stdatomic.h>
#include <stdint.h>

#include "sequencer/core/panic.h"
#include "sequencer/daemon/owner.h"

/* In a floor: the rest of the word is the exact value at which the counter was sealed. */
#define FLOOR_SEALED (UINT64_C(1) << 63)
/* In a floor: the counter is about to be sealed, or its owner died over sealing it. */
#define FLOOR_SEALING (UINT64_C(1) << 62)
#define FLOOR_FLAGS (FLOOR_SEALED | FLOOR_SEALING)

/* A word that no peer changes; the owner's processor does, while peers read it. */
static inline _Atomic uint64_t *owner_word(const struct owner *owner, uint64_t offset)
{
	char *base = owner->memory->ops->base(owner->memory);

	PAWL_ASSERT(
		offset % sizeof(uint64_t) == 0 && offset < owner->layout.len); /* G1 */
	return (_Atomic uint64_t *)(void *)(base + offset);
}

static inline struct region_entry *owner_entry(const struct owner *owner, uint32_t index)
{
	char *base = owner->memory->ops->base(owner->memory);

	return (struct region_entry *)(void *)(base + region_entry_offset(
							      &owner->layout, index));
}

/* Nothing but its device and the path of its file. */
void owner_blank(struct owner *owner, struct device *device, const char *path);

/* O4.  -EBUSY: another process has it.  May block for a second. */
int owner_file_lock(struct owner *owner, struct error *err)
	__attribute__((warn_unused_result));

/* The file's bytes as memory, as @owner->layout has them, and the owner's own link to it. */
int owner_memory_expose(struct owner *owner, const struct pages_config *pages, bool adopt,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Adds @n to a counter word through the owner's own device; *old_p is the word before.
 * Not at a backup.  -EIO, -ETIMEDOUT.
 */
int owner_word_add(struct owner *owner, uint32_t index, uint64_t n, uint64_t *old_p,
	struct error *err) __attribute__((warn_unused_result));

/* The largest floor or mark of a counter, below COUNTER_LIMIT; 0 where there is no room. */
uint64_t owner_report(const struct owner *owner, uint32_t index);

#endif
