/*
 * The life of a handle's session: joined, lost, drained, joined again (join.c has the
 * stages of joining).  One machine that is stepped, so that a lost replica never blocks
 * pawl_poll.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/lib/join.h"
#include "hw/clock.h"

#define DRAIN_NS UINT64_C(200000000)  /* for operations in flight to come back */
#define GOODBYE_NS UINT64_C(20000000) /* for a goodbye to arrive behind a seal */
#define RETRY_MIN_NS UINT64_C(1000000)
#define RETRY_MAX_NS UINT64_C(100000000)

void session_stage_enter(struct session *s, enum session_stage stage)
{
	s->stage = stage;
	s->stage_since_ns = clock_now_ns();
}

static void links_close(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	for (uint32_t i = 0; i < s->chain_len; i++) {
		if (s->links[i])
			s->links[i]->ops->disconnect(s->links[i]);
		s->links[i] = NULL;
	}
	s->chain_len = 0;
	pawl->in_flight = 0;
}

/*
 * Gives the row back, if there is one and somebody to hear it.  The links are closed
 * before: afterwards the row may be somebody else's.  Not waited for.
 */
static void leave(struct pawl *pawl)
{
	struct control *control = &pawl->session.control;
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Leave leaving = CONTROL__LEAVE__INIT;
	Control__Reply *reply;
	uint64_t id;
	int rc;

	if (control->fd < 0)
		return;
	request.body_case = CONTROL__REQUEST__BODY_LEAVE;
	request.leave = &leaving;
	rc = control_request(control, &request, &id);
	if (!rc)
		rc = control_receive(control, &reply, NULL);
	(void)rc;
}

static uint64_t retry_delay_ns(const struct session *s)
{
	unsigned int shift = s->failures < 8 ? s->failures : 8;
	uint64_t delay = RETRY_MIN_NS << shift;

	return delay < RETRY_MAX_NS ? delay : RETRY_MAX_NS;
}

int session_attempt_failed(struct pawl *pawl, int code)
{
	struct session *s = &pawl->session;

	code = handle_public_error(code);
	s->why_code = code;
	links_close(pawl);
	leave(pawl);
	control_disconnect(&s->control);
	s->endpoint = (s->endpoint + 1) % pawl->endpoints.count;
	s->failures++;
	s->retry_at_ns = clock_now_ns() + retry_delay_ns(s);
	session_stage_enter(s, SESSION_OFF);
	return code;
}

int session_attempt_refused(struct pawl *pawl, int code)
{
	pawl->session.refused = true;
	return session_attempt_failed(pawl, code);
}

int session_goodbye(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	s->stopped = true;
	return session_attempt_failed(pawl, -ESHUTDOWN);
}

static int step_ready(struct pawl *pawl)
{
	int rc;

	if (pawl->session.opening == pawl->counters_count)
		return 0;
	rc = join_counters_open(pawl);
	/* A lost control connection takes the session along: join again. */
	if (pawl->session.stage == SESSION_OFF)
		session_lost(pawl);
	return rc;
}

void session_look(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	int rc = s->stage == SESSION_READY ? s->ops->progress(s->device, &s->why) : 0;

	for (uint32_t i = 0; i < s->chain_len && s->stage == SESSION_READY && !rc; i++)
		rc = s->ops->state(s->links[i], &s->why);
	if (rc)
		session_lost(pawl);
}

/* True when nothing more can be learned from the old epoch. */
static bool drained(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	uint64_t age_ns = clock_now_ns() - s->stage_since_ns;
	Control__Reply *reply;

	(void)pump_collect(pawl);
	while (s->control.fd >= 0 && control_receive(&s->control, &reply, &s->why) == 0) {
		if (reply->body_case == CONTROL__REPLY__BODY_STOPPING) {
			(void)session_goodbye(pawl);
			return true;
		}
	}
	if (age_ns >= DRAIN_NS)
		return true;
	return pawl->in_flight == 0 && (s->control.fd < 0 || age_ns >= GOODBYE_NS);
}

