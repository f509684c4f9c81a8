/* The suite over shared memory, with its bytes in a file and in an anonymous memory file. */
#include <stdio.h>
#include <unistd.h>

#include "tests/conformance/conformance.h"

#define PATHS_MAX 8

static char paths[PATHS_MAX][64];
static unsigned int paths_count;

static int device_open(bool owner, struct device **device_p, struct error *err)
{
	struct device_config config = {.listen = owner};

	return shm_memory_ops.open(&config, device_p, err);
}

static const char *path_next(void)
{
	static unsigned int ever;
	char *path = paths[paths_count++];

	assert_true(paths_count <= PATHS_MAX);
	(void)snprintf(path, sizeof(paths[0]), "/dev/shm/pawl-conformance-%ld-%u",
		(long)getpid(), ever++);
	return path;
}

static void paths_forget(void)
{
	while (paths_count > 0)
		(void)unlink(paths[--paths_count]);
}

int main(void)
{
	struct conformance_bed bed = {
		.name = "shm, anonymous",
		.ops = &shm_memory_ops,
		.open = device_open,
		.unreachable = "shm path=/proc/2147483647/fd/3 len=4096",
		.has_processes = true,
		.litmus_rounds = 200000,
		.hammer_count = 200000,
		.cycles_count = 500,
	};
	int failed = conformance_run(&bed);

	bed.name = "shm, file";
	bed.path = path_next;
	bed.forget = paths_forget;
	bed.end = paths_forget;
	bed.unreachable = "shm path=/dev/shm/pawl-conformance-never-was len=4096";
	return conformance_run(&bed) || failed;
}
