#include "hw/placement/placement.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads one number below CPU_SETSIZE and moves @at behind it; -1 when there is none. */
static int number_take(const char **at)
{
	int number = 0;
	const char *start = *at;

	while (**at >= '0' && **at <= '9' && number < CPU_SETSIZE)
		number = number * 10 + (*(*at)++ - '0');
	return *at == start || number >= CPU_SETSIZE ? -1 : number;
}

/* Reads "5" or "2-5" into @cpus and moves @at behind it. */
static bool range_take(const char **at, cpu_set_t *cpus)
{
	int first = number_take(at);
	int last = first;

	if (first >= 0 && **at == '-') {
		(*at)++;
		last = number_take(at);
	}
	if (first < 0 || last < first)
		return false;
	for (int cpu = first; cpu <= last; cpu++)
		CPU_SET((size_t)cpu, cpus);
	return true;
}

static bool list_take(const char *at, cpu_set_t *cpus)
{
	CPU_ZERO(cpus);
	for (;;) {
		if (!range_take(&at, cpus))
			return false;
		if (*at == '\0')
			return true;
		if (*at++ != ',')
			return false;
	}
}

int placement_parse_cpus(const char *text, const struct placement *placement,
	cpu_set_t *cpus_p, struct error *err)
{
	cpu_set_t cpus;

	if (strcmp(text, "near") == 0) {
		if (!placement)
			return error_set(err, -EINVAL,
				"placement: cpus: near what is not known here; give "
				"numbers, such as 2-5,8");
		*cpus_p = placement->near;
		return 0;
	}
	if (!list_take(text, &cpus))
		return error_set(err, -EINVAL,
			"placement: cpus: %s: not a list of processors from 0 to %d; "
			"give near, or "
			"numbers such as 2-5,8",
			text, CPU_SETSIZE - 1);
	*cpus_p = cpus;
	return 0;
}

/* The last of the processors that follow @first without a gap. */
static int range_end(const cpu_set_t *cpus, int first)
{
	while (first + 1 < CPU_SETSIZE && CPU_ISSET((size_t)first + 1, cpus))
		first++;
	return first;
}

void placement_format_cpus(const cpu_set_t *cpus, char *text, size_t len)
{
	const char *comma = "";
	size_t at = 0;

	(void)snprintf(text, len, "none");
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int last;
		char range[32];

		if (!CPU_ISSET((size_t)cpu, cpus))
			continue;
		last = range_end(cpus, cpu);
		if (last > cpu)
			(void)snprintf(range, sizeof(range), "%s%d-%d", comma, cpu, last);
		else
			(void)snprintf(range, sizeof(range), "%s%d", comma, cpu);
		if (at + strlen(range) + sizeof("...") > len) {
			(void)snprintf(text + at, len - at, "...");
			return;
		}
		at += (size_t)snprintf(text + at, len - at, "%s", range);
		comma = ",";
		cpu = last;
	}
}

int placement_pin_thread(const cpu_set_t *cpus, struct error *err)
{
	char text[PLACEMENT_CPUS_TEXT];

	if (sched_setaffinity(0, sizeof(*cpus), cpus) == 0)
		return 0;
	placement_format_cpus(cpus, text, sizeof(text));
	if (errno == EINVAL)
		return error_set(err, -EINVAL,
			"placement: cpus %.200s: can not run there: none of them exists "
			"here and is "
			"allowed; see /sys/fs/cgroup and: nproc --all",
			text);
	return error_set(err, -EPERM,
		"placement: cpus %.200s: can not run there: %s; give others", text,
		error_reason(-errno));
}
