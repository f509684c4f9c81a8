/*
 * What pawld is told, from its command line and from a file.  Both have the same names,
 * from one table (config_table.c); what the command line says wins.  The file has one
 * section:
 *
 *     [pawld]
 *     cluster = example
 *     id = 2
 *
 * Nothing here prints, exits or looks at the system, except for the environment that
 * control/paths.h names and the file itself.  Whether the group, the device or the
 * processors exist is for those to say who use them.
 */
#ifndef PAWL_DAEMON_CONFIG_H
#define PAWL_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "hw/error.h"
#include "hw/pages.h"
#include "sequencer/archive/archive.h"
#include "sequencer/core/limits.h"

#define CONFIG_LISTEN_MAX 3
#define CONFIG_ADVERTISE_MAX 4
#define CONFIG_ADDRESS_SIZE 129 /* bytes of host:port with its terminator */
#define CONFIG_STORE_SIZE 1024	/* bytes of a store's address with its terminator */
#define CONFIG_TEXT_SIZE 160	/* bytes of any other value with its terminator */

enum config_transport {
	CONFIG_SHM,
	CONFIG_VERBS,
};

enum config_log_level {
	CONFIG_LOG_ERROR,
	CONFIG_LOG_WARNING,
	CONFIG_LOG_INFO,
	CONFIG_LOG_DEBUG,
};

/* What lets files of an archive go. */
enum config_retain {
	CONFIG_RETAIN_LIMITS, /* size and age */
	CONFIG_RETAIN_SNAPSHOT, /* that they are in a snapshot; size and age keep them longer */
};

/* Empty text means: not given.  Always complete and within the ranges of the table. */
struct daemon_config {
	char cluster[CLUSTER_NAME_MAX + 1];
	unsigned int id;	       /* 1 to 65535 */
	char store[CONFIG_STORE_SIZE]; /* for store_open */
	char group[CONFIG_TEXT_SIZE];  /* its members may use the cluster */
	bool settle; /* take over what a dead replica left, save its numbers, exit */
	bool erase;  /* with settle: forget the numbers instead */

	char runtime_dir[CONFIG_TEXT_SIZE];
	char listen[CONFIG_LISTEN_MAX]
		   [CONFIG_ADDRESS_SIZE]; /* for config_split_address */
	unsigned int listen_count;
	/* Never a wildcard and never port 0; none: take it from listen. */
	char advertise[CONFIG_ADVERTISE_MAX][CONFIG_ADDRESS_SIZE];
	unsigned int advertise_count;
	unsigned int stop_timeout_ms;
	enum config_log_level log_level;

	unsigned int heartbeat_ms;
	unsigned int suspect_ms; /* at least twice heartbeat_ms */
	unsigned int step_timeout_ms;
	unsigned int takeover_ms;
	unsigned int turn_ms;
	unsigned int lease_ms; /* for a cluster that is begun by this; 0: none */
	bool rejoin;
	unsigned int store_timeout_ms;

	enum config_transport transport;
	char device[CONFIG_TEXT_SIZE];
	char device_address[CONFIG_TEXT_SIZE]; /* IPv4 or IPv6 */
	unsigned int device_port;	       /* 0: any */
	bool device_memory;
	unsigned int link_timeout_ms;

	char memory_dir[CONFIG_TEXT_SIZE];
	unsigned int counters_max;
	unsigned int sessions_max;
	enum pages_policy huge_pages;
	enum pages_policy lock_memory;
	char pin[CONFIG_TEXT_SIZE]; /* "near", or for config_pin_cpus */

	unsigned int stream_threads;
	char stream_pin[CONFIG_TEXT_SIZE];  /* for config_pin_cpus; "": as the rest */
	char archive_dir[CONFIG_TEXT_SIZE]; /* "": there is no home to put it in */
	enum archive_sync archive_sync;
	unsigned int archive_sync_ms;
	uint64_t archive_segment; /* bytes */
	uint64_t archive_size;	  /* bytes of each stream's; 0: no limit */
	uint64_t archive_age;	  /* seconds; 0: no limit */
	enum config_retain archive_retain;
	uint64_t tail_memory;  /* bytes; 0: no reads at the tail */
	uint64_t snapshot_max; /* bytes */
};

enum config_action {
	CONFIG_RUN,
	CONFIG_PRINT,	/* --print-config: show what is in force and exit */
	CONFIG_HELP,	/* the configuration is not filled in */
	CONFIG_VERSION, /* the configuration is not filled in */
};

/*
 * Reads the command line and the file that it names.  Every error is a user's, for exit
 * status 2: -EINVAL, or what kept the file from being read (-ENOENT, -EACCES, -EISDIR,
 * -EFBIG, -EIO).  May reorder @argv.
 */
int config_parse(int argc, char **argv, struct daemon_config *config_p,
	enum config_action *action_p, struct error *err)
	__attribute__((warn_unused_result));

/* The same from a file's text alone, called @name in messages.  -EINVAL. */
int config_parse_text(const char *name, const char *text, size_t len,
	struct daemon_config *config_p, struct error *err)
	__attribute__((warn_unused_result));

/* Writes a file that says the same.  -EIO: @out does not take it. */
int config_print(const struct daemon_config *config, FILE *out, struct error *err)
	__attribute__((warn_unused_result));

/* What --help shows. */
void config_help(FILE *out);

/* Takes host:port or [host]:port apart.  -EINVAL. */
struct config_address {
	char host[CONFIG_ADDRESS_SIZE];
	uint16_t port; /* 0: any */
};
int config_split_address(const char *text, struct config_address *address_p)
	__attribute__((warn_unused_result));

/* Whether others can connect to it as it stands: no wildcard, and a port. */
bool config_address_is_reachable(const struct config_address *address);

/*
 * Marks the processors of a list like "0-3,8" in *cpus_p, @len words of 64, number 0
 * being the lowest bit of the first.  -EINVAL: not a list, or a number that does not fit.
 */
int config_pin_cpus(const char *list, uint64_t *cpus_p, size_t len)
	__attribute__((warn_unused_result));

#endif
