/*
 * Whom etcd lets in, and how much it takes: users, certificates and limits.  Each story has
 * an etcd of its own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/conformance/etcd_story.h"

static int set_up(void **state)
{
	(void)state;
	return start_open(NULL);
}

static int set_up_small(void **state)
{
	(void)state;
	return start_open("--quota-backend-bytes=1000000");
}

/* As etcdctl does it: the alarm's member has to be named. */
static void disarm(void)
{
	static const char *const path = "/v3/maintenance/alarm";
	char answer[512], member[32], body[128];
	const char *at;

	assert_int_equal(server_post(&server, 0, path, "{\"action\":\"GET\"}", answer,
				 sizeof(answer)),
		200);
	at = strstr(answer, "\"memberID\":");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "\"memberID\":\"%31[0-9]", member), 1);
	(void)snprintf(body, sizeof(body),
		"{\"action\":\"DEACTIVATE\",\"memberID\":\"%s\",\"alarm\":\"NOSPACE\"}",
		member);
	assert_int_equal(server_post(&server, 0, path, body, NULL, 0), 200);
}

/* The write that crosses the limit may be answered with an error and be done (E5). */
static void an_etcd_without_space_keeps_the_old_value(void **state)
{
	static char bytes[100000];
	uint64_t revision = 0;
	struct call call = {0};

	(void)state;
	for (int i = 0; i < 100 && call.status == 0; i++) {
		revision = call.revision;
		bytes[0]++;
		call = call_put(store, revision, bytes, sizeof(bytes));
	}
	assert_int_equal(call.status, -ENOSPC);
	assert_non_null(strstr(call.err.text, "defragment"));
	call = call_get(store);
	assert_int_equal(call.revision, revision);
	assert_int_equal(call.bytes[0], bytes[0] - 1);
	compact_to(revision);
	assert_int_equal(
		server_post(&server, 0, "/v3/maintenance/defragment", "{}", NULL, 0),
		200);
	disarm();
	(void)put(revision, "small");
}

static int set_up_narrow(void **state)
{
	struct error err;

	(void)state;
	return start("--max-request-bytes=50000", false) || open_at(address, &store, &err)
		       ? -1
		       : 0;
}

static void a_value_too_large_for_etcd_is_told(void **state)
{
	static char bytes[100000];
	struct call call;

	(void)state;
	call = call_put(store, 0, bytes, sizeof(bytes));
	assert_int_equal(call.status, -EIO);
	assert_non_null(strstr(call.err.text, "--max-request-bytes"));
	(void)put(0, "small");
}

static int set_up_protected(void **state)
{
	size_t len;
	struct error err;

	(void)state;
	if (start(NULL, false) || server_protect(&server))
		return -1;
	len = strlen(address);
	(void)snprintf(address + len, sizeof(address) - len,
		"?user=pawl&password-file=%s/password", server.scratch.path);
	return open_at(address, &store, &err);
}

static void write_password(const char *password)
{
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/password", server.scratch.path);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fprintf(file, "%s\n", password) > 0);
	assert_int_equal(fclose(file), 0);
}

static void a_wrong_password_is_told_at_once(void **state)
{
	uint64_t began;
	struct call call;

	(void)state;
	write_password("wrong");
	began = clock_now_ns();
	call = call_get(store);
	assert_int_equal(call.status, -EACCES);
	assert_non_null(strstr(call.err.text, "password-file="));
	assert_null(strstr(call.err.text, "wrong"));
	assert_in_range(clock_now_ns() - began, 0, 1000 * MS);
	write_password(SERVER_PASSWORD);
	assert_int_equal(call_get(store).status, 0);
}

static void a_missing_user_is_told(void **state)
{
	struct call call;

	(void)state;
	server_address(&server, "pawl", address, sizeof(address));
	reopen();
	call = call_put(store, 0, "first", 5);
	assert_int_equal(call.status, -EACCES);
	assert_non_null(strstr(call.err.text, "user="));
}

static void a_user_without_rights_is_told(void **state)
{
	struct call call;

	(void)state;
	server_address(&server, "other", address, sizeof(address));
	(void)snprintf(address + strlen(address), sizeof(address) - strlen(address),
		"?user=pawl&password-file=%s/password", server.scratch.path);
	reopen();
	call = call_put(store, 0, "first", 5);
	assert_int_equal(call.status, -EACCES);
	assert_non_null(strstr(call.err.text, "grant"));
}

/* etcd keeps its tokens in memory only. */
static void a_token_that_etcd_forgot_is_got_anew(void **state)
{
	struct seen seen = {0};
	uint64_t first = put(0, "first");
	int before;

	(void)state;
	store_watch(store, note_change, &seen);
	wait_for(store, &seen.good, 0);
	before = seen.good;
	server_kill(&server, 0);
	assert_int_equal(server_restart(&server, 0), 0);
	first = put(first, "second");
	wait_for(store, &seen.good, before);
	(void)put_seen(store, &seen, first, "third");
}

