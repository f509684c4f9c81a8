/* Frames, messages and endpoints of the control plane. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/control/endpoint.h"
#include "sequencer/control/frame.h"
#include "sequencer/control/message.h"
#include "tests/unit/message_trip.h"

static void a_frame_needs_all_its_bytes(void **state)
{
	uint8_t bytes[FRAME_HEADER_LEN + 3] = {0};
	const uint8_t *payload;
	size_t payload_len, frame_len;

	(void)state;
	frame_header_write(bytes, 3);
	for (size_t len = 0; len < sizeof(bytes); len++)
		assert_int_equal(
			frame_next(bytes, len, &payload, &payload_len, &frame_len),
			-EAGAIN);
	assert_int_equal(
		frame_next(bytes, sizeof(bytes), &payload, &payload_len, &frame_len), 0);
	assert_ptr_equal(payload, bytes + FRAME_HEADER_LEN);
	assert_int_equal(payload_len, 3);
	assert_int_equal(frame_len, sizeof(bytes));
}

static void a_frame_that_is_too_long_is_refused(void **state)
{
	uint8_t bytes[FRAME_HEADER_LEN] = {0xff, 0xff, 0xff, 0xff};
	const uint8_t *payload;
	size_t payload_len, frame_len;

	(void)state;
	assert_int_equal(
		frame_next(bytes, sizeof(bytes), &payload, &payload_len, &frame_len),
		-EMSGSIZE);
}

static void a_request_without_an_id_is_refused(void **state)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Leave leave = CONTROL__LEAVE__INIT;
	struct error err;

	(void)state;
	request.body_case = CONTROL__REQUEST__BODY_LEAVE;
	request.leave = &leave;
	assert_int_equal(request_round_trip(&request, &err), -EBADMSG);
	request.id = 1;
	assert_int_equal(request_round_trip(&request, &err), 0);
}

static void an_empty_request_is_refused(void **state)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	struct error err;

	(void)state;
	request.id = 1;
	assert_int_equal(request_round_trip(&request, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "unknown request"));
}

static void a_cluster_name_with_a_slash_is_refused(void **state)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Join join = CONTROL__JOIN__INIT;
	struct error err;

	(void)state;
	request.id = 1;
	request.body_case = CONTROL__REQUEST__BODY_JOIN;
	request.join = &join;
	join.cluster = (char *)"../other";
	assert_int_equal(request_round_trip(&request, &err), -EBADMSG);
	join.cluster = (char *)"desk";
	assert_int_equal(request_round_trip(&request, &err), 0);
}

static void decoding_into_a_small_arena_fails_cleanly(void **state)
{
	static _Alignas(16) uint8_t arena_bytes[64];
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Left left = CONTROL__LEFT__INIT;
	Control__Reply *decoded;
	struct message_arena arena;
	uint8_t bytes[64];
	struct error err;
	size_t len;

	(void)state;
	reply.body_case = CONTROL__REPLY__BODY_LEFT;
	reply.left = &left;
	len = message_frame_len(&reply.base);
	message_frame_write(&reply.base, bytes);
	message_arena_init(&arena, arena_bytes, sizeof(arena_bytes));
	assert_int_equal(reply_decode(bytes + FRAME_HEADER_LEN, len - FRAME_HEADER_LEN,
				 &arena.allocator, &decoded, &err),
		-EBADMSG);
}

static void endpoints_are_read_as_people_write_them(void **state)
{
	struct endpoint endpoint;
	struct error err;

	(void)state;
	assert_int_equal(endpoint_parse("127.0.0.1:7470", false, &endpoint, &err), 0);
	assert_int_equal(endpoint.address.any.sa_family, AF_INET);
	assert_int_equal(endpoint.address.ipv4.sin_port, htons(7470));
	assert_int_equal(endpoint_parse("[::1]:7470", false, &endpoint, &err), 0);
	assert_int_equal(endpoint.address.any.sa_family, AF_INET6);
	assert_int_equal(endpoint_parse("unix:/run/x.sock", false, &endpoint, &err), 0);
	assert_string_equal(endpoint.address.local.sun_path, "/run/x.sock");
	assert_int_equal(endpoint_parse(":7470", true, &endpoint, &err), 0);
}

static void what_is_no_endpoint_is_refused(void **state)
{
	static const char *const wrong[] = {"", ":", "host",
		"127.0.0.1:", "127.0.0.1:99999x", ":7470", "::1:7470", "unix:relative",
		"[::1:7470"};
	struct endpoint endpoint;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(
			endpoint_parse(wrong[i], false, &endpoint, &err), -EINVAL);
		assert_non_null(strstr(err.text, "not an address"));
	}
}

static void a_list_of_endpoints_is_taken_apart(void **state)
{
	struct endpoint_list list;
	struct error err;

	(void)state;
	assert_int_equal(
		endpoint_list_find("127.0.0.1:1,unix:/a,[::1]:2", &list, &err), 0);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.at[1].text, "unix:/a");
	assert_int_equal(
		endpoint_list_find("127.0.0.1:1,,unix:/a", &list, &err), -EINVAL);
}

static void a_bad_cluster_name_is_told_from_an_unknown_one(void **state)
{
	struct endpoint_list list;
	struct error err;

	(void)state;
	assert_int_equal(setenv("PAWL_RUNTIME_DIR", "/nonexistent", 1), 0);
	assert_int_equal(endpoint_list_find("a/b", &list, &err), -EINVAL);
	assert_int_equal(endpoint_list_find("nobody", &list, &err), -ENOENT);
	assert_non_null(strstr(err.text, "pawl up nobody"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_needs_all_its_bytes),
		cmocka_unit_test(a_frame_that_is_too_long_is_refused),
		cmocka_unit_test(a_request_without_an_id_is_refused),
		cmocka_unit_test(an_empty_request_is_refused),
		cmocka_unit_test(a_cluster_name_with_a_slash_is_refused),
		cmocka_unit_test(decoding_into_a_small_arena_fails_cleanly),
		cmocka_unit_test(endpoints_are_read_as_people_write_them),
		cmocka_unit_test(what_is_no_endpoint_is_refused),
		cmocka_unit_test(a_list_of_endpoints_is_taken_apart),
		cmocka_unit_test(a_bad_cluster_name_is_told_from_an_unknown_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
