/* The suite over shared memory, with its bytes in a file and in an anonymous memory file. */
#include <glob.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/conformance/conformance.h"

static pid_t run; /* the process that the stories run in, also in processes it starts */

static int device_open(bool owner, struct device **device_p, struct error *err)
{
	struct device_config config = {.listen = owner};

	return shm_memory_ops.open(&config, device_p, err);
}

static const char *path_next(void)
{
	static unsigned int ever;
	static char path[64];

	(void)snprintf(path, sizeof(path), "/dev/shm/pawl-conformance-%ld-%ld-%u",
		(long)run, (long)getpid(), ever++);
	return path;
}

/* Also those of an owner that was killed. */
static void paths_forget(void)
{
	char pattern[64];
	glob_t found;

	(void)snprintf(
		pattern, sizeof(pattern), "/dev/shm/pawl-conformance-%ld-*", (long)run);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			(void)unlink(found.gl_pathv[i]);
	}
	globfree(&found);
}

int main(int argc, char **argv)
{
	struct conformance_bed beds[3] = {
		{
			.name = "shm, anonymous",
			.ops = &shm_memory_ops,
			.open = device_open,
			.unreachable = "shm path=/proc/2147483647/fd/3 len=4096",
			.silent_peers = true,
			.has_processes = true,
			.litmus_rounds = 200000,
			.hammer_count = 200000,
			.cycles_count = 500,
		},
	};

	run = argc > 1 ? getppid() : getpid();
	beds[1] = beds[0];
	beds[1].name = "shm, file";
	beds[1].path = path_next;
	beds[1].forget = paths_forget;
	beds[1].end = paths_forget;
	beds[1].unreachable = "shm path=/dev/shm/pawl-conformance-never-was len=4096";
	return conformance_main(argc, argv, beds);
}
