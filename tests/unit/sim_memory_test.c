/* Simulated memory: its three moments, its limits, and that a seed tells the whole story. */
#include <string.h>

#include "hw/fault/random.h"
#include "tests/unit/sim_rig.h"

static void posting_effect_and_completion_are_three_moments(void **state)
{
	struct completion done;
	struct rig rig;
	uint64_t posted_ns, effect_ns;

	(void)state;
	rig_open(&rig, 1);
	posted_ns = sim_world_now_ns(rig.world);
	rig_add(&rig, 1);
	assert_int_equal(rig_word(&rig), 0);
	assert_int_equal(rig_poll(&rig, &done), 0);
	assert_true(sim_world_step(rig.world));
	effect_ns = sim_world_now_ns(rig.world);
	assert_in_range(effect_ns - posted_ns, 1000, 5000);
	assert_int_equal(rig_word(&rig), 1);
	assert_int_equal(rig_poll(&rig, &done), 0);
	assert_true(sim_world_step(rig.world));
	assert_in_range(sim_world_now_ns(rig.world) - effect_ns, 1000, 5000);
	assert_int_equal(rig_poll(&rig, &done), 1);
	assert_int_equal(done.value, 0);
	assert_false(sim_world_step(rig.world));
	rig_close(&rig);
}

static void polling_does_not_move_time(void **state)
{
	struct completion done;
	struct rig rig;
	uint64_t now;

	(void)state;
	rig_open(&rig, 2);
	now = sim_world_now_ns(rig.world);
	rig_add(&rig, 2);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(rig_poll(&rig, &done), 0);
		assert_int_equal(ops->progress(rig.owner, NULL), 0);
	}
	assert_int_equal(sim_world_now_ns(rig.world), now);
	rig_close(&rig);
}

static void read_sees_the_moment_of_its_effect(void **state)
{
	uint64_t seen = 99, word = 5;
	struct completion done;
	struct rig rig;

	(void)state;
	rig_open(&rig, 3);
	assert_int_equal(ops->read(rig.link, 0, &seen, 8, 0), 0);
	memcpy(ops->base(rig.memory), &word, 8); /* after it was posted */
	assert_true(sim_world_step(rig.world));
	word = 6;
	memcpy(ops->base(rig.memory), &word, 8); /* after its effect */
	rig_settle(&rig);
	assert_int_equal(rig_poll(&rig, &done), 1);
	assert_int_equal(seen, 5);
	rig_close(&rig);
}

static void write_read_takes_effect_in_two_moments(void **state)
{
	uint64_t seen = 99, word = 6;
	struct completion done;
	struct rig rig;

	(void)state;
	rig_open(&rig, 4);
	assert_int_equal(ops->write_read(rig.link, 8, 5, 0, &seen, 0), 0);
	assert_int_equal(ops->load(rig.memory, 8), 0);
	assert_true(sim_world_step(rig.world));
	assert_int_equal(ops->load(rig.memory, 8), 5);
	memcpy(ops->base(rig.memory), &word, 8); /* between the two */
	assert_int_equal(seen, 99);
	assert_true(sim_world_step(rig.world));
	assert_int_equal(seen, 6);
	assert_int_equal(rig_poll(&rig, &done), 0);
	rig_settle(&rig);
	assert_int_equal(rig_poll(&rig, &done), 1);
	assert_int_equal(done.status, 0);
	rig_close(&rig);
}

/* The first part of the bytes, then the rest; how many they were. */
static size_t put_parts(struct rig *rig, const unsigned char *to, size_t len)
{
	struct completion done;
	size_t first = 0;

	assert_true(sim_world_step(rig->world));
	while (first < len && to[first])
		first++;
	for (size_t i = first; i < len; i++)
		assert_int_equal(to[i], 0);
	assert_int_equal(rig_poll(rig, &done), 0);
	rig_settle(rig);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(to[i], 9);
	assert_int_equal(rig_poll(rig, &done), 1);
	return first;
}

static void put_takes_effect_in_two_parts(void **state)
{
	struct memory_config config = {.pages = {.len = 8192}, .source = true};
	unsigned int torn = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct memory *source;
		struct rig rig;
		size_t first;

		rig_open(&rig, seed);
		assert_int_equal(ops->expose(rig.peer, &config, &source, NULL), 0);
		assert_int_equal(ops->put(rig.link, 64, source, 0, 5000, 0), 0);
		memset(ops->base(source), 9, 8192); /* they are read when they leave */
		first = put_parts(
			&rig, (unsigned char *)ops->base(rig.memory) + 64, 5000);
		torn += first > 0 && first < 5000;
		ops->withdraw(source);
		rig_close(&rig);
	}
	assert_in_range(torn, 15, 20);
}

