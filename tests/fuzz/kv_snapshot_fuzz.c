/*
 * Snapshots of a storage from somebody else: what is not one is refused, and what is taken is sound
 * and has the same snapshot again.
 *
 * Most inputs would fail at the checksum.  So the input is a list of changes of four bytes each to
 * a snapshot that was sound, and the checksum is made right afterwards.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/bytes.h"
#include "sequencer/core/crc32c.h"
#include "sequencer/core/kv_record.h"
#include "tests/fuzz/kv_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define SNAPSHOT_ROOM 4096
#define CHANGE_LEN 4

static void command_apply(struct kv *kv, struct kv_operation o, uint64_t session)
{
	unsigned char bytes[500];
	struct machine_result result;
	size_t len = kv_command_encode(&o, session, bytes, sizeof(bytes));

	require(len > 0);
	kv_apply(kv, kv_applied(kv) + 1, bytes, len, &result);
}

static void machine_fill(struct kv *kv)
{
	static const char value[100] = "a value of more than one piece of memory";
	unsigned char encoded[KV_LIMITS_LEN];

	kv_limits_encode(&limits, encoded);
	command_apply(kv,
		(struct kv_operation){
			.kind = KV_FOUND, .value = {encoded, sizeof(encoded)}},
		0);
	command_apply(kv, (struct kv_operation){.kind = KV_OPEN, .number = 9}, 0);
	command_apply(kv, (struct kv_operation){.kind = KV_OPEN}, 0);
	command_apply(kv,
		(struct kv_operation){
			.kind = KV_PUT, .key = {"a", 1}, .value = {value, 100}},
		0);
	command_apply(kv, (struct kv_operation){.kind = KV_PUT, .key = {"bb", 2}}, 0);
	command_apply(kv,
		(struct kv_operation){
			.kind = KV_PUT, .option = KV_EPHEMERAL, .key = {"c", 1}},
		2);
	command_apply(kv, (struct kv_operation){.kind = KV_LOCK, .key = {"l", 1}}, 2);
	command_apply(kv, (struct kv_operation){.kind = KV_LOCK, .key = {"l", 1}}, 3);
	command_apply(kv, (struct kv_operation){.kind = KV_LOCK, .key = {"m", 1}}, 3);
}

static size_t snapshot_take(struct kv *kv, unsigned char *bytes)
{
	struct machine_piece piece;
	size_t len = 0;

	kv_snapshot_begin(kv);
	while (kv_snapshot_next(kv, &piece)) {
		require(len + piece.len <= SNAPSHOT_ROOM);
		memcpy(bytes + len, piece.bytes, piece.len);
		len += piece.len;
	}
	return len;
}

static void changes_make(
	const uint8_t *data, size_t len, unsigned char *bytes, size_t bytes_len)
{
	for (; len >= CHANGE_LEN; data += CHANGE_LEN, len -= CHANGE_LEN) {
		size_t at = (data[0] | (size_t)data[1] << 8) % bytes_len;
		uint64_t number = data[2] & 2 ? (uint64_t)0 - data[3] : data[3];

		if (data[2] & 1)
			bytes[at] = data[3];
		else if (at / 8 * 8 + 8 <= bytes_len)
			memcpy(bytes + at / 8 * 8, &number, sizeof(number));
	}
	bytes_put(bytes + bytes_len - KV_RECORD_HEADER + 8,
		crc32c_update(0, bytes, bytes_len - KV_RECORD_HEADER), 8);
}

static bool restore(
	struct kv *kv, const unsigned char *bytes, size_t len, size_t piece_len)
{
	const char *reason = NULL;
	int err = 0;

	kv_restore_begin(kv);
	while (len > 0 && !err) {
		size_t here = len < piece_len ? len : piece_len;

		err = kv_restore_next(kv, bytes, here, &reason);
		bytes += here;
		len -= here;
	}
	if (!err)
		err = kv_restore_end(kv, &reason);
	require(!err || reason);
	return !err;
}

static void snapshot_check(const unsigned char *bytes, size_t len, size_t piece_len)
{
	static unsigned char again[SNAPSHOT_ROOM];
	struct kv *kv = machine_make();
	const char *reason = "";

	if (restore(kv, bytes, len, piece_len)) {
		require(snapshot_take(kv, again) == len);
		require(memcmp(again, bytes, len) == 0);
		command_apply(kv,
			(struct kv_operation){
				.kind = KV_EXPIRE, .number = 2, .since = 1000},
			0);
		command_apply(
			kv, (struct kv_operation){.kind = KV_DELETE, .key = {"a", 1}}, 0);
	}
	require(kv_sound(kv, &reason));
	free(kv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static unsigned char bytes[SNAPSHOT_ROOM];
	struct kv *kv;
	size_t snapshot_len;

	if (len == 0)
		return 0;
	snapshot_check(data + 1, len - 1, 1 + data[0]);
	kv = machine_make();
	machine_fill(kv);
	snapshot_len = snapshot_take(kv, bytes);
	free(kv);
	changes_make(data + 1, len - 1, bytes, snapshot_len);
	snapshot_check(bytes, snapshot_len, 1 + data[0]);
	return 0;
}
