/* etcd's side: puts and ranges of one key each, over one connection. */
#include <errno.h>
#include <stdlib.h>

#include "bench/etcd_kv.pb-c.h"
#include "bench/grpc.h"
#include "bench/storage_work.h"

#define WAIT_MS 100
#define BESIDES 512 /* bytes of a message that are not the value's, at most */

enum method {
	METHOD_PUT,
	METHOD_RANGE
};

static const char *const methods[] = {
	[METHOD_PUT] = "/etcdserverpb.KV/Put", [METHOD_RANGE] = "/etcdserverpb.KV/Range"};

struct etcd_side {
	struct storage_client *c;
	struct grpc *grpc;
	unsigned int ended; /* in this move */
	unsigned char value[STORAGE_LEN_MAX];
	unsigned char message[STORAGE_LEN_MAX + BESIDES];
};

_Static_assert(STORAGE_LEN_MAX + BESIDES < GRPC_MESSAGE_MAX, "values fit");

/* ---- Answers ---- */

static void not_understood(struct etcd_side *s, int rc)
{
	if (!s->c->rc)
		s->c->rc = error_set(&s->c->w->seat->err, rc,
			"bench: etcd: has refused an operation, or its answer is none; "
			"see etcd.log");
}

static void put_ended(
	struct etcd_side *s, unsigned int place, const void *bytes, size_t len)
{
	EtcdKv__PutReply *reply = etcd_kv__put_reply__unpack(NULL, len, bytes);
	struct storage_answer answer = {0};

	if (!reply || !reply->header)
		not_understood(s, -EPROTO);
	else
		answer.version = (uint64_t)reply->header->revision;
	storage_ended(s->c, place, &answer);
	if (reply)
		etcd_kv__put_reply__free_unpacked(reply, NULL);
}

static void range_ended(
	struct etcd_side *s, unsigned int place, const void *bytes, size_t len)
{
	EtcdKv__RangeReply *reply = etcd_kv__range_reply__unpack(NULL, len, bytes);
	struct storage_answer answer = {0};

	if (!reply)
		not_understood(s, -EPROTO);
	if (reply && reply->n_kvs > 0)
		answer = (struct storage_answer){
			.version = (uint64_t)reply->kvs[0]->mod_revision,
			.value = reply->kvs[0]->value.data,
			.value_len = reply->kvs[0]->value.len};
	storage_ended(s->c, place, &answer);
	if (reply)
		etcd_kv__range_reply__free_unpacked(reply, NULL);
}

static void on_reply(
	void *context, uint64_t cookie, int status, const void *bytes, size_t len)
{
	struct etcd_side *s = context;
	unsigned int place = (unsigned int)cookie;

	s->ended++;
	if (status)
		not_understood(s, status);
	if (s->c->operations[place].reads)
		range_ended(s, place, bytes, len);
	else
		put_ended(s, place, bytes, len);
}

/* ---- Calls ---- */

static size_t put_pack(struct etcd_side *s, const struct storage_operation *o,
	const ProtobufCBinaryData *key)
{
	size_t len = s->c->options->value_len;
	EtcdKv__Put put = ETCD_KV__PUT__INIT;

	storage_value_fill(o, s->c->w->place, s->value, len);
	put.key = *key;
	put.value = (ProtobufCBinaryData){.len = len, .data = s->value};
	return etcd_kv__put__pack(&put, s->message);
}

static size_t range_pack(struct etcd_side *s, const ProtobufCBinaryData *key)
{
	EtcdKv__Range range = ETCD_KV__RANGE__INIT;

	range.key = *key;
	range.serializable = storage_reads_locally(s->c) && !s->c->looks;
	return etcd_kv__range__pack(&range, s->message);
}

static int etcd_start_one(struct storage_client *c, unsigned int place)
{
	const struct storage_operation *o = &c->operations[place];
	struct etcd_side *s = storage_state(c);
	unsigned char bytes[STORAGE_KEY_LEN];
	const ProtobufCBinaryData key = {.len = sizeof(bytes), .data = bytes};
	size_t len;

	storage_key_write(o->key, bytes);
	len = o->reads ? range_pack(s, &key) : put_pack(s, o, &key);
	return grpc_call(
		s->grpc, o->reads ? METHOD_RANGE : METHOD_PUT, s->message, len, place);
}

/* It waits in the system, for the server needs the processor. */
static int etcd_move(struct storage_client *c, int *count_p)
{
	struct etcd_side *s = storage_state(c);
	int rc;

	s->ended = 0;
	rc = grpc_move(s->grpc, c->in_flight > 0 ? WAIT_MS : 1, &c->w->seat->err);
	*count_p = (int)s->ended;
	return rc;
}

static int etcd_settle(struct storage_client *c)
{
	(void)c;
	return 0;
}

/* ---- Life ---- */

static int etcd_open(struct storage_client *c, void **state_p)
{
	struct etcd_side *s = calloc(1, sizeof(*s));
	const struct grpc_config config = {.port = c->shared->etcd_port,
		.methods = methods,
		.methods_count = sizeof(methods) / sizeof(methods[0]),
		.calls_max = STORAGE_DEPTH_MAX,
		.reply_max = c->options->value_len + BESIDES,
		.on_reply = on_reply,
		.context = s};

	if (!s)
		return error_set(&c->w->seat->err, -ENOMEM, "bench: out of memory");
	*state_p = s;
	s->c = c;
	return grpc_open(&config, &s->grpc, &c->w->seat->err);
}

static void etcd_close(void *state)
{
	struct etcd_side *s = state;

	grpc_close(s->grpc);
	free(s);
}

const struct storage_side storage_etcd = {
	.open = etcd_open,
	.start = etcd_start_one,
	.move = etcd_move,
	.settle = etcd_settle,
	.close = etcd_close,
};