/* What is under way when a link ends has the bytes of that moment, if it arrives at all. */
static void put_of_an_ended_link_has_the_bytes_of_then(void **state)
{
	struct memory_config config = {.pages = {.len = 8192}, .source = true};
	unsigned int arrived = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		const unsigned char *to;
		struct memory *source;
		struct link *link;
		struct rig rig;

		rig_open(&rig, seed);
		assert_int_equal(ops->expose(rig.peer, &config, &source, NULL), 0);
		link = rig_connect(&rig, 2);
		memset(ops->base(source), 1, 8192);
		assert_int_equal(ops->put(link, 64, source, 0, 5000, 0), 0);
		ops->disconnect(link);
		memset(ops->base(source), 2, 8192);
		rig_settle(&rig);
		to = (const unsigned char *)ops->base(rig.memory) + 64;
		for (size_t i = 0; i < 5000; i++)
			assert_int_equal(to[i], to[0] ? 1 : 0);
		arrived += to[0] == 1;
		ops->withdraw(source);
		rig_close(&rig);
	}
	assert_in_range(arrived, 10, 40);
}

/* Two links at work, with calls in between and a fault now and then; what happened. */
static uint64_t story_run(uint64_t seed)
{
	struct random choice = {.state = 77}; /* the same for every seed of the world */
	unsigned char bytes[300];
	struct link *links[2];
	struct rig rig;
	uint64_t hash;

	rig_open(&rig, seed);
	links[0] = rig.link;
	links[1] = rig_connect(&rig, 2);
	for (int i = 0; i < 500; i++) {
		struct link *link = links[random_below(&choice, 2)];
		struct completion done;
		int count;

		memset(bytes, i, sizeof(bytes));
		(void)ops->fetch_add(link, 0, 1, 0);
		(void)ops->write(link, 64, bytes, sizeof(bytes), 1);
		(void)ops->compare_swap(link, 8, 0, 1, 2);
		for (uint64_t steps = random_below(&choice, 8); steps > 0; steps--)
			(void)sim_world_step(rig.world);
		while (ops->poll(link, &done, 1, &count) == 0 && count == 1)
			sim_world_trace_note(rig.world, done.value);
		if (i == 300)
			sim_link_lose(link, true);
	}
	ops->disconnect(links[1]);
	rig_settle(&rig);
	hash = sim_world_trace_hash(rig.world);
	rig_close(&rig);
	return hash;
}

static void same_seed_tells_the_same_story(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		uint64_t hash = story_run(seed);

		assert_true(hash == story_run(seed));
		assert_false(hash == story_run(seed + 50));
	}
}

static void note_argument(void *context, uint64_t argument)
{
	uint64_t **next = context;

	*(*next)++ = argument;
}

static void calls_come_in_time_order_and_within_the_limit(void **state)
{
	uint64_t order[4] = {0}, *next = order;
	struct rig rig;
	uint64_t now;

	(void)state;
	rig_open(&rig, 13);
	now = sim_world_now_ns(rig.world);
	assert_int_equal(
		sim_world_call_at(rig.world, now + 30, note_argument, &next, 3), 0);
	assert_int_equal(
		sim_world_call_at(rig.world, now + 10, note_argument, &next, 1), 0);
	assert_int_equal(
		sim_world_call_at(rig.world, now + 10, note_argument, &next, 2), 0);
	assert_int_equal(sim_world_call_at(rig.world, 0, note_argument, &next, 0), 0);
	assert_int_equal(sim_world_next_ns(rig.world), now);
	sim_world_run_until(rig.world, now + 20);
	assert_int_equal(sim_world_now_ns(rig.world), now + 20);
	assert_ptr_equal(next, order + 3);
	rig_settle(&rig);
	assert_int_equal(sim_world_now_ns(rig.world), now + 30);
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(order[i], i);
	for (unsigned int i = 0; i < rig.config.calls; i++)
		assert_int_equal(
			sim_world_call_at(rig.world, now, note_argument, &next, 0), 0);
	assert_int_equal(
		sim_world_call_at(rig.world, now, note_argument, &next, 0), -ENOBUFS);
	rig_close(&rig);
}

