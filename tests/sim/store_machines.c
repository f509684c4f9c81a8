/* One copy of the machine: applying, and becoming what another one is. */
#include <string.h>

#include "sequencer/core/crc32c.h"
#include "tests/sim/stores.h"

uint32_t lock_of_name(const void *name, size_t len)
{
	const unsigned char *bytes = name;

	PAWL_ASSERT(len == 2 && bytes[0] == 'l' && bytes[1] - '0' < STORE_LOCKS);
	return (uint32_t)(bytes[1] - '0');
}

static void on_change(void *context, const struct kv_change *change)
{
	struct sim_machine *m = context;

	if (change->kind == KV_GRANTED) {
		PAWL_ASSERT(m->grants_count < STORE_GRANTS);
		m->grants[m->grants_count++] = (struct sim_grant){
			lock_of_name(change->key.bytes, change->key.len),
			change->session};
	}
	if (change->kind == KV_SESSION_ENDED) {
		PAWL_ASSERT(m->ended_count < STORE_SESSIONS);
		m->ended[m->ended_count++] = change->session;
	}
}

static struct kv_limits limits_make(void)
{
	return (struct kv_limits){.bytes_max = 4096,
		.keys_max = 64,
		.key_max = STORE_NAME,
		.value_max = KV_LIMITS_LEN,
		.sessions_max = STORE_SESSIONS,
		.locks_max = STORE_LOCKS,
		.waiters_max = STORE_SESSIONS,
		.command_max = STORE_COMMAND_MAX,
		.reply_max = STORE_REPLY_MAX};
}

void machine_begin_anew(struct sim_machine *m, struct cluster *c)
{
	struct kv_limits limits = limits_make();
	uint64_t len;

	PAWL_ASSERT(kv_memory_len(&limits, &len) && len <= sizeof(m->memory));
	m->cluster = c;
	m->passed = 0;
	m->kv = kv_create(&limits, m->memory, on_change, m);
}

static void reply_keep(struct sim_machine *m, const struct machine_result *reply)
{
	PAWL_ASSERT(reply->len <= sizeof(m->reply));
	memcpy(m->reply, reply->bytes, reply->len);
	m->reply_len = (uint32_t)reply->len;
}

void machine_apply(
	struct sim_machine *m, uint64_t position, const void *bytes, uint64_t len)
{
	struct machine_result reply;

	m->grants_count = m->ended_count = 0;
	kv_apply(m->kv, position, bytes, len, &reply);
	reply_keep(m, &reply);
	m->passed = position;
	truth_check(m, position, bytes, len);
}

void machine_passes(struct sim_machine *m, const struct stream_subscriber *reader)
{
	if (!reader->open && stream_subscriber_consumed(reader) > m->passed)
		m->passed = stream_subscriber_consumed(reader);
}

void machine_query(struct sim_machine *m, const void *bytes, uint32_t len)
{
	struct machine_result reply;

	kv_query(m->kv, bytes, len, &reply);
	reply_keep(m, &reply);
}

uint32_t machine_snapshot_crc(struct sim_machine *m)
{
	struct machine_piece piece;
	uint32_t crc = 0;

	kv_snapshot_begin(m->kv);
	while (kv_snapshot_next(m->kv, &piece))
		crc = crc32c_update(crc, piece.bytes, piece.len);
	return crc;
}

/* ---- Snapshots of others ---- */

/* Pieces come cut anywhere. */
static int piece_give(
	struct sim_machine *m, const struct machine_piece *piece, const char **reason_p)
{
	const unsigned char *bytes = piece->bytes;
	int rc = 0;

	for (size_t at = 0; at < piece->len && !rc;) {
		size_t len = 1 + cluster_random(m->cluster, 200);

		if (len > piece->len - at)
			len = piece->len - at;
		rc = kv_restore_next(m->kv, bytes + at, len, reason_p);
		at += len;
	}
	return rc;
}

static void snapshot_take(struct sim_machine *m, struct sim_machine *from)
{
	struct machine_piece piece;
	const char *reason = "";
	int rc = 0;

	kv_snapshot_begin(from->kv);
	kv_restore_begin(m->kv);
	while (!rc && kv_snapshot_next(from->kv, &piece))
		rc = piece_give(m, &piece, &reason);
	if (!rc)
		rc = kv_restore_end(m->kv, &reason);
	if (rc || kv_applied(m->kv) != kv_applied(from->kv) ||
		machine_snapshot_crc(m) != machine_snapshot_crc(from)) {
		cluster_trace(m->cluster, "restore: %s", reason);
		cluster_wrong(m->cluster, "a snapshot could not be restored");
	}
}

static struct sim_machine *source_at(struct stores *st, uint32_t place)
{
	if (place < st->participants_count)
		return st->participants[place].in && !st->participants[place].broken
			       ? &st->participants[place].machine
			       : NULL;
	place -= st->participants_count;
	if (place < st->cluster->config.replicas)
		return st->seats[place].ready ? &st->seats[place].machine : NULL;
	return &st->kept;
}

bool machine_restore(struct sim_machine *m, struct cluster *c, uint64_t oldest)
{
	struct stores *st = c->streams->stores;
	uint32_t count = st->participants_count + c->config.replicas + 1;
	uint32_t first = (uint32_t)cluster_random(c, count);

	for (uint32_t i = 0; i < count; i++) {
		struct sim_machine *from = source_at(st, (first + i) % count);

		if (!from || from == m || from->passed + 1 < oldest)
			continue;
		machine_begin_anew(m, c);
		snapshot_take(m, from);
		m->passed = from->passed;
		st->restored++;
		return true;
	}
	return false;
}
