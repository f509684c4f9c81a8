#include "sequencer/core/kv_record.h"

#include "sequencer/core/bytes.h"

#define MAGIC "PAWLKEYS"
#define AT_VERSION 8
#define AT_LIMITS 16
#define AT_APPLIED 56
#define AT_FOUNDED 64
#define AT_KEYS 72
#define AT_SESSIONS 76
#define AT_LOCKS 80
#define AT_WAITERS 84
#define AT_BYTES 88

_Static_assert(AT_LIMITS + KV_LIMITS_LEN == AT_APPLIED, "header of a snapshot");
_Static_assert(AT_BYTES + 8 == KV_SNAPSHOT_HEADER, "header of a snapshot");

void kv_record_write(const struct kv_record *record, unsigned char *bytes)
{
	bytes[0] = (unsigned char)record->kind;
	bytes[1] = 0;
	bytes_put(bytes + 2, record->name_len, 2);
	bytes_put(bytes + 4, record->value_len, 4);
	bytes_put(bytes + 8, record->number, 8);
	bytes_put(bytes + 16, record->session, 8);
	bytes_put(bytes + 24, record->other, 8);
}

bool kv_record_read(const unsigned char *bytes, struct kv_record *record_p)
{
	if (bytes[1] != 0)
		return false;
	*record_p = (struct kv_record){.kind = (enum kv_record_kind)bytes[0],
		.name_len = (uint32_t)bytes_get(bytes + 2, 2),
		.value_len = (uint32_t)bytes_get(bytes + 4, 4),
		.number = bytes_get(bytes + 8, 8),
		.session = bytes_get(bytes + 16, 8),
		.other = bytes_get(bytes + 24, 8)};
	return true;
}

void kv_snapshot_header_write(
	const struct kv_snapshot_header *header, unsigned char *bytes)
{
	memcpy(bytes, MAGIC, AT_VERSION);
	bytes_put(bytes + AT_VERSION, KV_SNAPSHOT_VERSION, 8);
	kv_limits_encode(&header->limits, bytes + AT_LIMITS);
	bytes_put(bytes + AT_APPLIED, header->applied, 8);
	bytes_put(bytes + AT_FOUNDED, header->founded, 8);
	bytes_put(bytes + AT_KEYS, header->usage.keys, 4);
	bytes_put(bytes + AT_SESSIONS, header->usage.sessions, 4);
	bytes_put(bytes + AT_LOCKS, header->usage.locks, 4);
	bytes_put(bytes + AT_WAITERS, header->usage.waiters, 4);
	bytes_put(bytes + AT_BYTES, header->usage.bytes, 8);
}

bool kv_snapshot_header_read(
	const unsigned char *bytes, struct kv_snapshot_header *header_p)
{
	struct kv_snapshot_header h;

	if (memcmp(bytes, MAGIC, AT_VERSION) != 0 ||
		bytes_get(bytes + AT_VERSION, 8) != KV_SNAPSHOT_VERSION ||
		!kv_limits_decode(bytes + AT_LIMITS, &h.limits))
		return false;
	h.applied = bytes_get(bytes + AT_APPLIED, 8);
	h.founded = bytes_get(bytes + AT_FOUNDED, 8);
	h.usage = (struct kv_usage){.bytes = bytes_get(bytes + AT_BYTES, 8),
		.keys = (uint32_t)bytes_get(bytes + AT_KEYS, 4),
		.sessions = (uint32_t)bytes_get(bytes + AT_SESSIONS, 4),
		.locks = (uint32_t)bytes_get(bytes + AT_LOCKS, 4),
		.waiters = (uint32_t)bytes_get(bytes + AT_WAITERS, 4)};
	*header_p = h;
	return true;
}

bool kv_snapshot_limits(const void *bytes, size_t len, struct kv_limits *limits_p)
{
	struct kv_snapshot_header header;

	if (len < KV_SNAPSHOT_HEADER || !kv_snapshot_header_read(bytes, &header))
		return false;
	*limits_p = header.limits;
	return true;
}
