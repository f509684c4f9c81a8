/* What a replica's streams keep on disk, and who is fed of it, through their host. */
#include "tests/scratch.h"
#include "tests/unit/stream_host_ends.h"

#define SESSION 9
#define INBOX_SLOTS 64

static struct scratch scratch;
static struct party party;
static struct hand hand;

/* A subscriber with an inbox of its own. */
struct guest {
	struct memory *memory;
	struct link *lines; /* at the replica, where it says what it has */
	struct stream_subscriber machine;
	struct stream_reader_answer answer;
	_Alignas(64) unsigned char slot[SLOT_LEN];
	unsigned char buffer[SLOT_LEN];
	uint64_t next;
};

static void begin(uint32_t members)
{
	struct stream_limits limits = limits_usual();

	limits.archiving = STREAM_ARCHIVE_ON;
	assert_int_equal(scratch_make(&scratch), 0);
	party.archives = scratch.path;
	party_begin(&party, members, &limits);
	hand_begin(&hand, &party, 1);
	change(&party, 1, 0, 0, 0, members - 1);
	hand_enter(&hand, &party, 1, 0, 0, members - 1);
}

static void end(void)
{
	hand_unlink(&hand);
	party_end(&party);
	scratch_remove(&scratch);
}

static void wait_archived(uint32_t member, uint64_t position)
{
	uint64_t deadline_ns = clock_now_ns() + WAIT_NS;

	while (stream_host_archived(party.members[member].host, COUNTER) < position) {
		assert_true(clock_now_ns() < deadline_ns);
		look(&party.members[member]);
		(void)usleep(1000);
	}
}

static void guest_add(struct guest *g, uint32_t member)
{
	struct memory_config config = {
		.pages = {.len = sizeof(struct stream_inbox) + INBOX_SLOTS * SLOT_LEN,
			.node = -1}};
	struct stream_reader_config reader = {.token = SESSION,
		.oldest = true,
		.inbox_slots = INBOX_SLOTS,
		.program = "books"};
	struct stream_addresses at;
	struct error err;

	assert_int_equal(
		shm_memory_ops.expose(party.device, &config, &g->memory, &err), 0);
	reader.inbox = shm_memory_ops.address(g->memory);
	stream_host_admit(party.members[member].host, SESSION);
	if (stream_host_reader_add(
		    party.members[member].host, COUNTER, &reader, &g->answer, &err))
		fail_msg("%s", err.text);
	assert_true(stream_host_addresses(party.members[member].host, COUNTER, &at));
	g->lines = link_to(&party, at.inbox);
}

/* Everything from the oldest there is. */
static void guest_begin(struct guest *g, uint32_t member)
{
	struct stream_subscriber_config config = {.from = STREAM_FROM_POSITION,
		.slot = g->slot,
		.buffer = g->buffer,
		.buffer_len = sizeof(g->buffer)};
	struct stream_ring ring = {.slot_len = SLOT_LEN, .mask = INBOX_SLOTS - 1};
	struct stream_inbox *inbox;

	memset(g, 0, sizeof(*g));
	guest_add(g, member);
	inbox = shm_memory_ops.base(g->memory);
	ring.bytes = (unsigned char *)(inbox + 1);
	g->next = config.position = g->answer.consumed + 1;
	stream_subscriber_init(&g->machine, &config);
	stream_subscriber_attach(&g->machine, &ring, &inbox->fed.end, &inbox->fed.oldest);
}

static void guest_look(struct guest *g)
{
	struct stream_delivery d;
	uint64_t consumed;

	while (stream_subscriber_poll(&g->machine, INBOX_SLOTS, &d)) {
		assert_int_equal(d.kind, STREAM_MESSAGE);
		assert_true(d.first == g->next && d.id == g->next);
		g->next++;
	}
	consumed = stream_subscriber_consumed(&g->machine);
	(void)completed(g->lines,
		shm_memory_ops.write(g->lines, stream_reader_offset(g->answer.reader - 1),
			&consumed, sizeof(consumed), 0));
}

static void guest_await(struct guest *g, uint64_t position)
{
	uint64_t deadline_ns = clock_now_ns() + 2 * WAIT_NS;

	while (g->next <= position) {
		assert_true(clock_now_ns() < deadline_ns);
		guest_look(g);
		(void)usleep(100);
	}
}

