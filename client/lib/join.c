#include "client/lib/join.h"

#include <errno.h>
#include <unistd.h>

#include "hw/clock.h"

#define ATTEMPT_NS UINT64_C(2000000000) /* for one stage of one attempt */

static int stage_timed_out(struct pawl *pawl, const char *what)
{
	struct session *s = &pawl->session;

	if (clock_now_ns() - s->stage_since_ns < ATTEMPT_NS)
		return -EAGAIN;
	(void)error_set(&s->why, -ETIMEDOUT,
		"pawl: %s: %s: no answer within %llu ms; is the replica stopped or busy?",
		s->control.endpoint->text, what,
		(unsigned long long)(ATTEMPT_NS / 1000000));
	return session_attempt_failed(pawl, -ETIMEDOUT);
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

int join_step_off(struct pawl *pawl)
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
		return session_attempt_failed(pawl, rc);
	session_stage_enter(s, SESSION_JOINING);
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

/* A cluster that was erased and begun again has other numbers: not for this handle. */
static int instance_check(struct pawl *pawl, uint64_t instance)
{
	struct session *s = &pawl->session;

	if (!s->instance)
		s->instance = instance;
	if (s->instance == instance)
		return 0;
	return error_set(&s->why, -EPROTO,
		"pawl: %s: the cluster was erased and begun again; open a new handle for "
		"its new "
		"numbers",
		pawl->where);
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
		return session_attempt_failed(pawl, -EPROTO);
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
		return session_attempt_failed(pawl, rc);
	session_stage_enter(s, SESSION_LINKING);
	return -EAGAIN;
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
		return session_attempt_failed(pawl, rc);
	if ((*reply_p)->body_case == CONTROL__REPLY__BODY_STOPPING)
		return session_goodbye(pawl);
	return (*reply_p)->id == s->request ? 0 : -EAGAIN;
}

int join_step_joining(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	Control__Reply *reply;
	int rc = reply_await(pawl, "join", &reply);

	if (rc)
		return rc;
	if (reply->error) {
		rc = error_set(&s->why, -(int)reply->error, "%s", reply->text);
		return error_is_final(rc) ? session_attempt_refused(pawl, rc)
					  : session_attempt_failed(pawl, rc);
	}
	if (reply->body_case != CONTROL__REPLY__BODY_JOINED) {
		(void)error_set(&s->why, -EPROTO, "pawl: %s: join: unexpected answer",
			s->control.endpoint->text);
		return session_attempt_failed(pawl, -EPROTO);
	}
	rc = instance_check(pawl, reply->joined->instance);
	return rc ? session_attempt_refused(pawl, rc) : joined(pawl, reply->joined);
}

int join_step_linking(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	int rc = s->ops->progress(s->device, &s->why);

	for (uint32_t i = 0; i < s->chain_len && !rc; i++)
		rc = s->ops->state(s->links[i], &s->why);
	if (rc == -EAGAIN)
		return stage_timed_out(pawl, "link");
	if (rc)
		return session_attempt_failed(pawl, rc);
	s->opening = 0;
	s->request = 0;
	session_stage_enter(s, SESSION_OPENING);
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
		int code = error_set(&s->why, handle_public_error(-(int)reply->error),
			"%s", reply->text);

		s->why_code = code;
		if (c->queue.epoch == 0)
			return code; /* a new name was refused; the session is well */
		return session_attempt_refused(pawl, code);
	}
	if (reply->body_case != CONTROL__REPLY__BODY_COUNTER_OPENED ||
		opened->counter >= s->layout.counters_max || opened->epoch != s->epoch) {
		(void)error_set(&s->why, -EPROTO,
			"pawl: %s: the epoch changed while counters were opened",
			s->control.endpoint->text);
		return session_attempt_failed(pawl, -EPROTO);
	}
	c->index = opened->counter;
	c->offset = region_counter_offset(opened->counter);
	c->word = s->ops->word ? s->ops->word(s->links[0], c->offset) : NULL;
	ticket_enter_epoch(&c->queue, s->epoch, s->chain_len - 1, opened->epoch_base);
	s->opening++;
	return 0;
}

int join_counters_open(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	int rc = 0;

	while (s->opening < pawl->counters_count && !rc) {
		struct pawl_counter *c = pawl->counters[s->opening];
		Control__Reply *reply;

		if (!s->request) {
			rc = counter_request(pawl, c);
			if (rc)
				return session_attempt_failed(pawl, rc);
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

int join_step_opening(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	int rc = join_counters_open(pawl);

	/* A new counter that was refused is its opener's business; the session is well. */
	if (rc == -EAGAIN || s->stage != SESSION_OPENING)
		return rc;
	if (pawl->lost_since_ns)
		pawl->rejoins++;
	pawl->lost_since_ns = 0;
	s->failures = 0;
	s->stopped = false;
	session_stage_enter(s, SESSION_READY);
	pump_run(pawl);
	return rc;
}
