/* Links: shared, killed, refused, evicted, and coming and going. */
#include "tests/lab/verbs_lab.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void links_of_one_device_share_one_word(void **state)
{
	struct lab *lab = *state;
	struct link *links[5];
	bool seen[500] = {false};

	for (int i = 0; i < 5; i++)
		links[i] = lab_link(lab, 16, (uint64_t)i);
	for (int i = 0; i < 500; i++) {
		uint64_t number = lab_add(links[i % 5], 0);

		assert_true(number < 500 && !seen[number]);
		seen[number] = true;
	}
	for (int i = 0; i < 5; i++)
		ops->disconnect(links[i]);
}

/* Serves peers of other processes until all of @pids have ended, at most 60 s. */
static void serve_until_done(struct device *device, pid_t *pids, int count)
{
	uint64_t deadline = clock_now_ns() + 60 * SECOND_NS;

	for (int left = count; left > 0;) {
		assert_int_equal(ops->progress(device, NULL), 0);
		for (int i = 0; i < count; i++) {
			int status;

			if (pids[i] == 0 || waitpid(pids[i], &status, WNOHANG) != pids[i])
				continue;
			assert_int_equal(status, 0);
			pids[i] = 0;
			left--;
		}
		assert_true(clock_now_ns() < deadline);
		usleep(1000);
	}
}

static void processes_hammering_one_word_lose_nothing(void **state)
{
	struct lab *lab = *state;
	const char *args[] = {"adder", ops->address(lab->memory), "3000", NULL};
	pid_t pids[3];

	for (int i = 0; i < 3; i++)
		pids[i] = lab_role_start(args, -1);
	serve_until_done(lab->device, pids, 3);
	assert_int_equal(ops->load(lab->memory, 0), 9000);
}

