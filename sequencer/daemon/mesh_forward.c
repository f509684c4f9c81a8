/* Operators' requests that another replica has to fulfil. */
#include <errno.h>
#include <stdlib.h>

#include "sequencer/control/frame.h"
#include "sequencer/daemon/mesh_internal.h"

#define FORWARD_REQUEST_ID 3 /* nobody waits for the answer */

static struct watched *dialed_find(const struct mesh *mesh, struct epoch_member member)
{
	for (unsigned int i = 0; i < mesh->peers_count; i++) {
		if (epoch_member_same(dial_life(mesh->peers[i]->dial), member))
			return mesh->peers[i];
	}
	return NULL;
}

bool mesh_reaches(const struct mesh *mesh, struct epoch_member member)
{
	return dialed_find(mesh, member) || guests_find(&mesh->guests, member, false);
}

int mesh_forward(struct mesh *mesh, struct epoch_member member, Control__Request *request)
{
	struct watched *peer = dialed_find(mesh, member);
	size_t len;
	uint8_t *frame;

	if (!peer)
		return -EREMCHG;
	request->id = FORWARD_REQUEST_ID;
	len = message_frame_len(&request->base);
	frame = malloc(len);
	if (!frame)
		return -ENOMEM;
	message_frame_write(&request->base, frame);
	dial_send(peer->dial, frame, len);
	free(frame);
	return 0;
}
