/*
 * The line of text that tells a peer where an exposed memory is:
 *
 *     verbs host=10.0.0.1 port=7471 memory=0x3a key=0x1234 base=0x7f0000000000 len=8192
 *
 * followed, where hot words are on the card, by
 *
 *     hotkey=0x77 hotbase=0x0 hotoff=64 hotlen=128
 *
 * The text comes from outside and is not trusted.  There is one spelling of each address:
 * whatever the parser accepts, the writer writes again byte for byte.
 */
#ifndef PAWL_HW_VERBS_ADDRESS_H
#define PAWL_HW_VERBS_ADDRESS_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/error.h"
#include "hw/verbs/target.h"

struct verbs_address {
	char host[INET6_ADDRSTRLEN]; /* numeric, as inet_ntop writes it */
	uint16_t port;		     /* never 0 */
	uint64_t memory; /* tells this memory from all earlier ones at this port */
	struct verbs_target target;
};

/* -EINVAL: not such a text, or its numbers do not fit each other. */
int verbs_address_parse(const char *text, struct verbs_address *address_p,
	struct error *err) __attribute__((warn_unused_result));

/* Writes the text and its terminator.  -ENAMETOOLONG: @size bytes are too few. */
int verbs_address_write(const struct verbs_address *address, char *text, size_t size)
	__attribute__((warn_unused_result));

#endif
