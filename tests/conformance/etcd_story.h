/* An etcd and a store in it for one story each, and what stories ask of them. */
#ifndef PAWL_TESTS_ETCD_STORY_H
#define PAWL_TESTS_ETCD_STORY_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/conformance/etcd_server.h"
#include "tests/conformance/store_call.h"

#define TIMEOUT_MS 1500
#define LIMIT_NS UINT64_C(15000000000)
#define MS UINT64_C(1000000)

static struct server server;
static struct store *store;
static char address[1024];

static inline int open_at(const char *where, struct store **store_p, struct error *err)
{
	struct store_config config = {
		.address = where, .cluster = "cluster", .timeout_ms = TIMEOUT_MS};

	return store_open(&config, store_p, err);
}

static inline int start(const char *extra, bool tls)
{
	server.extra = extra;
	store = NULL;
	if (server_start(&server, 1, tls))
		return -1;
	server_address(&server, "pawl", address, sizeof(address));
	return 0;
}

/* The same with a store in it, without TLS. */
static inline int start_open(const char *extra)
{
	struct error err;

	return start(extra, false) || open_at(address, &store, &err) ? -1 : 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	store_close(store);
	server_stop(&server);
	return 0;
}

static inline void reopen(void)
{
	struct error err;

	store_close(store);
	assert_int_equal(open_at(address, &store, &err), 0);
}

static inline uint64_t put(uint64_t expected, const char *text)
{
	struct call call = call_put(store, expected, text, strlen(text));

	assert_int_equal(call.status, 0);
	return call.revision;
}

struct seen {
	int good, bad;
};

static inline void note_change(void *context, int status, const struct error *err)
{
	struct seen *seen = context;

	if (status == 0)
		seen->good++;
	else if (err->text[0])
		seen->bad++;
}

static inline void wait_for(struct store *watcher, const int *count, int more_than)
{
	uint64_t deadline = clock_now_ns() + LIMIT_NS;

	while (*count <= more_than && clock_now_ns() < deadline)
		store_wait(watcher, 50);
	assert_true(*count > more_than);
}

/* Writes the value, which the watcher is told. */
static inline uint64_t put_seen(struct store *watcher, const struct seen *seen,
	uint64_t expected, const char *text)
{
	int before = seen->good;
	uint64_t revision = put(expected, text);

	wait_for(watcher, &seen->good, before);
	return revision;
}

static inline void compact_to(uint64_t revision)
{
	char body[64];

	(void)snprintf(body, sizeof(body), "{\"revision\":\"%llu\",\"physical\":true}",
		(unsigned long long)revision);
	assert_int_equal(
		server_post(&server, 0, "/v3/kv/compaction", body, NULL, 0), 200);
}

#endif
