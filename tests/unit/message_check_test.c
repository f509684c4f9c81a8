/* What a control message must be before anybody acts on it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/core/limits.h"
#include "tests/unit/message_trip.h"

static int joined_round_trip(Control__Joined *joined)
{
	static _Alignas(16) uint8_t arena_bytes[16384];
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Reply *decoded;
	struct message_arena arena;
	uint8_t bytes[2048];
	struct error err;
	size_t len;

	reply.body_case = CONTROL__REPLY__BODY_JOINED;
	reply.joined = joined;
	len = message_frame_len(&reply.base);
	assert_true(len <= sizeof(bytes));
	message_frame_write(&reply.base, bytes);
	message_arena_init(&arena, arena_bytes, sizeof(arena_bytes));
	return reply_decode(bytes + FRAME_HEADER_LEN, len - FRAME_HEADER_LEN,
		&arena.allocator, &decoded, &err);
}

static void a_session_outside_the_region_is_refused(void **state)
{
	Control__Joined joined = CONTROL__JOINED__INIT;
	Control__Member member = CONTROL__MEMBER__INIT;
	Control__Member *chain[] = {&member};

	(void)state;
	joined.cluster = (char *)"desk";
	joined.epoch = 1;
	joined.counters_max = 4;
	joined.sessions_max = 4;
	joined.row = 3;
	joined.n_chain = 1;
	joined.chain = chain;
	member.replica = 1;
	assert_int_equal(joined_round_trip(&joined), 0);
	joined.row = 4;
	assert_int_equal(joined_round_trip(&joined), -EBADMSG);
	joined.row = 0;
	joined.epoch = 0;
	assert_int_equal(joined_round_trip(&joined), -EBADMSG);
	joined.epoch = 1;
	joined.counters_max = 5000;
	assert_int_equal(joined_round_trip(&joined), -EBADMSG);
	joined.counters_max = 4;
	joined.n_chain = 0;
	assert_int_equal(joined_round_trip(&joined), -EBADMSG);
}

static void expect_hello(const Control__Hello *hello, int code)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	struct error err = {0};

	request.id = 1;
	request.body_case = CONTROL__REQUEST__BODY_HELLO;
	request.hello = (Control__Hello *)(uintptr_t)hello;
	assert_int_equal(request_round_trip(&request, &err), code);
}

static void a_hello_says_who_calls(void **state)
{
	Control__Hello hello = CONTROL__HELLO__INIT;
	Control__Member from = good_member(2);

	(void)state;
	hello.cluster = (char *)"desk";
	hello.to = 1;
	expect_hello(&hello, -EBADMSG);
	hello.from = &from;
	expect_hello(&hello, 0);
	hello.protocol = 77; /* the other side's business */
	expect_hello(&hello, 0);
	hello.to = 0;
	expect_hello(&hello, -EBADMSG);
	hello.to = 1;
	hello.cluster = (char *)"";
	expect_hello(&hello, -EBADMSG);
	hello.cluster = (char *)"desk";
	from.incarnation = 0;
	expect_hello(&hello, -EBADMSG);
}

static void expect_member(const Control__Member *member, int code)
{
	Control__Hello hello = CONTROL__HELLO__INIT;

	hello.cluster = (char *)"desk";
	hello.to = 1;
	hello.from = (Control__Member *)(uintptr_t)member;
	expect_hello(&hello, code);
}

static void a_member_has_limits(void **state)
{
	static char longest[600];
	char *controls[5] = {(char *)"a:1", (char *)"b:1", (char *)"c:1", (char *)"d:1",
		(char *)"e:1"};
	Control__Member member = good_member(65535);

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	member.control = controls;
	member.n_control = 4;
	expect_member(&member, 0);
	member.n_control = 5;
	expect_member(&member, -EBADMSG);
	controls[0] = longest;
	member.n_control = 1;
	expect_member(&member, -EBADMSG);
	member = good_member(65536);
	expect_member(&member, -EBADMSG);
	member = good_member(2);
	member.transport = (char *)"a-transport-of-16";
	expect_member(&member, -EBADMSG);
	member = good_member(2);
	member.memory = longest;
	expect_member(&member, -EBADMSG);
	member.memory = (char *)"shm path=/a\nb len=1";
	expect_member(&member, -EBADMSG);
	member.memory = (char *)""; /* it has none yet */
	expect_member(&member, 0);
	member.memory_path = longest;
	expect_member(&member, -EBADMSG);
	member = good_member(2);
	member.memory_epoch = UINT64_MAX;
	expect_member(&member, -EBADMSG);
}

