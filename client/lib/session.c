/*
 * The life of a handle's session: joined, lost, drained, joined again.  What each stage does
 * is in the files that session.h names; here is when which is due.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "client/lib/handle.h"
#include "client/lib/stream.h"
#include "hw/clock.h"

#define LINK_NS UINT64_C(2000000000)   /* for links to connect */
#define DRAIN_NS UINT64_C(200000000)   /* for operations in flight to come back; */
#define DRAIN_ON_NS UINT64_C(20000000) /* from one that the newer chain goes on without */
#define PUSH_NS UINT64_C(50000000)     /* for members to push, before others are asked */
#define SHORT_WAIT_NS 50000	       /* where nothing tells that it is time to look */

void session_stage_enter(struct session *s, enum session_stage stage)
{
	s->stage = stage;
	s->stage_since_ns = clock_now_ns();
}

void session_attempt_failed(struct pawl *pawl, int code)
{
	struct session *s = &pawl->session;
	unsigned int shift = s->failures < 7 ? s->failures : 7;
	uint64_t delay_ns = PEER_RETRY_MIN_NS << shift;

	s->why_code = handle_public_error(code);
	links_close(pawl);
	s->failures++;
	s->retry_at_ns = clock_now_ns() +
			 (delay_ns < PEER_RETRY_MAX_NS ? delay_ns : PEER_RETRY_MAX_NS);
	session_stage_enter(s, SESSION_JOINING);
}

static int step_joining(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	uint64_t now = clock_now_ns();
	int rc;

	if (s->refused)
		return -EAGAIN;
	peers_listen(pawl);
	if (s->refused || now < s->retry_at_ns)
		return -EAGAIN;
	if (!join_is_complete(s)) {
		peers_dial(pawl, now);
		return -EAGAIN;
	}
	session_stage_enter(s, SESSION_LINKING);
	links_plan(pawl);
	opening_begin(pawl);
	opening_ask(pawl);
	rc = links_connect(pawl);
	if (rc)
		session_attempt_failed(pawl, rc);
	return -EAGAIN;
}

static int step_linking(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	int rc;

	peers_listen(pawl);
	if (s->stage != SESSION_LINKING)
		return -EAGAIN;
	rc = links_state(pawl);
	if (rc == -EAGAIN && clock_now_ns() - s->stage_since_ns >= LINK_NS)
		rc = error_set(&s->why, -ETIMEDOUT,
			"pawl: %s: link: not connected within %llu ms; is the replica "
			"stopped or busy?",
			pawl->where, (unsigned long long)(LINK_NS / 1000000));
	if (rc == -EAGAIN)
		return rc;
	if (rc) {
		session_attempt_failed(pawl, rc);
		return -EAGAIN;
	}
	session_stage_enter(s, SESSION_OPENING);
	return -EAGAIN;
}

static void ready_enter(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	opening_finish(pawl);
	session_stage_enter(s, SESSION_READY);
	peers_prune(pawl);
	event_epoch(pawl);
	if (pawl->lost_since_ns && s->joined_once)
		pawl->rejoins++;
	pawl->lost_since_ns = 0;
	s->joined_once = true;
	s->failures = 0;
	s->seek_delay_ns = 0;
	s->stopped = false;
	s->denied = 0;
	pump_run(pawl);
}

static int step_opening(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	opening_ask(pawl);
	peers_listen(pawl);
	if (s->stage != SESSION_OPENING || s->unopened > 0)
		return -EAGAIN;
	ready_enter(pawl);
	return s->stage == SESSION_READY ? 0 : -EAGAIN;
}

static int step_ready(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	if (s->unopened == 0)
		return 0;
	opening_ask(pawl);
	peers_listen(pawl);
	return s->stage == SESSION_READY && s->unopened == 0 ? 0 : -EAGAIN;
}

void session_look(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	if (s->stage != SESSION_READY)
		return;
	peers_listen(pawl);
	if (s->stage == SESSION_READY && links_state(pawl))
		session_lost(pawl);
}

/*
 * How long answers are worth waiting for.  Whoever is in the newer chain lives, and will
 * answer; one that is not may be stopped or cut off, and the next epoch waits.
 */
static uint64_t drain_ns(const struct session *s)
{
	if (s->epoch <= s->linked_epoch)
		return DRAIN_NS;
	for (uint32_t i = 0; i < s->links_count; i++) {
		if (s->links[i].in_flight > 0 && session_chain_has(s, s->links[i].peer))
			return DRAIN_NS;
	}
	return DRAIN_ON_NS;
}

/* True when nothing more can be learned from the old epoch. */
static bool drained(const struct pawl *pawl)
{
	const struct session *s = &pawl->session;

	return pawl->in_flight == 0 || clock_now_ns() - s->stage_since_ns >= drain_ns(s);
}

static int step_draining(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	(void)pump_collect(pawl);
	peers_listen(pawl);
	links_close_gone(pawl);
	if (!drained(pawl))
		return -EAGAIN;
	links_close(pawl); /* H2, S3 */
	session_stage_enter(s, SESSION_JOINING);
	return -EAGAIN;
}

