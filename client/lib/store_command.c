/* The short forms of a store's commands. */
#include "client/lib/store.h"

int pawl_store_get(struct pawl_store *store, enum pawl_reading how, const void *key,
	size_t key_len, struct pawl_reply *reply_p)
{
	const struct pawl_command c = {.kind = PAWL_GET, .key = key, .key_len = key_len};

	return pawl_store_read(store, how, &c, reply_p);
}

int pawl_store_list(struct pawl_store *store, enum pawl_reading how, const void *prefix,
	size_t prefix_len, const void *after, size_t after_len,
	struct pawl_reply *reply_p)
{
	const struct pawl_command c = {.kind = PAWL_LIST,
		.key = prefix,
		.key_len = prefix_len,
		.other = after,
		.other_len = after_len};

	return pawl_store_read(store, how, &c, reply_p);
}

int pawl_store_put(struct pawl_store *store, const void *key, size_t key_len,
	const void *value, size_t value_len, struct pawl_reply *reply_p)
{
	const struct pawl_command c = {.kind = PAWL_PUT,
		.key = key,
		.key_len = key_len,
		.value = value,
		.value_len = value_len};

	return pawl_store_call(store, &c, reply_p);
}

int pawl_store_delete(struct pawl_store *store, const void *key, size_t key_len,
	struct pawl_reply *reply_p)
{
	const struct pawl_command c = {
		.kind = PAWL_DELETE, .key = key, .key_len = key_len};

	return pawl_store_call(store, &c, reply_p);
}

int pawl_store_claim(struct pawl_store *store, const void *key, size_t key_len,
	const void *value, size_t value_len, struct pawl_reply *reply_p)
{
	const struct pawl_command c = {.kind = PAWL_CLAIM,
		.key = key,
		.key_len = key_len,
		.value = value,
		.value_len = value_len};

	return pawl_store_call(store, &c, reply_p);
}

int pawl_store_set_version(struct pawl_store *store, const void *key, size_t key_len,
	uint64_t version, const void *value, size_t value_len, struct pawl_reply *reply_p)
{
	const struct pawl_command c = {.kind = PAWL_SET_VERSION,
		.key = key,
		.key_len = key_len,
		.value = value,
		.value_len = value_len,
		.number = version};

	return pawl_store_call(store, &c, reply_p);
}

int pawl_store_set_value(struct pawl_store *store, const void *key, size_t key_len,
	const void *old_value, size_t old_value_len, const void *value, size_t value_len,
	struct pawl_reply *reply_p)
{
	const struct pawl_command c = {.kind = PAWL_SET_VALUE,
		.key = key,
		.key_len = key_len,
		.value = value,
		.value_len = value_len,
		.other = old_value,
		.other_len = old_value_len};

	return pawl_store_call(store, &c, reply_p);
}

/* ---- Sessions and locks ---- */

int pawl_session_keep(struct pawl_store *store, uint64_t session)
{
	const struct pawl_command c = {.kind = PAWL_SESSION_KEEP, .session = session};

	return pawl_store_call(store, &c, NULL);
}

int pawl_session_close(struct pawl_store *store, uint64_t session)
{
	const struct pawl_command c = {.kind = PAWL_SESSION_CLOSE, .session = session};

	return pawl_store_call(store, &c, NULL);
}

int pawl_session_expire(struct pawl_store *store, uint64_t session, uint64_t since)
{
	const struct pawl_command c = {
		.kind = PAWL_SESSION_EXPIRE, .number = session, .since = since};

	return pawl_store_call(store, &c, NULL);
}

int pawl_lock(struct pawl_store *store, uint64_t session, const void *name,
	size_t name_len, bool waits, uint64_t *fence_p)
{
	const struct pawl_command c = {.kind = PAWL_LOCK,
		.option = waits ? 0 : PAWL_TRY,
		.key = name,
		.key_len = name_len,
		.session = session};
	struct pawl_reply reply = {0};
	int rc = pawl_store_call(store, &c, &reply);

	*fence_p = reply.version;
	return rc;
}

int pawl_unlock(struct pawl_store *store, uint64_t session, const void *name,
	size_t name_len, uint64_t fence)
{
	const struct pawl_command c = {.kind = PAWL_UNLOCK,
		.key = name,
		.key_len = name_len,
		.number = fence,
		.session = session};

	return pawl_store_call(store, &c, NULL);
}
