/* The limits of the protocol (docs/protocol.md).  All of them are checked somewhere.
 */
#ifndef PAWL_CORE_LIMITS_H
#define PAWL_CORE_LIMITS_H

#include <stdint.h>

/* Numbers stay below this; a counter word at or above it is sealed or used up. */
#define COUNTER_LIMIT (UINT64_C(1) << 60)
/* One addition takes at most this many numbers. */
#define ADDITION_MAX (UINT64_C(1) << 32)
/* Counters and sessions of one cluster. */
#define COUNTERS_MAX 4096
#define SESSIONS_MAX 4096
/* Replicas in a chain. */
#define CHAIN_MAX 7
/* Bytes of a counter's or a cluster's name, without its terminator. */
#define COUNTER_NAME_MAX 63
#define CLUSTER_NAME_MAX 63

#endif
