#include "sequencer/store/etcd_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "hw/clock.h"
#include "sequencer/store/etcd_base64.h"
#include "sequencer/store/etcd_message.h"

#define TOKENS_MAX 3

static void draw_tag(char tag[ETCD_TAG_LEN + 1])
{
	uint8_t bytes[ETCD_TAG_LEN / 2];

	/* So few bytes are never cut short, and without them the time still differs. */
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
		uint64_t now_ns = clock_now_ns();

		memset(bytes, 0, sizeof(bytes));
		memcpy(bytes, &now_ns, sizeof(now_ns));
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(tag + 2 * i, 3, "%02x", bytes[i]);
}

struct etcd_request *etcd_request_make(
	const struct etcd_request *template, const void *bytes)
{
	struct etcd_request *request = malloc(sizeof(*request) + template->len);

	if (!request)
		return NULL;
	*request = *template;
	request->compared = template->expected_revision;
	draw_tag(request->tag);
	if (template->len > 0)
		memcpy(request->bytes, bytes, template->len);
	return request;
}

void etcd_request_free(struct etcd_request *request)
{
	etcd_kv_free(&request->found);
	free(request);
}

static bool finish(struct etcd_request *request, int status)
{
	request->result.status = status;
	request->result.err = &request->err;
	return true;
}

static bool succeed(struct etcd_request *request, uint64_t revision)
{
	request->err.text[0] = '\0';
	if (request->kind != ETCD_REQUEST_ERASE)
		request->result.revision = revision;
	return finish(request, 0);
}

/* S8: once an attempt may have taken effect, no failure may say that none did. */
static bool fail(struct etcd_request *request, int code)
{
	struct error reason = request->err;

	if (!request->effect_unknown)
		return finish(request, code);
	(void)error_set(&request->err, 0,
		"store: whether it was written is not known, read it again; %s",
		strncmp(reason.text, "store: ", 7) == 0 ? reason.text + 7 : reason.text);
	return finish(request, -ETIMEDOUT);
}

static bool fail_stale(
	struct etcd_request *request, const struct etcd_session *session, uint64_t found)
{
	request->effect_unknown = false;
	return fail(request,
		error_set(&request->err, -ESTALE,
			"store: etcd key %s: has revision %llu, not the expected %llu; "
			"read it again",
			session->key, (unsigned long long)found,
			(unsigned long long)request->expected_revision));
}

static bool give_up(struct etcd_request *request, const struct etcd_session *session)
{
	if (request->err.text[0] == '\0')
		(void)error_set(&request->err, 0,
			"store: %s: gave no answer within %u ms; look whether etcd runs "
			"there and can be reached",
			session->address.endpoints[session->endpoints.current],
			session->timeout_ms);
	return fail(request, -ETIMEDOUT);
}

/* The value with its header as base64; NULL without memory. */
static char *encode_value(const struct etcd_request *request)
{
	struct etcd_value value = {.erased = request->kind == ETCD_REQUEST_ERASE};
	char *whole = malloc(ETCD_VALUE_HEADER_MAX + request->len);
	char *text = malloc(ETCD_BASE64_SIZE(ETCD_VALUE_HEADER_MAX + request->len));
	size_t header_len;

	if (whole && text) {
		memcpy(value.tag, request->tag, sizeof(value.tag));
		etcd_value_write(&value, whole, &header_len);
		memcpy(whole + header_len, request->bytes, request->len);
		etcd_base64_encode(whole, header_len + request->len, text);
	} else {
		free(text);
		text = NULL;
	}
	free(whole);
	return text;
}

static char *write_message(
	const struct etcd_request *request, const struct etcd_session *session)
{
	char *value = encode_value(request);
	struct etcd_write write = {
		.key = session->key_base64,
		.value = value,
		.expected_revision = request->compared,
		.expect_live = request->expected_revision != 0,
	};
	char *message = value ? etcd_message_write(&write) : NULL;

	free(value);
	return message;
}

