/*
 * The file store: all replicas of a cluster on one host.  Requests stand in a queue that
 * progress works through; a writer that finds the lock taken tries again every
 * millisecond, so the loop around it goes on.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "hw/clock.h"
#include "sequencer/store/directory.h"
#include "sequencer/store/store.h"

#define LOCK_RETRY_MS 1

enum request_kind {
	REQUEST_GET,
	REQUEST_PUT,
	REQUEST_ERASE,
};

struct request {
	struct request *next;
	enum request_kind kind;
	uint64_t expected_revision;
	uint64_t deadline_ns;
	store_done_fn done;
	void *context;
	size_t len;
	char bytes[]; /* the value to put */
};

struct file_store {
	struct store base;
	struct directory directory;
	int inotify_fd;
	unsigned int timeout_ms;
	struct request *first;
	int requests_count;
	bool locked_out; /* the first request waits for the lock */
	bool closing;
	store_changed_fn changed;
	void *changed_context;
	char buffer[DIRECTORY_BUFFER_LEN];
};

static int open_watch(struct file_store *store, struct error *err)
{
	uint32_t events = IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |
			  IN_MOVE_SELF;

	store->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (store->inotify_fd < 0)
		return error_set(err, errno == EMFILE ? -EMFILE : -EIO,
			"store: %s: can not be watched: %s; raise "
			"fs.inotify.max_user_instances or the limit on open files",
			store->directory.path, error_reason(-errno));
	if (inotify_add_watch(store->inotify_fd, store->directory.path, events) >= 0)
		return 0;
	(void)error_set(err, 0,
		"store: %s: can not be watched: %s; raise fs.inotify.max_user_watches",
		store->directory.path, error_reason(-errno));
	(void)close(store->inotify_fd);
	return -EMFILE;
}

static int open_parts(
	struct file_store *store, const struct store_config *config, struct error *err)
{
	const char *base = strchr(config->address, ':') + 1;
	int rc;

	if (base[0] == '\0')
		return error_set(err, -EINVAL,
			"store: %s: names no directory; give file:DIR", config->address);
	rc = directory_open(base, config->cluster, &store->directory, err);
	if (rc)
		return rc;
	rc = open_watch(store, err);
	if (rc)
		directory_close(&store->directory);
	return rc;
}

static int file_open(
	const struct store_config *config, struct store **store_p, struct error *err)
{
	struct file_store *store = calloc(1, sizeof(*store));
	int rc;

	if (!store)
		return error_set(err, -ENOMEM,
			"store: %s: no memory for a buffer of %d bytes", config->address,
			(int)DIRECTORY_BUFFER_LEN);
	store->base.ops = &file_store_ops;
	store->timeout_ms = config->timeout_ms;
	rc = open_parts(store, config, err);
	if (rc) {
		free(store);
		return rc;
	}
	*store_p = &store->base;
	return 0;
}

/* Takes the first request out of the queue before it tells, as telling may queue more. */
static void complete(struct file_store *store, const struct store_result *result)
{
	struct request *request = store->first;

	store->first = request->next;
	store->requests_count--;
	store->locked_out = false;
	request->done(request->context, result);
	free(request);
}

static void file_close(struct store *base)
{
	struct file_store *store = (struct file_store *)base;
	struct error err;
	struct store_result result = {.status = -ECANCELED, .err = &err};

	(void)error_set(&err, 0, "store: %s: closed before the request was carried out",
		store->directory.path);
	store->closing = true;
	while (store->first)
		complete(store, &result);
	(void)close(store->inotify_fd);
	directory_close(&store->directory);
	free(store);
}

static int file_fd(const struct store *base)
{
	return ((const struct file_store *)base)->inotify_fd;
}

static int file_timeout_ms(const struct store *base)
{
	const struct file_store *store = (const struct file_store *)base;

	if (!store->first)
		return -1;
	return store->locked_out ? LOCK_RETRY_MS : 0;
}

static void carry_out_get(
	struct file_store *store, struct store_result *result_p, struct error *err)
{
	struct envelope envelope;

	result_p->status = directory_read(
		&store->directory, store->buffer, &envelope, err);
	if (result_p->status || envelope.erased)
		return;
	result_p->revision = envelope.revision;
	result_p->bytes = envelope.bytes;
	result_p->len = envelope.len;
}

/* The lock is held: nobody changes the record between the comparison and the rename. */
static int replace_if(struct file_store *store, const struct request *request,
	uint64_t *revision_p, struct error *err)
{
	struct envelope new = {.erased = request->kind == REQUEST_ERASE};
	struct envelope old;
	uint64_t found;
	int rc = directory_read(&store->directory, store->buffer, &old, err);

	if (rc)
		return rc;
	found = old.erased ? 0 : old.revision;
	if (found != request->expected_revision)
		return error_set(err, -ESTALE,
			"store: %s: has revision %llu, not the expected %llu; read it "
			"again",
			store->directory.path, (unsigned long long)found,
			(unsigned long long)request->expected_revision);
	new.revision = old.revision + 1;
	new.bytes = request->bytes;
	new.len = request->len;
	rc = directory_replace(&store->directory, &new, err);
	if (!rc && !new.erased)
		*revision_p = new.revision;
	return rc;
}

