/*
 * The table of everything that can be configured: its name, kind, range, default and
 * help.  The command line, the file, --help and --print-config all live off it, so a new
 * setting is one row in config_table.c and one member in struct daemon_config.
 */
#ifndef PAWL_DAEMON_CONFIG_OPTIONS_H
#define PAWL_DAEMON_CONFIG_OPTIONS_H

#include "sequencer/daemon/config.h"

#define CONFIG_OPTIONS_COUNT 42

enum config_kind {
	CONFIG_TEXT,
	CONFIG_LIST, /* of addresses; may be given more than once */
	CONFIG_NUMBER,
	CONFIG_CHOICE,
	CONFIG_SWITCH, /* on or off */
	CONFIG_AMOUNT, /* a number with a unit behind it */
};

struct config_unit {
	const char *suffix;
	uint64_t factor;
};

struct config_option {
	const char *name;
	enum config_kind kind;
	size_t offset;	      /* of its member in struct daemon_config */
	const char *initial;  /* the default, as one would write it */
	const char *argument; /* what --help calls the value; NULL: made from the range */
	const char *help;
	const char *heading; /* begins a group in --help and the file; else NULL */
	/* Text and list: */
	size_t size;			    /* bytes with terminator */
	bool (*is_valid)(const char *text); /* not asked about empty text */
	const char *rule;		    /* "is no ..." */
	size_t count_offset;		    /* of a list's length */
	/* Number: its range.  List: how many there may be. */
	unsigned int min, max;
	/* Amount: its range, and its units, the largest first, then NULL; without one: itself. */
	uint64_t least, most;
	const struct config_unit *units;
	/* Choice: names in the order of the enumeration, then NULL. */
	const char *const *choices;
};

extern const struct config_option config_options[CONFIG_OPTIONS_COUNT];

/* The option's place in the table, or -1. */
int config_option_find(const char *name);

/*
 * Sets one value from text.  @where tells the user which one it is: "--id" or
 * "pawld.conf:3: id".  -EINVAL.
 */
int config_option_set(const struct config_option *option, struct daemon_config *config,
	const char *value, const char *where, struct error *err)
	__attribute__((warn_unused_result));

/* All defaults; directories that depend on the environment stay empty. */
void config_options_init(struct daemon_config *config);

/* What --help says of the value: "1..4096", "auto|off|require". */
void config_option_argument(const struct config_option *option, char *buf, size_t len);

/* Reads a file's text into what the command line left open: see config_file.c. */
struct config_state {
	struct daemon_config config;
	bool from_command_line[CONFIG_OPTIONS_COUNT];
};
int config_file_apply(struct config_state *state, const char *name, const char *text,
	size_t len, struct error *err) __attribute__((warn_unused_result));

/* Reads the file called @name and applies it.  Errors as config_parse. */
int config_file_load(struct config_state *state, const char *name, struct error *err)
	__attribute__((warn_unused_result));

#endif
