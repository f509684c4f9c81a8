/*
 * Messages of anybody in the stream of a storage: whatever they are, the machine answers, stays
 * sound and is the same at every participant.
 *
 * Most inputs would be refused at the magic number.  So the input is a list of commands that were
 * sound, each with some of its bytes changed: kind and fields first, then the changes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/kv_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define COMMAND_ROOM 4096
#define COMMANDS_MAX 200

struct input {
	const uint8_t *data;
	size_t len;
};

static uint8_t byte_take(struct input *in)
{
	if (in->len == 0)
		return 0;
	in->len--;
	return *in->data++;
}

static struct kv_slice bytes_take(struct input *in, size_t most)
{
	size_t len = byte_take(in) % (most + 1);
	struct kv_slice slice = {in->data, len < in->len ? len : in->len};

	in->data += slice.len;
	in->len -= slice.len;
	return slice;
}

/* What a kind needs, as the input says it. */
static struct kv_operation operation_take(struct input *in)
{
	struct kv_operation o = {.kind = (enum kv_kind)(byte_take(in) % 40)};
	uint8_t has = byte_take(in);

	o.option = has & 3;
	if (has & 4)
		o.key = bytes_take(in, 3);
	if (has & 8)
		o.value = bytes_take(in, 255);
	if (has & 16)
		o.other = bytes_take(in, 255);
	if (has & 32)
		o.number = byte_take(in);
	if (has & 64)
		o.since = byte_take(in);
	return o;
}

static size_t command_take(struct input *in, unsigned char *bytes)
{
	struct kv_operation ops[4];
	struct kv_transaction t = {.comparisons = ops,
		.thens = ops + 1,
		.elses = ops + 3,
		.comparisons_count = 1,
		.thens_count = 2,
		.elses_count = 1};
	uint8_t what = byte_take(in);
	size_t len;

	if (what & 1) {
		for (int i = 0; i < 4; i++)
			ops[i] = operation_take(in);
		len = kv_transaction_encode(&t, what >> 4, bytes, COMMAND_ROOM);
	} else {
		ops[0] = operation_take(in);
		len = kv_command_encode(&ops[0], what >> 4, bytes, COMMAND_ROOM);
	}
	for (int i = 0; len > 0 && i < (what >> 1) % 4; i++) {
		size_t at = (size_t)(byte_take(in) * 7 + byte_take(in));

		bytes[at % len] = byte_take(in);
	}
	return len;
}

static void found(struct kv *kv)
{
	unsigned char bytes[200], encoded[KV_LIMITS_LEN];
	struct kv_operation o = {.kind = KV_FOUND, .value = {encoded, sizeof(encoded)}};
	struct machine_result result;
	size_t len;

	kv_limits_encode(&limits, encoded);
	len = kv_command_encode(&o, 0, bytes, sizeof(bytes));
	kv_apply(kv, 1, bytes, len, &result);
}

/* What is decoded stays inside, whatever is done with it. */
static void reply_check(const struct machine_result *result, struct kv_reply *reply)
{
	struct kv_reply item;
	unsigned int sum = 0;

	require(kv_reply_decode(result->bytes, result->len, reply));
	while (kv_reply_next(reply, &item))
		for (size_t i = 0; i < item.value.len; i++)
			sum += ((const unsigned char *)item.value.bytes)[i];
	require(sum <= 255 * result->len);
}

/* Both machines answer the same, though one was prepared; and a query of what was read as well. */
static void command_apply(
	struct kv *kv, struct kv *other, uint64_t position, const void *bytes, size_t len)
{
	const struct kv_slice message = {bytes, len};
	struct machine_result result, others;
	struct kv_reply reply;

	kv_prepare(kv, &message, 1);
	kv_apply(kv, position, bytes, len, &result);
	kv_apply(other, position, bytes, len, &others);
	require(result.len == others.len &&
		memcmp(result.bytes, others.bytes, result.len) == 0);
	reply_check(&result, &reply);
	kv_query(kv, bytes, len, &result);
	reply_check(&result, &reply);
}

static void any_bytes(const uint8_t *data, size_t len)
{
	struct kv_limits any;
	struct kv_command command;
	struct kv_reply reply;

	(void)kv_command_decode(data, len, &command);
	(void)kv_command_founds(data, len, &any);
	if (kv_reply_decode(data, len, &reply)) {
		struct machine_result result = {data, len};

		reply_check(&result, &reply);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct kv *kv = machine_make(), *other = machine_make();
	struct input in = {data, len};
	unsigned char bytes[COMMAND_ROOM];
	const char *reason = "";

	any_bytes(data, len);
	found(kv);
	found(other);
	for (uint64_t i = 0; i < COMMANDS_MAX && in.len > 0; i++) {
		size_t command_len = command_take(&in, bytes);

		if (command_len > 0)
			command_apply(kv, other, 2 + i, bytes, command_len);
		else
			command_apply(kv, other, 2 + i, in.data, in.len);
	}
	require(kv_sound(kv, &reason));
	free(kv);
	free(other);
	return 0;
}
