#include "sequencer/daemon/config.h"

#include <argp.h>
#include <errno.h>
#include <string.h>

#include "sequencer/control/paths.h"
#include "sequencer/daemon/config_options.h"

/* Keys of argp.  None is a character, so there are no short options. */
enum {
	KEY_CONFIG = 0x1000,
	KEY_PRINT,
	KEY_HELP,
	KEY_VERSION,
	KEY_OPTION, /* and one for each row of the table */
};

#define OWN_OPTIONS 4
/* Own options, the table with a heading for each row at most, and the end. */
#define ARGP_OPTIONS (OWN_OPTIONS + 2 * CONFIG_OPTIONS_COUNT + 1)

#define ARGUMENT_SIZE 80
#define HELP_SIZE 200

struct command_line {
	struct config_state state;
	const char *file;
	enum config_action action;
	struct error *err;
	int rc;
};

/* What argp wants, made from the table; the texts live in here. */
struct argp_table {
	struct argp_option options[ARGP_OPTIONS];
	char arguments[CONFIG_OPTIONS_COUNT][ARGUMENT_SIZE];
	char helps[CONFIG_OPTIONS_COUNT][HELP_SIZE];
	char headings[CONFIG_OPTIONS_COUNT][ARGUMENT_SIZE];
	size_t used;
};

static void table_add_heading(struct argp_table *table, int row, int group)
{
	(void)snprintf(table->headings[row], sizeof(table->headings[row]),
		"%s:", config_options[row].heading);
	table->options[table->used++] = (struct argp_option){
		.doc = table->headings[row], .group = group};
}

static void table_add_option(struct argp_table *table, int row, int group)
{
	const struct config_option *option = &config_options[row];
	const char *initial = option->initial;

	config_option_argument(
		option, table->arguments[row], sizeof(table->arguments[row]));
	(void)snprintf(table->helps[row], sizeof(table->helps[row]), "%s%s%s%s",
		option->help, initial[0] ? " (default " : "", initial,
		initial[0] ? ")" : "");
	table->options[table->used++] = (struct argp_option){
		.name = option->name,
		.key = KEY_OPTION + row,
		.arg = table->arguments[row],
		.flags = option->kind == CONFIG_SWITCH ? OPTION_ARG_OPTIONAL : 0,
		.doc = table->helps[row],
		.group = group,
	};
}

static void table_init(struct argp_table *table)
{
	static const struct argp_option own[OWN_OPTIONS] = {
		{"config", KEY_CONFIG, "FILE", 0,
			"Read settings from this file too; its keys, in a section "
			"[pawld], are the long options without their dashes, and the "
			"command line wins",
			1},
		{"print-config", KEY_PRINT, NULL, 0,
			"Write the settings in force as such a file and exit", 1},
		{"help", KEY_HELP, NULL, 0, "Show this and exit", -1},
		{"version", KEY_VERSION, NULL, 0, "Show the version and exit", -1},
	};
	int group = 1;

	memset(table, 0, sizeof(*table));
	memcpy(table->options, own, sizeof(own));
	table->used = OWN_OPTIONS;
	for (int i = 0; i < CONFIG_OPTIONS_COUNT; i++) {
		if (config_options[i].heading)
			table_add_heading(table, i, ++group);
		table_add_option(table, i, group);
	}
}

static int refuse(struct command_line *line, const char *argument, const char *reason)
{
	line->rc = error_set(
		line->err, -EINVAL, "config: %s: %s; see pawld --help", argument, reason);
	return line->rc;
}

static int set_option(struct command_line *line, int row, const char *value)
{
	const struct config_option *option = &config_options[row];
	char where[ARGUMENT_SIZE];

	(void)snprintf(where, sizeof(where), "--%s", option->name);
	if (!value && option->kind == CONFIG_SWITCH)
		value = "on";
	if (line->state.from_command_line[row] && option->kind != CONFIG_LIST)
		return refuse(line, where, "is there twice");
	line->state.from_command_line[row] = true;
	line->rc = config_option_set(
		option, &line->state.config, value, where, line->err);
	return line->rc;
}

static int set_file(struct command_line *line, const char *name)
{
	if (line->file)
		return refuse(line, "--config", "is there twice");
	line->file = name;
	return 0;
}

/* Shown at once, whatever else the line says: nothing after it is looked at. */
static int finish(
	struct command_line *line, struct argp_state *state, enum config_action action)
{
	line->action = action;
	state->next = state->argc;
	return 0;
}

static bool needs_value(const char *argument)
{
	return strcmp(argument, "--config") == 0 ||
	       (strncmp(argument, "--", 2) == 0 && config_option_find(argument + 2) >= 0);
}

/* getopt has refused the argument before state->next and keeps the reason to itself. */
static int refuse_unknown(struct command_line *line, const struct argp_state *state)
{
	const char *argument = state->argv[state->next > 1 ? state->next - 1 : 0];

	if (line->rc)
		return line->rc; /* it was us, and the text is there */
	if (needs_value(argument))
		return refuse(line, argument, "needs a value");
	return refuse(line, argument,
		strchr(argument, '=') ? "is no option, or takes no value"
				      : "is no option");
}

