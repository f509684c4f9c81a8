#include "sequencer/daemon/config_options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/names.h"
#include "sequencer/daemon/config_check.h"

/* Choices and numbers are stored alike. */
_Static_assert(sizeof(enum config_transport) == sizeof(unsigned int), "enum size");
_Static_assert(sizeof(enum config_log_level) == sizeof(unsigned int), "enum size");
_Static_assert(sizeof(enum pages_policy) == sizeof(unsigned int), "enum size");
_Static_assert(
	PAGES_AUTO == 0 && PAGES_OFF == 1 && PAGES_REQUIRE == 2, "order of policies");

static const char *const transports[] = {"shm", "verbs", NULL};
static const char *const policies[] = {"auto", "off", "require", NULL};
static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};

#define MEMBER(member)                                    \
	.offset = offsetof(struct daemon_config, member), \
	.size = sizeof(((struct daemon_config *)0)->member)
#define TEXT(member) .kind = CONFIG_TEXT, MEMBER(member)
#define LIST(member) .kind = CONFIG_LIST, MEMBER(member[0])
#define NUMBER(member, low, high) \
	.kind = CONFIG_NUMBER, MEMBER(member), .min = (low), .max = (high)
#define CHOICE(member, names) .kind = CONFIG_CHOICE, MEMBER(member), .choices = (names)
#define SWITCH(member) .kind = CONFIG_SWITCH, MEMBER(member)

