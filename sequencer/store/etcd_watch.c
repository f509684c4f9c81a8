#include "sequencer/store/etcd_watch.h"

#include <errno.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/store/etcd_message.h"

#define LOOK_MS_MIN 1000
#define RETRY_MS_FIRST 20
#define RETRY_MS_MAX 1000

static void take_line(struct etcd_watch *watch)
{
	enum etcd_watch_line said = ETCD_WATCH_CHANGED;

	if (!watch->line_too_long)
		said = etcd_reply_watch(watch->line, watch->line_len, &watch->complaint);
	watch->created |= said == ETCD_WATCH_CREATED;
	watch->seen |= said == ETCD_WATCH_CHANGED;
	watch->ended |= said == ETCD_WATCH_ENDED;
}

static void add_to_line(struct etcd_watch *watch, const char *bytes, size_t len)
{
	if (len > sizeof(watch->line) - watch->line_len) {
		watch->line_too_long = true;
		len = 0;
	}
	memcpy(watch->line + watch->line_len, bytes, len);
	watch->line_len += len;
}

/* Called by libcurl as bytes arrive; the step that follows acts on what they say. */
static void on_bytes(void *context, const char *bytes, size_t len)
{
	struct etcd_watch *watch = context;

	while (len > 0 && !watch->ended) {
		const char *end = memchr(bytes, '\n', len);
		size_t part = end ? (size_t)(end - bytes) : len;

		add_to_line(watch, bytes, part);
		if (!end)
			return;
		if (watch->line_len > 0 || watch->line_too_long)
			take_line(watch);
		watch->line_len = 0;
		watch->line_too_long = false;
		bytes += part + 1;
		len -= part + 1;
	}
}

int etcd_watch_open(
	struct etcd_watch *watch, struct etcd_session *session, struct error *err)
{
	int rc = etcd_call_open(&watch->stream, session, err);

	if (rc)
		return rc;
	rc = etcd_call_open(&watch->look, session, err);
	if (rc)
		etcd_call_close(&watch->stream);
	watch->session = session;
	watch->stream.sink = on_bytes;
	watch->stream.sink_context = watch;
	return rc;
}

void etcd_watch_close(struct etcd_watch *watch)
{
	etcd_call_close(&watch->look);
	etcd_call_close(&watch->stream);
}

/* Back to the beginning; what was told stays told. */
static void stop(struct etcd_watch *watch)
{
	etcd_call_stop(&watch->stream);
	etcd_call_stop(&watch->look);
	watch->streaming = false;
	watch->looking = false;
	watch->open = false;
	watch->created = false;
	watch->seen = false;
	watch->ended = false;
	watch->line_len = 0;
	watch->line_too_long = false;
}

void etcd_watch_set(struct etcd_watch *watch, store_changed_fn changed, void *context)
{
	watch->changed = changed;
	watch->context = context;
	if (changed)
		return;
	stop(watch);
	watch->down = false;
	watch->failures = 0;
	watch->retry_ns = 0;
}

static void start(struct etcd_watch *watch, unsigned int endpoint, uint64_t now_ns)
{
	watch->opened_by_ns = now_ns + etcd_session_patience_ns(watch->session);
	watch->streaming = true;
	watch->looked = 0;
	etcd_call_start(&watch->stream, endpoint, ETCD_PATH_WATCH,
		etcd_message_watch(watch->session->key_base64), watch->opened_by_ns);
}

static uint64_t retry_delay_ns(unsigned int failures)
{
	uint64_t delay_ms = RETRY_MS_FIRST;

	while (--failures > 0 && delay_ms < RETRY_MS_MAX)
		delay_ms *= 2;
	return (delay_ms < RETRY_MS_MAX ? delay_ms : RETRY_MS_MAX) * NS_PER_MS;
}

/* @err says why; it is told once, until a watch stands again. */
static void lose(struct etcd_watch *watch, int status, bool blame_member)
{
	uint64_t now_ns = clock_now_ns();

	if (blame_member)
		etcd_endpoints_failed(
			&watch->session->endpoints, watch->stream.endpoint, now_ns);
	stop(watch);
	watch->retry_ns = now_ns + retry_delay_ns(++watch->failures);
	if (!watch->down) {
		watch->tell = true;
		watch->status = status;
	}
	watch->down = true;
}

static void lose_call(struct etcd_watch *watch, const struct etcd_call *call)
{
	bool blame_member = call->outcome == ETCD_OUTCOME_UNAVAILABLE ||
			    call->outcome == ETCD_OUTCOME_NOT_TRUSTED;

	watch->err = call->err;
	lose(watch, call->code ? call->code : -EIO, blame_member);
}

static const char *member(const struct etcd_watch *watch)
{
	return watch->session->address.endpoints[watch->stream.endpoint];
}

