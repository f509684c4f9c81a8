/* One question to one member of etcd; see etcd_session.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/store/etcd_message.h"
#include "sequencer/store/etcd_session.h"

#define PASSWORD_SIZE 1024

int etcd_call_open(
	struct etcd_call *call, struct etcd_session *session, struct error *err)
{
	memset(call, 0, sizeof(*call));
	call->session = session;
	return etcd_exchange_open(
		&call->exchange, &session->http, &session->address, err);
}

void etcd_call_close(struct etcd_call *call)
{
	etcd_call_stop(call);
	etcd_exchange_close(&call->exchange);
}

static const char *endpoint_url(const struct etcd_call *call)
{
	return call->session->address.endpoints[call->endpoint];
}

static void end(struct etcd_call *call, enum etcd_outcome outcome, int code)
{
	call->step = ETCD_CALL_IDLE;
	call->outcome = outcome;
	call->code = code;
	free(call->body);
	call->body = NULL;
}

static void end_without_memory(struct etcd_call *call)
{
	end(call, ETCD_OUTCOME_REFUSED,
		error_set(&call->err, -ENOMEM,
			"store: %s: no memory for a request; free some memory",
			endpoint_url(call)));
}

/* What is left of the time, for libcurl, to which 0 would mean for ever. */
static long left_ms(const struct etcd_call *call)
{
	uint64_t now_ns = clock_now_ns();

	if (call->deadline_ns <= now_ns)
		return 1;
	return (long)((call->deadline_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static void post(struct etcd_call *call, const char *path, char *body)
{
	char url[ETCD_URL_SIZE + 32];
	bool streams = path == call->path && call->sink;

	(void)snprintf(url, sizeof(url), "%s%s", endpoint_url(call), path);
	call->exchange.sink = streams ? call->sink : NULL;
	call->exchange.sink_context = call->sink_context;
	if (!body || etcd_exchange_start(&call->exchange, url, body, call->session->token,
			     streams ? 0 : left_ms(call)))
		end_without_memory(call);
}

static void ask(struct etcd_call *call)
{
	char *body = call->body;

	call->step = ETCD_CALL_ASK;
	call->body = NULL;
	post(call, call->path, body);
}

static int check_printable(const char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			return -EILSEQ;
	}
	return 0;
}

/* The first line of the file, anew every time, so that a password can be changed. */
static int read_password(const char *path, char password[PASSWORD_SIZE])
{
	FILE *file = fopen(path, "re");
	int rc = 0;

	if (!file)
		return -errno;
	if (!fgets(password, PASSWORD_SIZE, file))
		rc = ferror(file) ? -EIO : -ENODATA;
	(void)fclose(file);
	if (!rc && strlen(password) == PASSWORD_SIZE - 1)
		rc = -EMSGSIZE;
	password[strcspn(password, "\r\n")] = '\0';
	return rc ? rc : check_printable(password);
}

static void authenticate(struct etcd_call *call)
{
	const struct etcd_address *address = &call->session->address;
	char password[PASSWORD_SIZE] = "";
	int rc = read_password(address->password_file, password);

	call->step = ETCD_CALL_AUTHENTICATE;
	if (rc)
		end(call, ETCD_OUTCOME_REFUSED,
			error_set(&call->err, -EACCES,
				"store: password-file=%s: can not be read: %s; put the "
				"password of %s into its first line, in "
				"printable ASCII",
				address->password_file, error_reason(rc), address->user));
	else
		post(call, ETCD_PATH_AUTHENTICATE,
			etcd_message_authenticate(address->user, password));
	explicit_bzero(password, sizeof(password));
}

void etcd_call_start(struct etcd_call *call, unsigned int endpoint, const char *path,
	char *body, uint64_t deadline_ns)
{
	call->endpoint = endpoint;
	call->path = path;
	call->body = body;
	call->deadline_ns = deadline_ns;
	call->effect_unknown = false;
	call->err.text[0] = '\0';
	call->step = ETCD_CALL_ASK;
	if (!body)
		end_without_memory(call);
	else if (call->session->address.user[0] && !call->session->token[0])
		authenticate(call);
	else
		ask(call);
}

/* A server that does not like how we come may close the connection without a word. */
static int describe_loss(struct etcd_call *call)
{
	const struct etcd_exchange *exchange = &call->exchange;
	const char *url = endpoint_url(call);
	const char *hint = strncmp(url, "https:", 6) == 0
				   ? ", and check cert= and key= in the address"
				   : ", and whether it wants https:// in the address";

	if (exchange->end == ETCD_END_NOT_TRUSTED)
		return error_set(&call->err, -EACCES,
			"store: %s: TLS failed: %s; check cacert=, cert= and key= in the "
			"store's address and the names in etcd's certificate",
			url, exchange->detail);
	if (exchange->timed_out)
		return error_set(&call->err, -EIO,
			"store: %s: gave no answer in time; look whether etcd runs there "
			"and can be reached",
			url);
	if (exchange->end == ETCD_END_NOT_SENT)
		return error_set(&call->err, -EIO,
			"store: %s: can not be reached: %s; start etcd there or correct "
			"the store's address%s",
			url, exchange->detail, hint);
	return error_set(&call->err, -EIO,
		"store: %s: the connection was lost: %s; look at etcd's log%s", url,
		exchange->detail, hint);
}

static void end_without_answer(struct etcd_call *call)
{
	enum etcd_end how = call->exchange.end;

	call->effect_unknown = call->step == ETCD_CALL_ASK && how == ETCD_END_LOST;
	end(call,
		how == ETCD_END_NOT_TRUSTED ? ETCD_OUTCOME_NOT_TRUSTED
					    : ETCD_OUTCOME_UNAVAILABLE,
		describe_loss(call));
}

static const struct {
	enum etcd_outcome outcome;
	int code;
} by_fault[] = {
	[ETCD_FAULT_PASSING] = {ETCD_OUTCOME_UNAVAILABLE, -EIO},
	[ETCD_FAULT_TOKEN] = {ETCD_OUTCOME_TOKEN, -EACCES},
	[ETCD_FAULT_DENIED] = {ETCD_OUTCOME_REFUSED, -EACCES},
	[ETCD_FAULT_FULL] = {ETCD_OUTCOME_FULL, -ENOSPC},
	[ETCD_FAULT_COMPACTED] = {ETCD_OUTCOME_COMPACTED, -EIO},
	[ETCD_FAULT_REFUSED] = {ETCD_OUTCOME_REFUSED, -EIO},
};

/* A token that nobody asked for is a user that is missing. */
static void end_with_complaint(
	struct etcd_call *call, const struct etcd_complaint *complaint)
{
	enum etcd_outcome outcome = by_fault[complaint->fault].outcome;

	call->effect_unknown = call->step == ETCD_CALL_ASK &&
			       complaint->fault == ETCD_FAULT_PASSING;
	if (outcome == ETCD_OUTCOME_TOKEN)
		call->session->token[0] = '\0';
	if (outcome == ETCD_OUTCOME_TOKEN && !call->session->address.user[0])
		outcome = ETCD_OUTCOME_REFUSED;
	end(call, outcome,
		error_set(&call->err, by_fault[complaint->fault].code,
			"store: %s: etcd says: %s; %s", endpoint_url(call),
			complaint->message, complaint->advice));
}

void etcd_call_garbled(struct etcd_call *call, int rc)
{
	call->effect_unknown = true;
	if (rc == -ENOMEM) {
		end_without_memory(call);
		return;
	}
	end(call, ETCD_OUTCOME_UNAVAILABLE,
		error_set(&call->err, -EIO,
			"store: %s: this is no answer of etcd's; correct the store's "
			"address, or use etcd 3.4 or newer",
			endpoint_url(call)));
}

static void take_token(struct etcd_call *call)
{
	const struct etcd_exchange *exchange = &call->exchange;

	if (etcd_reply_token(
		    exchange->answer, exchange->answer_len, call->session->token)) {
		etcd_call_garbled(call, -EBADMSG);
		call->effect_unknown = false;
		return;
	}
	ask(call);
}

static void take_answer(struct etcd_call *call)
{
	const struct etcd_exchange *exchange = &call->exchange;
	struct etcd_complaint complaint;

	if (exchange->http_status != 200) {
		etcd_reply_complaint(exchange->http_status, exchange->answer,
			exchange->answer_len, &complaint);
		end_with_complaint(call, &complaint);
	} else if (call->step == ETCD_CALL_AUTHENTICATE) {
		take_token(call);
	} else {
		end(call, ETCD_OUTCOME_ANSWER, 0);
	}
}

bool etcd_call_step(struct etcd_call *call)
{
	if (call->step == ETCD_CALL_IDLE)
		return true;
	if (call->exchange.running)
		return false;
	if (call->exchange.end == ETCD_END_ANSWER)
		take_answer(call);
	else
		end_without_answer(call);
	return call->step == ETCD_CALL_IDLE;
}

void etcd_call_stop(struct etcd_call *call)
{
	etcd_exchange_stop(&call->exchange);
	call->step = ETCD_CALL_IDLE;
	free(call->body);
	call->body = NULL;
}
