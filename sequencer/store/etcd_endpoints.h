/*
 * Which of etcd's members to talk to.  One is used for as long as it answers.  When it
 * fails the next is tried, and one that failed rests, twice as long every time.  Pure: the
 * time comes from the caller.
 */
#ifndef PAWL_STORE_ETCD_ENDPOINTS_H
#define PAWL_STORE_ETCD_ENDPOINTS_H

#include <stdint.h>

#include "sequencer/store/etcd_address.h"

#define ETCD_REST_FIRST_MS 20
#define ETCD_REST_MAX_MS 1000

struct etcd_endpoints {
	unsigned int count;
	unsigned int current;
	struct {
		unsigned int failures; /* since it answered last */
		uint64_t rested_ns;    /* not to be used before */
	} each[ETCD_ENDPOINTS_MAX];
};

void etcd_endpoints_init(struct etcd_endpoints *endpoints, unsigned int count);

/*
 * The one to use now, or -EAGAIN when all of them rest, and *rested_ns_p is when the
 * first of them has.
 */
int etcd_endpoints_pick(struct etcd_endpoints *endpoints, uint64_t now_ns,
	uint64_t *rested_ns_p) __attribute__((warn_unused_result));

void etcd_endpoints_answered(struct etcd_endpoints *endpoints, unsigned int index);
void etcd_endpoints_failed(
	struct etcd_endpoints *endpoints, unsigned int index, uint64_t now_ns);

#endif