/* An old token shows as a missing permission here. */
static void take_end(struct etcd_watch *watch)
{
	const struct etcd_complaint *complaint = &watch->complaint;
	bool denied = complaint->fault == ETCD_FAULT_DENIED ||
		      complaint->fault == ETCD_FAULT_TOKEN;

	if (denied)
		watch->session->token[0] = '\0';
	lose(watch,
		error_set(&watch->err, denied ? -EACCES : -EIO,
			"store: %s: etcd ended the watch: %s; %s", member(watch),
			complaint->message, complaint->advice),
		complaint->fault == ETCD_FAULT_PASSING);
}

static void take_silence(struct etcd_watch *watch)
{
	lose(watch,
		error_set(&watch->err, -EIO,
			"store: %s: did not begin a watch in time; look whether etcd "
			"runs there and can be reached",
			member(watch)),
		true);
}

static uint64_t look_interval_ns(const struct etcd_watch *watch)
{
	uint64_t ms = watch->session->timeout_ms;

	return (ms > LOOK_MS_MIN ? ms : LOOK_MS_MIN) * NS_PER_MS;
}

static void tell_change(struct etcd_watch *watch)
{
	watch->tell = true;
	watch->status = 0;
	watch->err.text[0] = '\0';
	watch->down = false;
}

static void take_news(struct etcd_watch *watch)
{
	if (watch->created) {
		watch->open = true;
		watch->failures = 0;
		watch->look_ns = clock_now_ns() + look_interval_ns(watch);
		etcd_endpoints_answered(
			&watch->session->endpoints, watch->stream.endpoint);
	}
	if (watch->created || watch->seen)
		tell_change(watch);
	watch->created = false;
	watch->seen = false;
}

static void step_stream(struct etcd_watch *watch)
{
	bool ended = etcd_call_step(&watch->stream);

	if (watch->ended)
		take_end(watch);
	else if (ended && watch->stream.outcome == ETCD_OUTCOME_TOKEN)
		stop(watch); /* the next start gets another one */
	else if (ended)
		lose_call(watch, &watch->stream);
	else
		take_news(watch);
	if (watch->streaming && !watch->open && clock_now_ns() >= watch->opened_by_ns)
		take_silence(watch);
}

/* A revision that the stream did not tell of shows here, at the latest. */
static void take_look(struct etcd_watch *watch)
{
	const struct etcd_exchange *exchange = &watch->look.exchange;
	struct etcd_kv kv;
	int rc = etcd_reply_range(exchange->answer, exchange->answer_len, &kv);

	if (rc) {
		etcd_call_garbled(&watch->look, rc);
		lose_call(watch, &watch->look);
		return;
	}
	etcd_kv_free(&kv);
	if (watch->looked && kv.mod_revision != watch->looked)
		tell_change(watch);
	watch->looked = kv.mod_revision;
}

static void end_look(struct etcd_watch *watch)
{
	watch->looking = false;
	watch->look_ns = clock_now_ns() + look_interval_ns(watch);
	if (watch->look.outcome == ETCD_OUTCOME_ANSWER)
		take_look(watch);
	else if (watch->look.outcome == ETCD_OUTCOME_TOKEN)
		watch->look_ns = clock_now_ns() + RETRY_MS_MAX * NS_PER_MS;
	else
		lose_call(watch, &watch->look);
}

static void step_look(struct etcd_watch *watch)
{
	uint64_t now_ns = clock_now_ns();

	if (watch->looking && etcd_call_step(&watch->look))
		end_look(watch);
	if (!watch->open || watch->looking || now_ns < watch->look_ns)
		return;
	watch->looking = true;
	etcd_call_start(&watch->look, watch->stream.endpoint, ETCD_PATH_RANGE,
		etcd_message_look(watch->session->key_base64),
		now_ns + etcd_session_patience_ns(watch->session));
}

/* Returns when to come back. */
static uint64_t try_start(struct etcd_watch *watch)
{
	uint64_t now_ns = clock_now_ns();
	uint64_t rested_ns;
	int endpoint;

	if (now_ns < watch->retry_ns)
		return watch->retry_ns;
	endpoint = etcd_endpoints_pick(&watch->session->endpoints, now_ns, &rested_ns);
	if (endpoint < 0)
		return rested_ns;
	start(watch, (unsigned int)endpoint, now_ns);
	return watch->opened_by_ns;
}

/* The owner may set another watch, or none, from within. */
static void tell(struct etcd_watch *watch)
{
	struct error err = watch->err;

	if (!watch->tell)
		return;
	watch->tell = false;
	watch->changed(watch->context, watch->status, &err);
}

static uint64_t wake_ns(const struct etcd_watch *watch)
{
	if (!watch->open)
		return watch->opened_by_ns;
	return watch->looking ? UINT64_MAX : watch->look_ns;
}

uint64_t etcd_watch_step(struct etcd_watch *watch)
{
	uint64_t wake;

	if (!watch->changed)
		return UINT64_MAX;
	if (watch->streaming)
		step_stream(watch);
	if (watch->streaming)
		step_look(watch);
	wake = watch->streaming ? wake_ns(watch) : try_start(watch);
	tell(watch);
	return wake;
}
