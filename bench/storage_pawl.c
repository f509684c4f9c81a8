/* Pawl's side: a store with many commands in flight. */
#include <errno.h>
#include <stdlib.h>

#include "bench/storage_work.h"
#include "client/include/pawl/store.h"
#include "hw/clock.h"

#define APPLY_AT_ONCE 256
#define TIMEOUT_NS UINT64_C(20000000000)
#define LOCAL_PER_TIMED 16 /* a look at the clock costs as much as such a read */
#define ROOM_OF_KEY 512	   /* bytes that the store's limits count for a key, at most */

struct pawl_side {
	struct storage_client *c;
	struct pawl *pawl;
	struct pawl_store *store;
	uint64_t local_reads;
	unsigned char value[STORAGE_LEN_MAX];
};

static int failed(struct pawl_side *s, int rc)
{
	return error_set(&s->c->w->seat->err, rc, "%s", pawl_errmsg(s->pawl));
}

static struct storage_answer answer_of(const struct pawl_reply *reply)
{
	return (struct storage_answer){.version = reply->version,
		.value = reply->value,
		.value_len = reply->value_len};
}

static void on_outcome(void *context, const struct pawl_store_outcome *outcome)
{
	struct pawl_side *s = context;
	struct storage_answer answer = answer_of(&outcome->reply);

	if (outcome->status && outcome->status != -ENOENT && !s->c->rc)
		s->c->rc = error_set(&s->c->w->seat->err, outcome->status,
			"bench: pawl: an operation has failed: %s",
			error_reason(outcome->status));
	storage_ended(s->c, (unsigned int)outcome->cookie, &answer);
}

/* ---- Operations ---- */

static int command_submit(struct pawl_side *s, unsigned int place)
{
	const struct storage_operation *o = &s->c->operations[place];
	size_t len = s->c->options->value_len;
	unsigned char key[STORAGE_KEY_LEN];
	struct pawl_command command = {.kind = o->reads ? PAWL_GET : PAWL_PUT,
		.key = key,
		.key_len = sizeof(key)};
	int rc;

	storage_key_write(o->key, key);
	if (!o->reads) {
		storage_value_fill(o, s->c->w->place, s->value, len);
		command.value = s->value;
		command.value_len = len;
	}
	rc = pawl_store_submit(s->store, &command, place);
	return rc && rc != -EAGAIN ? failed(s, rc) : rc;
}

/* Blocks until it is answered. */
static int read_call(struct pawl_side *s, unsigned int place, enum pawl_reading how)
{
	struct storage_operation *o = &s->c->operations[place];
	bool timed = how != PAWL_READ_LOCAL || s->local_reads++ % LOCAL_PER_TIMED == 0;
	unsigned char key[STORAGE_KEY_LEN];
	struct storage_answer answer;
	struct pawl_reply reply;
	int rc;

	storage_key_write(o->key, key);
	storage_times_take(s->c, o->begin_ns);
	if (timed)
		o->begin_ns = clock_now_ns();
	rc = pawl_store_get(s->store, how, key, sizeof(key), &reply);
	if (rc && rc != -ENOENT)
		return failed(s, rc);
	answer = answer_of(&reply);
	storage_ended(s->c, place, &answer);
	if (timed)
		storage_times_take(s->c, clock_now_ns());
	else
		storage_time_drop(s->c);
	return 0;
}

static int pawl_start(struct storage_client *c, unsigned int place)
{
	struct pawl_side *s = storage_state(c);

	if (c->looks)
		return read_call(s, place, PAWL_READ_LOCAL);
	if (c->operations[place].reads && c->options->reading != PAWL_READ_LOG)
		return read_call(s, place, c->options->reading);
	return command_submit(s, place);
}

static int pawl_move(struct storage_client *c, int *count_p)
{
	struct pawl_side *s = storage_state(c);
	int rc = pawl_store_poll(s->store, APPLY_AT_ONCE, count_p);

	return rc ? failed(s, rc) : 0;
}

static int pawl_settle(struct storage_client *c)
{
	struct pawl_side *s = storage_state(c);
	int rc = pawl_store_sync(s->store);

	return rc ? failed(s, rc) : 0;
}

/* ---- Life ---- */

static unsigned int power_of_two(uint64_t least)
{
	unsigned int power = 1;

	while (power < least)
		power *= 2;
	return power;
}

/* Without an archive nobody may lose what he has not applied. */
static void options_fill(struct pawl_side *s, struct pawl_stream_options *stream,
	struct pawl_store_options *options)
{
	const struct storage_options *o = s->c->options;

	stream->archiving = o->archive ? PAWL_ARCHIVE_ON : PAWL_ARCHIVE_OFF;
	stream->on_slow = PAWL_ON_SLOW_BLOCK;
	options->stream = stream;
	options->limits.keys_max = (uint32_t)o->keys;
	options->limits.bytes_max = o->keys * (o->value_len + ROOM_OF_KEY);
	options->depth = power_of_two(STORAGE_DEPTH_MAX);
	options->on_outcome = on_outcome;
	options->outcome_context = s;
}

static int pawl_side_open(struct storage_client *c, void **state_p)
{
	struct pawl_store_options store_options = PAWL_STORE_OPTIONS_INIT;
	struct pawl_stream_options stream = PAWL_STREAM_OPTIONS_INIT;
	struct pawl_options options = PAWL_OPTIONS_INIT;
	struct pawl_side *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return error_set(&c->w->seat->err, -ENOMEM, "bench: out of memory");
	*state_p = s;
	s->c = c;
	options.wait = c->options->wait;
	options.device = c->options->device;
	options.timeout_ns = TIMEOUT_NS;
	options_fill(s, &stream, &store_options);
	rc = pawl_open(c->w->shared->call.where, &options, &s->pawl);
	if (!rc)
		rc = pawl_store_open(s->pawl, STORAGE_NAME, &store_options, &s->store);
	return rc ? failed(s, rc) : 0;
}

static void pawl_side_close(void *state)
{
	struct pawl_side *s = state;

	pawl_store_close(s->store);
	pawl_close(s->pawl);
	free(s);
}

const struct storage_side storage_pawl = {
	.open = pawl_side_open,
	.start = pawl_start,
	.move = pawl_move,
	.settle = pawl_settle,
	.close = pawl_side_close,
};
