/* Links between neighbours that fail and are made again while an epoch runs. */
#include <stdatomic.h>

#include "tests/unit/stream_host_ends.h"

#define HEAD 1000 /* the incarnation of member 0, which its links present */
#define TAIL 1001

/* Links of one member over shared memory that are cut: nothing is connected, and writes are lost. */
struct cut {
	atomic_bool now;
	atomic_uint failed; /* connections, or writes */
	struct memory_ops ops;
};

static struct cut cuts[2];
static struct memory_ops cut_ops;
static struct party party;
static struct hand hand;
static struct eye eye;

static int cut_poll(struct cut *cut, struct link *link, struct completion *done, int max,
	int *count_p)
{
	if (!atomic_load(&cut->now))
		return shm_memory_ops.poll(link, done, max, count_p);
	done[0] = (struct completion){.status = -ETIMEDOUT};
	*count_p = 1;
	(void)atomic_fetch_add(&cut->failed, 1);
	return 0;
}

static int head_poll(struct link *link, struct completion *done, int max, int *count_p)
{
	return cut_poll(&cuts[0], link, done, max, count_p);
}

static int tail_poll(struct link *link, struct completion *done, int max, int *count_p)
{
	return cut_poll(&cuts[1], link, done, max, count_p);
}

/* What is lost was taken as if nothing was wrong; the poll tells. */
static int cut_write(struct cut *cut, struct link *link, uint64_t offset,
	const void *bytes, size_t len, uint64_t cookie)
{
	if (atomic_load(&cut->now))
		return 0;
	return shm_memory_ops.write(link, offset, bytes, len, cookie);
}

static int head_write(struct link *link, uint64_t offset, const void *bytes, size_t len,
	uint64_t cookie)
{
	return cut_write(&cuts[0], link, offset, bytes, len, cookie);
}

static int tail_write(struct link *link, uint64_t offset, const void *bytes, size_t len,
	uint64_t cookie)
{
	return cut_write(&cuts[1], link, offset, bytes, len, cookie);
}

/* Only the head puts: slots, into its successor's inbox. */
static int head_put(struct link *link, uint64_t offset, const struct memory *source,
	uint64_t source_offset, size_t len, uint64_t cookie)
{
	if (atomic_load(&cuts[0].now))
		return 0;
	return shm_memory_ops.put(link, offset, source, source_offset, len, cookie);
}

static int cut_connect(struct device *device, const char *address,
	const struct link_config *config, struct link **link_p, struct error *err)
{
	struct cut *cut = NULL;
	int rc;

	if (config->token == HEAD || config->token == TAIL)
		cut = &cuts[config->token - HEAD];
	if (cut && atomic_load(&cut->now)) {
		(void)atomic_fetch_add(&cut->failed, 1);
		return error_set(err, -ECONNREFUSED, "cut");
	}
	rc = shm_memory_ops.connect(device, address, config, link_p, err);
	if (!rc && cut)
		(*link_p)->ops = &cut->ops;
	return rc;
}

/* A device's connect is that of the table which opened it. */
static int cut_open(
	const struct device_config *config, struct device **device_p, struct error *err)
{
	int rc = shm_memory_ops.open(config, device_p, err);

	if (!rc)
		(*device_p)->ops = &cut_ops;
	return rc;
}

static void begin(void)
{
	struct stream_limits limits = limits_usual();

	memset(cuts, 0, sizeof(cuts));
	cuts[0].ops = cuts[1].ops = cut_ops = shm_memory_ops;
	cuts[0].ops.poll = head_poll;
	cuts[1].ops.poll = tail_poll;
	cuts[0].ops.write = head_write;
	cuts[1].ops.write = tail_write;
	cuts[0].ops.put = head_put;
	cut_ops.connect = cut_connect;
	cut_ops.open = cut_open;
	party.ops = &cut_ops;
	party_begin(&party, 2, &limits);
	hand_begin(&hand, &party, 1);
	change(&party, 1, 0, 0, 0, 1);
	hand_enter(&hand, &party, 1, 0, 0, 1);
	eye_begin(&eye, &party, 1);
}

static void end(void)
{
	hand_unlink(&hand);
	eye_close(&eye);
	party_end(&party);
}

static void wait_failures(struct cut *cut, unsigned int count)
{
	uint64_t deadline_ns = clock_now_ns() + WAIT_NS;

	while (atomic_load(&cut->failed) < count) {
		assert_true(clock_now_ns() < deadline_ns);
		hand_pump(&hand);
		(void)usleep(100);
	}
}

/* More than a ring, of which the subscriber misses nothing. */
static void much_goes_through(void)
{
	for (int i = 0; i < 8; i++) {
		hand_publish(&hand, SLOTS / 4);
		eye_look(&eye);
	}
}

static void line_expect(uint32_t member, const char *part)
{
	look(&party.members[member]);
	assert_non_null(strstr(party.members[member].line, part));
}

static void cut_begin(struct cut *cut)
{
	much_goes_through();
	atomic_store(&cut->now, true);
	for (int i = 0; i < 100; i++)
		(void)hand_submit(&hand);
	wait_failures(cut, 3);
}

/* What was forwarded meanwhile is lost, and nothing of it is acknowledged; then it comes again. */
static void link_to_the_successor_is_made_again(void **state)
{
	(void)state;
	begin();
	cut_begin(&cuts[0]);
	assert_true(hand.acked == 2 * SLOTS);
	line_expect(0, "link to replica 2");
	atomic_store(&cuts[0].now, false);
	much_goes_through();
	eye_await(&eye, 4 * SLOTS + 100);
	assert_true(eye.voids == 0);
	end();
}

/* All of it is at the tail, and acknowledged; the head is told when there is a link again. */
static void link_to_the_predecessor_is_made_again(void **state)
{
	uint64_t deadline_ns = clock_now_ns() + 2 * WAIT_NS;

	(void)state;
	begin();
	cut_begin(&cuts[1]);
	eye_await(&eye, 2 * SLOTS + 100);
	assert_true(status_of(&party.members[0]).commit < 2 * SLOTS + 100);
	line_expect(1, "link to replica 1");
	atomic_store(&cuts[1].now, false);
	while (status_of(&party.members[0]).commit < 2 * SLOTS + 100) {
		assert_true(clock_now_ns() < deadline_ns);
		hand_pump(&hand);
		(void)usleep(100);
	}
	much_goes_through();
	end();
}

/* The successor's memory is gone for good; its next life takes part in the next epoch only. */
static void link_to_a_successor_that_died_is_tried_until_the_epoch_ends(void **state)
{
	uint64_t len;

	(void)state;
	begin();
	hand_publish(&hand, 100);
	member_stop(&party.members[1], true);
	for (int i = 0; i < 50; i++)
		(void)hand_submit(&hand);
	hand_pump(&hand);
	assert_true(hand.acked == 100);
	assert_true(stream_host_seal(party.members[0].host, COUNTER, 1, &len));
	change(&party, 2, 1, len, 0, 0);
	stream_publisher_on_lost(&hand.machine);
	hand_enter(&hand, &party, 2, len, 0, 0);
	eye_attach(&eye, &party, 0);
	hand_publish(&hand, 50);
	eye_await(&eye, 200);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_to_the_successor_is_made_again),
		cmocka_unit_test(link_to_the_predecessor_is_made_again),
		cmocka_unit_test(
			link_to_a_successor_that_died_is_tried_until_the_epoch_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
