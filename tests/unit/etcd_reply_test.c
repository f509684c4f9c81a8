/* What etcd says and is told: base64, the stored form, answers, and whom to ask next. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sequencer/store/etcd_base64.h"
#include "sequencer/store/etcd_endpoints.h"
#include "sequencer/store/etcd_message.h"
#include "sequencer/store/etcd_reply.h"
#include "sequencer/store/etcd_value.h"

#define HEADER "\"header\":{\"revision\":\"7\"}"
#define MS UINT64_C(1000000)

static void base64_goes_round(void **state)
{
	unsigned char bytes[256], back[260];
	char text[ETCD_BASE64_SIZE(sizeof(bytes))];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		etcd_base64_encode(bytes, n, text);
		assert_int_equal(strlen(text) + 1, ETCD_BASE64_SIZE(n));
		assert_int_equal(etcd_base64_decode(text, strlen(text), back, &len), 0);
		assert_int_equal(len, n);
		assert_memory_equal(back, bytes, n);
	}
	etcd_base64_encode("pawl", 4, text);
	assert_string_equal(text, "cGF3bA==");
}

static void only_proper_base64_is_read(void **state)
{
	static const char *const texts[] = {"a", "ab", "abc", "ab=c",
		"a===", "====", "=abc", "ab==ab==", "ab c", "ab\n=", "ab-_",
		"aB==", "abC=", "abc\x80"};
	unsigned char bytes[16];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!etcd_base64_decode(texts[i], strlen(texts[i]), bytes, &len))
			fail_msg("'%s' was taken", texts[i]);
	}
}

static void a_stored_value_goes_round(void **state)
{
	struct etcd_value value = {.tag = "0123456789abcdef0123456789abcdef"}, back;
	char whole[ETCD_VALUE_HEADER_MAX + 8];
	size_t len;

	(void)state;
	etcd_value_write(&value, whole, &len);
	memcpy(whole + len, "bytes", 5);
	assert_int_equal(etcd_value_read("/k", whole, len + 5, &back, NULL), 0);
	assert_false(back.erased);
	assert_int_equal(back.len, 5);
	assert_memory_equal(back.bytes, "bytes", 5);
	assert_string_equal(back.tag, value.tag);
	assert_true(memcmp(whole, ETCD_VALUE_LIVE, strlen(ETCD_VALUE_LIVE)) == 0);
	for (size_t cut = 0; cut <= len; cut++)
		assert_int_equal(
			etcd_value_read("/k", whole, cut, &back, NULL), -EBADMSG);
	value.erased = true;
	etcd_value_write(&value, whole, &len);
	assert_int_equal(etcd_value_read("/k", whole, len, &back, NULL), 0);
	assert_true(back.erased);
	assert_true(strcmp(whole, ETCD_VALUE_LIVE) < 0);
	assert_int_equal(etcd_value_read("/k", whole, len + 1, &back, NULL), -EBADMSG);
}

static int read_range(const char *text, struct etcd_kv *kv)
{
	return etcd_reply_range(text, strlen(text), kv);
}

static void ranges_are_read(void **state)
{
	struct etcd_kv kv;

	(void)state;
	assert_int_equal(read_range("{" HEADER "}", &kv), 0);
	assert_int_equal(kv.mod_revision, 0);
	assert_int_equal(read_range("{" HEADER ",\"kvs\":[{\"mod_revision\":\"5\","
				    "\"value\":\"cGF3bA==\"}],\"count\":\"1\"}",
				 &kv),
		0);
	assert_int_equal(kv.mod_revision, 5);
	assert_int_equal(kv.len, 4);
	assert_memory_equal(kv.bytes, "pawl", 4);
	etcd_kv_free(&kv);
}

static void broken_ranges_are_refused(void **state)
{
	static const char *const texts[] = {"", "[]", "{}", "garbage", "{" HEADER,
		"{" HEADER ",\"kvs\":{}}", "{" HEADER ",\"kvs\":[]}",
		"{" HEADER ",\"kvs\":[{}]}",
		"{" HEADER ",\"kvs\":[{\"mod_revision\":\"0\"}]}",
		"{" HEADER ",\"kvs\":[{\"mod_revision\":\"-1\"}]}",
		"{" HEADER ",\"kvs\":[{\"mod_revision\":-1}]}",
		"{" HEADER ",\"kvs\":[{\"mod_revision\":\"05\"}]}",
		"{" HEADER ",\"kvs\":[{\"mod_revision\":\"9223372036854775808\"}]}",
		"{" HEADER ",\"kvs\":[{\"mod_revision\":\"5\",\"value\":5}]}",
		"{" HEADER ",\"kvs\":[{\"mod_revision\":\"5\",\"value\":\"x\"}]}",
		"{" HEADER
		",\"kvs\":[{\"mod_revision\":\"5\"},{\"mod_revision\":\"6\"}]}"};
	struct etcd_kv kv;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (read_range(texts[i], &kv) != -EBADMSG)
			fail_msg("'%s' was taken", texts[i]);
	}
}

static void transactions_are_read(void **state)
{
	static const char good[] = "{" HEADER ",\"succeeded\":true,\"responses\":[{}]}";
	static const char bad[] = "{" HEADER
				  ",\"responses\":[{\"response_range\":{\"kvs\":"
				  "[{\"mod_revision\":\"5\",\"value\":\"cGF3bA==\"}]}}]}";
	static const char missing[] = "{" HEADER
				      ",\"responses\":[{\"response_range\":{}}]}";
	static const char empty[] = "{" HEADER "}";
	struct etcd_written written;

	(void)state;
	assert_int_equal(etcd_reply_write(good, strlen(good), &written), 0);
	assert_true(written.succeeded);
	assert_int_equal(written.revision, 7);
	assert_int_equal(etcd_reply_write(bad, strlen(bad), &written), 0);
	assert_false(written.succeeded);
	assert_int_equal(written.found.mod_revision, 5);
	etcd_kv_free(&written.found);
	assert_int_equal(etcd_reply_write(missing, strlen(missing), &written), 0);
	assert_int_equal(written.found.mod_revision, 0);
	assert_int_equal(etcd_reply_write(empty, strlen(empty), &written), -EBADMSG);
}

static void a_token_must_fit_a_header(void **state)
{
	static const char good[] = "{\"token\":\"abc.9\"}";
	static const char *const bad[] = {"{\"token\":\"\"}", "{\"token\":\"a b\"}",
		"{\"token\":\"a\\r\\nX: y\"}", "{\"token\":5}", "{}"};
	char token[ETCD_TOKEN_SIZE];

	(void)state;
	assert_int_equal(etcd_reply_token(good, strlen(good), token), 0);
	assert_string_equal(token, "abc.9");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			etcd_reply_token(bad[i], strlen(bad[i]), token), -EBADMSG);
}

static void complaints_are_understood(void **state)
{
	static const struct {
		long status;
		const char *text;
		enum etcd_fault fault;
	} cases[] = {
		{503, "{\"error\":\"etcdserver: no leader\",\"code\":14}",
			ETCD_FAULT_PASSING},
		{503, "{\"message\":\"etcdserver: request timed out\",\"code\":14}",
			ETCD_FAULT_PASSING},
		{401, "{\"error\":\"etcdserver: invalid auth token\",\"code\":16}",
			ETCD_FAULT_TOKEN},
		{403, "{\"error\":\"etcdserver: permission denied\",\"code\":7}",
			ETCD_FAULT_DENIED},
		{400, "{\"error\":\"etcdserver: user name is empty\",\"code\":3}",
			ETCD_FAULT_DENIED},
		{429,
			"{\"error\":\"etcdserver: mvcc: database space "
			"exceeded\",\"code\":8}",
			ETCD_FAULT_FULL},
		{429, "{\"error\":\"etcdserver: too many requests\",\"code\":8}",
			ETCD_FAULT_PASSING},
		{400,
			"{\"error\":\"mvcc: required revision has been compacted\","
			"\"code\":11}",
			ETCD_FAULT_COMPACTED},
		{400, "{\"error\":\"something new\",\"code\":3}", ETCD_FAULT_REFUSED},
		{500, "{\"error\":\"something new\",\"code\":13}", ETCD_FAULT_PASSING},
		{404, "404 page not found\n", ETCD_FAULT_REFUSED},
		{502, "<html>", ETCD_FAULT_PASSING},
		{500, "", ETCD_FAULT_PASSING},
	};
	struct etcd_complaint complaint;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		etcd_reply_complaint(cases[i].status, cases[i].text,
			strlen(cases[i].text), &complaint);
		if (complaint.fault != cases[i].fault)
			fail_msg("'%s' is %d", cases[i].text, (int)complaint.fault);
		assert_string_not_equal(complaint.message, "");
		assert_non_null(complaint.advice);
	}
}

static void lines_of_a_watch_are_understood(void **state)
{
	static const struct {
		const char *text;
		enum etcd_watch_line line;
	} cases[] = {
		{"{\"result\":{" HEADER ",\"created\":true}}", ETCD_WATCH_CREATED},
		{"{\"result\":{" HEADER ",\"events\":[{\"kv\":{}}]}}",
			ETCD_WATCH_CHANGED},
		{"{\"result\":{" HEADER "}}", ETCD_WATCH_NOTHING},
		{"{\"result\":{" HEADER ",\"canceled\":true,\"compact_revision\":\"3\"}}",
			ETCD_WATCH_ENDED},
		{"{\"result\":{\"created\":true,\"canceled\":true,\"cancel_reason\":"
		 "\"etcdserver: permission denied\"}}",
			ETCD_WATCH_ENDED},
		{"{\"error\":{\"grpc_code\":14,\"message\":\"etcdserver: no leader\"}}",
			ETCD_WATCH_ENDED},
		{"garbage", ETCD_WATCH_ENDED},
		{"{}", ETCD_WATCH_ENDED},
	};
	struct etcd_complaint complaint;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (etcd_reply_watch(cases[i].text, strlen(cases[i].text), &complaint) !=
			cases[i].line)
			fail_msg("'%s'", cases[i].text);
	}
	etcd_reply_watch(cases[4].text, strlen(cases[4].text), &complaint);
	assert_int_equal(complaint.fault, ETCD_FAULT_DENIED);
	etcd_reply_watch(cases[5].text, strlen(cases[5].text), &complaint);
	assert_int_equal(complaint.fault, ETCD_FAULT_PASSING);
}

/* No revision in etcd is so large: it must be an answer "no", not an error. */
static void revisions_beyond_etcds_are_its_largest(void **state)
{
	struct etcd_write write = {
		.key = "aw==", .value = "dg==", .expected_revision = UINT64_MAX};
	char *text = etcd_message_write(&write);

	(void)state;
	assert_non_null(strstr(text, "\"mod_revision\":\"9223372036854775807\""));
	assert_null(strstr(text, "VALUE"));
	free(text);
	write.expect_live = true;
	text = etcd_message_write(&write);
	assert_non_null(strstr(text, "VALUE"));
	free(text);
}

