/* Operators' requests that another replica has to fulfil. */
#include <errno.h>
#include <stdlib.h>

#include "sequencer/control/frame.h"
#include "sequencer/core/panic.h"
#include "sequencer/daemon/mesh_internal.h"

#define FORWARD_REQUEST_ID 3 /* nobody waits for the answer */

bool mesh_reaches(const struct mesh *mesh, struct epoch_member member)
{
	return mesh_dialed_find(mesh, member, false) ||
	       guests_find(&mesh->guests, member, false);
}

int watched_request(struct watched *peer, const Control__Request *request)
{
	size_t len = message_frame_len(&request->base);
	uint8_t *frame;

	PAWL_ASSERT(len <= FRAME_HEADER_LEN + FRAME_MAX);
	frame = malloc(len);
	if (!frame)
		return -ENOMEM;
	message_frame_write(&request->base, frame);
	dial_send(peer->dial, frame, len);
	free(frame);
	return 0;
}

int mesh_forward(struct mesh *mesh, struct epoch_member member, Control__Request *request)
{
	struct watched *peer = mesh_dialed_find(mesh, member, false);

	if (!peer)
		return -EREMCHG;
	request->id = FORWARD_REQUEST_ID;
	return watched_request(peer, request);
}
