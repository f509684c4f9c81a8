/* Opening and closing handles, options, and the guard against use after fork(). */
#include "client/lib/handle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hw/clock.h"

#define OPEN_WAIT_MS 5

static _Thread_local struct error open_error;

static size_t page_len(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int hot_make(struct pawl *pawl)
{
	void *page = mmap(NULL, page_len(), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return error_set(
			&pawl->err, -ENOMEM, "pawl: %s: out of memory", pawl->where);
	if (madvise(page, page_len(), MADV_WIPEONFORK)) {
		(void)munmap(page, page_len());
		return error_set(&pawl->err, -ENOMEM,
			"pawl: %s: this kernel can not guard a handle against fork(): "
			"%s; Linux 4.14 "
			"or newer is needed",
			pawl->where, error_reason(-errno));
	}
	pawl->hot = page;
	pawl->hot->alive = 1;
	return 0;
}

static int option_refused(struct pawl *pawl, const char *what)
{
	return error_set(&pawl->err, -EINVAL, "pawl: %s: option out of range: %s",
		pawl->where, what);
}

static int options_take(struct pawl *pawl, const struct pawl_options *given)
{
	struct pawl_options *o = &pawl->options;

	*o = (struct pawl_options)PAWL_OPTIONS_INIT;
	if (given) {
		if (given->size <
			offsetof(struct pawl_options, timeout_ns) + sizeof(uint64_t))
			return option_refused(pawl, "size; begin with PAWL_OPTIONS_INIT");
		memcpy(o, given, given->size < sizeof(*o) ? given->size : sizeof(*o));
	}
	if (o->timeout_ns == 0)
		o->timeout_ns = HANDLE_TIMEOUT_DEFAULT_NS;
	if (o->depth == 0)
		o->depth = HANDLE_DEPTH_DEFAULT;
	if (o->depth > PAWL_DEPTH_MAX)
		return option_refused(pawl, "depth; it is 1 to 1024");
	if ((unsigned int)o->wait > PAWL_WAIT_SLEEP)
		return option_refused(pawl, "wait; it is one of PAWL_WAIT_");
	if ((o->device && strlen(o->device) >= sizeof(pawl->device)) ||
		(o->device_address &&
			strlen(o->device_address) >= sizeof(pawl->device_address)))
		return option_refused(pawl, "device; the name is too long");
	return 0;
}

/* The caller's strings need not outlive pawl_open. */
static void strings_copy(struct pawl *pawl)
{
	const struct pawl_options *o = &pawl->options;

	if (o->device)
		(void)snprintf(pawl->device, sizeof(pawl->device), "%s", o->device);
	if (o->device_address)
		(void)snprintf(pawl->device_address, sizeof(pawl->device_address), "%s",
			o->device_address);
	(void)snprintf(pawl->program, sizeof(pawl->program), "%s",
		o->program ? o->program : program_invocation_short_name);
	pawl->device_config = (struct device_config){
		.device = o->device ? pawl->device : NULL,
		.address = o->device_address ? pawl->device_address : NULL,
		.timeout_ns = UINT64_C(1000000000),
	};
	pawl->options.device = NULL;
	pawl->options.device_address = NULL;
	pawl->options.program = NULL;
}

/* Asks every endpoint once; while one of them is on the way, until the deadline. */
static int join_first(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	uint64_t deadline = clock_now_ns() + pawl->options.timeout_ns;

	for (;;) {
		int rc = session_step(pawl);
		uint64_t now = clock_now_ns();

		if (!rc)
			return 0;
		if (s->refused || s->failures >= pawl->endpoints.count)
			return error_set(&pawl->err, s->why_code, "%s", s->why.text);
		if (now >= deadline)
			return error_set(&pawl->err, -ETIMEDOUT,
				"pawl: %s: no session within %llu ms; is the replica "
				"stopped or busy?",
				pawl->where,
				(unsigned long long)(pawl->options.timeout_ns / 1000000));
		session_wait(pawl, OPEN_WAIT_MS);
	}
}

static int handle_open(struct pawl *pawl, const struct pawl_options *options)
{
	int rc = options_take(pawl, options);

	if (!rc)
		rc = hot_make(pawl);
	if (!rc)
		rc = endpoint_list_find(pawl->where, &pawl->endpoints, &pawl->err);
	if (!rc)
		rc = session_init(pawl);
	if (rc)
		return rc;
	strings_copy(pawl);
	return join_first(pawl);
}

int handle_public_error(int code)
{
	switch (code) {
	case 0:
	case -EACCES:
	case -EBADF:
	case -ECONNREFUSED:
	case -EINVAL:
	case -ENAMETOOLONG:
	case -ENODEV:
	case -ENOENT:
	case -ENOMEM:
	case -ENOSPC:
	case -EPROTO:
	case -ESHUTDOWN:
	case -ETIMEDOUT:
	case -EUSERS:
		return code;
	case -EPERM:
		return -EACCES;
	case -EOPNOTSUPP: /* a device without atomics */
	case -EADDRNOTAVAIL:
	case -ENOTCONN:
		return -ENODEV;
	case -EAGAIN: /* from a replica that was replaced */
	case -ECONNABORTED:
	case -ECONNRESET:
	case -EPIPE:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
		return -ECONNREFUSED;
	case -EMFILE:
	case -ENFILE:
	case -ENOBUFS:
		return -ENOMEM;
	default:
		return -EPROTO;
	}
}

static int where_too_long(const char *where)
{
	return error_set(&open_error, -EINVAL,
		"pawl: %.40s...: a cluster is named or addressed in at most %zu bytes",
		where, sizeof(((struct pawl *)0)->where) - 1);
}

int pawl_open(const char *where, const struct pawl_options *options, struct pawl **pawl_p)
{
	struct pawl *pawl;
	int rc;

	if (strlen(where) >= sizeof(pawl->where))
		return where_too_long(where);
	pawl = calloc(1, sizeof(*pawl));
	if (!pawl)
		return error_set(&open_error, -ENOMEM, "pawl: %s: out of memory", where);
	pawl->session.control.fd = -1;
	(void)strcpy(pawl->where, where);
	rc = handle_open(pawl, options);
	if (rc) {
		open_error = pawl->err;
		pawl_close(pawl);
		return rc == -ENAMETOOLONG ? -EINVAL : handle_public_error(rc);
	}
	*pawl_p = pawl;
	return 0;
}

/*
 * A child frees only its own copy of the memory: the sockets, mappings and queue pairs
 * behind the session are its parent's.
 */
static void child_forget(struct pawl *pawl)
{
	if (pawl->session.control.fd >= 0)
		(void)close(pawl->session.control.fd);
	pawl->session.control.fd = -1;
	control_destroy(&pawl->session.control);
}

void pawl_close(struct pawl *pawl)
{
	if (!pawl)
		return;
	if (pawl->hot && !pawl->hot->alive)
		child_forget(pawl);
	else
		session_end(pawl);
	for (uint32_t i = 0; i < pawl->counters_count; i++) {
		free(pawl->counters[i]->queue.slots);
		free(pawl->counters[i]);
	}
	free(pawl->counters);
	if (pawl->hot)
		(void)munmap(pawl->hot, page_len());
	free(pawl);
}

const char *pawl_errmsg(const struct pawl *pawl)
{
	return pawl ? pawl->err.text : open_error.text;
}

const char *pawl_version(void)
{
	return PAWL_VERSION;
}

int pawl_stats_get(const struct pawl *pawl, struct pawl_stats *stats_p)
{
	struct pawl_stats stats = {.rejoins = pawl->rejoins};

	if (!pawl->hot->alive)
		return -EBADF;
	for (uint32_t i = 0; i < pawl->counters_count; i++) {
		stats.additions += pawl->counters[i]->additions;
		stats.redraws += pawl->counters[i]->queue.redraws;
	}
	stats.epoch = pawl->session.stage == SESSION_READY ? pawl->session.epoch : 0;
	*stats_p = stats;
	return 0;
}
