/* Who is at the other end of a Unix socket, as the kernel says, and whether they may in.
 */
#ifndef PAWL_DAEMON_PEER_H
#define PAWL_DAEMON_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include "hw/error.h"
#include "sequencer/daemon/server.h"

/* Fills in @peer_p from the socket.  -errno of getsockopt(2). */
int peer_identify(int fd, struct peer *peer_p, struct error *err)
	__attribute__((warn_unused_result));

/*
 * 0 for this user, for root, and with @group_set for members of @group; else -EACCES.
 */
int peer_check(const struct peer *peer, int fd, bool group_set, gid_t group,
	struct error *err) __attribute__((warn_unused_result));

/* True for this user and root, who may stop the replica. */
bool peer_is_operator(const struct peer *peer);

#endif
