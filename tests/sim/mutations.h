/* The names of the rules that can be broken (sequencer/core/mutation.h). */
#ifndef PAWL_TESTS_SIM_MUTATIONS_H
#define PAWL_TESTS_SIM_MUTATIONS_H

#include <stdbool.h>

/* False: no such rule. */
bool mutation_choose(const char *name);
void mutation_list(void);

#endif
