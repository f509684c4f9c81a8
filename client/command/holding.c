#include "client/command/holding.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "client/command/command.h"
#include "hw/clock.h"

#define BARE_NS UINT64_C(1000000000)
#define STEPS_MAX 65536 /* messages applied in a turn */
#define TRIES 5

/* ---- What the store tells ---- */

static void on_lock(void *context, const struct pawl_change *change)
{
	struct holding *h = context;
	bool granted = change->kind == PAWL_GRANTED;

	h->changed = true;
	h->holder = granted ? change->session : 0;
	h->holder_fence = granted ? change->version : 0;
	if (granted && h->session > 0 && change->session == h->session)
		h->fence = change->version;
}

static void on_session(void *context, const struct pawl_change *change)
{
	struct holding *h = context;

	if (change->kind == PAWL_SESSION_ENDED && h->session > 0 &&
		change->session == h->session)
		h->over = true;
}

/* ---- Begin and end ---- */

static int failed(struct holding *h)
{
	(void)target_fail(&h->target);
	return GUARDED_FAILED;
}

int holding_open(struct holding *h, const struct target_arguments *a)
{
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	int rc;

	options.expires = true;
	rc = target_store_open(a, &options, &h->target, &h->timeout_ns);
	if (rc)
		return rc == COMMAND_USAGE ? rc : GUARDED_FAILED;
	if (pawl_store_watch(h->target.store, PAWL_WATCH_LOCKS, h->lock, strlen(h->lock),
		    on_lock, h, &h->locks, NULL) ||
		pawl_store_watch(h->target.store, PAWL_WATCH_SESSIONS, "", 0, on_session,
			h, &h->sessions, NULL)) {
		rc = failed(h);
		target_close(&h->target);
	}
	return rc;
}

int holding_begin(struct holding *h, uint64_t ttl_ms)
{
	int rc = -ECANCELED;

	for (int i = 0; i < TRIES && rc == -ECANCELED; i++)
		rc = pawl_session_open(h->target.store, ttl_ms, &h->session);
	return rc ? failed(h) : COMMAND_OK;
}

int holding_ask(struct holding *h, bool waits)
{
	uint64_t fence = 0;
	int rc = -ECANCELED;

	for (int i = 0; i < TRIES && rc == -ECANCELED; i++)
		rc = pawl_lock(h->target.store, h->session, h->lock, strlen(h->lock),
			waits, &fence);
	if (rc == 0)
		h->fence = fence;
	if (rc == -EBUSY)
		return GUARDED_LATE;
	return rc && rc != -EINPROGRESS ? failed(h) : COMMAND_OK;
}

/* Whoever's session ends after the command's end has held the lock all the time. */
bool holding_end(struct holding *h)
{
	int rc = -ECANCELED;

	if (h->session == 0 || h->over)
		return !h->over;
	for (int i = 0; i < TRIES && rc == -ECANCELED; i++)
		rc = pawl_session_close(h->target.store, h->session);
	if (rc == 0)
		return true;
	(void)command_fail(rc == -ESTALE ? "%s: %s: '%s' was lost before it was given "
					   "back: the session was silent for too long"
					 : "%s: %s: '%s' was not given back in time; it "
					   "is free when the session's time is over",
		h->command, h->target.text, h->lock);
	return rc != -ESTALE;
}

void holding_abandon(struct holding *h)
{
	if (h->session > 0 && !h->over &&
		pawl_session_close(h->target.store, h->session) == 0)
		h->session = 0;
}

void holding_close(struct holding *h)
{
	target_close(&h->target);
}

/* ---- Moving on ---- */

static void change_tell(struct holding *h)
{
	if (!h->changed)
		return;
	h->changed = false;
	if (h->on_change)
		h->on_change(h->context, h->holder, h->holder_fence);
}

/* One message after the other, so that each change is told with the store as it is right then. */
static int steps_do(struct holding *h)
{
	int count = 1, rc = 0;

	change_tell(h); /* of a command of this process */
	for (int i = 0; i < STEPS_MAX && count > 0 && !rc; i++) {
		rc = pawl_store_poll(h->target.store, 1, &count);
		if (!rc)
			change_tell(h);
	}
	return rc == -ETIMEDOUT ? 0 : rc;
}

static void lost_tell(struct holding *h, const char *why)
{
	h->over = true;
	(void)command_fail(
		"%s: %s: '%s' is lost: %s", h->command, h->target.text, h->lock, why);
}

/* Whether the session is in danger for longer than a keep-alive takes that is on its way. */
static bool is_bare(struct holding *h)
{
	uint64_t now = clock_now_ns();
	uint64_t left_ms = 1;

	if (h->session == 0 ||
		(pawl_session_left(h->target.store, h->session, &left_ms) == 0 &&
			left_ms > 0)) {
		h->bare_ns = 0;
		return false;
	}
	if (h->bare_ns == 0)
		h->bare_ns = now;
	return now - h->bare_ns >= BARE_NS;
}

bool holding_move(struct holding *h)
{
	int rc;

	if (h->over)
		return false;
	rc = steps_do(h);
	if (rc)
		lost_tell(h, pawl_errmsg(h->target.pawl));
	else if (h->over)
		lost_tell(h, "the session was silent for too long");
	else if (is_bare(h))
		lost_tell(
			h, "the replicas have not answered for the time of the session");
	return !h->over;
}
