/* Devices, memories and the four operations. */
#include "tests/lab/verbs_lab.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_error(const struct device_config *config, const char *text)
{
	struct device *device = NULL;
	struct error err = {""};
	int rc = ops->open(config, &device, &err);

	if (!rc)
		ops->close(device);
	else if (!strstr(err.text, text))
		fail_msg("'%s' is not in '%s'", text, err.text);
	return rc;
}

static void device_is_found_by_name_port_and_address(void **state)
{
	struct lab *lab = *state;
	struct verbs_device *device = verbs_device_of(lab->device);
	struct device_config config = {.device = device->name};
	char name[sizeof(device->name)];

	assert_int_equal(open_error(&config, ""), 0);
	(void)snprintf(name, sizeof(name), "%s", device->name);
	*strchr(name, '/') = '\0';
	config.device = name;
	assert_int_equal(open_error(&config, ""), 0);
	config.device = "nothing_of_the_kind";
	config.address = device->host;
	assert_int_equal(open_error(&config, ""), 0);
	assert_non_null(strstr(ops->describe(lab->device), device->host));
}

static void device_that_is_not_there_is_named(void **state)
{
	struct lab *lab = *state;
	struct device_config config = {.device = "none0"};

	assert_int_equal(open_error(&config, "none0"), -ENODEV);
	config.device = "rxe0/0";
	assert_int_equal(open_error(&config, "PORT"), -EINVAL);
	config.address = "192.0.2.1";
	assert_int_equal(open_error(&config, "192.0.2.1"), -EADDRNOTAVAIL);
	config.address = "localhost";
	assert_int_equal(open_error(&config, "numeric"), -EINVAL);
	config = (struct device_config){
		.listen = true, .port = verbs_memory_of(lab->memory)->where.port};
	assert_int_equal(open_error(&config, "port"), -EADDRINUSE);
}

static void words_add_swap_read_and_write(void **state)
{
	struct lab *lab = *state;
	struct link *link = lab_link(lab, 4, 0);
	uint64_t word = 41, seen = 0;
	struct completion done;

	assert_int_equal(ops->write(link, 8, &word, 8, 1), 0);
	assert_int_equal(ops->fetch_add(link, 8, UINT64_C(1) << 40, 2), 0);
	assert_int_equal(ops->compare_swap(link, 8, 41 + (UINT64_C(1) << 40), 99, 3), 0);
	assert_int_equal(ops->read(link, 8, &seen, 8, 4), 0);
	for (uint64_t cookie = 1; cookie <= 4; cookie++) {
		done = lab_wait(link);
		assert_int_equal(done.cookie, cookie);
		assert_int_equal(done.status, 0);
		if (cookie == 2)
			assert_int_equal(done.value, 41);
	}
	assert_int_equal(seen, 99);
	assert_int_equal(ops->load(lab->memory, 8), 99);
	ops->disconnect(link);
}

static void queue_pair_gives_up_and_has_atomics_at_once(void **state)
{
	struct lab *lab = *state;
	struct verbs_device *device = verbs_device_of(lab->device);
	struct link *link = lab_link(lab, 1, 0);
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	assert_int_equal(ibv_query_qp(verbs_link_of(link)->qp, &attr,
				 IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
					 IBV_QP_MAX_QP_RD_ATOMIC,
				 &init),
		0);
	assert_int_equal(attr.timeout, device->retry.exponent);
	assert_int_equal(attr.retry_cnt, device->retry.count);
	assert_int_not_equal(attr.rnr_retry, 7);
	assert_true(attr.max_rd_atomic > 1);
	ops->disconnect(link);
}

static void full_queue_takes_nothing(void **state)
{
	struct lab *lab = *state;
	struct link *link = lab_link(lab, 3, 0);

	for (int round = 0; round < 5; round++) {
		for (uint64_t i = 0; i < 3; i++)
			assert_int_equal(ops->fetch_add(link, 0, 1, i), 0);
		assert_int_equal(ops->fetch_add(link, 0, 1000, 3), -EAGAIN);
		for (uint64_t i = 0; i < 3; i++)
			assert_int_equal(lab_wait(link).cookie, i);
	}
	assert_int_equal(ops->load(lab->memory, 0), 15);
	ops->disconnect(link);
}