static void ask(struct etcd_request *request, struct etcd_call *call,
	unsigned int endpoint, uint64_t deadline_ns)
{
	const struct etcd_session *session = call->session;

	if (request->looking_back)
		etcd_call_start(call, endpoint, ETCD_PATH_RANGE,
			etcd_message_range(session->key_base64, request->looked_at),
			deadline_ns);
	else if (request->kind == ETCD_REQUEST_GET)
		etcd_call_start(call, endpoint, ETCD_PATH_RANGE,
			etcd_message_range(session->key_base64, 0), deadline_ns);
	else
		etcd_call_start(call, endpoint, ETCD_PATH_TXN,
			write_message(request, session), deadline_ns);
	request->asking = true;
}

static bool take_value(struct etcd_request *request, const struct etcd_session *session)
{
	struct etcd_value value;
	int rc;

	if (request->found.mod_revision == 0)
		return succeed(request, 0);
	rc = etcd_value_read(session->key, request->found.bytes, request->found.len,
		&value, &request->err);
	if (rc)
		return fail(request, rc);
	if (value.erased)
		return succeed(request, 0);
	request->result.bytes = value.bytes;
	request->result.len = value.len;
	return succeed(request, request->found.mod_revision);
}

/* What stands where we wanted to write. */
struct standing {
	uint64_t revision; /* 0: nothing */
	bool erased;
	bool ours;
	int damaged; /* 0 or -EBADMSG, which the request's error explains */
};

static struct standing look_at(struct etcd_request *request,
	const struct etcd_session *session, const struct etcd_kv *kv)
{
	struct standing standing = {.revision = kv->mod_revision};
	struct etcd_value value;

	if (kv->mod_revision == 0)
		return standing;
	standing.damaged = etcd_value_read(
		session->key, kv->bytes, kv->len, &value, &request->err);
	if (standing.damaged)
		return standing;
	standing.erased = value.erased;
	standing.ours = strcmp(value.tag, request->tag) == 0;
	return standing;
}

/* No attempt so far can take effect any more (E2), so what stands decides. */
static bool yield_to(struct etcd_request *request, const struct etcd_session *session,
	const struct standing *standing)
{
	request->effect_unknown = false;
	if (standing->damaged)
		return fail(request, standing->damaged);
	if (request->expected_revision == 0 &&
		(standing->erased || standing->revision == 0)) {
		request->compared = standing->revision; /* E4 */
		return false;
	}
	return fail_stale(request, session, standing->erased ? 0 : standing->revision);
}

/* E3: begins with the revision before what stands now. */
static bool look_back(struct etcd_request *request, uint64_t from)
{
	if (from <= 1) {
		(void)error_set(&request->err, 0,
			"store: what followed the expected revision is not kept");
		return fail(request, -ETIMEDOUT);
	}
	request->looking_back = true;
	request->looked_at = from - 1;
	return false;
}

static bool take_written(struct etcd_request *request, const struct etcd_session *session,
	struct etcd_written *written)
{
	struct standing standing;

	if (written->succeeded)
		return succeed(request, written->revision);
	standing = look_at(request, session, &written->found);
	etcd_kv_free(&written->found);
	if (standing.ours)
		return succeed(request, standing.revision);
	if (request->effect_unknown)
		return look_back(request, standing.revision);
	return yield_to(request, session, &standing);
}

/* E5: it was not ours that stands, nor any that followed the expected revision. */
static bool fail_full(struct etcd_request *request, const struct etcd_session *session)
{
	request->effect_unknown = request->unknown_before_full && !request->overtaken;
	return fail(request,
		error_set(&request->err, -ENOSPC,
			"store: etcd key %s: etcd has no space; the old value stands; "
			"compact and defragment etcd, then disarm its alarm",
			session->key));
}

/*
 * E3: the newest revision before looked_at.  When that is the expected one, or older, the
 * next one was the first to follow it and was not ours; the transaction, which is tried
 * once more, then tells what stands.
 */
static bool take_older(struct etcd_request *request, const struct etcd_session *session,
	struct etcd_kv *kv)
{
	struct standing standing = look_at(request, session, kv);

