/*
 * Messages of the epoch machine from anybody: unpacking relies on no check before it, and
 * what passes the checks survives being packed and unpacked again.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/control/message_check.h"
#include "sequencer/daemon/epoch_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void require(bool claim)
{
	if (!claim)
		abort();
}

static const char *name_of(void *context, uint32_t index)
{
	const struct epoch_wire_message *m = context;

	return m->names[index];
}

static const struct stream_limits *stream_of(void *context, uint32_t index)
{
	const struct epoch_wire_message *m = context;

	return m->streams[index].slot_len ? &m->streams[index] : NULL;
}

static void same(const struct epoch_wire_message *a, const struct epoch_wire_message *b)
{
	uint32_t count = a->message.counters_count;

	require(a->message.kind == b->message.kind && count == b->message.counters_count);
	require(epoch_member_same(a->message.from, b->message.from));
	require(a->message.chain.count == b->message.chain.count);
	if (a->message.values)
		require(!memcmp(
			a->message.values, b->message.values, count * sizeof(uint64_t)));
	if (!a->names)
		return;
	require(!memcmp(a->message.counters, b->message.counters,
		count * sizeof(struct epoch_counter)));
	for (uint32_t i = 0; i < count; i++) {
		require(strcmp(a->names[i], b->names[i]) == 0);
		require(stream_limits_same(&a->streams[i], &b->streams[i]));
	}
	require(a->history.count == b->history.count);
	for (uint32_t i = 0; i < a->history.count; i++)
		require(!memcmp(a->history.stands[i], b->history.stands[i],
			count * sizeof(uint64_t)));
}

static void go_round(struct epoch_wire_message *m)
{
	struct roster_entry self = {.member = m->message.from};
	struct epoch_wire_source source = {.instance = m->instance,
		.name = name_of,
		.stream = stream_of,
		.name_context = m};
	struct epoch_wire_message back;
	Control__EpochMessage *packed;
	struct roster roster;

	roster_init(&roster, &self);
	source.roster = &roster;
	require(epoch_wire_pack(&m->message, &source, &packed) == 0);
	require(epoch_message_check(packed, NULL) == 0);
	require(epoch_wire_unpack(packed, &back) == 0);
	same(m, &back);
	epoch_wire_free(&back);
	epoch_wire_packed_free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	Control__EpochMessage *wire = control__epoch_message__unpack(NULL, len, bytes);
	struct epoch_wire_message message;
	struct roster_entry self = {.member = {1, 1}};
	struct roster roster;

	if (!wire)
		return 0;
	if (epoch_wire_unpack(wire, &message) == 0) {
		if (epoch_message_check(wire, NULL) == 0) {
			roster_init(&roster, &self);
			(void)epoch_wire_learn(wire, &roster);
			go_round(&message);
		}
		epoch_wire_free(&message);
	} else {
		require(epoch_message_check(wire, NULL) != 0);
	}
	control__epoch_message__free_unpacked(wire, NULL);
	return 0;
}
