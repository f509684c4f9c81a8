#include "bench/storage_ledger.h"

#include <errno.h>
#include <inttypes.h>

#include "bench/stream_message.h"

static const char *const sides[TURN_SIDES] = {[TURN_BARE] = "etcd", [TURN_PAWL] = "pawl"};

static struct storage_entry *entry_of(const struct storage_ledger *ledger,
	enum turn_side side, unsigned int client, uint32_t key)
{
	uint64_t row = (uint64_t)side * ledger->clients + client;

	return &ledger->entries[row * ledger->keys + key];
}

size_t storage_ledger_len(unsigned int clients, uint64_t keys)
{
	return TURN_SIDES * clients * keys * sizeof(struct storage_entry);
}

/* Whose newest write of @key is the newest of all. */
static unsigned int newest_client(
	const struct storage_ledger *ledger, enum turn_side side, uint32_t key)
{
	unsigned int newest = 0;

	for (unsigned int i = 1; i < ledger->clients; i++) {
		if (atomic_load(&entry_of(ledger, side, i, key)->version) >
			atomic_load(&entry_of(ledger, side, newest, key)->version))
			newest = i;
	}
	return newest;
}

uint64_t storage_ledger_newest(
	const struct storage_ledger *ledger, enum turn_side side, uint32_t key)
{
	unsigned int client = newest_client(ledger, side, key);

	return atomic_load(&entry_of(ledger, side, client, key)->version);
}

/* The stamp's moment is the key here: values of the same write are the same bytes. */
void storage_value_fill(const struct storage_operation *o, unsigned int client,
	unsigned char *bytes, size_t len)
{
	const struct stream_stamp stamp = {
		.intended_ns = o->key, .number = o->number, .publisher = client};

	stream_message_fill(bytes, len, &stamp);
}

int storage_ledger_wrote(struct storage_ledger *ledger, enum turn_side side,
	unsigned int client, const struct storage_operation *o,
	const struct storage_answer *answer, struct error *err)
{
	struct storage_entry *entry = entry_of(ledger, side, client, o->key);

	if (answer->version <= o->floor)
		return error_set(err, -EILSEQ,
			"bench: history: %s: write %" PRIu64
			" of client %u, to key %" PRIu32 ", has version %" PRIu64
			", and %" PRIu64
			" was acknowledged before it began; please report this",
			sides[side], o->number, client, o->key, answer->version,
			o->floor);
	if (answer->version <=
		atomic_load_explicit(&entry->version, memory_order_relaxed))
		return 0; /* of two in flight the newer one was told first */
	atomic_store_explicit(&entry->number, o->number, memory_order_relaxed);
	atomic_store_explicit(&entry->version, answer->version, memory_order_release);
	return 0;
}

static int content_check(const struct storage_ledger *ledger, enum turn_side side,
	const struct storage_operation *o, const struct storage_answer *answer,
	size_t len, struct stream_stamp *stamp_p, struct error *err)
{
	if (answer->value_len == len &&
		stream_message_read(answer->value, answer->value_len, stamp_p) &&
		stamp_p->intended_ns == o->key && stamp_p->publisher < ledger->clients)
		return 0;
	return error_set(err, -EILSEQ,
		"bench: history: %s: key %" PRIu32 " of version %" PRIu64
		": its %zu bytes are of no write to it; please report this",
		sides[side], o->key, answer->version, answer->value_len);
}

int storage_ledger_read(const struct storage_ledger *ledger, enum turn_side side,
	const struct storage_operation *o, const struct storage_answer *answer,
	size_t len, struct error *err)
{
	struct stream_stamp stamp;

	if (answer->version < o->floor)
		return error_set(err, -EILSEQ,
			"bench: history: %s: a read of key %" PRIu32
			" had version %" PRIu64 ", and %" PRIu64
			" was known before it began; please report this",
			sides[side], o->key, answer->version, o->floor);
	return answer->version ? content_check(ledger, side, o, answer, len, &stamp, err)
			       : 0;
}

int storage_ledger_final(const struct storage_ledger *ledger, enum turn_side side,
	const struct storage_operation *o, const struct storage_answer *answer,
	size_t len, struct error *err)
{
	unsigned int client = newest_client(ledger, side, o->key);
	const struct storage_entry *newest = entry_of(ledger, side, client, o->key);
	uint64_t version = atomic_load(&newest->version);
	struct stream_stamp stamp;
	int rc;

	if (answer->version == 0 && version == 0)
		return 0;
	rc = content_check(ledger, side, o, answer, len, &stamp, err);
	if (rc || (answer->version == version && stamp.publisher == client &&
			  stamp.number == atomic_load(&newest->number)))
		return rc;
	return error_set(err, -EILSEQ,
		"bench: history: %s: key %" PRIu32 " has write %" PRIu64
		" of client %" PRIu64 " as version %" PRIu64
		" in the end, and the newest that was acknowledged is "
		"write %" PRIu64 " of client %u, version %" PRIu64 "; please report this",
		sides[side], o->key, stamp.number, stamp.publisher, answer->version,
		(uint64_t)atomic_load(&newest->number), client, version);
}
