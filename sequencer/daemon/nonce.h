/* Random numbers that tell lives, sessions and clusters apart. */
#ifndef PAWL_DAEMON_NONCE_H
#define PAWL_DAEMON_NONCE_H

#include <stdint.h>

#include "hw/error.h"

/* Not 0, which means none.  -EAGAIN: there is no randomness. */
int nonce_make(uint64_t *nonce_p, struct error *err) __attribute__((warn_unused_result));

#endif
