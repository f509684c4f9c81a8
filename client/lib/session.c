/*
 * A handle's session: control connection, links to the chain's memory, counters opened by
 * name.  One machine that is stepped, so that a lost replica never blocks pawl_poll.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/lib/handle.h"
#include "hw/clock.h"

#define ATTEMPT_NS UINT64_C(2000000000) /* for one stage of one attempt */
#define DRAIN_NS UINT64_C(200000000)	/* for operations in flight to come back */
#define GOODBYE_NS UINT64_C(20000000)	/* for a goodbye to arrive behind a seal */
#define RETRY_MIN_NS UINT64_C(1000000)
#define RETRY_MAX_NS UINT64_C(100000000)

static void stage_enter(struct session *s, enum session_stage stage)
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

/* The lists of errors in pawl.h are closed; the text keeps what exactly went wrong. */
static int code_listed(int code)
{
	switch (code) {
	case -EINVAL:
	case -ENOENT:
	case -ENOSPC:
	case -EUSERS:
	case -ENAMETOOLONG:
	case -ETIMEDOUT:
	case -ESHUTDOWN:
	case -EACCES:
	case -ENODEV:
	case -ENOMEM:
	case -ECONNREFUSED:
		return code;
	case -EPERM:
		return -EACCES;
	case -ECONNRESET:
	case -ECONNABORTED:
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

static uint64_t retry_delay_ns(const struct session *s)
{
	unsigned int shift = s->failures < 8 ? s->failures : 8;
	uint64_t delay = RETRY_MIN_NS << shift;

	return delay < RETRY_MAX_NS ? delay : RETRY_MAX_NS;
}

/* Ends one attempt; the next one asks the next endpoint. */
static int attempt_failed(struct pawl *pawl, int code)
{
	struct session *s = &pawl->session;

	code = code_listed(code);
	s->why_code = code;
	links_close(pawl);
	control_disconnect(&s->control);
	s->endpoint = (s->endpoint + 1) % pawl->endpoints.count;
	s->failures++;
	s->retry_at_ns = clock_now_ns() + retry_delay_ns(s);
	stage_enter(s, SESSION_OFF);
	return code;
}

static int attempt_refused(struct pawl *pawl, int code)
{
	pawl->session.refused = true;
	return attempt_failed(pawl, code);
}

static int stage_timed_out(struct pawl *pawl, const char *what)
{
	struct session *s = &pawl->session;

	if (clock_now_ns() - s->stage_since_ns < ATTEMPT_NS)
		return -EAGAIN;
	(void)error_set(&s->why, -ETIMEDOUT,
		"pawl: %s: %s: no answer within %llu ms; is the replica stopped or busy?",
		s->control.endpoint->text, what,
		(unsigned long long)(ATTEMPT_NS / 1000000));
	return attempt_failed(pawl, -ETIMEDOUT);
}

static int join_request(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Join join = CONTROL__JOIN__INIT;

	join.protocol = CONTROL_PROTOCOL;
	if (!endpoint_list_written(pawl->where))
		join.cluster = pawl->where;
	join.pid = (uint64_t)getpid();
	join.program = pawl->program;
	join.session = s->token;
	request.body_case = CONTROL__REQUEST__BODY_JOIN;
	request.join = &join;
	return control_request(&s->control, &request, &s->request);
}

static int step_off(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	int rc;

	if (s->refused)
		return s->why_code;
	if (clock_now_ns() < s->retry_at_ns)
		return -EAGAIN;
	rc = control_connect(&s->control, &pawl->endpoints.at[s->endpoint], &s->why);
	if (!rc)
		rc = join_request(pawl);
	if (rc)
		return attempt_failed(pawl, rc);
	stage_enter(s, SESSION_JOINING);
	return -EAGAIN;
}

static int device_get(struct pawl *pawl, const char *transport)
{
	struct session *s = &pawl->session;
	const struct memory_ops *ops = memory_ops_find(transport);
	int rc;

	if (!ops)
		return error_set(&s->why, -EPROTO,
			"pawl: %s: transport '%s' is unknown; use a newer library",
			pawl->where, transport);
	if (s->device && s->ops == ops)
		return 0;
	if (s->device)
		s->ops->close(s->device);
	s->device = NULL;
	rc = ops->open(&pawl->device_config, &s->device, &s->why);
	if (!rc)
		s->ops = ops;
	return rc;
}

static int link_start(struct pawl *pawl, const Control__Member *member)
{
	struct session *s = &pawl->session;
	struct link_config config = {.depth = pawl->options.depth, .token = s->token};

	return s->ops->connect(
		s->device, member->memory, &config, &s->links[s->chain_len++], &s->why);
}

static int joined(struct pawl *pawl, const Control__Joined *reply)
{
	struct session *s = &pawl->session;
	int rc = 0;

	if (!region_layout_make(reply->counters_max, reply->sessions_max, &s->layout) ||
		reply->epoch < s->epoch) {
		(void)error_set(&s->why, -EPROTO,
			"pawl: %s: the replica is at epoch %llu, behind this session's "
			"%llu; was its "
			"state restored from an old copy?",
			s->control.endpoint->text, (unsigned long long)reply->epoch,
			(unsigned long long)s->epoch);
		return attempt_failed(pawl, -EPROTO);
	}
	s->token = reply->session;
	s->row = reply->row;
	s->epoch = reply->epoch;
	for (size_t i = 0; i < reply->n_chain && !rc; i++) {
		rc = device_get(pawl, reply->chain[i]->transport);
		if (!rc)
			rc = link_start(pawl, reply->chain[i]);
	}
	if (rc)
		return attempt_failed(pawl, rc);
	stage_enter(s, SESSION_LINKING);
	return -EAGAIN;
}

static int goodbye(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	s->stopped = true;
	return attempt_failed(pawl, -ESHUTDOWN);
}

/* True for errors that the same question will meet again. */
static bool error_is_final(int code)
{
	return code == -ENOENT || code == -EACCES || code == -EPROTO || code == -EINVAL;
}

/* The reply to the request under way, or -EAGAIN; anything else has ended the attempt. */
static int reply_await(struct pawl *pawl, const char *what, Control__Reply **reply_p)
{
	struct session *s = &pawl->session;
	int rc = control_receive(&s->control, reply_p, &s->why);

	if (rc == -EAGAIN)
		return stage_timed_out(pawl, what);
	if (rc)
		return attempt_failed(pawl, rc);
	if ((*reply_p)->body_case == CONTROL__REPLY__BODY_STOPPING)
		return goodbye(pawl);
	return (*reply_p)->id == s->request ? 0 : -EAGAIN;
}

static int step_joining(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	Control__Reply *reply;
	int rc = reply_await(pawl, "join", &reply);

	if (rc)
		return rc;
	if (reply->error) {
		rc = error_set(&s->why, -(int)reply->error, "%s", reply->text);
		return error_is_final(rc) ? attempt_refused(pawl, rc)
					  : attempt_failed(pawl, rc);
	}
	if (reply->body_case != CONTROL__REPLY__BODY_JOINED) {
		(void)error_set(&s->why, -EPROTO, "pawl: %s: join: unexpected answer",
			s->control.endpoint->text);
		return attempt_failed(pawl, -EPROTO);
	}
	return joined(pawl, reply->joined);
}

static int step_linking(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	int rc = s->ops->progress(s->device, &s->why);

	for (uint32_t i = 0; i < s->chain_len && !rc; i++)
		rc = s->ops->state(s->links[i], &s->why);
	if (rc == -EAGAIN)
		return stage_timed_out(pawl, "link");
	if (rc)
		return attempt_failed(pawl, rc);
	s->opening = 0;
	s->request = 0;
	stage_enter(s, SESSION_OPENING);
	return -EAGAIN;
}

static int counter_request(struct pawl *pawl, struct pawl_counter *counter)
{
	struct session *s = &pawl->session;
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__OpenCounter open = CONTROL__OPEN_COUNTER__INIT;

	open.name = counter->name;
	request.body_case = CONTROL__REQUEST__BODY_OPEN_COUNTER;
	request.open_counter = &open;
	return control_request(&s->control, &request, &s->request);
}

static int counter_opened(
	struct pawl *pawl, struct pawl_counter *c, const Control__Reply *reply)
{
	struct session *s = &pawl->session;
	const Control__CounterOpened *opened = reply->counter_opened;

	if (reply->error) {
		int code = error_set(
			&s->why, code_listed(-(int)reply->error), "%s", reply->text);

		s->why_code = code;
		if (s->stage == SESSION_READY)
			return code; /* one new name was refused; the session is well */
		return attempt_refused(pawl, code);
	}
	if (reply->body_case != CONTROL__REPLY__BODY_COUNTER_OPENED ||
		opened->counter >= s->layout.counters_max || opened->epoch != s->epoch) {
		(void)error_set(&s->why, -EPROTO,
			"pawl: %s: the epoch changed while counters were opened",
			s->control.endpoint->text);
		return attempt_failed(pawl, -EPROTO);
	}
	c->index = opened->counter;
	c->offset = region_counter_offset(opened->counter);
	c->word = s->ops->word ? s->ops->word(s->links[0], c->offset) : NULL;
	ticket_enter_epoch(&c->queue, s->epoch, s->chain_len - 1, opened->epoch_base);
	s->opening++;
	return 0;
}

/* Opens the counters that are not yet open in this epoch, one request at a time. */
static int counters_open_step(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	int rc = 0;

	while (s->opening < pawl->counters_count && !rc) {
		struct pawl_counter *c = pawl->counters[s->opening];
		Control__Reply *reply;

		if (!s->request) {
			rc = counter_request(pawl, c);
			if (rc)
				return attempt_failed(pawl, rc);
			s->stage_since_ns = clock_now_ns();
		}
		rc = reply_await(pawl, "open counter", &reply);
		if (rc)
			return rc;
		s->request = 0;
		rc = counter_opened(pawl, c, reply);
	}
	return rc;
}

static int step_opening(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	int rc = counters_open_step(pawl);

	if (rc)
		return rc;
	if (pawl->lost_since_ns)
		pawl->rejoins++;
	pawl->lost_since_ns = 0;
	s->failures = 0;
	s->stopped = false;
	stage_enter(s, SESSION_READY);
	pump_run(pawl);
	return 0;
}

static int step_ready(struct pawl *pawl)
{
	int rc;

	if (pawl->session.opening == pawl->counters_count)
		return 0;
	rc = counters_open_step(pawl);
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
			(void)goodbye(pawl);
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
	stage_enter(s, SESSION_OFF);
	return -EAGAIN;
}

int session_step(struct pawl *pawl)
{
	switch (pawl->session.stage) {
	case SESSION_OFF:
		return step_off(pawl);
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

void session_lost(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	pawl->hot->direct = false;
	for (uint32_t i = 0; i < pawl->counters_count; i++)
		ticket_on_lost(&pawl->counters[i]->queue);
	if (!pawl->lost_since_ns)
		pawl->lost_since_ns = clock_now_ns();
	if (s->stage == SESSION_READY)
		stage_enter(s, SESSION_DRAINING);
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
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Leave leave = CONTROL__LEAVE__INIT;
	Control__Reply *reply;
	uint64_t id;
	int rc;

	links_close(pawl); /* first: after Leave the row may be somebody else's */
	if (s->control.fd >= 0 && s->epoch) {
		request.body_case = CONTROL__REQUEST__BODY_LEAVE;
		request.leave = &leave;
		rc = control_request(&s->control, &request, &id);
		if (!rc)
			rc = control_receive(&s->control, &reply, NULL);
		(void)rc; /* the answer is not waited for */
	}
	if (s->device)
		s->ops->close(s->device);
	s->device = NULL;
	control_destroy(&s->control);
}
