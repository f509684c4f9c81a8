#include "sequencer/core/kv_internal.h"

static enum kv_status do_found(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	struct kv_limits limits;

	if (turn->kv->founded != 0)
		return KV_FOUNDED;
	if (!kv_limits_decode(o->value.bytes, &limits) ||
		!kv_limits_same(&limits, &turn->kv->limits))
		return KV_OTHER_LIMITS;
	turn->kv->founded = turn->position;
	reply->version = turn->position;
	return KV_OK;
}

static const kv_operation_fn operations[] = {
	[KV_FOUND] = do_found,
	[KV_GET] = kv_do_get,
	[KV_LIST] = kv_do_list,
	[KV_LOOK] = kv_do_look,
	[KV_SESSION] = kv_do_session,
	[KV_PUT] = kv_do_put,
	[KV_DELETE] = kv_delete,
	[KV_CLAIM] = kv_do_claim,
	[KV_SET_VERSION] = kv_do_set_version,
	[KV_SET_VALUE] = kv_do_set_value,
	[KV_OPEN] = kv_do_open,
	[KV_KEEP_ALIVE] = kv_do_keep_alive,
	[KV_CLOSE] = kv_do_close,
	[KV_EXPIRE] = kv_do_expire,
	[KV_LOCK] = kv_do_lock,
	[KV_UNLOCK] = kv_do_unlock,
};

bool kv_lens_fit(const struct kv_limits *limits, const struct kv_operation *o)
{
	uint32_t other_max = o->kind == KV_LIST ? limits->key_max : limits->value_max;

	if (o->kind == KV_FOUND)
		return true;
	return o->key.len <= limits->key_max && o->value.len <= limits->value_max &&
	       o->other.len <= other_max;
}

static bool command_fits(const struct kv *kv, const struct kv_command *command)
{
	uint32_t count = command->comparisons_count + command->thens_count +
			 command->elses_count;
	const unsigned char *at = command->operations;
	struct kv_operation o;

	for (uint32_t i = 0; i < count; i++) {
		at = kv_operation_read(at, &o);
		if (!kv_lens_fit(&kv->limits, &o))
			return false;
	}
	return true;
}

static enum kv_status command_do(const struct kv_turn *turn,
	const struct kv_command *command, struct kv_reply *reply)
{
	struct kv_operation o;

	if (!command_fits(turn->kv, command))
		return KV_TOO_LONG;
	if (command->transaction)
		return kv_transact(turn, command, reply);
	(void)kv_operation_read(command->operations, &o);
	PAWL_ASSERT((size_t)o.kind < sizeof(operations) / sizeof(operations[0]));
	return operations[o.kind](turn, &o, reply);
}

/* Whether the storage takes commands: it is founded, or is about to be. */
static bool is_founded(const struct kv *kv, const struct kv_command *command)
{
	return kv->founded != 0 ||
	       (!command->transaction && command->operations[0] == KV_FOUND);
}

/* A command counts only while the session that speaks it lives. */
static bool session_speaks(const struct kv_turn *turn)
{
	struct kv_session *session;

	if (turn->session == 0)
		return true;
	session = kv_session_find(turn->kv, turn->session);
	if (session)
		session->spoken = turn->position;
	return session != NULL;
}

static enum kv_status apply(
	struct kv_turn *turn, const void *payload, size_t len, struct kv_reply *reply)
{
	struct kv_command command;

	if (!kv_command_decode(payload, len, &command))
		return KV_REFUSED;
	if (!command.transaction)
		reply->kind = command.operations[0];
	if (!is_founded(turn->kv, &command))
		return KV_UNFOUNDED;
	if (len > turn->kv->limits.command_max)
		return KV_TOO_LONG;
	turn->session = command.session;
	if (!session_speaks(turn))
		return KV_NO_SESSION;
	return command_do(turn, &command, reply);
}

static enum kv_status query(
	struct kv_turn *turn, const void *payload, size_t len, struct kv_reply *reply)
{
	struct kv_command command;

	if (!kv_command_decode(payload, len, &command) || !kv_command_reads(&command))
		return KV_REFUSED;
	reply->kind = command.operations[0];
	if (turn->kv->founded == 0)
		return KV_UNFOUNDED;
	return command_do(turn, &command, reply);
}

static void answer(struct kv *kv, enum kv_status status, struct kv_reply *reply,
	struct machine_result *result_p)
{
	reply->status = status;
	kv_answer_end(kv, 0, reply);
	*result_p = (struct machine_result){kv->reply, kv->reply_len};
}

void kv_apply(struct kv *kv, uint64_t position, const void *payload, size_t len,
	struct machine_result *reply_p)
{
	struct kv_turn turn = {.kv = kv, .position = position};
	struct kv_reply reply = {.status = KV_OK};
	enum kv_status status;

	PAWL_ASSERT(position > kv->applied); /* I1 */
	PAWL_ASSERT(kv->restore.stage == KV_STAGE_NONE);
	kv_answer_begin(kv);
	status = apply(&turn, payload, len, &reply);
	kv->applied = position;
	answer(kv, status, &reply, reply_p);
}

void kv_query(
	struct kv *kv, const void *payload, size_t len, struct machine_result *reply_p)
{
	struct kv_turn turn = {.kv = kv, .position = kv->applied};
	struct kv_reply reply = {.status = KV_OK};
	enum kv_status status;

	PAWL_ASSERT(kv->restore.stage == KV_STAGE_NONE);
	kv_answer_begin(kv);
	status = query(&turn, payload, len, &reply);
	answer(kv, status, &reply, reply_p);
}