static void guest_end(struct guest *g)
{
	shm_memory_ops.disconnect(g->lines);
	shm_memory_ops.withdraw(g->memory);
}

/* It begins in the archive, goes on in the log, and nobody waits for it. */
static void late_subscriber_is_fed_out_of_archive_and_log(void **state)
{
	struct stream_reader_status status;
	struct guest guest;

	(void)state;
	begin(1);
	hand_publish(&hand, 3 * SLOTS);
	wait_archived(0, 3 * SLOTS);
	guest_begin(&guest, 0);
	assert_true(guest.next == 1 && guest.answer.archive_oldest == 1);
	guest_await(&guest, 3 * SLOTS);
	hand_publish(&hand, 100);
	guest_await(&guest, 3 * SLOTS + 100);
	assert_true(
		stream_host_reader_status(party.members[0].host, COUNTER, 0, &status));
	assert_true(
		status.fed && !status.archive && status.reader == guest.answer.reader);
	stream_host_evict(party.members[0].host, SESSION);
	assert_false(
		stream_host_reader_status(party.members[0].host, COUNTER, 0, &status));
	guest_end(&guest);
	end();
}

/* What the loop does every now and then: an archive that was opened late is attached. */
static void wait_archiving(uint32_t member)
{
	uint64_t deadline_ns = clock_now_ns() + WAIT_NS;
	struct stream_status status = {.archiving = false};
	struct stream_copy_want want;

	while (!status.archiving) {
		(void)stream_host_copy(
			party.members[member].host, COUNTER, clock_now_ns(), &want);
		assert_true(
			stream_host_status(party.members[member].host, COUNTER, &status));
		assert_true(clock_now_ns() < deadline_ns);
	}
}

/*
 * All memory is lost, and nobody's log matters: the head begins from its archive, the other one
 * is filled from it, and both have the publishers' newest messages.
 */
static void cluster_begins_from_its_archives(void **state)
{
	const uint64_t base = 2 * SLOTS;
	struct stream_entry entry;
	struct guest guest;

	(void)state;
	begin(2);
	hand_publish(&hand, base);
	wait_archived(0, base);
	wait_archived(1, base);
	for (uint32_t i = 0; i < 2; i++) {
		member_stop(&party.members[i], true);
		member_start_as(&party, i, 2000 + i);
	}
	stream_publisher_on_lost(&hand.machine);
	change(&party, 2, 0, base, 0, 1);
	hand_enter(&hand, &party, 2, base, 0, 1);
	assert_true(stream_host_entry(party.members[0].host, COUNTER, 1, &entry));
	assert_true(entry.publisher == hand.machine.publisher && entry.id == base);
	assert_false(stream_host_entry(party.members[1].host, COUNTER, 1, &entry));
	wait_archiving(0);
	wait_archiving(1);
	hand_publish(&hand, 100);
	guest_begin(&guest, 1);
	guest_await(&guest, base + 100);
	guest_end(&guest);
	end();
}

/* An entry that is written while it is looked at is that of one publisher, and never goes back. */
static void entry_is_read_while_it_is_written(void **state)
{
	uint64_t deadline_ns = clock_now_ns() + 2 * WAIT_NS, newest = 0;
	struct stream_entry entry;

	(void)state;
	begin(1);
	while (hand.acked < 4 * SLOTS) {
		while (hand_submit(&hand))
			;
		hand_pump(&hand);
		assert_true(stream_host_entry(party.members[0].host, COUNTER, 1, &entry));
		assert_true(entry.id >= newest && entry.id <= hand.machine.submitted);
		assert_true(entry.publisher == hand.machine.publisher || entry.id == 0);
		assert_true(entry.id >= hand.acked);
		newest = entry.id;
		assert_true(clock_now_ns() < deadline_ns);
	}
	assert_false(stream_host_entry(party.members[0].host, COUNTER, ROWS, &entry));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_subscriber_is_fed_out_of_archive_and_log),
		cmocka_unit_test(cluster_begins_from_its_archives),
		cmocka_unit_test(entry_is_read_while_it_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
