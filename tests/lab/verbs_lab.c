#include "tests/lab/verbs_lab.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct device *lab_device_open(bool listen, uint64_t timeout_ns)
{
	struct device_config config = {.listen = listen, .timeout_ns = timeout_ns};
	struct device *device = NULL;
	struct error err = {""};

	if (ops->open(&config, &device, &err))
		fail_msg("%s", err.text);
	return device;
}

struct memory *lab_memory_expose(struct device *device)
{
	struct memory_config config = {.pages = {.len = MEMORY_LEN, .node = -1}};
	struct memory *memory = NULL;
	struct error err = {""};

	if (ops->expose(device, &config, &memory, &err))
		fail_msg("%s", err.text);
	return memory;
}

int lab_setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	lab->device = lab_device_open(true, SECOND_NS);
	lab->memory = lab_memory_expose(lab->device);
	*state = lab;
	return 0;
}

int lab_teardown(void **state)
{
	struct lab *lab = *state;

	if (lab->memory)
		ops->withdraw(lab->memory);
	ops->close(lab->device);
	free(lab);
	return 0;
}

int lab_try_connect(struct device *device, const char *address, unsigned int depth,
	uint64_t token, struct link **link_p, struct error *err)
{
	struct link_config config = {.depth = depth, .token = token};
	int rc = ops->connect(device, address, &config, link_p, err);

	if (rc)
		return rc;
	rc = link_wait_connected(*link_p, 10 * SECOND_NS, err);
	if (rc)
		ops->disconnect(*link_p);
	return rc;
}

struct link *lab_connect(
	struct device *device, const char *address, unsigned int depth, uint64_t token)
{
	struct link *link = NULL;
	struct error err = {""};

	if (lab_try_connect(device, address, depth, token, &link, &err))
		fail_msg("%s", err.text);
	return link;
}

struct link *lab_link(struct lab *lab, unsigned int depth, uint64_t token)
{
	return lab_connect(lab->device, ops->address(lab->memory), depth, token);
}

struct completion lab_wait(struct link *link)
{
	struct completion done = {.status = 1};

	assert_int_equal(link_wait_completion(link, 5 * SECOND_NS, &done), 0);
	return done;
}

uint64_t lab_add(struct link *link, uint64_t offset)
{
	struct completion done;

	assert_int_equal(ops->fetch_add(link, offset, 1, 7), 0);
	done = lab_wait(link);
	assert_int_equal(done.status, 0);
	assert_int_equal(done.cookie, 7);
	return done.value;
}

void lab_failures_check(struct link *link, uint64_t posted, int reason, bool progress)
{
	uint64_t deadline = clock_now_ns() + 10 * SECOND_NS;
	bool failed = false;
	uint64_t next = 0;

	while (next < posted) {
		struct completion done[4];
		int count = 0;

		assert_true(clock_now_ns() < deadline);
		if (progress)
			assert_int_equal(ops->progress(link->device, NULL), 0);
		assert_int_equal(ops->poll(link, done, 4, &count), 0);
		for (int i = 0; i < count; i++) {
			assert_int_equal(done[i].cookie, next++);
			if (failed)
				assert_int_equal(done[i].status, -ECANCELED);
			else if (done[i].status && reason)
				assert_int_equal(done[i].status, reason);
			failed = failed || done[i].status;
		}
	}
	assert_true(failed);
	assert_int_equal(ops->fetch_add(link, 0, 1, 0), -ENOTCONN);
	assert_int_equal(ops->state(link, NULL), -ENOTCONN);
}