static int stage_step(struct pawl *pawl)
{
	switch (pawl->session.stage) {
	case SESSION_JOINING:
		return step_joining(pawl);
	case SESSION_LINKING:
		return step_linking(pawl);
	case SESSION_OPENING:
		return step_opening(pawl);
	case SESSION_READY:
		return step_ready(pawl);
	case SESSION_DRAINING:
		return step_draining(pawl);
	}
	return -EPROTO;
}

/* A stage that is done is followed by the next at once; every way back has its pause. */
int session_step(struct pawl *pawl)
{
	enum session_stage before;
	int rc;

	do {
		before = pawl->session.stage;
		rc = stage_step(pawl);
	} while (rc && pawl->session.stage != before);
	return rc;
}

void session_lost(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	pawl->hot->way = WAY_QUEUE;
	for (uint32_t i = 0; i < pawl->counters_count; i++)
		ticket_on_lost(&pawl->counters[i]->queue);
	streams_lost(pawl);
	if (!pawl->lost_since_ns)
		pawl->lost_since_ns = clock_now_ns();
	if (s->stage != SESSION_READY)
		return;
	session_stage_enter(s, SESSION_DRAINING);
	s->seek_at_ns = session_is_heard(s) ? s->stage_since_ns + PUSH_NS : 0;
	event_lost(pawl);
}

void session_over(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	if (s->linked_epoch > s->over_epoch)
		s->over_epoch = s->linked_epoch;
	session_lost(pawl);
}

static int verdict_timed_out(struct pawl *pawl)
{
	const struct session *s = &pawl->session;
	unsigned long long timeout_ms = pawl->options.timeout_ns / 1000000;

	if (s->stage == SESSION_READY)
		return error_set(&pawl->err, -ETIMEDOUT,
			"pawl: %s: no answer within %llu ms; the outcome is unknown: the "
			"numbers may have been taken and are then nobody's",
			pawl->where, timeout_ms);
	return error_set(&pawl->err, -ETIMEDOUT,
		"pawl: %s: no chain within %llu ms; the outcome is unknown: numbers "
		"may have been taken and are then nobody's (%.200s)",
		pawl->where, timeout_ms, s->why.text[0] ? s->why.text : "still joining");
}

/* On an open handle, a cluster that is another one all of a sudden is a broken promise. */
static int refusal_code(int code)
{
	return code == -EACCES || code == -ENODEV || code == -ENOMEM ? code : -EPROTO;
}

int session_verdict(struct pawl *pawl, uint64_t now_ns, uint64_t deadline_ns)
{
	const struct session *s = &pawl->session;

	if (s->stopped && s->stage == SESSION_JOINING && !session_is_heard(s))
		return error_set(&pawl->err, -ESHUTDOWN,
			"pawl: %s: the cluster was stopped by its operator; 'pawl up' "
			"starts it again and the numbers go on",
			pawl->where);
	if (s->refused)
		return error_set(
			&pawl->err, refusal_code(s->why_code), "%s", s->why.text);
	return now_ns < deadline_ns ? 0 : verdict_timed_out(pawl);
}

/* Where links are polled, nothing tells when there is something to do. */
static long wait_ns(const struct session *s, int timeout_ms)
{
	if (s->stage == SESSION_LINKING || s->stage == SESSION_DRAINING)
		return SHORT_WAIT_NS;
	return timeout_ms * 1000000L;
}

void session_wait(const struct pawl *pawl, int timeout_ms)
{
	const struct session *s = &pawl->session;
	struct timespec pause = {.tv_nsec = wait_ns(s, timeout_ms)};
	struct pollfd ready[SESSION_PEERS_MAX];

	for (unsigned int i = 0; i < SESSION_PEERS_MAX; i++)
		ready[i] = control_poll(&s->peers[i].control);
	(void)ppoll(ready, SESSION_PEERS_MAX, &pause, NULL);
}

void session_blank(struct pawl *pawl)
{
	for (unsigned int i = 0; i < SESSION_PEERS_MAX; i++)
		pawl->session.peers[i].control.fd = -1;
}

int session_init(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	for (unsigned int i = 0; i < SESSION_PEERS_MAX; i++) {
		if (peer_init(&s->peers[i]))
			return error_set(&pawl->err, -ENOMEM, "pawl: %s: out of memory",
				pawl->where);
	}
	s->stage = SESSION_JOINING;
	return 0;
}

void session_end(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	links_close(pawl); /* before the rows may be somebody else's */
	for (unsigned int i = 0; i < SESSION_PEERS_MAX; i++) {
		peer_leave(&s->peers[i]);
		peer_destroy(&s->peers[i]);
	}
	if (s->device)
		s->ops->close(s->device);
	s->device = NULL;
}

void session_forget(struct pawl *pawl)
{
	for (unsigned int i = 0; i < SESSION_PEERS_MAX; i++)
		peer_destroy(&pawl->session.peers[i]);
}
