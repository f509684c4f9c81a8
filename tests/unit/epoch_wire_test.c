/* Messages of the epoch machine come out of the wire as they went in. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/control/frame.h"
#include "sequencer/control/message.h"
#include "sequencer/daemon/epoch_wire.h"

static const struct epoch_member a = {1, 11}, b = {2, 22};

static const char *counter_name(void *context, uint32_t index)
{
	char(*names)[COUNTER_NAME_MAX + 1] = context;

	return names[index];
}

/* Every 16th counter is a stream. */
static const struct stream_limits *counter_stream(void *context, uint32_t index)
{
	static struct stream_limits limits = {.slot_len = 64,
		.slots = 1024,
		.blocks = true,
		.archiving = STREAM_ARCHIVE_ON,
		.hole_timeout_ns = STREAM_HOLE_MAX_NS,
		.message_max = STREAM_MESSAGE_MAX};

	(void)context;
	limits.rows = index + 1; /* good until it is called again: packing copies it */
	return index % 16 == 0 ? &limits : NULL;
}

/* The sender's side. */
struct desk {
	struct roster roster;
	char names[COUNTERS_MAX][COUNTER_NAME_MAX + 1];
	struct epoch_wire_source source;
};

static int desk_make(void **state)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	struct roster_entry self = {.member = a, .memory_epoch = 6};
	struct roster_entry other = {.member = b, .controls_count = 1};

	if (!desk)
		return -1;
	(void)snprintf(self.memory, sizeof(self.memory), "shm path=/a len=4096");
	(void)snprintf(other.controls[0], RECORD_CONTROL_LEN, "unix:/b.sock");
	roster_init(&desk->roster, &self);
	(void)roster_learn(&desk->roster, &other);
	for (int i = 0; i < COUNTERS_MAX; i++)
		(void)snprintf(
			desk->names[i], sizeof(desk->names[i]), "%060d:%d", 0, i % 10);
	desk->source = (struct epoch_wire_source){.roster = &desk->roster,
		.instance = 99,
		.name = counter_name,
		.stream = counter_stream,
		.name_context = desk->names};
	*state = desk;
	return 0;
}

static int desk_free(void **state)
{
	free(*state);
	return 0;
}

/* Through packing, bytes, checks and unpacking.  @request_p to be freed after @back_p. */
static void travel(struct desk *desk, const struct epoch_message *message,
	struct epoch_wire_message *back_p, Control__Request **request_p)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__EpochMessage *packed;
	struct error err = {0};
	uint8_t *bytes;
	size_t len;

	assert_int_equal(epoch_wire_pack(message, &desk->source, &packed), 0);
	request.id = 1;
	request.body_case = CONTROL__REQUEST__BODY_EPOCH;
	request.epoch = packed;
	len = message_frame_len(&request.base);
	assert_true(len <= FRAME_HEADER_LEN + FRAME_MAX);
	bytes = malloc(len);
	assert_non_null(bytes);
	message_frame_write(&request.base, bytes);
	epoch_wire_packed_free(packed);
	assert_int_equal(request_decode(bytes + FRAME_HEADER_LEN, len - FRAME_HEADER_LEN,
				 NULL, request_p, &err),
		0);
	free(bytes);
	assert_int_equal(epoch_wire_unpack((*request_p)->epoch, back_p), 0);
}

static void arrived(struct epoch_wire_message *back, Control__Request *request)
{
	epoch_wire_free(back);
	control__request__free_unpacked(request, NULL);
}

static void a_seal_and_its_chain_arrive(void **state)
{
	struct epoch_message seal = {.kind = EPOCH_SEAL,
		.from = a,
		.to = b,
		.claim = 7,
		.target = 6,
		.counters_count = 3,
		.chain = {.count = 2, .at = {a, b}}};
	struct epoch_wire_message back;
	Control__Request *request;

	travel(*state, &seal, &back, &request);
	assert_int_equal(back.message.kind, EPOCH_SEAL);
	assert_true(epoch_member_same(back.message.from, a));
	assert_true(epoch_member_same(back.message.to, b));
	assert_int_equal(back.message.claim, 7);
	assert_int_equal(back.message.target, 6);
	assert_int_equal(back.message.counters_count, 3);
	assert_int_equal(back.message.chain.count, 2);
	assert_true(epoch_member_same(back.message.chain.at[1], b));
	assert_int_equal(back.instance, 99);
	assert_null(back.names);
	assert_null(back.message.values);
	arrived(&back, request);
}

static void a_report_arrives_with_any_values(void **state)
{
	uint64_t values[] = {5, 0, COUNTER_LIMIT + 3}; /* a counter that is used up */
	struct epoch_message sealed = {.kind = EPOCH_SEALED,
		.from = a,
		.to = b,
		.claim = 7,
		.target = 6,
		.exact = true,
		.counters_count = 3,
		.values = values};
	struct epoch_wire_message back;
	Control__Request *request;

	travel(*state, &sealed, &back, &request);
	assert_true(back.message.exact);
	assert_memory_equal(back.message.values, values, sizeof(values));
	arrived(&back, request);
}

static void a_report_about_no_counters_arrives(void **state)
{
	uint64_t none = 0;
	struct epoch_message sealed = {
		.kind = EPOCH_SEALED, .from = a, .to = b, .values = &none};
	struct epoch_wire_message back;
	Control__Request *request;

	travel(*state, &sealed, &back, &request);
	assert_int_equal(back.message.counters_count, 0);
	assert_non_null(back.message.values);
	arrived(&back, request);
}

