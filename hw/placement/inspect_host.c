#include "hw/placement/inspect_topic.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hw/placement/sysfs.h"

/* A default stream in two copies is 32 MiB, and an old epoch's region stays for a while.
 */
#define LOCK_NEED ((uint64_t)64 << 20) /* bytes */
#define KIB 1024
#define IDLE_MAX_US 10 /* an idle state that takes longer to leave than this is deep */
#define STATES_MAX 10  /* idle states of a processor */
#define CPU_DIR "sys/devices/system/cpu"
#define HUGE_DIR "sys/kernel/mm/hugepages"

void inspect_locked_memory(
	const struct inspect_input *input, struct inspection *inspection)
{
	static const char what[] = "locked memory";
	struct finding *finding;

	if (input->locked_max == UINT64_MAX) {
		finding_add(inspection, INSPECT_OK, what, "no limit");
		return;
	}
	if (input->locked_max >= LOCK_NEED) {
		finding_add(inspection, INSPECT_OK, what, "up to %llu KiB",
			(unsigned long long)(input->locked_max / KIB));
		return;
	}
	finding = finding_add(inspection, INSPECT_BROKEN, what,
		"the limit is %llu KiB, and %llu KiB are needed for a stream of the "
		"default size",
		(unsigned long long)(input->locked_max / KIB),
		(unsigned long long)(LOCK_NEED / KIB));
	finding_fix(finding,
		"echo '* - memlock unlimited' | "
		"sudo tee /etc/security/limits.d/pawl.conf   # then log in again");
}

/* The word in [brackets] of a choice such as "always [never] deny". */
static bool choice_read(const char *root, const char *path, char *word, size_t len)
{
	char text[128];
	char *start;

	if (sysfs_text(text, sizeof(text), root, "%s", path))
		return false;
	start = strchr(text, '[');
	if (!start)
		return false;
	(void)snprintf(word, len, "%.*s", (int)strcspn(start + 1, "]"), start + 1);
	return true;
}

static int is_huge_dir(const char *root, const char *name)
{
	(void)root;
	return strncmp(name, "hugepages-2048kB", sizeof("hugepages-2048kB")) == 0;
}

void inspect_huge_pages(const struct inspect_input *input, struct inspection *inspection)
{
	static const char what[] = "huge pages";
	char size[64];
	char shmem[32];
	long long free_count = 0;
	struct finding *finding;
	bool transparent = choice_read(input->root,
		"sys/kernel/mm/transparent_hugepage/shmem_enabled", shmem, sizeof(shmem));

	if (sysfs_first(input->root, HUGE_DIR, is_huge_dir, size, sizeof(size)) &&
		sysfs_first(input->root, HUGE_DIR, NULL, size, sizeof(size))) {
		finding_add(inspection, INSPECT_UNKNOWN, what, "not known here");
		return;
	}
	if (sysfs_number(&free_count, input->root, HUGE_DIR "/%s/free_hugepages", size))
		free_count = 0;
	if (free_count > 0 ||
		(transparent && strcmp(shmem, "never") && strcmp(shmem, "deny"))) {
		finding_add(inspection, INSPECT_OK, what,
			"%lld free in %s, transparent: %s", free_count, size,
			transparent ? shmem : "not known");
		return;
	}
	finding = finding_add(inspection, INSPECT_SLOW, what,
		"none free in %s, and transparent ones are off for shared memory", size);
	finding_fix(finding,
		"echo 64 | sudo tee /sys/kernel/mm/hugepages/%s/nr_hugepages", size);
}

/* The greatest distance from the device's node to a node where we may run; 0: not known.
 */
static int distance_max(const struct inspect_input *input)
{
	const struct placement *placement = input->placement;
	int max = 0;

	for (int i = 0; i < placement->nodes_count; i++) {
		cpu_set_t both;

		CPU_AND(&both, &placement->nodes[i].cpus, &input->running);
		if (CPU_COUNT(&both) > 0 && placement->nodes[i].distance > max)
			max = placement->nodes[i].distance;
	}
	return max;
}

static void report_far(const struct inspect_input *input, struct inspection *inspection)
{
	char running[64];
	char near[PLACEMENT_CPUS_TEXT];
	struct finding *finding;
	int distance = distance_max(input);

	placement_format_cpus(&input->running, running, sizeof(running));
	placement_format_cpus(&input->placement->near, near, sizeof(near));
	if (distance > 0)
		finding = finding_add(inspection, INSPECT_SLOW, "NUMA",
			"may run on processors %s, up to distance %d from %s on node %d "
			"(near is 10)",
			running, distance, input->placement->device,
			input->placement->node);
	else
		finding = finding_add(inspection, INSPECT_SLOW, "NUMA",
			"may run on processors %s, not all near %s", running,
			input->placement->device);
	finding_fix(finding, "taskset -c %.200s COMMAND", near);
}