static void killed_owner(bool progress, int reason)
{
	struct device *device = lab_device_open(false, 200000000);
	char address[MEMORY_ADDRESS_MAX];
	pid_t pid = lab_owner_start(address);
	struct link *link = lab_connect(device, address, 16, 0);
	uint64_t posted = 0, begin;
	int status;

	assert_int_equal(lab_add(link, 0), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	begin = clock_now_ns();
	while (posted < 10 && ops->fetch_add(link, 0, 1, posted) == 0)
		posted++;
	assert_int_equal(posted, 10);
	lab_failures_check(link, posted, reason, progress);
	assert_true(clock_now_ns() - begin < 4 * SECOND_NS);
	ops->disconnect(link);
	ops->close(device);
}

static void killed_owner_is_noticed_by_events(void **state)
{
	(void)state;
	killed_owner(true, 0);
}

static void killed_owner_is_noticed_without_events(void **state)
{
	(void)state;
	killed_owner(false, -ETIMEDOUT);
}

/* A queue pair that is drained takes requests and executes none: no device gives up then. */
static void stuck_operation_ends_its_link(void **state)
{
	struct lab *lab = *state;
	struct link *link = lab_link(lab, 16, 0);
	struct ibv_qp_attr drain = {.qp_state = IBV_QPS_SQD};
	uint64_t begin;

	assert_int_equal(lab_add(link, 0), 0);
	assert_int_equal(ibv_modify_qp(verbs_link_of(link)->qp, &drain, IBV_QP_STATE), 0);
	begin = clock_now_ns();
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(ops->fetch_add(link, 0, 1, i), 0);
	lab_failures_check(link, 3, -ETIMEDOUT, false);
	assert_true(clock_now_ns() - begin < 8 * SECOND_NS);
	assert_int_equal(ops->load(lab->memory, 0), 1);
	ops->disconnect(link);
}

static bool even_tokens_only(void *context, const struct memory *memory, uint64_t token)
{
	assert_ptr_equal(memory, ((struct lab *)context)->memory);
	return token % 2 == 0;
}

static void gate_lets_in_whom_it_wants(void **state)
{
	struct lab *lab = *state;
	const char *address = ops->address(lab->memory);
	struct link *link;

	ops->admit(lab->device, even_tokens_only, lab);
	assert_int_equal(
		lab_try_connect(lab->device, address, 1, 3, &link, &lab->err), -EACCES);
	link = lab_link(lab, 1, 4);
	assert_int_equal(lab_add(link, 0), 0);
	ops->disconnect(link);
}

static void evicted_session_can_do_nothing_more(void **state)
{
	struct lab *lab = *state;
	struct link *first = lab_link(lab, 8, 1);
	struct link *other = lab_link(lab, 8, 2);
	uint64_t before;

	(void)lab_add(first, 0);
	ops->evict(lab->memory, 1);
	before = ops->load(lab->memory, 0);
	for (uint64_t i = 0; i < 5; i++)
		(void)ops->fetch_add(first, 0, 1, i);
	lab_failures_check(first, verbs_link_of(first)->posted - 1, 0, true);
	assert_int_equal(ops->load(lab->memory, 0), before);
	assert_int_equal(lab_add(other, 0), before);
	ops->disconnect(first);
	ops->disconnect(other);
}

static void withdrawn_memory_ends_its_links_and_stays_gone(void **state)
{
	struct lab *lab = *state;
	struct memory *second = lab_memory_expose(lab->device);
	struct link *first = lab_link(lab, 4, 0);
	struct link *link = lab_connect(lab->device, ops->address(second), 4, 0);
	char address[MEMORY_ADDRESS_MAX];

	(void)snprintf(address, sizeof(address), "%s", ops->address(second));
	ops->withdraw(second);
	assert_int_equal(ops->fetch_add(link, 0, 1, 0), 0);
	lab_failures_check(link, 1, 0, true);
	ops->disconnect(link);
	assert_int_equal(lab_try_connect(lab->device, address, 1, 0, &link, &lab->err),
		-ECONNREFUSED);
	assert_int_equal(lab_add(first, 0), 0);
	ops->disconnect(first);
}

static void nobody_at_the_port_refuses(void **state)
{
	struct lab *lab = *state;
	struct verbs_address where = verbs_memory_of(lab->memory)->where;
	char address[MEMORY_ADDRESS_MAX];
	struct link *link;

	where.port = (uint16_t)(where.port > 2000 ? where.port - 1 : where.port + 1);
	assert_int_equal(verbs_address_write(&where, address, sizeof(address)), 0);
	assert_int_equal(lab_try_connect(lab->device, address, 1, 0, &link, &lab->err),
		-ECONNREFUSED);
	assert_non_null(strstr(lab->err.text, "running"));
}

static void key_of_another_memory_opens_nothing(void **state)
{
	struct lab *lab = *state;
	struct memory *second = lab_memory_expose(lab->device);
	struct verbs_address where = verbs_memory_of(lab->memory)->where;
	char address[MEMORY_ADDRESS_MAX];
	struct link *link;

	where.target = verbs_memory_of(second)->where.target;
	assert_int_equal(verbs_address_write(&where, address, sizeof(address)), 0);
	link = lab_connect(lab->device, address, 4, 0);
	assert_int_equal(ops->fetch_add(link, 0, 1, 0), 0);
	assert_int_equal(ops->fetch_add(link, 0, 1, 1), 0);
	lab_failures_check(link, 2, -EACCES, false);
	assert_int_equal(ops->load(second, 0), 0);
	ops->disconnect(link);
	ops->withdraw(second);
}

/* The second 64 bytes of this link's target are under a key that is not its own. */
static struct link *link_with_bad_words(struct lab *lab, const struct memory *second)
{
	struct verbs_address where = verbs_memory_of(lab->memory)->where;
	const struct verbs_target *other = &verbs_memory_of(second)->where.target;
	char address[MEMORY_ADDRESS_MAX];

	where.target.hot_base = other->base;
	where.target.hot_key = other->key;
	where.target.hot_offset = 64;
	where.target.hot_len = 64;
	assert_int_equal(verbs_address_write(&where, address, sizeof(address)), 0);
	return lab_connect(lab->device, address, 8, 0);
}

/* The write of a pair asks for no completion, but its failure must not be lost. */
static void pair_fails_once_with_either_of_its_halves(void **state)
{
	static const uint64_t offsets[2][2] = {{64, 0}, {0, 64}};
	struct lab *lab = *state;
	struct memory *second = lab_memory_expose(lab->device);

	for (int i = 0; i < 2; i++) {
		struct link *link = link_with_bad_words(lab, second);
		uint64_t seen[3] = {7, 7, 7};

		assert_int_equal(ops->write_read(link, 8, 5, 8, &seen[0], 0), 0);
		assert_int_equal(ops->write_read(link, offsets[i][0], 1, offsets[i][1],
					 &seen[1], 1),
			0);
		assert_int_equal(ops->write_read(link, 8, 6, 8, &seen[2], 2), 0);
		assert_int_equal(ops->fetch_add(link, 16, 1, 3), 0);
		lab_failures_check(link, 4, -EACCES, false);
		assert_int_equal(seen[0], 5);
		assert_int_equal(seen[1], 7);
		assert_int_equal(seen[2], 7);
		assert_int_equal(ops->load(lab->memory, 8), 5);
		assert_int_equal(ops->load(lab->memory, 16), 0);
		assert_int_equal(ops->load(second, 0), 0);
		ops->disconnect(link);
	}
	ops->withdraw(second);
}

static void links_come_and_go(void **state)
{
	struct lab *lab = *state;

	for (uint64_t i = 0; i < 60; i++) {
		struct link *link = lab_link(lab, 4, i);

		assert_int_equal(lab_add(link, 0), i);
		ops->disconnect(link);
	}
	for (int i = 0; i < 200 && verbs_device_of(lab->device)->peers_count; i++) {
		assert_int_equal(ops->progress(lab->device, NULL), 0);
		usleep(10000);
	}
	assert_int_equal(verbs_device_of(lab->device)->peers_count, 0);
}

static void link_can_end_before_it_is_connected(void **state)
{
	struct lab *lab = *state;
	struct link_config config = {.depth = 1};

	for (int steps = 0; steps < 5; steps++) {
		struct link *link;

		assert_int_equal(ops->connect(lab->device, ops->address(lab->memory),
					 &config, &link, &lab->err),
			0);
		assert_int_equal(ops->fetch_add(link, 0, 1, 0), -ENOTCONN);
		for (int i = 0; i < steps; i++) {
			usleep(5000);
			assert_int_equal(ops->progress(lab->device, &lab->err), 0);
		}
		ops->disconnect(link);
	}
}

const struct CMUnitTest verbs_link_stories[] = {
	story(links_of_one_device_share_one_word),
	story(processes_hammering_one_word_lose_nothing),
	cmocka_unit_test(killed_owner_is_noticed_by_events),
	cmocka_unit_test(killed_owner_is_noticed_without_events),
	story(stuck_operation_ends_its_link),
	story(gate_lets_in_whom_it_wants),
	story(evicted_session_can_do_nothing_more),
	story(withdrawn_memory_ends_its_links_and_stays_gone),
	story(nobody_at_the_port_refuses),
	story(key_of_another_memory_opens_nothing),
	story(pair_fails_once_with_either_of_its_halves),
	story(links_come_and_go),
	story(link_can_end_before_it_is_connected),
};
const size_t verbs_link_stories_count = sizeof(verbs_link_stories) /
					sizeof(verbs_link_stories[0]);
