/*
 * What the two sides say to each other while a connection is made, beside what the
 * connection manager says for them.  A peer sends a hello with its request; an owner that
 * refuses sends a refusal.  Both come from outside and are not trusted.
 *
 * All numbers are big-endian: magic (4 bytes), version (2), kind or reason (2), and in a
 * hello also memory (8) and token (8).  Trailing bytes are padding of the transport.
 */
#ifndef PAWL_HW_VERBS_HELLO_H
#define PAWL_HW_VERBS_HELLO_H

#include <stddef.h>
#include <stdint.h>

#define VERBS_HELLO_LEN 24
#define VERBS_REFUSAL_LEN 8

struct verbs_hello {
	uint64_t memory;
	uint64_t token;
};

/* Why an owner refuses. */
enum verbs_refusal {
	VERBS_REFUSED_VERSION = 1, /* it does not speak this version */
	VERBS_REFUSED_MEMORY,	   /* it does not expose this memory, or no longer */
	VERBS_REFUSED_TOKEN,	   /* its gate said no */
	VERBS_REFUSED_FULL,	   /* it has no room for another link */
};

void verbs_hello_encode(const struct verbs_hello *hello, uint8_t bytes[VERBS_HELLO_LEN]);

/* -EINVAL: no hello.  -EPROTO: a hello of another version. */
int verbs_hello_decode(const void *bytes, size_t len, struct verbs_hello *hello_p)
	__attribute__((warn_unused_result));

void verbs_refusal_encode(enum verbs_refusal reason, uint8_t bytes[VERBS_REFUSAL_LEN]);

/* -EINVAL: no refusal of Pawl's, or for a reason that this version does not know. */
int verbs_refusal_decode(const void *bytes, size_t len, enum verbs_refusal *reason_p)
	__attribute__((warn_unused_result));

#endif
