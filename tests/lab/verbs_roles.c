/* The processes beside the test itself. */
#include "tests/lab/verbs_lab.h"

#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

pid_t lab_role_start(const char *const args[], int output)
{
	posix_spawn_file_actions_t actions;
	char *argv[8] = {(char *)(uintptr_t) "verbs_test"};
	pid_t pid;

	for (int i = 0; args[i]; i++)
		argv[i + 1] = (char *)(uintptr_t)args[i];
	posix_spawn_file_actions_init(&actions);
	if (output >= 0)
		posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	assert_int_equal(
		posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

pid_t lab_owner_start(char address[MEMORY_ADDRESS_MAX])
{
	const char *args[] = {"owner", NULL};
	int ends[2];
	FILE *reader;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = lab_role_start(args, ends[1]);
	close(ends[1]);
	reader = fdopen(ends[0], "r");
	assert_non_null(fgets(address, MEMORY_ADDRESS_MAX, reader));
	address[strcspn(address, "\n")] = '\0';
	fclose(reader);
	return pid;
}

int lab_owner_role(void)
{
	struct device *device = lab_device_open(true, SECOND_NS);
	struct memory *memory = lab_memory_expose(device);

	printf("%s\n", ops->address(memory));
	fflush(stdout);
	for (int i = 0; i < 60000; i++) {
		if (ops->progress(device, NULL))
			return 1;
		usleep(1000);
	}
	return 1;
}

int lab_adder_role(const char *address, uint64_t count)
{
	struct device *device = lab_device_open(false, 10 * SECOND_NS);
	struct link *link = lab_connect(device, address, 16, 0);
	uint64_t posted = 0, done = 0, last = 0;

	while (done < count) {
		struct completion completions[16];
		int got = 0;

		while (posted < count && ops->fetch_add(link, 0, 1, posted) == 0)
			posted++;
		if (ops->poll(link, completions, 16, &got))
			return 1;
		for (int i = 0; i < got; i++, done++) {
			if (completions[i].status || completions[i].cookie != done ||
				(done && completions[i].value <= last))
				return 2;
			last = completions[i].value;
		}
	}
	ops->disconnect(link);
	ops->close(device);
	return 0;
}

static bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

int lab_loser_role(const char *address, const char *cut, const char *gone)
{
	struct device *device = lab_device_open(false, SECOND_NS);
	struct link *link = lab_connect(device, address, 8, 0);
	uint64_t deadline = clock_now_ns() + 30 * SECOND_NS, begin;
	FILE *sign;

	for (int i = 0; i < 100; i++)
		(void)lab_add(link, 0);
	sign = fopen(cut, "w");
	assert_non_null(sign);
	fclose(sign);
	while (!file_exists(gone))
		assert_true(clock_now_ns() < deadline);
	begin = clock_now_ns();
	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(ops->fetch_add(link, 0, 1, i), 0);
	lab_failures_check(link, 8, -ETIMEDOUT, true);
	printf("all came back %llu ms after the cut\n",
		(unsigned long long)(clock_now_ns() - begin) / 1000000);
	ops->disconnect(link);
	ops->close(device);
	return 0;
}