static void long_writes_beyond_the_limit_have_to_wait(void **state)
{
	struct memory_config memory = {.pages = {.len = 1}};
	unsigned char bytes[100] = {1};
	struct completion done;
	struct rig rig;

	(void)state;
	rig_open(&rig, 14);
	ops->disconnect(rig.link);
	ops->withdraw(rig.memory);
	ops->close(rig.peer);
	ops->close(rig.owner);
	sim_world_close(rig.world);
	rig.config.transfers = 2;
	assert_int_equal(sim_world_open(&rig.config, &rig.world, NULL), 0);
	assert_int_equal(sim_device_open(rig.world, OWNER, &rig.owner), 0);
	assert_int_equal(sim_device_open(rig.world, PEER, &rig.peer), 0);
	memory.pages.len = 4096;
	assert_int_equal(ops->expose(rig.owner, &memory, &rig.memory, NULL), 0);
	rig.link = rig_connect(&rig, 1);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(ops->write(rig.link, 0, bytes, 100, 0), 0);
		assert_int_equal(ops->write(rig.link, 0, bytes, 100, 0), 0);
		assert_int_equal(ops->write(rig.link, 0, bytes, 100, 0), -EAGAIN);
		assert_int_equal(ops->write(rig.link, 0, bytes, 16, 0), 0);
		rig_settle(&rig);
		for (int j = 0; j < 3; j++)
			assert_int_equal(rig_poll(&rig, &done), 1);
	}
	rig_close(&rig);
}

static void world_stays_within_its_configuration(void **state)
{
	struct memory_config memory = {.pages = {.len = 1 << 20}};
	struct link_config config = {.depth = 1};
	struct link *links[64], *one_more;
	struct memory *other;
	struct error err;
	struct rig rig;

	(void)state;
	rig_open(&rig, 15);
	assert_int_equal(ops->expose(rig.owner, &memory, &other, &err), -ENOMEM);
	assert_non_null(strstr(err.text, "raise memory_len"));
	for (unsigned int i = 1; i < rig.config.links; i++)
		assert_int_equal(ops->connect(rig.peer, ops->address(rig.memory), &config,
					 &links[i], NULL),
			0);
	assert_int_equal(ops->connect(rig.peer, ops->address(rig.memory), &config,
				 &one_more, &err),
		-ENOMEM);
	for (unsigned int i = 1; i < rig.config.links; i++)
		ops->disconnect(links[i]);
	rig_settle(&rig);
	assert_int_equal(ops->connect(rig.peer, ops->address(rig.memory), &config,
				 &one_more, &err),
		0);
	ops->disconnect(one_more);
	rig_close(&rig);
}

static void configuration_out_of_range_is_refused(void **state)
{
	struct sim_config good, bad[6];
	struct sim_world *world = NULL;

	(void)state;
	sim_config_default(&good, 0);
	for (int i = 0; i < 6; i++)
		bad[i] = good;
	bad[0].nodes = SIM_NODES_MAX + 1;
	bad[1].links = 0;
	bad[2].transfers = 0;
	bad[3].latency_min_ns = good.latency_max_ns + 1;
	bad[4].straggle = 1000001;
	bad[5].timeout_ns = 0;
	for (int i = 0; i < 6; i++)
		assert_int_equal(sim_world_open(&bad[i], &world, NULL), -EINVAL);
	assert_null(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(posting_effect_and_completion_are_three_moments),
		cmocka_unit_test(polling_does_not_move_time),
		cmocka_unit_test(read_sees_the_moment_of_its_effect),
		cmocka_unit_test(write_read_takes_effect_in_two_moments),
		cmocka_unit_test(put_takes_effect_in_two_parts),
		cmocka_unit_test(put_of_an_ended_link_has_the_bytes_of_then),
		cmocka_unit_test(same_seed_tells_the_same_story),
		cmocka_unit_test(calls_come_in_time_order_and_within_the_limit),
		cmocka_unit_test(long_writes_beyond_the_limit_have_to_wait),
		cmocka_unit_test(world_stays_within_its_configuration),
		cmocka_unit_test(configuration_out_of_range_is_refused),
	};

	return cmocka_run_group_tests_name("sim_memory", tests, NULL, NULL);
}