static void long_operations_are_limited_and_come_back(void **state)
{
	struct lab *lab = *state;
	struct link *link = lab_link(lab, 64, 0);
	static uint8_t out[LINK_TRANSFER_MAX], in[VERBS_BULK_COUNT][LINK_TRANSFER_MAX];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(ops->write(link, 4096, out, sizeof(out), 0), 0);
	for (int i = 1; i < VERBS_BULK_COUNT; i++)
		assert_int_equal(ops->read(link, 4096, in[i], sizeof(in[i]), 0), 0);
	assert_int_equal(ops->read(link, 4096, in[0], sizeof(in[0]), 0), -EAGAIN);
	assert_int_equal(ops->read(link, 4096, in[0], 64, 0), 0);
	for (int i = 0; i <= VERBS_BULK_COUNT; i++)
		assert_int_equal(lab_wait(link).status, 0);
	for (int i = 1; i < VERBS_BULK_COUNT; i++)
		assert_memory_equal(in[i], out, sizeof(out));
	assert_memory_equal(in[0], out, 64);
	assert_memory_equal((char *)ops->base(lab->memory) + 4096, out, sizeof(out));
	ops->disconnect(link);
}

static void misuse_is_refused_at_the_call(void **state)
{
	struct lab *lab = *state;
	struct link *link = lab_link(lab, 2, 0);
	static uint8_t bytes[LINK_TRANSFER_MAX + 8];
	struct completion done;
	int count = -1;

	assert_int_equal(ops->fetch_add(link, 4, 1, 0), -EINVAL);
	assert_int_equal(ops->fetch_add(link, MEMORY_LEN, 1, 0), -ERANGE);
	assert_int_equal(ops->fetch_add(link, UINT64_MAX - 7, 1, 0), -ERANGE);
	assert_int_equal(ops->write(link, 0, bytes, 0, 0), -EINVAL);
	assert_int_equal(ops->write(link, 0, bytes, sizeof(bytes), 0), -EINVAL);
	assert_int_equal(ops->read(link, MEMORY_LEN - 4, bytes, 8, 0), -ERANGE);
	assert_int_equal(ops->read(link, UINT64_MAX, bytes, 8, 0), -ERANGE);
	assert_int_equal(ops->poll(link, &done, 1, &count), 0);
	assert_int_equal(count, 0);
	ops->disconnect(link);
}

/* Where a device takes no data within a request, the word waits in the staging slot. */
static void word_of_a_pair_need_not_travel_inline(void **state)
{
	struct lab *lab = *state;
	struct link *link = lab_link(lab, 5, 0);
	uint64_t seen[5];

	verbs_link_of(link)->inline_max = 0;
	for (uint64_t n = 0; n < 500; n++) {
		if (n >= 5) {
			struct completion done = lab_wait(link);

			assert_int_equal(done.status, 0);
			assert_int_equal(done.cookie, n - 5);
			assert_int_equal(seen[n % 5], n - 4);
		}
		assert_int_equal(
			ops->write_read(link, 256, n + 1, 256, &seen[n % 5], n), 0);
	}
	for (int i = 0; i < 5; i++)
		assert_int_equal(lab_wait(link).status, 0);
	assert_int_equal(ops->load(lab->memory, 256), 500);
	ops->disconnect(link);
}

/* The owner's processor may look as soon as the read after a write is back (M3). */
static void write_is_visible_when_the_next_read_is_back(void **state)
{
	struct lab *lab = *state;
	struct link *link = lab_link(lab, 2, 0);

	for (uint64_t n = 1; n <= 300; n++) {
		uint64_t seen;

		assert_int_equal(ops->write(link, 64, &n, 8, 0), 0);
		assert_int_equal(ops->read(link, 128, &seen, 8, 1), 0);
		(void)lab_wait(link);
		assert_int_equal(lab_wait(link).status, 0);
		assert_int_equal(ops->load(lab->memory, 64), n);
	}
	ops->disconnect(link);
}

