/*
 * A replica's identity on this host: a lock that its one process holds, so that a second
 * pawld of the same name and id is refused.
 */
#ifndef PAWL_DAEMON_IDENTITY_H
#define PAWL_DAEMON_IDENTITY_H

#include "hw/error.h"

struct identity {
	int fd;
	char path[256];
};

/*
 * Makes the lock's directory and takes the lock, without waiting.  -EBUSY: another process
 * has it.  Else errors of paths_make and open(2).
 */
int identity_take(const char *lock_path, struct identity *identity_p, struct error *err)
	__attribute__((warn_unused_result));

/* Removes the lock's file and its directory, if that is empty, and lets go. */
void identity_release(struct identity *identity);

#endif
