/*
 * What a replica knows of the lives of replicas, itself included: how to reach each, and
 * where its newest region is.  It learns from the record, from hellos and from every
 * message of the epoch machine.
 *
 *  L1  The first entry is this replica's own life; nobody else's word changes it, and it
 *      is never forgotten.
 *  L2  No two entries are the same life.
 *
 * When it is full, the life that was not heard of for the longest time is forgotten.  One
 * thread.
 */
#ifndef PAWL_DAEMON_ROSTER_H
#define PAWL_DAEMON_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/memory.h"
#include "sequencer/control/control.pb-c.h"
#include "sequencer/core/epoch.h"
#include "sequencer/store/record.h"

#define ROSTER_MAX 32

struct roster_entry {
	struct epoch_member member;
	char transport[RECORD_TRANSPORT_LEN]; /* or "" */
	char memory[MEMORY_ADDRESS_MAX];      /* address of its newest region, or "" */
	uint64_t memory_epoch;		      /* of that region */
	char memory_path[RECORD_PATH_LEN];    /* that region's file on its host, or "" */
	char controls[RECORD_CONTROLS_MAX][RECORD_CONTROL_LEN];
	unsigned int controls_count;
};

struct roster {
	struct roster_entry entries[ROSTER_MAX];
	uint64_t met[ROSTER_MAX];   /* when its life was first heard of */
	uint64_t heard[ROSTER_MAX]; /* when it was last heard of */
	uint64_t clock;		    /* counts what was learned */
	uint32_t count;
};

void roster_init(struct roster *roster, const struct roster_entry *self);

/* This replica's own entry, for it to change as it likes. */
struct roster_entry *roster_self(struct roster *roster);

/* Entries stay where they are until the roster learns again.  NULL: unknown. */
const struct roster_entry *roster_find(
	const struct roster *roster, struct epoch_member member);
/* The life with this id that was met last.  NULL: unknown. */
const struct roster_entry *roster_find_id(const struct roster *roster, uint32_t id);
bool roster_knows_incarnation(const struct roster *roster, uint64_t incarnation);

/*
 * Adds what @news says about one life: what is not empty there replaces what was known,
 * and a region only if it is not older than the known one.  News of this replica's own
 * life, or of nobody, are ignored.  True: something is known that was not.
 */
bool roster_learn(struct roster *roster, const struct roster_entry *news);

/* A checked member (message.h) as an entry.  Control addresses that are too long for a
 * record are left out. */
void roster_from_wire(const Control__Member *member, struct roster_entry *entry_p);

/* @member_p points into @entry and @controls, and is good as long as they are. */
void roster_to_wire(const struct roster_entry *entry, Control__Member *member_p,
	char *controls[RECORD_CONTROLS_MAX]);

#endif