static void read_does_not_see_the_write_after_it(void **state)
{
	struct lab *lab = *state;
	struct link *link = lab_link(lab, 64, 0);
	uint64_t seen[21];

	for (uint64_t n = 0; n < 21; n++) {
		uint64_t next = n + 1;

		assert_int_equal(ops->read(link, 0, &seen[n], 8, n), 0);
		assert_int_equal(ops->write(link, 0, &next, 8, n), 0);
		assert_int_equal(ops->fetch_add(link, 0, 0, n), 0);
	}
	for (uint64_t n = 0; n < 63; n++) {
		struct completion done = lab_wait(link);

		assert_int_equal(done.status, 0);
		assert_int_equal(done.cookie, n / 3);
		if (n % 3 == 2)
			assert_int_equal(done.value, n / 3 + 1);
	}
	for (uint64_t n = 0; n < 21; n++)
		assert_int_equal(seen[n], n);
	ops->disconnect(link);
}

/* Bytes that can be told apart. */
static struct memory *source_expose(struct lab *lab)
{
	struct memory_config config = {
		.pages = {.len = MEMORY_LEN, .node = -1}, .source = true};
	struct memory *source;
	uint8_t *bytes;

	assert_int_equal(ops->expose(lab->device, &config, &source, &lab->err), 0);
	bytes = ops->base(source);
	for (size_t i = 0; i < MEMORY_LEN; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251 + 1);
	return source;
}

static void long_put_is_cut_into_requests(void **state)
{
	struct lab *lab = *state;
	struct memory *source = source_expose(lab);
	const uint8_t *from = ops->base(source), *to = ops->base(lab->memory);
	struct link *base = lab_link(lab, 4, 0);
	struct verbs_link *link = verbs_link_of(base);

	assert_in_range(link->extra_max, 6, 100);
	link->request_max = 1000;
	link->extra_max = 6; /* room for eight requests, two of them any operation's */
	for (uint64_t n = 0; n < 20; n++) {
		assert_int_equal(ops->put(base, n, source, 3 * n, 7500, n), 0);
		assert_int_equal(ops->put(base, 9000, source, n, 2000, 100 + n), 0);
		assert_int_equal(ops->put(base, 8000, source, 0, 2001, 0), -EAGAIN);
		assert_int_equal(ops->fetch_add(base, 16000, 1, 200 + n), 0);
		for (uint64_t i = 0; i < 3; i++) {
			struct completion done = lab_wait(base);

			assert_int_equal(done.status, 0);
			assert_int_equal(done.cookie, 100 * i + n);
		}
		assert_memory_equal(to + n, from + 3 * n, 7500);
		assert_memory_equal(to + 9000, from + n, 2000);
		assert_int_equal(link->extra_used, 0);
	}
	assert_int_equal(ops->load(lab->memory, 16000), 20);
	ops->disconnect(base);
	ops->withdraw(source);
}

static void put_reaches_pages_and_card(
	struct lab *lab, struct link *link, const uint8_t *card)
{
	struct memory *source = source_expose(lab);
	const uint8_t *from = ops->base(source), *to = ops->base(lab->memory);

	verbs_link_of(link)->request_max = 100;
	assert_int_equal(ops->put(link, 32, source, 0, 500, 1), 0);
	assert_int_equal(lab_wait(link).status, 0);
	assert_memory_equal(to + 32, from, 32);
	assert_memory_equal(card, from + 32, 128);
	assert_memory_equal(to + 64 + 128, from + 32 + 128, 500 - 32 - 128);
	ops->withdraw(source);
}

/* A second registration stands in for the card's memory, which Soft-RoCE does not have.
 */
