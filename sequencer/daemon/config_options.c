#include "sequencer/daemon/config_options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/daemon/config_check.h"

int config_option_find(const char *name)
{
	for (int i = 0; i < CONFIG_OPTIONS_COUNT; i++) {
		if (strcmp(config_options[i].name, name) == 0)
			return i;
	}
	return -1;
}

void config_option_argument(const struct config_option *option, char *buf, size_t len)
{
	size_t used = 0;

	buf[0] = '\0';
	if (option->argument)
		(void)snprintf(buf, len, "%s", option->argument);
	else if (option->kind == CONFIG_NUMBER)
		(void)snprintf(buf, len, "%u..%u", option->min, option->max);
	else if (option->kind == CONFIG_SWITCH)
		(void)snprintf(buf, len, "on|off");
	for (int i = 0;
		!option->argument && option->choices && option->choices[i] && used < len;
		i++)
		used += (size_t)snprintf(
			buf + used, len - used, "%s%s", i ? "|" : "", option->choices[i]);
}

static int refuse(const struct config_option *option, const char *value,
	const char *where, struct error *err)
{
	char argument[80];

	if (option->rule)
		return error_set(
			err, -EINVAL, "config: %s: '%s' %s", where, value, option->rule);
	config_option_argument(option, argument, sizeof(argument));
	return error_set(err, -EINVAL, "config: %s: '%s' is not allowed; give %s", where,
		value, argument);
}

static int check_text(const struct config_option *option, const char *value,
	const char *where, struct error *err)
{
	if (!config_check_text(value))
		return error_set(err, -EINVAL,
			"config: %s: '%s' has a blank at an end, a ';' or a character "
			"that is not printable ASCII; remove it",
			where, value);
	if (strlen(value) >= option->size)
		return error_set(err, -EINVAL,
			"config: %s: is longer than %zu bytes; shorten it", where,
			option->size - 1);
	if (value[0] != '\0' && option->is_valid && !option->is_valid(value))
		return refuse(option, value, where, err);
	return 0;
}

static int set_text(const struct config_option *option, void *member, const char *value,
	const char *where, struct error *err)
{
	int rc = check_text(option, value, where, err);

	if (!rc)
		memcpy(member, value, strlen(value) + 1);
	return rc;
}

static unsigned int list_count(
	const struct config_option *option, const struct daemon_config *config)
{
	unsigned int count;

	memcpy(&count, (const char *)config + option->count_offset, sizeof(count));
	return count;
}

/* Empty text adds nothing, so that the command line can take back what a file lists. */
static int add_to_list(const struct config_option *option, struct daemon_config *config,
	const char *value, const char *where, struct error *err)
{
	unsigned int count = list_count(option, config);
	char *list = (char *)config + option->offset;
	int rc = check_text(option, value, where, err);

	if (rc || value[0] == '\0')
		return rc;
	for (unsigned int i = 0; i < count; i++) {
		if (strcmp(list + i * option->size, value) == 0)
			return error_set(err, -EINVAL,
				"config: %s: '%s' is there twice; remove one", where,
				value);
	}
	if (count == option->max)
		return error_set(err, -EINVAL,
			"config: %s: there are %u addresses already; remove one", where,
			option->max);
	memcpy(list + count * option->size, value, strlen(value) + 1);
	count++;
	memcpy((char *)config + option->count_offset, &count, sizeof(count));
	return 0;
}

static int set_number(const struct config_option *option, void *member, const char *value,
	const char *where, struct error *err)
{
	unsigned int n = 0;

	if (value[0] == '\0' || strlen(value) > 9 ||
		strspn(value, "0123456789") != strlen(value))
		return refuse(option, value, where, err);
	n = (unsigned int)strtoul(value, NULL, 10);
	if (n < option->min || n > option->max)
		return refuse(option, value, where, err);
	memcpy(member, &n, sizeof(n));
	return 0;
}

/* NULL: no such unit. */
static const struct config_unit *unit_find(
	const struct config_option *option, const char *suffix)
{
	static const struct config_unit one = {"", 1};

	if (suffix[0] == '\0')
		return &one;
	for (const struct config_unit *unit = option->units; unit->suffix; unit++) {
		if (strcmp(unit->suffix, suffix) == 0)
			return unit;
	}
	return NULL;
}