const struct config_option config_options[CONFIG_OPTIONS_COUNT] = {
	{
		.heading = "Cluster",
		.name = "cluster",
		TEXT(cluster),
		.is_valid = names_cluster_valid,
		.rule = "is no cluster's name: use 1 to 63 of A-Z a-z 0-9 . _ - and do "
			"not begin with . or -",
		.initial = "",
		.argument = "NAME",
		.help = "The cluster to serve; required",
	},
	{
		.name = "id",
		NUMBER(id, 1, UINT16_MAX),
		.initial = "1",
		.help = "This replica's number, which never changes",
	},
	{
		.name = "store",
		TEXT(store),
		.is_valid = config_check_store,
		.rule = "is no store: use file: and an absolute directory, like "
			"file:/var/lib/pawl, or etcd: with URLs and a prefix, like "
			"etcd:https://h1:2379,https://h2:2379/pawl?cacert=/etc/pawl/"
			"ca.pem",
		.initial = "",
		.argument = "file:DIR|etcd:URL,.../PREFIX",
		.help = "Where all replicas find the cluster's record; by default the "
			"state directory ($PAWL_STATE_DIR).  Options of etcd: "
			"?cacert=FILE&cert=FILE&key=FILE&user=NAME&password-file=FILE",
	},
	{
		.name = "group",
		TEXT(group),
		.is_valid = config_check_group,
		.rule = "is no group's name",
		.initial = "",
		.argument = "GROUP",
		.help = "Members of this group may use the cluster, besides this user",
	},
	{
		.name = "settle",
		SWITCH(settle),
		.initial = "off",
		.help = "Take over what a dead replica with this id left, save its "
			"numbers, remove its region and exit",
	},
	{
		.name = "erase",
		SWITCH(erase),
		.initial = "off",
		.help = "With settle: forget the cluster and its numbers instead",
	},
	{
		.heading = "Control",
		.name = "runtime-dir",
		TEXT(runtime_dir),
		.is_valid = config_check_path,
		.rule = "is no absolute path",
		.initial = "",
		.argument = "DIR",
		.help = "Where the socket and the lock are; by default "
			"$PAWL_RUNTIME_DIR, or the user's runtime directory",
	},
	{
		.name = "listen",
		LIST(listen),
		.is_valid = config_check_address,
		.rule = "is no address: use host:port or [host]:port",
		.initial = "",
		.argument = "HOST:PORT",
		.help = "Take control connections here too, besides the Unix socket; up "
			"to 3 times",
	},
	{
		.name = "stop-timeout-ms",
		NUMBER(stop_timeout_ms, 0, 600000),
		.initial = "5000",
		.help = "How long a stop waits for clients to finish",
	},
	{
		.name = "log-level",
		CHOICE(log_level, log_levels),
		.initial = "info",
		.help = "The least important messages to log",
	},
	{
		.heading = "Transport",
		.name = "transport",
		CHOICE(transport, transports),
		.initial = "shm",
		.help = "How clients reach the region: shared memory of this host, or "
			"RDMA",
	},
	{
		.name = "device",
		TEXT(device),
		.initial = "",
		.argument = "NAME[/PORT]",
		.help = "The RDMA device; by default the first that can be used",
	},
	{
		.name = "device-address",
		TEXT(device_address),
		.is_valid = config_check_ip,
		.rule = "is no IPv4 or IPv6 address",
		.initial = "",
		.argument = "ADDRESS",
		.help = "The RDMA device with this IP address; wins over --device",
	},
	{
		.name = "device-port",
		NUMBER(device_port, 0, UINT16_MAX),
		.initial = "0",
		.help = "Port for RDMA connections; 0 takes any",
	},
	{
		.name = "device-memory",
		SWITCH(device_memory),
		.initial = "on",
		.help = "Keep the counters in the device's own memory if it has some",
	},
	{
		.name = "link-timeout-ms",
		NUMBER(link_timeout_ms, 1, 60000),
		.initial = "1000",
		.help = "A link without an answer for so long has failed",
	},
	{
		.heading = "Memory",
		.name = "memory-dir",
		TEXT(memory_dir),
		.is_valid = config_check_path,
		.rule = "is no absolute path",
		.initial = "/dev/shm",
		.argument = "DIR",
		.help = "A directory in a memory file system, for the region",
	},
	{
		.name = "counters-max",
		NUMBER(counters_max, 1, COUNTERS_MAX),
		.initial = "256",
		.help = "Room for so many counters, from this start on",
	},
	{
		.name = "sessions-max",
		NUMBER(sessions_max, 1, SESSIONS_MAX),
		.initial = "256",
		.help = "Room for so many sessions, from this start on",
	},
	{
		.name = "huge-pages",
		CHOICE(huge_pages, policies),
		.initial = "auto",
		.help = "Huge pages for the region",
	},
	{
		.name = "lock-memory",
		CHOICE(lock_memory, policies),
		.initial = "auto",
		.help = "Keep the region from being swapped out",
	},
	{
		.name = "pin",
		TEXT(pin),
		.is_valid = config_check_pin,
		.rule = "is no list of processors: use near, or one like 0-3,8",
		.initial = "",
		.argument = "CPUS|near",
		.help = "Run on these processors, or near the device; by default on any",
	},
};

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
	for (int i = 0; option->choices && option->choices[i] && used < len; i++)
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

/* Empty text adds nothing, so that the command line can take back what a file lists. */
static int add_listen(const struct config_option *option, struct daemon_config *config,
	const char *value, const char *where, struct error *err)
{
	int rc = check_text(option, value, where, err);

	if (rc || value[0] == '\0')
		return rc;
	for (unsigned int i = 0; i < config->listen_count; i++) {
		if (strcmp(config->listen[i], value) == 0)
			return error_set(err, -EINVAL,
				"config: %s: '%s' is there twice; remove one", where,
				value);
	}
	if (config->listen_count == CONFIG_LISTEN_MAX)
		return error_set(err, -EINVAL,
			"config: %s: there are %d addresses already; remove one", where,
			CONFIG_LISTEN_MAX);
	memcpy(config->listen[config->listen_count++], value, strlen(value) + 1);
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
		return add_listen(option, config, value, where, err);
	case CONFIG_NUMBER:
		return set_number(option, member, value, where, err);
	case CONFIG_CHOICE:
		return set_choice(option, member, value, where, err);
	case CONFIG_SWITCH:
		return set_switch(option, member, value, where, err);
	default:
		return set_text(option, member, value, where, err);
	}
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
		for (unsigned int i = 0; i < config->listen_count; i++)
			(void)fprintf(out, "%s = %s\n", option->name, config->listen[i]);
		if (config->listen_count == 0)
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
