/* Stores: commands published, and reads. */
#include "client/lib/store.h"

#include <errno.h>

#include "hw/clock.h"

_Static_assert(PAWL_GET == (int)KV_GET && PAWL_LIST == (int)KV_LIST &&
		       PAWL_LOOK == (int)KV_LOOK && PAWL_SESSION == (int)KV_SESSION &&
		       PAWL_PUT == (int)KV_PUT && PAWL_DELETE == (int)KV_DELETE &&
		       PAWL_CLAIM == (int)KV_CLAIM &&
		       PAWL_SET_VERSION == (int)KV_SET_VERSION &&
		       PAWL_SET_VALUE == (int)KV_SET_VALUE,
	"public numbers of keys");
_Static_assert(PAWL_SESSION_OPEN == (int)KV_OPEN &&
		       PAWL_SESSION_KEEP == (int)KV_KEEP_ALIVE &&
		       PAWL_SESSION_CLOSE == (int)KV_CLOSE &&
		       PAWL_SESSION_EXPIRE == (int)KV_EXPIRE &&
		       PAWL_LOCK == (int)KV_LOCK && PAWL_UNLOCK == (int)KV_UNLOCK,
	"public numbers of sessions and locks");
_Static_assert(PAWL_IF_VERSION == (int)KV_IF_VERSION &&
		       PAWL_IF_VALUE == (int)KV_IF_VALUE &&
		       PAWL_IF_HOLDER == (int)KV_IF_HOLDER &&
		       PAWL_IF_FENCE == (int)KV_IF_FENCE &&
		       PAWL_OPERATIONS_MAX == KV_OPERATIONS_MAX,
	"public numbers of comparisons");
_Static_assert(PAWL_EPHEMERAL == KV_EPHEMERAL && PAWL_KEYS_ONLY == KV_KEYS_ONLY &&
		       PAWL_TRY == KV_TRY && PAWL_EQUAL == (int)KV_EQUAL &&
		       PAWL_NOT_EQUAL == (int)KV_NOT_EQUAL && PAWL_LESS == (int)KV_LESS &&
		       PAWL_GREATER == (int)KV_GREATER,
	"public options");

/* ---- Encoding ---- */

static struct kv_operation operation_of(const struct pawl_command *c)
{
	return (struct kv_operation){.kind = (enum kv_kind)c->kind,
		.option = (uint8_t)c->option,
		.key = {c->key, c->key_len},
		.value = {c->value, c->value_len},
		.other = {c->other, c->other_len},
		.number = c->number,
		.since = c->since};
}

static int not_encoded(struct pawl_store *store)
{
	return error_set(&store->pawl->err, -EINVAL,
		"pawl: %s/%s: this is no command, or longer than the %u bytes that the "
		"store takes",
		store->pawl->where, pawl_stream_name(store->participant->stream),
		kv_limits_of(store->kv)->command_max);
}

static size_t command_encode(struct pawl_store *store, const struct pawl_command *command)
{
	struct kv_operation operation = operation_of(command);

	if (command->option > UINT8_MAX)
		return 0;
	return kv_command_encode(&operation, command->session, store->command,
		kv_limits_of(store->kv)->command_max);
}

/* False: more than there can be, or one that has a session or an option of its own. */
static bool operations_of(
	struct kv_operation *to, const struct pawl_command *from, unsigned int count)
{
	if (count > KV_OPERATIONS_MAX)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		if (from[i].session != 0 || from[i].option > UINT8_MAX)
			return false;
		to[i] = operation_of(&from[i]);
	}
	return true;
}

static size_t transaction_encode(
	struct pawl_store *store, const struct pawl_transaction *transaction)
{
	struct kv_operation comparisons[KV_OPERATIONS_MAX], thens[KV_OPERATIONS_MAX],
		elses[KV_OPERATIONS_MAX];
	const struct kv_transaction t = {.comparisons = comparisons,
		.thens = thens,
		.elses = elses,
		.comparisons_count = transaction->comparisons_count,
		.thens_count = transaction->thens_count,
		.elses_count = transaction->elses_count};

	if (!operations_of(comparisons, transaction->comparisons, t.comparisons_count) ||
		!operations_of(thens, transaction->thens, t.thens_count) ||
		!operations_of(elses, transaction->elses, t.elses_count))
		return 0;
	return kv_transaction_encode(&t, transaction->session, store->command,
		kv_limits_of(store->kv)->command_max);
}

/* ---- Calls ---- */

int store_call_encoded(struct pawl_store *store, size_t len, struct pawl_reply *reply_p)
{
	uint32_t room = kv_limits_of(store->kv)->reply_max;
	struct pawl_reply reply;
	size_t reply_len;
	int rc = pawl_participant_call(store->participant, store->command, len,
		store->reply, room, &reply_len, NULL);

	if (rc)
		return rc;
	rc = store_reply_take(store, store->reply, reply_len, &reply);
	if (reply_p)
		*reply_p = reply;
	return rc;
}