void inspect_numa(const struct inspect_input *input, struct inspection *inspection)
{
	const struct placement *placement = input->placement;
	cpu_set_t inside;

	if (placement->nodes_count <= 1) {
		finding_add(
			inspection, INSPECT_OK, "NUMA", "one node, everything is near");
		return;
	}
	if (placement->device[0] == '\0') {
		finding_add(inspection, INSPECT_OK, "NUMA",
			"%d nodes, and no RDMA device to be near to",
			placement->nodes_count);
		return;
	}
	if (placement->basis == PLACEMENT_NOWHERE) {
		finding_add(inspection, INSPECT_OK, "NUMA",
			"%d nodes, %s is near none of them", placement->nodes_count,
			placement->device);
		return;
	}
	CPU_AND(&inside, &input->running, &placement->near);
	if (CPU_EQUAL(&inside, &input->running))
		finding_add(inspection, INSPECT_OK, "NUMA", "runs near %s, on node %d",
			placement->device, placement->node);
	else
		report_far(input, inspection);
}

void inspect_governor(const struct inspect_input *input, struct inspection *inspection)
{
	static const char what[] = "processor governor";
	char slow[32] = "";
	char governor[32];
	int known_count = 0;
	int slow_count = 0;
	struct finding *finding;

	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &input->placement->near) ||
			sysfs_text(governor, sizeof(governor), input->root,
				CPU_DIR "/cpu%zu/cpufreq/scaling_governor", cpu))
			continue;
		known_count++;
		if (strcmp(governor, "performance") != 0 && slow_count++ == 0)
			memcpy(slow, governor, sizeof(slow));
	}
	if (known_count == 0) {
		finding_add(inspection, INSPECT_UNKNOWN, what, "not known here");
		return;
	}
	if (slow_count == 0) {
		finding_add(inspection, INSPECT_OK, what, "performance");
		return;
	}
	finding = finding_add(inspection, INSPECT_SLOW, what,
		"%s on %d of the %d processors near the device", slow, slow_count,
		known_count);
	finding_fix(finding,
		"echo performance | sudo tee /" CPU_DIR "/cpu*/cpufreq/scaling_governor");
}

/* Somebody holds processors awake: the kernel's bound in microseconds, or -1. */
static long wake_bound_us(const char *root)
{
	char path[PATH_MAX];
	int32_t bound = -1;
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/dev/cpu_dma_latency", root) >=
		sizeof(path))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (read(fd, &bound, sizeof(bound)) != (ssize_t)sizeof(bound))
		bound = -1;
	(void)close(fd);
	return bound;
}

struct idle {
	bool known;
	int first;	    /* the first state that is deep and enabled, or -1 */
	long long worst_us; /* to leave the deepest of them */
};

/* Looks at one state of one processor; false when there is no such state. */
static bool idle_look(const char *root, size_t cpu, int state, struct idle *idle)
{
	long long latency_us;
	long long disabled = 0;

	if (sysfs_number(&latency_us, root, CPU_DIR "/cpu%zu/cpuidle/state%d/latency",
		    cpu, state))
		return false;
	idle->known = true;
	if (sysfs_number(&disabled, root, CPU_DIR "/cpu%zu/cpuidle/state%d/disable", cpu,
		    state))
		disabled = 0;
	if (latency_us <= IDLE_MAX_US || disabled)
		return true;
	if (idle->first < 0 || state < idle->first)
		idle->first = state;
	if (latency_us > idle->worst_us)
		idle->worst_us = latency_us;
	return true;
}

static struct idle idle_find(const struct inspect_input *input)
{
	struct idle idle = {.first = -1};

	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int state = 0;

		if (!CPU_ISSET(cpu, &input->placement->near))
			continue;
		while (state < STATES_MAX && idle_look(input->root, cpu, state, &idle))
			state++;
	}
	return idle;
}

void inspect_idle(const struct inspect_input *input, struct inspection *inspection)
{
	static const char what[] = "idle states";
	struct idle idle = idle_find(input);
	long bound_us = wake_bound_us(input->root);
	struct finding *finding;

	if (!idle.known) {
		finding_add(inspection, INSPECT_UNKNOWN, what, "not known here");
		return;
	}
	if (idle.first < 0) {
		finding_add(inspection, INSPECT_OK, what,
			"none that takes more than %d us to leave", IDLE_MAX_US);
		return;
	}
	if (bound_us >= 0 && bound_us <= IDLE_MAX_US) {
		finding_add(inspection, INSPECT_OK, what,
			"held to %ld us through /dev/cpu_dma_latency", bound_us);
		return;
	}
	finding = finding_add(inspection, INSPECT_SLOW, what,
		"a sleeping processor takes up to %lld us to wake", idle.worst_us);
	finding_fix(finding,
		"echo 1 | sudo tee /" CPU_DIR "/cpu*/cpuidle/state[%d-9]/disable",
		idle.first);
}
