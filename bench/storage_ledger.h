/*
 * What the clients of 'pawl-bench store' have been told, and whether it can be.  For each side,
 * client and key: the newest write that was acknowledged.
 *
 * Both sides give every write a version, Pawl its position and etcd its revision, of the whole
 * store.  So what has to hold is the same:
 *  - a write's version is larger than that of every write that was acknowledged, to anybody,
 *    before it began;
 *  - a linearizable read is not older than any write of its key that was acknowledged, to
 *    anybody, before it began, nor than what its client has read before; a local one than what
 *    its client was told before;
 *  - what is read is whole, and was written to that key;
 *  - in the end every key has exactly the newest write that was acknowledged.
 *
 * An entry is written by its client alone; partner: whoever takes the floor of a read.
 */
#ifndef PAWL_BENCH_STORAGE_LEDGER_H
#define PAWL_BENCH_STORAGE_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/team.h"
#include "hw/error.h"

struct storage_entry {
	_Atomic uint64_t version; /* 0: none yet */
	_Atomic uint64_t number;  /* which of the client's writes */
};

struct storage_ledger {
	struct storage_entry *entries; /* memory that is shared */
	unsigned int clients;
	uint64_t keys;
};

/* One operation of a client. */
struct storage_operation {
	bool reads;
	uint32_t key;
	uint64_t number; /* of a write: 1, 2, 3, ... of its client and side */
	uint64_t floor;	 /* no version below is right; of a write also not itself */
	uint64_t begin_ns;
};

/* What a side says became of it. */
struct storage_answer {
	uint64_t version;  /* 0: there is no such key */
	const void *value; /* of a read */
	size_t value_len;
};

/* Bytes of the entries of all sides. */
size_t storage_ledger_len(unsigned int clients, uint64_t keys);

/* The newest version of @key that anybody was told of. */
uint64_t storage_ledger_newest(
	const struct storage_ledger *ledger, enum turn_side side, uint32_t key);

/* The bytes that @client's write @o puts, @len of them. */
void storage_value_fill(const struct storage_operation *o, unsigned int client,
	unsigned char *bytes, size_t len);

/* A write was acknowledged: it is checked and kept.  -EILSEQ. */
int storage_ledger_wrote(struct storage_ledger *ledger, enum turn_side side,
	unsigned int client, const struct storage_operation *o,
	const struct storage_answer *answer, struct error *err)
	__attribute__((warn_unused_result));

/* A read has ended.  @len: of the values.  -EILSEQ. */
int storage_ledger_read(const struct storage_ledger *ledger, enum turn_side side,
	const struct storage_operation *o, const struct storage_answer *answer,
	size_t len, struct error *err) __attribute__((warn_unused_result));

/* The same while nobody writes: it is the newest write, and no other.  -EILSEQ. */
int storage_ledger_final(const struct storage_ledger *ledger, enum turn_side side,
	const struct storage_operation *o, const struct storage_answer *answer,
	size_t len, struct error *err) __attribute__((warn_unused_result));

#endif
