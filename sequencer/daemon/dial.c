#include "sequencer/daemon/dial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/control/endpoint.h"
#include "sequencer/core/panic.h"
#include "sequencer/daemon/line.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/reach.h"

#define HELLO_ID 1
#define RETRY_MS_MAX 1000
#define ATTEMPT_MS 1000 /* for looking up a name, connecting and being welcomed */
#define WHY_LEN 256

enum dial_state {
	DIAL_RESTING,	/* until the timer begins a round */
	DIAL_NEXT,	/* the timer goes on with the next address */
	DIAL_RESOLVING, /* a name */
	DIAL_CONNECTING,
	DIAL_GREETING, /* hello was said */
	DIAL_UP,
};

struct dial {
	struct dial_config config;
	enum dial_state state;
	uv_timer_t timer; /* of the state; open as long as the dial lives */
	uv_getaddrinfo_t lookup;
	bool lookup_pending;
	bool closing, timer_closed;
	struct line *line;
	struct epoch_member life; /* who answered */
	struct reach reach;	  /* what is tried in this round */
	unsigned int next;	  /* address to try */
	unsigned int refusals;	  /* in this round */
	bool refused_here;	  /* one of them by a Unix socket */
	unsigned int wait_ms;	  /* before the next round */
	char why[WHY_LEN];	  /* the last attempt failed */
};

static void attempt_failed(struct dial *d, int code, const char *reason);

static void on_timer(uv_timer_t *timer);

static void timer_set(struct dial *d, uint64_t ms)
{
	(void)uv_timer_start(&d->timer, on_timer, ms, 0);
}

static unsigned int retry_ms(const struct dial *d)
{
	uint64_t ms = d->config.retry_ns / 1000000;

	if (ms < 1)
		return 1;
	return ms < RETRY_MS_MAX ? (unsigned int)ms : RETRY_MS_MAX;
}

static const char *address_now(const struct dial *d)
{
	PAWL_ASSERT(d->next < d->reach.count);
	return d->reach.at[d->next];
}

/* After the last address: tell, and begin again later. */
static void round_end(struct dial *d)
{
	bool refused = d->reach.count > 0 && d->refusals == d->reach.count;

	d->state = DIAL_RESTING;
	timer_set(d, d->wait_ms);
	d->wait_ms = 2 * d->wait_ms < RETRY_MS_MAX ? 2 * d->wait_ms : RETRY_MS_MAX;
	d->config.handlers.failed(
		d->config.handlers.context, refused, d->refused_here, d->why);
}

static void line_drop(struct dial *d)
{
	if (d->line)
		line_close(d->line);
	d->line = NULL;
	d->life = (struct epoch_member){.id = 0};
}

static uint8_t *hello_frame(struct dial *d, size_t *len_p)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Hello hello = CONTROL__HELLO__INIT;
	Control__Member self;
	char *controls[RECORD_CONTROLS_MAX];
	uint8_t *frame;

	roster_to_wire(roster_self(d->config.roster), &self, controls);
	hello.protocol = CONTROL_PROTOCOL;
	hello.cluster = (char *)(uintptr_t)d->config.cluster;
	hello.from = &self;
	hello.to = d->config.member.id;
	request.id = HELLO_ID;
	request.body_case = CONTROL__REQUEST__BODY_HELLO;
	request.hello = &hello;
	*len_p = message_frame_len(&request.base);
	frame = malloc(*len_p);
	if (frame)
		message_frame_write(&request.base, frame);
	return frame;
}

static void on_line_connected(void *context)
{
	struct dial *d = context;
	size_t len;
	uint8_t *frame = hello_frame(d, &len);

	if (!frame) {
		attempt_failed(d, -ENOMEM, error_reason(-ENOMEM));
		return;
	}
	line_send(d->line, frame, len);
	free(frame);
	d->state = DIAL_GREETING;
}

static void welcomed(struct dial *d, const Control__Member *who)
{
	if (who->replica != d->config.member.id) {
		attempt_failed(d, -ENODEV, "another replica answers there");
		return;
	}
	(void)uv_timer_stop(&d->timer);
	d->state = DIAL_UP;
	d->wait_ms = retry_ms(d);
	d->life = (struct epoch_member){who->replica, who->incarnation};
	d->config.handlers.up(d->config.handlers.context, who);
}

static void on_line_reply(void *context, const Control__Reply *reply)
{
	struct dial *d = context;

	if (d->state == DIAL_UP)
		d->config.handlers.reply(d->config.handlers.context, reply);
	else if (reply->id != HELLO_ID)
		return; /* nobody asked for it */
	else if (reply->error)
		attempt_failed(d, -(int)reply->error, reply->text);
	else if (reply->body_case == CONTROL__REPLY__BODY_WELCOME)
		welcomed(d, reply->welcome->self);
	else
		attempt_failed(d, -EPROTO, "it does not speak as a replica does");
}

static const char *end_reason(int code)
{
	return code == -ENODATA ? "it closed the connection" : error_reason(code);
}