static void one_that_answers_is_kept_and_one_that_fails_rests(void **state)
{
	struct etcd_endpoints endpoints;
	uint64_t rested = 0;

	(void)state;
	etcd_endpoints_init(&endpoints, 2);
	assert_int_equal(etcd_endpoints_pick(&endpoints, 0, &rested), 0);
	etcd_endpoints_failed(&endpoints, 0, 0);
	assert_int_equal(etcd_endpoints_pick(&endpoints, 0, &rested), 1);
	etcd_endpoints_answered(&endpoints, 1);
	assert_int_equal(etcd_endpoints_pick(&endpoints, 3600000 * MS, &rested), 1);
	etcd_endpoints_failed(&endpoints, 1, 3600000 * MS);
	assert_int_equal(etcd_endpoints_pick(&endpoints, 3600000 * MS, &rested), 0);
}

static void rests_grow_up_to_a_limit(void **state)
{
	struct etcd_endpoints endpoints;
	uint64_t rested, now = 0, rest = 0;

	(void)state;
	etcd_endpoints_init(&endpoints, 1);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(etcd_endpoints_pick(&endpoints, now, &rested), 0);
		etcd_endpoints_failed(&endpoints, 0, now);
		assert_int_equal(etcd_endpoints_pick(&endpoints, now, &rested), -EAGAIN);
		assert_true(rested - now >= rest);
		rest = rested - now;
		now = rested;
	}
	assert_int_equal(rest, ETCD_REST_MAX_MS * MS);
	etcd_endpoints_answered(&endpoints, 0);
	etcd_endpoints_failed(&endpoints, 0, now);
	assert_int_equal(etcd_endpoints_pick(&endpoints, now, &rested), -EAGAIN);
	assert_int_equal(rested - now, ETCD_REST_FIRST_MS * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_goes_round),
		cmocka_unit_test(only_proper_base64_is_read),
		cmocka_unit_test(a_stored_value_goes_round),
		cmocka_unit_test(ranges_are_read),
		cmocka_unit_test(broken_ranges_are_refused),
		cmocka_unit_test(transactions_are_read),
		cmocka_unit_test(a_token_must_fit_a_header),
		cmocka_unit_test(complaints_are_understood),
		cmocka_unit_test(lines_of_a_watch_are_understood),
		cmocka_unit_test(revisions_beyond_etcds_are_its_largest),
		cmocka_unit_test(one_that_answers_is_kept_and_one_that_fails_rests),
		cmocka_unit_test(rests_grow_up_to_a_limit),
	};

	return cmocka_run_group_tests_name("etcd_reply", tests, NULL, NULL);
}
