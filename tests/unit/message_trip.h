/* Messages through encoding, bytes and decoding with its checks, for unit tests. */
#ifndef PAWL_TESTS_MESSAGE_TRIP_H
#define PAWL_TESTS_MESSAGE_TRIP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "sequencer/control/frame.h"
#include "sequencer/control/message.h"

/* What decoding says. */
static inline int request_round_trip(Control__Request *request, struct error *err)
{
	size_t len = message_frame_len(&request->base);
	uint8_t *bytes = malloc(len);
	Control__Request *decoded;
	int rc;

	assert_non_null(bytes);
	message_frame_write(&request->base, bytes);
	rc = request_decode(
		bytes + FRAME_HEADER_LEN, len - FRAME_HEADER_LEN, NULL, &decoded, err);
	if (!rc)
		control__request__free_unpacked(decoded, NULL);
	free(bytes);
	return rc;
}

static inline int reply_round_trip(Control__Reply *reply)
{
	size_t len = message_frame_len(&reply->base);
	uint8_t *bytes = malloc(len);
	Control__Reply *decoded;
	struct error err;
	int rc;

	assert_non_null(bytes);
	message_frame_write(&reply->base, bytes);
	rc = reply_decode(
		bytes + FRAME_HEADER_LEN, len - FRAME_HEADER_LEN, NULL, &decoded, &err);
	if (!rc)
		control__reply__free_unpacked(decoded, NULL);
	free(bytes);
	return rc;
}

/* A member that breaks no rule; each test then breaks one. */
static inline Control__Member good_member(uint32_t replica)
{
	Control__Member member = CONTROL__MEMBER__INIT;

	member.replica = replica;
	member.incarnation = 1000 + replica;
	member.transport = (char *)"shm";
	member.memory = (char *)"shm path=/dev/shm/a len=4096";
	member.memory_path = (char *)"/dev/shm/a";
	return member;
}

#endif