static int set_amount(const struct config_option *option, void *member, const char *value,
	const char *where, struct error *err)
{
	size_t digits = strspn(value, "0123456789");
	const struct config_unit *unit = unit_find(option, value + digits);
	uint64_t n;

	if (digits == 0 || digits > 18 || !unit)
		return refuse(option, value, where, err);
	n = strtoull(value, NULL, 10);
	if (n > option->most / unit->factor || n * unit->factor < option->least)
		return refuse(option, value, where, err);
	n *= unit->factor;
	memcpy(member, &n, sizeof(n));
	return 0;
}

static int set_choice(const struct config_option *option, void *member, const char *value,
	const char *where, struct error *err)
{
	for (unsigned int i = 0; option->choices[i]; i++) {
		if (strcmp(option->choices[i], value) == 0) {
			memcpy(member, &i, sizeof(i));
			return 0;
		}
	}
	return refuse(option, value, where, err);
}

static int set_switch(const struct config_option *option, bool *member, const char *value,
	const char *where, struct error *err)
{
	if (strcmp(value, "on") && strcmp(value, "off"))
		return refuse(option, value, where, err);
	*member = strcmp(value, "on") == 0;
	return 0;
}

int config_option_set(const struct config_option *option, struct daemon_config *config,
	const char *value, const char *where, struct error *err)
{
	void *member = (char *)config + option->offset;

	switch (option->kind) {
	case CONFIG_LIST:
		return add_to_list(option, config, value, where, err);
	case CONFIG_NUMBER:
		return set_number(option, member, value, where, err);
	case CONFIG_CHOICE:
		return set_choice(option, member, value, where, err);
	case CONFIG_SWITCH:
		return set_switch(option, member, value, where, err);
	case CONFIG_AMOUNT:
		return set_amount(option, member, value, where, err);
	default:
		return set_text(option, member, value, where, err);
	}
}

/* In the largest unit of which it is so many. */
static void print_amount(
	const struct config_option *option, const void *member, FILE *out)
{
	const struct config_unit *unit = option->units;
	uint64_t n;

	memcpy(&n, member, sizeof(n));
	while (unit->suffix && (n == 0 || n % unit->factor != 0))
		unit++;
	(void)fprintf(out, "%s = %" PRIu64 "%s\n", option->name,
		unit->suffix ? n / unit->factor : n, unit->suffix ? unit->suffix : "");
}

static void print_value(
	const struct config_option *option, const struct daemon_config *config, FILE *out)
{
	const void *member = (const char *)config + option->offset;
	const char *text = member;
	unsigned int n = 0;

	switch (option->kind) {
	case CONFIG_TEXT:
		(void)fprintf(out, "%s =%s%s\n", option->name, text[0] ? " " : "", text);
		break;
	case CONFIG_LIST:
		for (unsigned int i = 0; i < list_count(option, config); i++)
			(void)fprintf(
				out, "%s = %s\n", option->name, text + i * option->size);
		if (list_count(option, config) == 0)
			(void)fprintf(out, "%s =\n", option->name);
		break;
	case CONFIG_SWITCH:
		(void)fprintf(out, "%s = %s\n", option->name,
			*(const bool *)member ? "on" : "off");
		break;
	case CONFIG_NUMBER:
		memcpy(&n, member, sizeof(n));
		(void)fprintf(out, "%s = %u\n", option->name, n);
		break;
	case CONFIG_AMOUNT:
		print_amount(option, member, out);
		break;
	case CONFIG_CHOICE:
		memcpy(&n, member, sizeof(n));
		(void)fprintf(out, "%s = %s\n", option->name, option->choices[n]);
		break;
	}
}

int config_print(const struct daemon_config *config, FILE *out, struct error *err)
{
	(void)fputs("[pawld]\n", out);
	for (int i = 0; i < CONFIG_OPTIONS_COUNT; i++) {
		if (config_options[i].heading)
			(void)fprintf(out, "\n# %s\n", config_options[i].heading);
		print_value(&config_options[i], config, out);
	}
	if (fflush(out) == 0 && !ferror(out))
		return 0;
	return error_set(err, -EIO,
		"config: the configuration can not be written out; is there space?");
}

void config_options_init(struct daemon_config *config)
{
	memset(config, 0, sizeof(*config));
	for (int i = 0; i < CONFIG_OPTIONS_COUNT; i++) {
		const struct config_option *option = &config_options[i];

		/* The tests hold the table to its own rules, so this can not fail. */
		(void)!config_option_set(
			option, config, option->initial, option->name, NULL);
	}
}
