/* What a seed chooses. */
#ifndef PAWL_TESTS_SIM_CHOOSE_H
#define PAWL_TESTS_SIM_CHOOSE_H

#include "tests/sim/cluster.h"

void config_choose(struct cluster_config *config, uint64_t seed, bool trace);

#endif
