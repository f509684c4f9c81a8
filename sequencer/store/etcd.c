/*
 * The etcd store: replicas on many hosts, through the JSON gateway that every etcd since
 * 3.4 has.  Requests stand in a queue; the first is under way.  The revision of a value is
 * the modification revision of its key.
 *
 * Opening talks to nobody: a replica can start while etcd is away, and the first request
 * then says so.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/store/etcd_request.h"
#include "sequencer/store/etcd_session.h"
#include "sequencer/store/etcd_watch.h"
#include "sequencer/store/store.h"

struct etcd_store {
	struct store base;
	struct etcd_session session;
	struct etcd_call call; /* of the first request */
	struct etcd_watch watch;
	struct etcd_request *first;
	int requests_count;
	uint64_t wake_ns; /* progress has something to do then; UINT64_MAX: not yet */
	bool closing;
};

static void wake_by(struct etcd_store *store, uint64_t wake_ns)
{
	if (wake_ns < store->wake_ns)
		store->wake_ns = wake_ns;
}

static int open_parts(
	struct etcd_store *store, const struct store_config *config, struct error *err)
{
	int rc = etcd_session_open(&store->session, config, err);

	if (rc)
		return rc;
	rc = etcd_call_open(&store->call, &store->session, err);
	if (rc)
		goto session;
	rc = etcd_watch_open(&store->watch, &store->session, err);
	if (!rc)
		return 0;
	etcd_call_close(&store->call);
session:
	etcd_session_close(&store->session);
	return rc;
}

static int etcd_open(
	const struct store_config *config, struct store **store_p, struct error *err)
{
	struct etcd_store *store = calloc(1, sizeof(*store));
	int rc;

	if (!store)
		return error_set(err, -ENOMEM,
			"store: etcd: no memory for a store; free some memory");
	store->base.ops = &etcd_store_ops;
	store->wake_ns = UINT64_MAX;
	rc = open_parts(store, config, err);
	if (rc) {
		free(store);
		return rc;
	}
	*store_p = &store->base;
	return 0;
}

/* Takes the first request out of the queue before it tells, as telling may queue more. */
static void complete(struct etcd_store *store)
{
	struct etcd_request *request = store->first;

	store->first = request->next;
	store->requests_count--;
	request->done(request->context, &request->result);
	etcd_request_free(request);
}

static void cancel_first(struct etcd_store *store)
{
	struct etcd_request *request = store->first;

	request->result = (struct store_result){.status = -ECANCELED};
	request->result.err = &request->err;
	(void)error_set(&request->err, 0,
		"store: etcd key %s: closed before the request was done",
		store->session.key);
	complete(store);
}

static void etcd_close(struct store *base)
{
	struct etcd_store *store = (struct etcd_store *)base;

	store->closing = true;
	while (store->first)
		cancel_first(store);
	etcd_watch_close(&store->watch);
	etcd_call_close(&store->call);
	etcd_session_close(&store->session);
	free(store);
}

static int etcd_fd(const struct store *base)
{
	return ((const struct etcd_store *)base)->session.http.epoll_fd;
}

static int etcd_timeout_ms(const struct store *base)
{
	const struct etcd_store *store = (const struct etcd_store *)base;
	uint64_t now_ns = clock_now_ns();
	uint64_t due_ns = etcd_http_due_ns(&store->session.http);

	if (store->wake_ns < due_ns)
		due_ns = store->wake_ns;
	if (due_ns == UINT64_MAX)
		return -1;
	if (due_ns <= now_ns)
		return 0;
	due_ns = (due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	return due_ns < INT32_MAX ? (int)due_ns : INT32_MAX;
}

/* Requests that callbacks start wait for the next call, so that this one ends. */
static void run_queue(struct etcd_store *store)
{
	for (int left = store->requests_count; left > 0; left--) {
		uint64_t wake_ns;

		if (!etcd_request_step(store->first, &store->call, &wake_ns)) {
			wake_by(store, wake_ns);
			return;
		}
		complete(store);
	}
	if (store->first)
		wake_by(store, 0);
}

static void etcd_progress(struct store *base)
{
	struct etcd_store *store = (struct etcd_store *)base;

	store->wake_ns = UINT64_MAX;
	etcd_http_progress(&store->session.http);
	run_queue(store);
	wake_by(store, etcd_watch_step(&store->watch));
}

static int enqueue(
	struct etcd_store *store, const struct etcd_request *template, const void *bytes)
{
	struct etcd_request **end = &store->first;
	struct etcd_request *request;

	if (store->closing)
		return -ECANCELED;
	if (store->requests_count == STORE_REQUESTS_MAX)
		return -EAGAIN;
	request = etcd_request_make(template, bytes);
	if (!request)
		return -ENOMEM;
	request->deadline_ns = clock_now_ns() + store->session.timeout_ms * NS_PER_MS;
	while (*end)
		end = &(*end)->next;
	*end = request;
	store->requests_count++;
	wake_by(store, 0);
	return 0;
}

static int etcd_get(struct store *base, store_done_fn done, void *context)
{
	struct etcd_request get = {
		.kind = ETCD_REQUEST_GET, .done = done, .context = context};

	return enqueue((struct etcd_store *)base, &get, NULL);
}

static int etcd_put_if(struct store *base, uint64_t expected_revision, const void *bytes,
	size_t len, store_done_fn done, void *context)
{
	struct etcd_request put = {
		.kind = ETCD_REQUEST_PUT,
		.expected_revision = expected_revision,
		.done = done,
		.context = context,
		.len = len,
	};

	return enqueue((struct etcd_store *)base, &put, bytes);
}

static int etcd_erase_if(
	struct store *base, uint64_t expected_revision, store_done_fn done, void *context)
{
	struct etcd_request erase = {
		.kind = ETCD_REQUEST_ERASE,
		.expected_revision = expected_revision,
		.done = done,
		.context = context,
	};

	return enqueue((struct etcd_store *)base, &erase, NULL);
}

static void etcd_watch(struct store *base, store_changed_fn changed, void *context)
{
	struct etcd_store *store = (struct etcd_store *)base;

	etcd_watch_set(&store->watch, changed, context);
	wake_by(store, 0);
}

const struct store_ops etcd_store_ops = {
	.scheme = "etcd",
	.open = etcd_open,
	.close = etcd_close,
	.fd = etcd_fd,
	.timeout_ms = etcd_timeout_ms,
	.progress = etcd_progress,
	.get = etcd_get,
	.put_if = etcd_put_if,
	.erase_if = etcd_erase_if,
	.watch = etcd_watch,
};