static error_t on_argument(int key, char *value, struct argp_state *state)
{
	struct command_line *line = state->input;
	int rc = 0;

	if (key >= KEY_OPTION && key < KEY_OPTION + CONFIG_OPTIONS_COUNT)
		return -set_option(line, key - KEY_OPTION, value);
	switch (key) {
	case KEY_CONFIG:
		rc = set_file(line, value);
		break;
	case KEY_PRINT:
		line->action = CONFIG_PRINT;
		break;
	case KEY_HELP:
		rc = finish(line, state, CONFIG_HELP);
		break;
	case KEY_VERSION:
		rc = finish(line, state, CONFIG_VERSION);
		break;
	case ARGP_KEY_ARG:
		rc = refuse(line, value, "is no option");
		break;
	case ARGP_KEY_ERROR:
		rc = refuse_unknown(line, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return -rc;
}

static void argp_init(struct argp *argp, struct argp_table *table)
{
	table_init(table);
	*argp = (struct argp){
		.options = table->options,
		.parser = on_argument,
		.doc = "Serve the counters of a cluster: one replica.\v"
		       "Exit status: 0 after an orderly stop, 1 when it could not serve, "
		       "2 when the "
		       "settings are wrong.",
	};
}

void config_help(FILE *out)
{
	struct argp_table table;
	struct argp argp;
	char name[] = "pawld";

	argp_init(&argp, &table);
	argp_help(&argp, out,
		ARGP_HELP_SHORT_USAGE | ARGP_HELP_PRE_DOC | ARGP_HELP_LONG |
			ARGP_HELP_POST_DOC,
		name);
}

static int parse_command_line(int argc, char **argv, struct command_line *line)
{
	struct argp_table table;
	struct argp argp;
	int rc;

	argp_init(&argp, &table);
	rc = argp_parse(&argp, argc, argv, ARGP_NO_EXIT | ARGP_NO_ERRS | ARGP_NO_HELP,
		NULL, line);
	if (rc && !line->rc)
		line->rc = error_set(line->err, rc == ENOMEM ? -ENOMEM : -EINVAL,
			"config: the command line can not be read: %s; see pawld --help",
			error_reason(-rc));
	return line->rc;
}

/* Without a home there is no place for archives, and they may not be wanted. */
static int fill_in_archive(struct daemon_config *config, struct error *err)
{
	char dir[PATHS_LEN_MAX];
	int rc;

	if (config->archive_dir[0] != '\0')
		return 0;
	rc = paths_state_dir(dir, sizeof(dir), err);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	return config_option_set(&config_options[config_option_find("archive-dir")],
		config, dir, "archive-dir from the environment", err);
}

/* The directories that the environment decides, for what was left open. */
static int fill_in_directories(struct daemon_config *config, struct error *err)
{
	char dir[PATHS_LEN_MAX], store[PATHS_LEN_MAX + sizeof("file:")];
	int rc = 0;

	if (config->runtime_dir[0] == '\0') {
		rc = paths_runtime_dir(dir, sizeof(dir), err);
		if (!rc)
			rc = config_option_set(
				&config_options[config_option_find("runtime-dir")],
				config, dir, "runtime-dir from the environment", err);
	}
	if (!rc && config->store[0] == '\0') {
		rc = paths_state_dir(dir, sizeof(dir), err);
		if (rc)
			return rc;
		(void)snprintf(store, sizeof(store), "file:%s", dir);
		rc = config_option_set(&config_options[config_option_find("store")],
			config, store, "store from the environment", err);
	}
	return rc ? rc : fill_in_archive(config, err);
}

static int complete(struct daemon_config *config, struct error *err)
{
	char path[PATHS_LEN_MAX];
	int rc;

	if (config->cluster[0] == '\0')
		return error_set(
			err, -EINVAL, "config: cluster: is missing; give --cluster=NAME");
	if (config->memory_dir[0] == '\0')
		return error_set(err, -EINVAL,
			"config: memory-dir: is empty; name a directory like /dev/shm");
	if (config->suspect_ms < 2 * config->heartbeat_ms)
		return error_set(err, -EINVAL,
			"config: suspect-ms: %u ms is less than two heartbeats of %u ms; "
			"raise it or lower heartbeat-ms",
			config->suspect_ms, config->heartbeat_ms);
	rc = fill_in_directories(config, err);
	if (!rc)
		rc = paths_socket(config->runtime_dir, config->cluster,
			(uint16_t)config->id, path, sizeof(path), err);
	return rc ? -EINVAL : 0;
}

int config_parse(int argc, char **argv, struct daemon_config *config_p,
	enum config_action *action_p, struct error *err)
{
	struct command_line line = {.err = err, .action = CONFIG_RUN};
	int rc;

	config_options_init(&line.state.config);
	rc = parse_command_line(argc, argv, &line);
	if (rc)
		return rc;
	*action_p = line.action;
	if (line.action == CONFIG_HELP || line.action == CONFIG_VERSION)
		return 0;
	if (line.file)
		rc = config_file_load(&line.state, line.file, err);
	if (!rc)
		rc = complete(&line.state.config, err);
	if (!rc)
		*config_p = line.state.config;
	return rc;
}

int config_parse_text(const char *name, const char *text, size_t len,
	struct daemon_config *config_p, struct error *err)
{
	struct config_state state = {.from_command_line = {false}};
	int rc;

	config_options_init(&state.config);
	rc = config_file_apply(&state, name, text, len, err);
	if (!rc)
		rc = complete(&state.config, err);
	if (!rc)
		*config_p = state.config;
	return rc;
}