int pawl_store_call(struct pawl_store *store, const struct pawl_command *command,
	struct pawl_reply *reply_p)
{
	size_t len = command_encode(store, command);

	return len > 0 ? store_call_encoded(store, len, reply_p) : not_encoded(store);
}

int pawl_store_transact(struct pawl_store *store,
	const struct pawl_transaction *transaction, struct pawl_reply *reply_p)
{
	size_t len = transaction_encode(store, transaction);

	return len > 0 ? store_call_encoded(store, len, reply_p) : not_encoded(store);
}

int pawl_store_submit(
	struct pawl_store *store, const struct pawl_command *command, uint64_t cookie)
{
	size_t len = command_encode(store, command);

	if (len == 0)
		return not_encoded(store);
	return pawl_participant_submit(store->participant, store->command, len, cookie);
}

int pawl_store_submit_transaction(struct pawl_store *store,
	const struct pawl_transaction *transaction, uint64_t cookie)
{
	size_t len = transaction_encode(store, transaction);

	if (len == 0)
		return not_encoded(store);
	return pawl_participant_submit(store->participant, store->command, len, cookie);
}

void store_on_outcome(void *context, const struct pawl_outcome *outcome)
{
	struct pawl_store *store = context;
	struct pawl_store_outcome told = {.cookie = outcome->cookie,
		.position = outcome->position,
		.status = outcome->status};

	if (!store->on_outcome)
		return;
	if (!told.status)
		told.status = store_reply_take(
			store, outcome->result.bytes, outcome->result.len, &told.reply);
	store->on_outcome(store->outcome_context, &told);
}

/* ---- The store's own commands ---- */

int store_errand(struct pawl_store *store, const struct kv_operation *operation,
	uint64_t session, enum store_errand errand)
{
	unsigned char bytes[KV_COMMAND_HEADER + KV_OPERATION_HEADER + KV_KEY_LIMIT];
	size_t len = kv_command_encode(operation, session, bytes, sizeof(bytes));

	if (len == 0)
		return not_encoded(store);
	return participant_submit(store->participant, bytes, len, (uint64_t)errand);
}

void store_on_errand(void *context, const struct pawl_outcome *outcome)
{
	enum store_errand errand = (enum store_errand)outcome->cookie;
	struct pawl_store *store = context;
	struct pawl_reply reply = {0};
	int status = outcome->status;

	if (!status)
		status = store_reply_take(
			store, outcome->result.bytes, outcome->result.len, &reply);
	if (errand == ERRAND_KEEP)
		store_kept_answered(store, outcome->status ? NULL : &reply);
	else if (errand != ERRAND_EXPIRE)
		store_waiting_answered(store, errand, status, &reply);
}

static bool is_hearing(const struct pawl_store *store)
{
	return store->silence.always || store->waiting.stage == WAITING_ASKED ||
	       store->waiting.stage == WAITING_QUEUED;
}

void store_on_turn(void *context, bool all)
{
	struct pawl_store *store = context;
	bool hears = all && is_hearing(store);
	uint64_t now_ns;

	if (!store->kv || participant_in_doubt(store->participant))
		return;
	store_waiting_turn(store);
	if (store->kept.count == 0 && !hears)
		return;
	now_ns = clock_now_ns();
	store_kept_turn(store, now_ns);
	if (hears)
		store_silence_turn(store, now_ns);
}

static int read_at_tail(struct pawl_store *store, size_t len, struct pawl_bytes *answer_p)
{
	size_t answer_len = 0;
	int rc = participant_tail_read(store->participant, store->command, len,
		store->reply, kv_limits_of(store->kv)->reply_max, &answer_len);

	*answer_p = (struct pawl_bytes){store->reply, answer_len};
	return rc;
}

int pawl_store_read(struct pawl_store *store, enum pawl_reading how,
	const struct pawl_command *command, struct pawl_reply *reply_p)
{
	size_t len = command_encode(store, command);
	struct pawl_bytes answer;
	struct pawl_reply reply;
	int rc;

	if (len == 0)
		return not_encoded(store);
	if (how == PAWL_READ_TAIL)
		rc = read_at_tail(store, len, &answer);
	else
		rc = pawl_participant_read(
			store->participant, how, store->command, len, &answer);
	if (rc)
		return rc;
	rc = store_reply_take(store, answer.bytes, answer.len, &reply);
	if (reply_p)
		*reply_p = reply;
	return rc;
}

int pawl_store_poll(struct pawl_store *store, int max, int *count_p)
{
	return pawl_participant_poll(store->participant, max, count_p);
}

int pawl_store_wait(struct pawl_store *store, int max, uint64_t timeout_ns, int *count_p)
{
	return pawl_participant_wait(store->participant, max, timeout_ns, count_p);
}

int pawl_store_sync(struct pawl_store *store)
{
	return pawl_participant_sync(store->participant);
}

uint64_t pawl_store_position(const struct pawl_store *store)
{
	return pawl_participant_position(store->participant);
}
