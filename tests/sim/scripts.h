/* The classic failures of sequencers, each a story that must end well. */
#ifndef PAWL_TESTS_SIM_SCRIPTS_H
#define PAWL_TESTS_SIM_SCRIPTS_H

#include "tests/sim/cluster.h"

struct script {
	const char *name;
	/* Opens the cluster and plays.  NULL, or what is wrong. */
	const char *(*run)(struct cluster *c, uint64_t seed, bool trace);
};

extern const struct script scripts[];
extern const uint32_t scripts_count;

#endif
