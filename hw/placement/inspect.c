#include "hw/placement/inspect.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "hw/placement/inspect_topic.h"

#define CAP_IPC_LOCK_BIT 14 /* the kernel's number of the right to lock without limit */

const char *inspect_severity_name(enum inspect_severity severity)
{
	static const char *const names[] = {
		[INSPECT_OK] = "ok",
		[INSPECT_UNKNOWN] = "unknown",
		[INSPECT_SLOW] = "slow",
		[INSPECT_BROKEN] = "broken",
	};

	return names[severity];
}

struct finding *finding_add(struct inspection *inspection, enum inspect_severity severity,
	const char *what, const char *format, ...)
{
	struct finding *finding;
	va_list args;

	if (inspection->count >= INSPECT_FINDINGS_MAX)
		abort(); /* topics are few and each known: our own bug */
	finding = &inspection->findings[inspection->count++];
	finding->severity = severity;
	finding->what = what;
	va_start(args, format);
	(void)vsnprintf(finding->found, sizeof(finding->found), format, args);
	va_end(args);
	finding->fix[0] = '\0';
	return finding;
}

void finding_fix(struct finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(finding->fix, sizeof(finding->fix), format, args);
	va_end(args);
}

static bool may_lock_without_limit(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	uint64_t rights = 0;

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file) &&
		sscanf(line, "CapEff: %" SCNx64, &rights) != 1)
		;
	fclose(file);
	return (rights >> CAP_IPC_LOCK_BIT) & 1;
}

void inspect_self(struct inspect_input *input)
{
	struct rlimit limit;

	CPU_ZERO(&input->running);
	(void)sched_getaffinity(0, sizeof(input->running), &input->running);
	input->locked_max = UINT64_MAX;
	if (may_lock_without_limit() || getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return;
	if (limit.rlim_cur != RLIM_INFINITY)
		input->locked_max = limit.rlim_cur;
}

void inspect_run(const struct inspect_input *input, struct inspection *inspection_p)
{
	inspection_p->count = 0;
	inspect_device(input, inspection_p);
	inspect_locked_memory(input, inspection_p);
	inspect_huge_pages(input, inspection_p);
	inspect_numa(input, inspection_p);
	inspect_governor(input, inspection_p);
	inspect_idle(input, inspection_p);
}