static void a_chain_has_each_replica_once(void **state)
{
	Control__Joined joined = CONTROL__JOINED__INIT;
	Control__Member members[CHAIN_MAX + 1];
	Control__Member *chain[CHAIN_MAX + 1];

	(void)state;
	for (uint32_t i = 0; i <= CHAIN_MAX; i++) {
		members[i] = good_member(i + 1);
		chain[i] = &members[i];
	}
	joined.cluster = (char *)"desk";
	joined.epoch = 1;
	joined.counters_max = joined.sessions_max = 4;
	joined.chain = chain;
	joined.n_chain = CHAIN_MAX;
	assert_int_equal(joined_round_trip(&joined), 0);
	joined.n_chain = CHAIN_MAX + 1;
	assert_int_equal(joined_round_trip(&joined), -EBADMSG);
	joined.n_chain = 2;
	members[1].replica = 1;
	assert_int_equal(joined_round_trip(&joined), -EBADMSG);
	members[1].replica = 0;
	assert_int_equal(joined_round_trip(&joined), -EBADMSG);
}

static void an_admin_wish_is_known_and_names_a_replica(void **state)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Admin admin = CONTROL__ADMIN__INIT;
	struct error err;

	(void)state;
	request.id = 1;
	request.body_case = CONTROL__REQUEST__BODY_ADMIN;
	request.admin = &admin;
	admin.action = CONTROL__ADMIN__ACTION__RECOVER;
	assert_int_equal(request_round_trip(&request, &err), 0);
	admin.action = CONTROL__ADMIN__ACTION__PROMOTE;
	assert_int_equal(request_round_trip(&request, &err), -EBADMSG);
	admin.id = 3;
	assert_int_equal(request_round_trip(&request, &err), 0);
	admin.id = 70000;
	assert_int_equal(request_round_trip(&request, &err), -EBADMSG);
	admin.action = (Control__Admin__Action)17;
	assert_int_equal(request_round_trip(&request, &err), -EBADMSG);
}

static void an_opened_counter_is_in_range(void **state)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__CounterOpened opened = CONTROL__COUNTER_OPENED__INIT;

	(void)state;
	reply.body_case = CONTROL__REPLY__BODY_COUNTER_OPENED;
	reply.counter_opened = &opened;
	opened.counter = COUNTERS_MAX - 1;
	opened.epoch_base = opened.stand = opened.ceiling = COUNTER_LIMIT - 1;
	opened.reserve_max = ADDITION_MAX;
	assert_int_equal(reply_round_trip(&reply), 0);
	opened.stand = COUNTER_LIMIT;
	assert_int_equal(reply_round_trip(&reply), -EBADMSG);
	opened.stand = 0;
	opened.ceiling = COUNTER_LIMIT;
	assert_int_equal(reply_round_trip(&reply), -EBADMSG);
	opened.ceiling = 0;
	opened.reserve_max = ADDITION_MAX + 1;
	assert_int_equal(reply_round_trip(&reply), -EBADMSG);
}

static void who_serves_nobody_may_say_who_does(void **state)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Elsewhere elsewhere = CONTROL__ELSEWHERE__INIT;
	Control__Member members[2] = {good_member(1), good_member(2)};
	Control__Member *chain[2] = {&members[0], &members[1]};

	(void)state;
	reply.id = 1;
	reply.error = EAGAIN;
	reply.text = (char *)"not here";
	reply.body_case = CONTROL__REPLY__BODY_ELSEWHERE;
	reply.elsewhere = &elsewhere;
	assert_int_equal(reply_round_trip(&reply), 0);
	elsewhere.chain = chain;
	elsewhere.n_chain = 2;
	assert_int_equal(reply_round_trip(&reply), 0);
	members[0].control = &members[0].memory;
	members[0].n_control = 1;
	members[0].memory = (char *)"a b\x01";
	assert_int_equal(reply_round_trip(&reply), -EBADMSG);
}

static void a_welcome_says_who_answers(void **state)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Welcome welcome = CONTROL__WELCOME__INIT;
	Control__Member self = good_member(2);

	(void)state;
	reply.id = 1;
	reply.body_case = CONTROL__REPLY__BODY_WELCOME;
	reply.welcome = &welcome;
	assert_int_equal(reply_round_trip(&reply), -EBADMSG);
	welcome.self = &self;
	assert_int_equal(reply_round_trip(&reply), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_outside_the_region_is_refused),
		cmocka_unit_test(a_hello_says_who_calls),
		cmocka_unit_test(a_member_has_limits),
		cmocka_unit_test(a_chain_has_each_replica_once),
		cmocka_unit_test(an_admin_wish_is_known_and_names_a_replica),
		cmocka_unit_test(an_opened_counter_is_in_range),
		cmocka_unit_test(who_serves_nobody_may_say_who_does),
		cmocka_unit_test(a_welcome_says_who_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