static int set_up_tls(void **state)
{
	struct error err;

	(void)state;
	if (server_missing(true)) {
		print_message("skipped: %s\n", server_missing(true));
		return 0;
	}
	return start(NULL, true) || open_at(address, &store, &err) ? -1 : 0;
}

static int tear_down_tls(void **state)
{
	return server_missing(true) ? 0 : tear_down(state);
}

/* @what follows the prefix; @ in it is the server's directory. */
static struct call call_with(const char *what)
{
	const char *dir = server.scratch.path;
	int len = snprintf(address, sizeof(address), "etcd:https://127.0.0.1:%d/pawl",
		server.members[0].port);

	for (; *what; what++) {
		if (*what == '@')
			len += snprintf(
				address + len, sizeof(address) - (size_t)len, "%s/", dir);
		else
			address[len++] = *what;
		address[len] = '\0';
	}
	reopen();
	return call_put(store, 0, "first", 5);
}

static void assert_not_trusted(const char *what)
{
	uint64_t began = clock_now_ns();
	struct call call = call_with(what);

	if (call.status != -EACCES || !strstr(call.err.text, "TLS failed"))
		fail_msg("%s: status %d: %s", address, call.status, call.err.text);
	assert_in_range(clock_now_ns() - began, 0, 1000 * MS);
}

/*
 * With TLS 1.3 we speak before etcd has looked at our certificate, and its refusal may be
 * lost with the connection that it closes.
 */
static void assert_not_liked(const char *what)
{
	struct call call = call_with(what);

	if ((call.status != -EACCES && call.status != -ETIMEDOUT) ||
		!strstr(call.err.text, "cert="))
		fail_msg("%s: status %d: %s", address, call.status, call.err.text);
}

static void who_is_not_trusted_is_told_at_once(void **state)
{
	(void)state;
	if (server_missing(true))
		skip();
	assert_not_trusted("?cacert=@stranger.pem&cert=@client.pem&key=@client.key");
	assert_not_liked("?cacert=@ca.pem");
	assert_not_liked("?cacert=@ca.pem&cert=@stranger.pem&key=@stranger.key");
}

/* Such an etcd closes the connection without a word. */
static void a_url_without_its_s_is_told(void **state)
{
	struct call call;

	(void)state;
	if (server_missing(true))
		skip();
	(void)snprintf(address, sizeof(address), "etcd:http://127.0.0.1:%d/pawl",
		server.members[0].port);
	reopen();
	call = call_get(store);
	assert_int_equal(call.status, -ETIMEDOUT);
	assert_non_null(strstr(call.err.text, "https://"));
}

static void files_that_can_not_be_used_are_told_by_open(void **state)
{
	static const char *const options[] = {"?cacert=/nowhere/ca.pem",
		"?cert=/etc/hostname&key=/nowhere/key", "?cacert=/etc"};
	struct error err;
	struct store *other = NULL;
	char where[512], path[256];

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		(void)snprintf(where, sizeof(where), "etcd:https://127.0.0.1:1/pawl%s",
			options[i]);
		assert_int_equal(open_at(where, &other, &err), -EINVAL);
		assert_non_null(strchr(err.text, ';'));
	}
	write_password("secret");
	(void)snprintf(path, sizeof(path), "%s/password", server.scratch.path);
	assert_int_equal(chmod(path, 0644), 0);
	(void)snprintf(where, sizeof(where),
		"etcd:http://127.0.0.1:1/pawl?user=u&password-file=%s", path);
	assert_int_equal(open_at(where, &other, &err), -EPERM);
	assert_non_null(strstr(err.text, "chmod 600"));
	assert_null(other);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)
#define STORY_WITH(story, how) cmocka_unit_test_setup_teardown(story, how, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY_WITH(an_etcd_without_space_keeps_the_old_value, set_up_small),
		STORY_WITH(a_value_too_large_for_etcd_is_told, set_up_narrow),
		STORY_WITH(a_wrong_password_is_told_at_once, set_up_protected),
		STORY_WITH(a_missing_user_is_told, set_up_protected),
		STORY_WITH(a_user_without_rights_is_told, set_up_protected),
		STORY_WITH(a_token_that_etcd_forgot_is_got_anew, set_up_protected),
		cmocka_unit_test_setup_teardown(
			who_is_not_trusted_is_told_at_once, set_up_tls, tear_down_tls),
		cmocka_unit_test_setup_teardown(
			a_url_without_its_s_is_told, set_up_tls, tear_down_tls),
		STORY(files_that_can_not_be_used_are_told_by_open),
	};
	const char *missing = server_missing(false);

	if (missing) {
		printf("skipped: %s\n", missing);
		return 77;
	}
	return cmocka_run_group_tests_name("etcd_access", tests, NULL, NULL);
}