static int give_up_lock(const struct file_store *store, struct error *err)
{
	return error_set(err, -ETIMEDOUT,
		"store: %s/lock: held by process %ld for %u ms; nothing was written; is "
		"that process stopped?",
		store->directory.path, directory_lock_holder(&store->directory),
		store->timeout_ms);
}

static void carry_out_change(struct file_store *store, const struct request *request,
	struct store_result *result_p, struct error *err)
{
	int lock;

	result_p->status = directory_lock(&store->directory, &lock, err);
	if (result_p->status == -EAGAIN && clock_now_ns() >= request->deadline_ns)
		result_p->status = give_up_lock(store, err);
	if (result_p->status)
		return;
	result_p->status = replace_if(store, request, &result_p->revision, err);
	directory_unlock(lock);
}

/* False when the first request has to wait for the lock. */
static bool carry_out_first(struct file_store *store)
{
	struct error err = {.text = ""};
	struct store_result result = {.err = &err};

	if (store->first->kind == REQUEST_GET)
		carry_out_get(store, &result, &err);
	else
		carry_out_change(store, store->first, &result, &err);
	if (result.status == -EAGAIN) {
		store->locked_out = true;
		return false;
	}
	complete(store, &result);
	return true;
}

struct seen {
	bool changed; /* the record, or there were too many events to say */
	bool lost;    /* the directory itself */
};

static void look_at(const struct inotify_event *event, struct seen *seen)
{
	if (event->mask & (IN_IGNORED | IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT))
		seen->lost = true;
	else if ((event->mask & IN_Q_OVERFLOW) ||
		 strcmp(event->name, DIRECTORY_RECORD) == 0)
		seen->changed = true;
}

/* Reads at most one buffer of events; the descriptor stays readable if there are more. */
static struct seen read_events(struct file_store *store)
{
	union {
		struct inotify_event align;
		char bytes[4096];
	} events;
	ssize_t len = read(store->inotify_fd, events.bytes, sizeof(events.bytes));
	struct seen seen = {false, false};

	for (ssize_t at = 0; at < len;) {
		const struct inotify_event *event = (const void *)(events.bytes + at);

		look_at(event, &seen);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	return seen;
}

static void tell_watch(struct file_store *store)
{
	struct seen seen = read_events(store);
	struct error err = {.text = ""};
	int status = 0;

	if (!store->changed || (!seen.changed && !seen.lost))
		return;
	if (seen.lost)
		status = error_set(&err, -EIO,
			"store: %s: was removed or replaced while in use; put it back "
			"and start again",
			store->directory.path);
	store->changed(store->changed_context, status, &err);
}

static void file_progress(struct store *base)
{
	struct file_store *store = (struct file_store *)base;

	tell_watch(store);
	/* Requests that callbacks start wait for the next call, so that this one ends. */
	for (int left = store->requests_count; left > 0; left--) {
		if (!carry_out_first(store))
			break;
	}
}

static int enqueue(
	struct file_store *store, const struct request *template, const void *bytes)
{
	struct request **end = &store->first;
	struct request *request;

	if (store->closing)
		return -ECANCELED;
	if (store->requests_count == STORE_REQUESTS_MAX)
		return -EAGAIN;
	request = malloc(sizeof(*request) + template->len);
	if (!request)
		return -ENOMEM;
	*request = *template;
	request->deadline_ns = clock_now_ns() + store->timeout_ms * UINT64_C(1000000);
	if (template->len > 0)
		memcpy(request->bytes, bytes, template->len);
	while (*end)
		end = &(*end)->next;
	*end = request;
	store->requests_count++;
	return 0;
}

static int file_get(struct store *base, store_done_fn done, void *context)
{
	struct request get = {.kind = REQUEST_GET, .done = done, .context = context};

	return enqueue((struct file_store *)base, &get, NULL);
}

static int file_put_if(struct store *base, uint64_t expected_revision, const void *bytes,
	size_t len, store_done_fn done, void *context)
{
	struct request put = {
		.kind = REQUEST_PUT,
		.expected_revision = expected_revision,
		.done = done,
		.context = context,
		.len = len,
	};

	return enqueue((struct file_store *)base, &put, bytes);
}

static int file_erase_if(
	struct store *base, uint64_t expected_revision, store_done_fn done, void *context)
{
	struct request erase = {
		.kind = REQUEST_ERASE,
		.expected_revision = expected_revision,
		.done = done,
		.context = context,
	};

	return enqueue((struct file_store *)base, &erase, NULL);
}

static void file_watch(struct store *base, store_changed_fn changed, void *context)
{
	struct file_store *store = (struct file_store *)base;

	store->changed = changed;
	store->changed_context = context;
}

const struct store_ops file_store_ops = {
	.scheme = "file",
	.open = file_open,
	.close = file_close,
	.fd = file_fd,
	.timeout_ms = file_timeout_ms,
	.progress = file_progress,
	.get = file_get,
	.put_if = file_put_if,
	.erase_if = file_erase_if,
	.watch = file_watch,
};
