#include "sequencer/daemon/peer.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUPS_MAX 1024

int peer_identify(int fd, struct peer *peer_p, struct error *err)
{
	struct ucred credentials;
	socklen_t len = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len))
		return error_set(err, -errno, "control: peer credentials: %s",
			error_reason(-errno));
	*peer_p = (struct peer){.local = true,
		.uid = credentials.uid,
		.gid = credentials.gid,
		.pid = credentials.pid};
	return 0;
}

static bool group_has_peer(int fd, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++) {
		if (groups[i] == group)
			return true;
	}
	return false;
}

bool peer_is_operator(const struct peer *peer)
{
	return peer->local && (peer->uid == 0 || peer->uid == geteuid());
}

int peer_check(
	const struct peer *peer, int fd, bool group_set, gid_t group, struct error *err)
{
	if (peer_is_operator(peer))
		return 0;
	if (group_set && (peer->gid == group || group_has_peer(fd, group)))
		return 0;
	return error_set(err, -EACCES,
		"control: user %u (process %d) is refused: not the owner of this "
		"cluster, nor in its "
		"group",
		(unsigned int)peer->uid, (int)peer->pid);
}
