/* Snapshots at fake replicas: each keeps two, in memory, and nobody copies them. */
#ifndef PAWL_TESTS_FAKE_SNAPSHOTS_H
#define PAWL_TESTS_FAKE_SNAPSHOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/control/message.h"

#define FAKE_SNAPSHOTS_KEPT 2

struct fake;
struct fake_connection;

struct fake_snapshot {
	uint64_t position; /* 0: none */
	uint64_t len;
	uint32_t crc;
	uint64_t upto; /* so much of it is there */
	unsigned char *bytes;
};

/* At one replica. */
struct fake_snapshots {
	struct fake_snapshot kept[FAKE_SNAPSHOTS_KEPT]; /* the newest first */
	struct fake_snapshot coming;
	int refusal;	  /* an errno for every put and get, or 0 */
	bool silent;	  /* gets are not answered */
	bool damages;	  /* the last byte of everything that is read */
	uint64_t damaged; /* the same of this position only; 0: of none */
	unsigned int puts, gets;
};

/* True: it was a request about snapshots, and is answered. */
bool fake_snapshots_request(struct fake *fake, unsigned int place,
	struct fake_connection *c, const Control__Request *request);
/* A replica has a snapshot; the bytes are copied. */
void fake_snapshots_add(struct fake *fake, unsigned int place, uint64_t position,
	const void *bytes, uint64_t len);
/* From one replica to another, all that it has. */
void fake_snapshots_copy(struct fake *fake, unsigned int from, unsigned int to);
/* With the fake. */
void fake_snapshots_end(struct fake *fake);

#endif