static void on_line_ended(void *context, int code)
{
	struct dial *d = context;
	char why[WHY_LEN];

	if (d->state != DIAL_UP) {
		attempt_failed(d, code, end_reason(code));
		return;
	}
	line_drop(d);
	d->state = DIAL_RESTING;
	timer_set(d, 0); /* whether it is refused now tells the dead from the cut off */
	(void)snprintf(
		why, sizeof(why), "the control connection ended: %s", end_reason(code));
	d->config.handlers.down(d->config.handlers.context, why);
}

static void line_begin(struct dial *d, const struct sockaddr *address)
{
	struct line_config config = {.loop = d->config.loop,
		.handlers = {.connected = on_line_connected,
			.reply = on_line_reply,
			.ended = on_line_ended,
			.context = d},
		.silence_ns = d->config.silence_ns,
		.handles_open = d->config.handles_open};
	int rc = line_open(&config, address, &d->line);

	d->state = DIAL_CONNECTING;
	if (rc)
		attempt_failed(d, rc, error_reason(rc));
}

static void dial_let_go(struct dial *d)
{
	if (d->timer_closed && !d->lookup_pending)
		free(d);
}

static void on_lookup(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
	struct dial *d = lookup->data;

	d->lookup_pending = false;
	(*d->config.handles_open)--;
	if (d->closing)
		dial_let_go(d);
	else if (d->state != DIAL_RESOLVING)
		; /* it took too long */
	else if (status)
		attempt_failed(d, -ENOENT, uv_strerror(status));
	else
		line_begin(d, found->ai_addr);
	uv_freeaddrinfo(found);
}

static void lookup_begin(struct dial *d, const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	int rc = -EBUSY; /* the one before never ended */

	if (!d->lookup_pending)
		rc = uv_getaddrinfo(
			d->config.loop, &d->lookup, on_lookup, host, port, &hints);
	if (rc) {
		attempt_failed(d, rc, error_reason(rc));
		return;
	}
	d->lookup_pending = true;
	(*d->config.handles_open)++;
	d->state = DIAL_RESOLVING;
}

static void attempt_begin(struct dial *d)
{
	const char *address = address_now(d);
	char host[RECORD_CONTROL_LEN];
	struct endpoint endpoint;
	struct error err = {0};
	const char *port;

	timer_set(d, ATTEMPT_MS);
	if (reach_is_name(address, host, &port))
		lookup_begin(d, host, port);
	else if (endpoint_parse(address, false, &endpoint, &err))
		attempt_failed(d, -EINVAL, err.text);
	else
		line_begin(d, &endpoint.address.any);
}

/* The next address is tried from the loop, so that nobody is told within their own call. */
static void attempt_failed(struct dial *d, int code, const char *reason)
{
	const char *address = address_now(d);

	line_drop(d);
	(void)snprintf(d->why, sizeof(d->why), "%s: %s", address, reason);
	if (code == -ECONNREFUSED) {
		d->refusals++;
		d->refused_here |= reach_is_unix(address);
	}
	log_debug("replica %u: %s", d->config.member.id, d->why);
	d->next++;
	d->state = DIAL_NEXT;
	timer_set(d, 0);
}

static void round_begin(struct dial *d)
{
	d->next = 0;
	d->refusals = 0;
	d->refused_here = false;
	reach_find(d->config.roster, d->config.member, &d->reach);
	if (d->reach.count > 0) {
		attempt_begin(d);
		return;
	}
	(void)snprintf(d->why, sizeof(d->why), "%s", d->reach.why_none);
	round_end(d);
}

static void on_timer(uv_timer_t *timer)
{
	struct dial *d = timer->data;

	switch (d->state) {
	case DIAL_RESTING:
		round_begin(d);
		break;
	case DIAL_NEXT:
		if (d->next < d->reach.count)
			attempt_begin(d);
		else
			round_end(d);
		break;
	case DIAL_RESOLVING:
	case DIAL_CONNECTING:
	case DIAL_GREETING:
		attempt_failed(d, -ETIMEDOUT, "no answer in time");
		break;
	case DIAL_UP:
		break;
	}
}

int dial_make(const struct dial_config *config, struct dial **dial_p)
{
	struct dial *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return -ENOMEM;
	d->config = *config;
	d->wait_ms = retry_ms(d);
	d->lookup.data = d;
	rc = uv_timer_init(config->loop, &d->timer);
	if (rc) {
		free(d);
		return rc;
	}
	d->timer.data = d;
	(*config->handles_open)++;
	timer_set(d, 0);
	*dial_p = d;
	return 0;
}

void dial_kick(struct dial *d)
{
	if (d->state != DIAL_RESTING)
		return;
	d->wait_ms = retry_ms(d);
	timer_set(d, 0);
}

struct epoch_member dial_life(const struct dial *d)
{
	return d->life;
}

void dial_send(struct dial *d, const uint8_t *frame, size_t len)
{
	if (d->state == DIAL_UP)
		line_send(d->line, frame, len);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct dial *d = handle->data;

	d->timer_closed = true;
	(*d->config.handles_open)--;
	dial_let_go(d);
}

void dial_close(struct dial *d)
{
	if (d->closing)
		return;
	d->closing = true;
	line_drop(d);
	d->state = DIAL_RESTING;
	uv_close((uv_handle_t *)&d->timer, on_timer_closed);
	if (d->lookup_pending)
		(void)uv_cancel((uv_req_t *)&d->lookup);
}