static int step_draining(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	if (!drained(pawl))
		return -EAGAIN;
	if (s->stage == SESSION_OFF)
		return s->why_code; /* a goodbye was heard */
	links_close(pawl);	    /* H2 */
	control_disconnect(&s->control);
	s->retry_at_ns = 0;
	session_stage_enter(s, SESSION_OFF);
	return -EAGAIN;
}

int session_step(struct pawl *pawl)
{
	switch (pawl->session.stage) {
	case SESSION_OFF:
		return join_step_off(pawl);
	case SESSION_JOINING:
		return join_step_joining(pawl);
	case SESSION_LINKING:
		return join_step_linking(pawl);
	case SESSION_OPENING:
		return join_step_opening(pawl);
	case SESSION_READY:
		return step_ready(pawl);
	case SESSION_DRAINING:
		return step_draining(pawl);
	}
	return -EPROTO;
}

void session_lost(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	pawl->hot->direct = false;
	for (uint32_t i = 0; i < pawl->counters_count; i++)
		ticket_on_lost(&pawl->counters[i]->queue);
	if (!pawl->lost_since_ns)
		pawl->lost_since_ns = clock_now_ns();
	if (s->stage == SESSION_READY)
		session_stage_enter(s, SESSION_DRAINING);
}

static int verdict_timed_out(struct pawl *pawl)
{
	const struct session *s = &pawl->session;
	unsigned long long timeout_ms = pawl->options.timeout_ns / 1000000;

	if (s->stage == SESSION_READY)
		return error_set(&pawl->err, -ETIMEDOUT,
			"pawl: %s: no answer within %llu ms; the outcome is unknown: the "
			"numbers may "
			"have been taken and are then nobody's",
			pawl->where, timeout_ms);
	return error_set(&pawl->err, -ETIMEDOUT,
		"pawl: %s: no replica within %llu ms; the outcome is unknown: numbers "
		"may have been "
		"taken and are then nobody's (%.200s)",
		pawl->where, timeout_ms, s->why.text[0] ? s->why.text : "still joining");
}

/* A goodbye was heard, and nobody was found since; an attempt under way is waited for. */
static bool nobody_after_goodbye(const struct session *s, uint64_t now_ns)
{
	return s->stopped && s->stage == SESSION_OFF && now_ns < s->retry_at_ns;
}

/* On an open handle, a cluster that is another one all of a sudden is a broken promise. */
static int refusal_code(int code)
{
	return code == -EACCES || code == -ENODEV || code == -ENOMEM ? code : -EPROTO;
}

int session_verdict(struct pawl *pawl, uint64_t now_ns, uint64_t deadline_ns)
{
	const struct session *s = &pawl->session;

	if (nobody_after_goodbye(s, now_ns))
		return error_set(&pawl->err, -ESHUTDOWN,
			"pawl: %s: the cluster was stopped by its operator; 'pawl up' "
			"starts it again "
			"and the numbers go on",
			pawl->where);
	if (s->refused)
		return error_set(
			&pawl->err, refusal_code(s->why_code), "%s", s->why.text);
	return now_ns < deadline_ns ? 0 : verdict_timed_out(pawl);
}

void session_wait(const struct pawl *pawl, int timeout_ms)
{
	if (pawl->session.stage == SESSION_JOINING ||
		pawl->session.stage == SESSION_OPENING ||
		pawl->session.stage == SESSION_READY)
		control_wait(&pawl->session.control, timeout_ms);
	else
		(void)usleep(pawl->session.stage == SESSION_LINKING ? 50 : 500);
}

int session_init(struct pawl *pawl)
{
	return control_init(&pawl->session.control, CONTROL_BUFFER_LEN);
}

void session_end(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	links_close(pawl);
	leave(pawl);
	if (s->device)
		s->ops->close(s->device);
	s->device = NULL;
	control_destroy(&s->control);
}
