#include "client/lib/peer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hw/clock.h"

int peer_init(struct peer *peer)
{
	memset(peer, 0, sizeof(*peer));
	return control_init(&peer->control, PEER_BUFFER_LEN);
}

void peer_destroy(struct peer *peer)
{
	control_destroy(&peer->control);
}

void peer_forget(struct peer *peer)
{
	peer->endpoint.text[0] = '\0';
	peer->replica = 0;
	peer->incarnation = 0;
	peer->token = 0;
	peer->epoch = 0;
	peer->delay_ns = 0;
}

void peer_off(struct peer *peer)
{
	control_disconnect(&peer->control);
	peer->stage = PEER_OFF;
	peer->request = 0;
}

void peer_put_off(struct peer *peer, uint64_t now_ns)
{
	peer->delay_ns *= 2;
	if (peer->delay_ns < PEER_RETRY_MIN_NS)
		peer->delay_ns = PEER_RETRY_MIN_NS;
	if (peer->delay_ns > PEER_RETRY_MAX_NS)
		peer->delay_ns = PEER_RETRY_MAX_NS;
	peer->again_ns = now_ns + peer->delay_ns;
	peer->stage = PEER_WAITING;
}

void peer_ask(struct peer *peer, const struct peer_question *question)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Join join = CONTROL__JOIN__INIT;

	join.protocol = CONTROL_PROTOCOL;
	join.cluster = (char *)question->cluster;
	join.program = (char *)question->program;
	join.pid = (uint64_t)getpid();
	join.session = peer->token;
	request.body_case = CONTROL__REQUEST__BODY_JOIN;
	request.join = &join;
	peer->asked_ns = clock_now_ns();
	if (control_request(&peer->control, &request, &peer->request)) {
		peer_put_off(peer, peer->asked_ns); /* behind what is queued already */
		return;
	}
	peer->stage = PEER_ASKED;
	control_flush(&peer->control);
}

int peer_dial(struct peer *peer, const struct endpoint *endpoint,
	const struct peer_question *question, struct error *err)
{
	int rc;

	peer_off(peer);
	peer->endpoint = *endpoint;
	rc = control_connect(&peer->control, &peer->endpoint, err);
	if (!rc)
		peer_ask(peer, question);
	return rc;
}

void peer_leave(struct peer *peer)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Leave leaving = CONTROL__LEAVE__INIT;
	uint64_t id;

	request.body_case = CONTROL__REQUEST__BODY_LEAVE;
	request.leave = &leaving;
	if (peer_is_connected(peer) &&
		control_request(&peer->control, &request, &id) == 0)
		control_flush(&peer->control);
	peer_off(peer);
	peer->token = 0;
}

static void text_copy(char *to, size_t len, const char *from)
{
	(void)snprintf(to, len, "%s", from);
}

bool peer_take(
	struct peer *peer, const Control__Joined *joined, const Control__Member *own)
{
	if (!region_layout_make(
		    joined->counters_max, joined->sessions_max, &peer->layout))
		return false;
	peer->token = joined->session;
	peer->row = joined->row;
	peer->epoch = joined->epoch;
	peer->lease_ns = joined->lease_ns;
	text_copy(peer->transport, sizeof(peer->transport), own ? own->transport : "");
	text_copy(peer->memory, sizeof(peer->memory), own ? own->memory : "");
	return true;
}
