#include "bench/words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/gnuplot.h"

#define INSTEAD_LEN 256

static const char *const waits[] = {"yield", "spin", "sleep", NULL};
static const char *const transports[] = {"shm", "verbs", NULL};

_Static_assert(PAWL_WAIT_YIELD == 0 && PAWL_WAIT_SPIN == 1 && PAWL_WAIT_SLEEP == 2,
	"places in the list");

int option_refuse(
	const char *command, const char *option, const char *text, const char *instead)
{
	(void)fprintf(
		stderr, "%s: --%s=%s: not allowed; %s\n", command, option, text, instead);
	return EINVAL;
}

/* "use A, B or C" */
static void instead_write(const char *const *words, char *text, size_t len)
{
	size_t used = (size_t)snprintf(text, len, "use %s", words[0]);

	for (int i = 1; words[i] && used < len; i++)
		used += (size_t)snprintf(text + used, len - used, "%s%s",
			words[i + 1] ? ", " : " or ", words[i]);
}

int word_option_set(const struct word_option *option, const char *text, int *place_p)
{
	char instead[INSTEAD_LEN];

	for (int i = 0; option->words[i]; i++) {
		if (strcmp(option->words[i], text) == 0) {
			*place_p = i;
			return 0;
		}
	}
	instead_write(option->words, instead, sizeof(instead));
	return option_refuse(option->command, option->name, text, instead);
}

int transport_option_set(const char *command, const char *text, bool *verbs_p)
{
	const struct word_option option = {command, "transport", transports};
	int place = 0;
	int rc = word_option_set(&option, text, &place);

	*verbs_p = place == 1;
	return rc;
}

int wait_option_set(const char *command, const char *text, enum pawl_wait *wait_p)
{
	const struct word_option option = {command, "wait", waits};
	int place = 0;
	int rc = word_option_set(&option, text, &place);

	*wait_p = (enum pawl_wait)place;
	return rc;
}

int plot_option_set(const char *command, const char *text, const char **prefix_p)
{
	*prefix_p = text;
	if (gnuplot_prefix_valid(text))
		return 0;
	return option_refuse(command, "plot", text,
		"use a path of letters, digits and / . _ - that does not end with /");
}

const char *wait_option_name(enum pawl_wait wait)
{
	return waits[wait];
}
