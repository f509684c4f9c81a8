/* What 'pawl-bench store' measures with: the ledger that sees every wrong history, and frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/grpc_frame.h"
#include "bench/storage_ledger.h"

#define CLIENTS 2
#define KEYS 3
#define LEN 40

static int ledger_make(void **state)
{
	static struct storage_ledger ledger;

	ledger = (struct storage_ledger){
		.entries = calloc(1, storage_ledger_len(CLIENTS, KEYS)),
		.clients = CLIENTS,
		.keys = KEYS};
	*state = &ledger;
	return ledger.entries ? 0 : -1;
}

static int ledger_free(void **state)
{
	struct storage_ledger *ledger = *state;

	free(ledger->entries);
	return 0;
}

static struct storage_operation write_of(uint32_t key, uint64_t number, uint64_t floor)
{
	return (struct storage_operation){.key = key, .number = number, .floor = floor};
}

static struct storage_operation read_of(uint32_t key, uint64_t floor)
{
	return (struct storage_operation){.reads = true, .key = key, .floor = floor};
}

static int wrote(struct storage_ledger *ledger, unsigned int client,
	struct storage_operation o, uint64_t version)
{
	const struct storage_answer answer = {.version = version};
	struct error err;

	return storage_ledger_wrote(ledger, TURN_PAWL, client, &o, &answer, &err);
}

/* What @from's write @o put, under @version. */
static struct storage_answer answer_of(unsigned int from, struct storage_operation o,
	uint64_t version, unsigned char *bytes)
{
	storage_value_fill(&o, from, bytes, LEN);
	return (struct storage_answer){
		.version = version, .value = bytes, .value_len = LEN};
}

static int was_read(struct storage_ledger *ledger, struct storage_operation o,
	const struct storage_answer *answer)
{
	struct error err;

	return storage_ledger_read(ledger, TURN_PAWL, &o, answer, LEN, &err);
}

static int is_final(
	struct storage_ledger *ledger, uint32_t key, const struct storage_answer *answer)
{
	struct storage_operation o = read_of(key, 0);
	struct error err;

	return storage_ledger_final(ledger, TURN_PAWL, &o, answer, LEN, &err);
}

static void a_write_is_above_all_that_was_acknowledged_before(void **state)
{
	struct storage_ledger *ledger = *state;

	assert_int_equal(wrote(ledger, 0, write_of(0, 1, 0), 7), 0);
	assert_int_equal(wrote(ledger, 1, write_of(1, 1, 7), 8), 0);
	assert_int_equal(wrote(ledger, 1, write_of(1, 2, 8), 8), -EILSEQ);
	assert_int_equal(wrote(ledger, 0, write_of(0, 2, 8), 5), -EILSEQ);
	assert_int_equal(wrote(ledger, 0, write_of(0, 2, 0), 0), -EILSEQ);
}

static void the_newest_of_a_key_is_of_all_clients_and_of_its_side(void **state)
{
	struct storage_ledger *ledger = *state;

	assert_int_equal(wrote(ledger, 0, write_of(2, 1, 0), 9), 0);
	assert_int_equal(wrote(ledger, 1, write_of(2, 1, 0), 4), 0);
	assert_int_equal(storage_ledger_newest(ledger, TURN_PAWL, 2), 9);
	assert_int_equal(storage_ledger_newest(ledger, TURN_PAWL, 1), 0);
	assert_int_equal(storage_ledger_newest(ledger, TURN_BARE, 2), 0);
}

static void of_two_in_flight_the_newer_one_may_be_told_first(void **state)
{
	struct storage_ledger *ledger = *state;
	unsigned char bytes[LEN];
	struct storage_answer newest = answer_of(0, write_of(0, 2, 0), 6, bytes);

	assert_int_equal(wrote(ledger, 0, write_of(0, 2, 0), 6), 0);
	assert_int_equal(wrote(ledger, 0, write_of(0, 1, 0), 5), 0);
	assert_int_equal(is_final(ledger, 0, &newest), 0);
}

static void a_read_is_not_older_than_it_may_be(void **state)
{
	struct storage_ledger *ledger = *state;
	unsigned char bytes[LEN];
	struct storage_answer answer = answer_of(1, write_of(2, 3, 0), 6, bytes);
	const struct storage_answer absent = {0};

	assert_int_equal(was_read(ledger, read_of(2, 6), &answer), 0);
	assert_int_equal(was_read(ledger, read_of(2, 7), &answer), -EILSEQ);
	assert_int_equal(was_read(ledger, read_of(2, 0), &absent), 0);
	assert_int_equal(was_read(ledger, read_of(2, 1), &absent), -EILSEQ);
}