/* The largest message there can be. */
static void an_installation_of_everything_arrives(void **state)
{
	struct epoch_counter *counters = calloc(COUNTERS_MAX, sizeof(*counters));
	uint64_t *stands = calloc(COUNTERS_MAX, sizeof(*stands));
	struct epoch_history history = {.count = EPOCH_HISTORY};
	struct epoch_message install = {.kind = EPOCH_INSTALL,
		.from = a,
		.to = b,
		.claim = 100,
		.target = 99,
		.counters_count = COUNTERS_MAX,
		.chain = {.count = 2, .at = {b, a}},
		.counters = counters,
		.history = &history};
	struct desk *desk = *state;
	struct epoch_wire_message back;
	Control__Request *request;

	assert_true(counters && stands);
	for (uint64_t i = 0; i < COUNTERS_MAX; i++) {
		counters[i] = (struct epoch_counter){.base = COUNTER_LIMIT - 2 - i,
			.stand = COUNTER_LIMIT - 3 - i,
			.ceiling = COUNTER_LIMIT - 1,
			.reserve_max = ADDITION_MAX};
		stands[i] = COUNTER_LIMIT - 1 - i;
	}
	for (uint32_t i = 0; i < EPOCH_HISTORY; i++) {
		history.epochs[i] = 100 - i;
		history.froms[i] = 99 - i;
		history.stands[i] = stands;
	}
	travel(desk, &install, &back, &request);
	assert_memory_equal(
		back.message.counters, counters, COUNTERS_MAX * sizeof(*counters));
	assert_int_equal(back.message.history->count, EPOCH_HISTORY);
	for (uint32_t i = 0; i < EPOCH_HISTORY; i++) {
		assert_int_equal(back.message.history->epochs[i], 100 - i);
		assert_int_equal(back.message.history->froms[i], 99 - i);
		assert_memory_equal(back.message.history->stands[i], stands,
			COUNTERS_MAX * sizeof(*stands));
	}
	for (uint32_t i = 0; i < COUNTERS_MAX; i++) {
		const struct stream_limits *stream = counter_stream(NULL, i);

		assert_string_equal(back.names[i], desk->names[i]);
		assert_int_equal(back.streams[i].slot_len, stream ? 64 : 0);
		assert_true(!stream || stream_limits_same(stream, &back.streams[i]));
	}
	arrived(&back, request);
	free(counters);
	free(stands);
}

static void the_receiver_learns_who_sends_and_who_is_in_the_chain(void **state)
{
	struct epoch_message activated = {.kind = EPOCH_ACTIVATED,
		.from = a,
		.to = b,
		.claim = 7,
		.chain = {.count = 2, .at = {a, b}}};
	struct roster_entry self = {.member = {3, 33}};
	struct epoch_wire_message back;
	Control__Request *request;
	struct roster roster;

	roster_init(&roster, &self);
	travel(*state, &activated, &back, &request);
	assert_true(epoch_wire_learn(request->epoch, &roster));
	assert_false(epoch_wire_learn(request->epoch, &roster));
	assert_int_equal(roster_find(&roster, a)->memory_epoch, 6);
	assert_string_equal(roster_find(&roster, a)->memory, "shm path=/a len=4096");
	assert_string_equal(roster_find(&roster, b)->controls[0], "unix:/b.sock");
	arrived(&back, request);
}

static void lengths_that_do_not_fit_are_refused_without_any_other_check(void **state)
{
	Control__EpochMessage wire = CONTROL__EPOCH_MESSAGE__INIT;
	Control__EpochPast past = CONTROL__EPOCH_PAST__INIT;
	Control__EpochPast *history[1] = {&past};
	struct epoch_wire_message back;
	uint64_t values[2] = {1, 2};

	(void)state;
	wire.kind = EPOCH_SEALED;
	wire.values = values;
	wire.n_values = 2;
	wire.counters_count = 3;
	assert_int_equal(epoch_wire_unpack(&wire, &back), -EBADMSG);
	wire.counters_count = 2;
	assert_int_equal(epoch_wire_unpack(&wire, &back), 0);
	epoch_wire_free(&back);
	wire.kind = EPOCH_INSTALL;
	assert_int_equal(epoch_wire_unpack(&wire, &back), -EBADMSG);
	wire.n_values = 0;
	wire.counters_count = 0;
	past.stands = values;
	past.n_stands = 2;
	wire.history = history;
	wire.n_history = 1;
	assert_int_equal(epoch_wire_unpack(&wire, &back), -EBADMSG);
	wire.n_history = 0;
	wire.n_chain = CHAIN_MAX + 1;
	assert_int_equal(epoch_wire_unpack(&wire, &back), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seal_and_its_chain_arrive),
		cmocka_unit_test(a_report_arrives_with_any_values),
		cmocka_unit_test(a_report_about_no_counters_arrives),
		cmocka_unit_test(an_installation_of_everything_arrives),
		cmocka_unit_test(the_receiver_learns_who_sends_and_who_is_in_the_chain),
		cmocka_unit_test(
			lengths_that_do_not_fit_are_refused_without_any_other_check),
	};

	return cmocka_run_group_tests(tests, desk_make, desk_free);
}