	etcd_kv_free(kv);
	if (standing.ours)
		return succeed(request, standing.revision);
	if (standing.revision > request->compared) {
		request->overtaken = true;
		return look_back(request, standing.revision);
	}
	if (standing.revision == 0 && request->compared != 0)
		return look_back(request, 0); /* somebody else deleted the key */
	if (request->full)
		return fail_full(request, session);
	request->looking_back = false;
	request->effect_unknown = false;
	return false;
}

static bool take_answer(struct etcd_request *request, struct etcd_call *call)
{
	const struct etcd_exchange *exchange = &call->exchange;
	struct etcd_written written;
	struct etcd_kv older;

	if (request->looking_back) {
		call->code = etcd_reply_range(
			exchange->answer, exchange->answer_len, &older);
		return !call->code && take_older(request, call->session, &older);
	}
	if (request->kind == ETCD_REQUEST_GET) {
		call->code = etcd_reply_range(
			exchange->answer, exchange->answer_len, &request->found);
		return !call->code && take_value(request, call->session);
	}
	call->code = etcd_reply_write(exchange->answer, exchange->answer_len, &written);
	return !call->code && take_written(request, call->session, &written);
}

/* E5 */
static bool look_after_full(struct etcd_request *request)
{
	request->full = true;
	request->unknown_before_full = request->effect_unknown;
	request->effect_unknown = true;
	request->looking_back = true;
	request->looked_at = 0;
	return false;
}

static bool take_failure(struct etcd_request *request, struct etcd_call *call)
{
	struct etcd_endpoints *endpoints = &call->session->endpoints;
	bool writing = request->kind != ETCD_REQUEST_GET && !request->looking_back;

	request->err = call->err;
	request->effect_unknown |= writing && call->effect_unknown;
	switch (call->outcome) {
	case ETCD_OUTCOME_UNAVAILABLE:
		etcd_endpoints_failed(endpoints, call->endpoint, clock_now_ns());
		return false;
	case ETCD_OUTCOME_NOT_TRUSTED:
		etcd_endpoints_failed(endpoints, call->endpoint, clock_now_ns());
		return ++request->not_trusted >= endpoints->count &&
		       fail(request, call->code);
	case ETCD_OUTCOME_TOKEN:
		return ++request->tokens >= TOKENS_MAX && fail(request, call->code);
	case ETCD_OUTCOME_FULL:
		return writing ? look_after_full(request) : fail(request, call->code);
	default:
		return fail(request, call->code);
	}
}

static bool take_outcome(struct etcd_request *request, struct etcd_call *call)
{
	request->asking = false;
	if (call->outcome == ETCD_OUTCOME_ANSWER) {
		bool ended = take_answer(request, call);

		if (!call->code) {
			etcd_endpoints_answered(
				&call->session->endpoints, call->endpoint);
			return ended;
		}
		etcd_call_garbled(call, call->code);
	}
	return take_failure(request, call);
}

/* Asks whoever is next; false when all members rest. */
static bool ask_next(
	struct etcd_request *request, struct etcd_call *call, uint64_t *wake_ns_p)
{
	uint64_t now_ns = clock_now_ns();
	uint64_t rested_ns;
	uint64_t deadline_ns = now_ns + etcd_session_patience_ns(call->session);
	int endpoint = etcd_endpoints_pick(&call->session->endpoints, now_ns, &rested_ns);

	if (endpoint < 0) {
		*wake_ns_p = rested_ns < request->deadline_ns ? rested_ns
							      : request->deadline_ns;
		return false;
	}
	if (deadline_ns > request->deadline_ns)
		deadline_ns = request->deadline_ns;
	ask(request, call, (unsigned int)endpoint, deadline_ns);
	return true;
}

bool etcd_request_step(
	struct etcd_request *request, struct etcd_call *call, uint64_t *wake_ns_p)
{
	*wake_ns_p = UINT64_MAX;
	for (;;) {
		if (request->asking && !etcd_call_step(call))
			return false;
		if (request->asking && take_outcome(request, call))
			return true;
		if (clock_now_ns() >= request->deadline_ns)
			return give_up(request, call->session);
		if (!ask_next(request, call, wake_ns_p))
			return false;
	}
}
