/* Opening and closing handles, options, and the guard against use after fork(). */
#include "client/lib/handle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/lib/stream.h"
#include "hw/clock.h"

#define OPEN_WAIT_MS 1

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
			"%s; Linux 4.14 or newer is needed",
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
	if (o->reserve > PAWL_ADD_MAX)
		return option_refused(pawl, "reserve; it is at most 2^32 numbers");
	if ((unsigned int)o->wait > PAWL_WAIT_SLEEP)
		return option_refused(pawl, "wait; it is one of PAWL_WAIT_");
	if ((o->device && strlen(o->device) >= sizeof(pawl->device)) ||
		(o->device_address &&
			strlen(o->device_address) >= sizeof(pawl->device_address)))
		return option_refused(pawl, "device; the name is too long");
	return 0;
}

/* The caller's strings need not outlive pawl_open. */
static void strings_copy(struct pawl *pawl, const char *given)
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
	if (!endpoint_list_written(given))
		(void)snprintf(pawl->cluster, sizeof(pawl->cluster), "%s", given);
}

#define ATTEMPTS_MAX 3 /* an epoch may change between a Join and the links */

/* True when waiting will not bring anybody. */
static bool nobody_will_do(const struct session *s)
{
	if (s->refused || s->denied || s->failures >= ATTEMPTS_MAX)
		return true;
	return s->stage == SESSION_JOINING && s->dialled >= s->book.given &&
	       !session_is_heard(s);
}

/* Asks every endpoint once; while somebody is there, until the deadline. */
static int join_first(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	uint64_t deadline = clock_now_ns() + pawl->options.timeout_ns;

	for (;;) {
		int rc = session_step(pawl);

		if (!rc)
			return 0;
		if (nobody_will_do(s))
			return error_set(&pawl->err, s->why_code, "%s", s->why.text);
		if (clock_now_ns() >= deadline)
			return error_set(&pawl->err, -ETIMEDOUT,
				"pawl: %s: no session within %llu ms; is the replica "
				"stopped or busy? (%.200s)",
				pawl->where,
				(unsigned long long)(pawl->options.timeout_ns / 1000000),
				s->why.text[0] ? s->why.text : "no answer yet");
		session_wait(pawl, OPEN_WAIT_MS);
	}
}

static int handle_open(
	struct pawl *pawl, const char *where, const struct pawl_options *options)
{
	int rc = options_take(pawl, options);

	if (!rc)
		rc = hot_make(pawl);
	if (!rc)
		rc = book_open(&pawl->session.book, where, &pawl->err);
	if (!rc)
		rc = session_init(pawl);
	if (rc)
		return rc;
	strings_copy(pawl, where);
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

/* A list of many replicas is too long for messages. */
static void where_keep(struct pawl *pawl, const char *where)
{
	size_t room = sizeof(pawl->where);

	if (strlen(where) < room)
		(void)strcpy(pawl->where, where);
	else
		(void)snprintf(pawl->where, room, "%.80s...", where);
}

int pawl_open(const char *where, const struct pawl_options *options, struct pawl **pawl_p)
{
	struct pawl *pawl = calloc(1, sizeof(*pawl));
	int rc;

	if (!pawl)
		return error_set(
			&open_error, -ENOMEM, "pawl: %.80s: out of memory", where);
	session_blank(pawl);
	where_keep(pawl, where);
	rc = handle_open(pawl, where, options);
	if (rc) {
		open_error = pawl->err;
		pawl_close(pawl);
		return rc == -ENAMETOOLONG ? -EINVAL : handle_public_error(rc);
	}
	*pawl_p = pawl;
	return 0;
}

void pawl_close(struct pawl *pawl)
{
	if (!pawl)
		return;
	if (pawl->hot && !pawl->hot->alive) {
		streams_free(pawl, true);
		session_forget(pawl);
	} else {
		streams_free(pawl, false);
		session_end(pawl);
	}
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
		const struct pawl_counter *c = pawl->counters[i];

		if (c->of_stream)
			continue;
		stats.additions += c->additions;
		stats.redraws += c->queue.redraws;
	}
	stats.epoch = pawl->session.stage == SESSION_READY ? pawl->session.linked_epoch
							   : 0;
	*stats_p = stats;
	return 0;
}