static void a_value_is_whole_and_of_its_key(void **state)
{
	struct storage_ledger *ledger = *state;
	unsigned char bytes[LEN];
	struct storage_answer answer = answer_of(1, write_of(2, 3, 0), 6, bytes);

	assert_int_equal(was_read(ledger, read_of(1, 0), &answer), -EILSEQ);
	answer.value_len--;
	assert_int_equal(was_read(ledger, read_of(2, 0), &answer), -EILSEQ);
	answer.value_len++;
	bytes[LEN - 1] ^= 1;
	assert_int_equal(was_read(ledger, read_of(2, 0), &answer), -EILSEQ);
	answer = answer_of(CLIENTS, write_of(2, 3, 0), 6, bytes);
	assert_int_equal(was_read(ledger, read_of(2, 0), &answer), -EILSEQ);
}

static void in_the_end_there_is_the_newest_write_and_no_other(void **state)
{
	struct storage_ledger *ledger = *state;
	const struct storage_answer absent = {0};
	unsigned char bytes[LEN];
	struct storage_answer answer;

	assert_int_equal(is_final(ledger, 0, &absent), 0);
	assert_int_equal(wrote(ledger, 0, write_of(0, 1, 0), 3), 0);
	assert_int_equal(wrote(ledger, 1, write_of(0, 1, 0), 5), 0);
	answer = answer_of(1, write_of(0, 1, 0), 5, bytes);
	assert_int_equal(is_final(ledger, 0, &answer), 0);
	answer.version = 6; /* nobody was told of this one */
	assert_int_equal(is_final(ledger, 0, &answer), -EILSEQ);
	answer = answer_of(0, write_of(0, 1, 0), 3, bytes); /* the newest is lost */
	assert_int_equal(is_final(ledger, 0, &answer), -EILSEQ);
	answer = answer_of(0, write_of(0, 1, 0), 5, bytes); /* another's, in its place */
	assert_int_equal(is_final(ledger, 0, &answer), -EILSEQ);
	assert_int_equal(is_final(ledger, 0, &absent), -EILSEQ);
}

static void a_frame_is_read_as_it_was_written(void **state)
{
	const struct grpc_frame frame = {.len = 0x012345,
		.type = GRPC_HEADERS,
		.flags = GRPC_END_HEADERS,
		.stream = 0x01020304};
	static const unsigned char wanted[] = {
		0x01, 0x23, 0x45, 0x01, 0x04, 0x01, 0x02, 0x03, 0x04};
	unsigned char bytes[GRPC_FRAME_HEADER];
	struct grpc_frame read;

	(void)state;
	grpc_frame_write(&frame, bytes);
	assert_memory_equal(bytes, wanted, sizeof(wanted));
	bytes[5] |= 0x80; /* a bit that is to be ignored */
	read = grpc_frame_read(bytes);
	assert_int_equal(read.len, frame.len);
	assert_int_equal(read.type, frame.type);
	assert_int_equal(read.flags, frame.flags);
	assert_int_equal(read.stream, frame.stream);
}

/* As RFC 7541 writes headers that are not to be remembered. */
static void headers_are_of_the_static_table_and_texts(void **state)
{
	static const unsigned char wanted[] = "\x83\x86"
					      "\x04\x04/a/B"
					      "\x01\x0c"
					      "127.0.0.1:80"
					      "\x0f\x10\x10"
					      "application/grpc"
					      "\x00\x02te\x08trailers";
	unsigned char bytes[128];

	(void)state;
	assert_int_equal(
		grpc_headers_write("/a/B", 80, bytes, sizeof(bytes)), sizeof(wanted) - 1);
	assert_memory_equal(bytes, wanted, sizeof(wanted) - 1);
	assert_int_equal(grpc_headers_write("/a/B", 80, bytes, sizeof(wanted) - 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_write_is_above_all_that_was_acknowledged_before, ledger_make,
			ledger_free),
		cmocka_unit_test_setup_teardown(
			the_newest_of_a_key_is_of_all_clients_and_of_its_side,
			ledger_make, ledger_free),
		cmocka_unit_test_setup_teardown(
			of_two_in_flight_the_newer_one_may_be_told_first, ledger_make,
			ledger_free),
		cmocka_unit_test_setup_teardown(
			a_read_is_not_older_than_it_may_be, ledger_make, ledger_free),
		cmocka_unit_test_setup_teardown(
			a_value_is_whole_and_of_its_key, ledger_make, ledger_free),
		cmocka_unit_test_setup_teardown(
			in_the_end_there_is_the_newest_write_and_no_other, ledger_make,
			ledger_free),
		cmocka_unit_test(a_frame_is_read_as_it_was_written),
		cmocka_unit_test(headers_are_of_the_static_table_and_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