static void hot_words_are_reached_under_their_own_key(void **state)
{
	struct lab *lab = *state;
	struct verbs_memory *memory = verbs_memory_of(lab->memory);
	struct verbs_address where = memory->where;
	static uint8_t card[128] __attribute__((aligned(64)));
	uint8_t out[256], in[256];
	char address[MEMORY_ADDRESS_MAX];
	struct link *link;
	uint64_t seen;
	struct ibv_mr *mr = ibv_reg_mr(memory->pd, card, sizeof(card),
		IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ |
			IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC);

	assert_non_null(mr);
	where.target.hot_base = (uintptr_t)card;
	where.target.hot_key = mr->rkey;
	where.target.hot_offset = 64;
	where.target.hot_len = sizeof(card);
	assert_int_equal(verbs_address_write(&where, address, sizeof(address)), 0);
	link = lab_connect(lab->device, address, 4, 0);
	assert_int_equal(lab_add(link, 56), 0);
	assert_int_equal(lab_add(link, 64), 0);
	assert_int_equal(lab_add(link, 192), 0);
	assert_int_equal(card[0], 1);
	assert_int_equal(ops->load(lab->memory, 56), 1);
	assert_int_equal(ops->load(lab->memory, 64), 0);
	assert_int_equal(ops->load(lab->memory, 192), 1);
	assert_int_equal(ops->write_read(link, 72, 5, 64, &seen, 3), 0);
	assert_int_equal(lab_wait(link).status, 0);
	assert_int_equal(seen, 1);
	assert_int_equal(card[8], 5);
	assert_int_equal(ops->write_read(link, 56, 6, 72, &seen, 3), 0);
	assert_int_equal(lab_wait(link).status, 0);
	assert_int_equal(seen, 5);
	assert_int_equal(ops->load(lab->memory, 56), 6);
	assert_int_equal(ops->load(lab->memory, 72), 0);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(255 - i);
	assert_int_equal(ops->write(link, 32, out, sizeof(out), 1), 0);
	assert_int_equal(ops->read(link, 32, in, sizeof(in), 2), 0);
	assert_int_equal(lab_wait(link).cookie, 1);
	assert_int_equal(lab_wait(link).status, 0);
	assert_memory_equal(in, out, sizeof(out));
	assert_memory_equal(card, out + 32, sizeof(card));
	put_reaches_pages_and_card(lab, link, card);
	ops->disconnect(link);
	ibv_dereg_mr(mr);
}

static void capability_drop(unsigned int bit)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	assert_int_equal(syscall(SYS_capget, &head, data), 0);
	data[bit / 32].effective &= ~(1u << bit % 32);
	assert_int_equal(syscall(SYS_capset, &head, data), 0);
}

static void locked_memory_limit_is_named(void **state)
{
	struct lab *lab = *state;
	struct memory_config config = {
		.pages = {.len = 8 << 20, .node = -1, .lock = PAGES_OFF}};
	struct rlimit limit;
	struct memory *memory;
	struct rlimit low = {1 << 20, 1 << 20};

	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	low.rlim_max = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &low), 0);
	capability_drop(CAP_IPC_LOCK);
	assert_int_equal(ops->expose(lab->device, &config, &memory, &lab->err), -ENOMEM);
	assert_non_null(strstr(lab->err.text, "1024 KiB"));
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
}

const struct CMUnitTest verbs_data_stories[] = {
	story(device_is_found_by_name_port_and_address),
	story(device_that_is_not_there_is_named),
	story(words_add_swap_read_and_write),
	story(queue_pair_gives_up_and_has_atomics_at_once),
	story(full_queue_takes_nothing),
	story(long_operations_are_limited_and_come_back),
	story(misuse_is_refused_at_the_call),
	story(word_of_a_pair_need_not_travel_inline),
	story(write_is_visible_when_the_next_read_is_back),
	story(read_does_not_see_the_write_after_it),
	story(hot_words_are_reached_under_their_own_key),
	story(long_put_is_cut_into_requests),
	story(locked_memory_limit_is_named),
};
const size_t verbs_data_stories_count = sizeof(verbs_data_stories) /
					sizeof(verbs_data_stories[0]);
