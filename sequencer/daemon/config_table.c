/* The table of config_options.h: one row for each thing that can be configured. */
#include "sequencer/core/names.h"
#include "sequencer/daemon/config_check.h"
#include "sequencer/daemon/config_options.h"

/* Choices and numbers are stored alike. */
_Static_assert(sizeof(enum config_transport) == sizeof(unsigned int), "enum size");
_Static_assert(sizeof(enum config_log_level) == sizeof(unsigned int), "enum size");
_Static_assert(sizeof(enum pages_policy) == sizeof(unsigned int), "enum size");
_Static_assert(sizeof(enum archive_sync) == sizeof(unsigned int), "enum size");
_Static_assert(
	PAGES_AUTO == 0 && PAGES_OFF == 1 && PAGES_REQUIRE == 2, "order of policies");
_Static_assert(
	ARCHIVE_SYNC_NEVER == 0 && ARCHIVE_SYNC_INTERVAL == 1 && ARCHIVE_SYNC_ALWAYS == 2,
	"order of policies");

static const char *const transports[] = {"shm", "verbs", NULL};
static const char *const policies[] = {"auto", "off", "require", NULL};
static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const syncs[] = {"never", "interval", "always", NULL};
static const char *const retains[] = {"limits", "snapshot", NULL};

static const struct config_unit bytes[] = {{"T", UINT64_C(1) << 40},
	{"G", UINT64_C(1) << 30}, {"M", UINT64_C(1) << 20}, {"K", UINT64_C(1) << 10},
	{NULL, 0}};
static const struct config_unit seconds[] = {
	{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}, {NULL, 0}};

#define MEMBER(member)                                    \
	.offset = offsetof(struct daemon_config, member), \
	.size = sizeof(((struct daemon_config *)0)->member)
#define TEXT(member) .kind = CONFIG_TEXT, MEMBER(member)
#define LIST(member)                                                    \
	.kind = CONFIG_LIST, MEMBER(member[0]),                         \
	.count_offset = offsetof(struct daemon_config, member##_count), \
	.max = sizeof(((struct daemon_config *)0)->member) /            \
	       sizeof(((struct daemon_config *)0)->member[0])
#define NUMBER(member, low, high) \
	.kind = CONFIG_NUMBER, MEMBER(member), .min = (low), .max = (high)
#define CHOICE(member, names) .kind = CONFIG_CHOICE, MEMBER(member), .choices = (names)
#define SWITCH(member) .kind = CONFIG_SWITCH, MEMBER(member)
#define AMOUNT(member, low, high, of)                                          \
	.kind = CONFIG_AMOUNT, MEMBER(member), .least = (low), .most = (high), \
	.units = (of)

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
		.name = "advertise",
		LIST(advertise),
		.is_valid = config_check_reachable,
		.rule = "is no address that others can reach: use host:port or "
			"[host]:port, with no * and no port 0",
		.initial = "",
		.argument = "HOST:PORT",
		.help = "Where other replicas and clients reach this one over TCP; by "
			"default what --listen says, unless that is a wildcard; up to 4 "
			"times",
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
		.heading = "Replication",
		.name = "heartbeat-ms",
		NUMBER(heartbeat_ms, 1, 10000),
		.initial = "20",
		.help = "How often a replica shows the others that it runs",
	},
	{
		.name = "suspect-ms",
		NUMBER(suspect_ms, 10, 600000),
		.initial = "1000",
		.help = "A replica whose heartbeat does not move for so long is taken "
			"out of the chain; at least twice heartbeat-ms",
	},
	{
		.name = "step-timeout-ms",
		NUMBER(step_timeout_ms, 10, 60000),
		.initial = "500",
		.help = "A member that does not answer within a step of a change of the "
			"chain is left out",
	},
	{
		.name = "takeover-ms",
		NUMBER(takeover_ms, 50, 600000),
		.initial = "2000",
		.help = "A change of the chain that gets nowhere for so long is taken "
			"over by the next",
	},
	{
		.name = "turn-ms",
		NUMBER(turn_ms, 0, 10000),
		.initial = "20",
		.help = "Each place in the chain waits so much longer before it proposes "
			"a change",
	},
	{
		.name = "lease-ms",
		NUMBER(lease_ms, 0, 60000),
		.initial = "50",
		.help = "How long a session in reserve mode may rely on the head alone; "
			"decided when the cluster is begun; 0: no reserve mode",
	},
	{
		.name = "rejoin",
		SWITCH(rejoin),
		.initial = "on",
		.help = "Ask to join again whenever the chain goes on without this "
			"replica",
	},
	{
		.name = "store-timeout-ms",
		NUMBER(store_timeout_ms, 10, 60000),
		.initial = "2000",
		.help = "A store that does not answer for so long is in trouble, and is "
			"asked again",
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
	{
		.heading = "Streams",
		.name = "stream-threads",
		NUMBER(stream_threads, 1, 16),
		.initial = "1",
		.help = "Threads that move the slots of streams, each with streams of "
			"its own",
	},
	{
		.name = "stream-pin",
		TEXT(stream_pin),
		.is_valid = config_check_cpus,
		.rule = "is no list of processors: use one like 0-3,8",
		.initial = "",
		.argument = "CPUS",
		.help = "Run those threads on these processors; by default where pin "
			"says",
	},
	{
		.name = "archive-dir",
		TEXT(archive_dir),
		.is_valid = config_check_path,
		.rule = "is no absolute path",
		.initial = "",
		.argument = "DIR",
		.help = "Where archives of streams are, below CLUSTER/ID.archive; by "
			"default the state directory ($PAWL_STATE_DIR)",
	},
	{
		.name = "archive-sync",
		CHOICE(archive_sync, syncs),
		.initial = "interval",
		.argument = "WHEN",
		.rule = "is not never, interval or always",
		.help = "When archives are synced: never (when the system likes), "
			"interval (every archive-sync-ms) or always (at once)",
	},
	{
		.name = "archive-sync-ms",
		NUMBER(archive_sync_ms, 1, 600000),
		.initial = "100",
		.help = "With archive-sync=interval: how much a loss of power may take",
	},
	{
		.name = "archive-segment",
		AMOUNT(archive_segment, ARCHIVE_SEGMENT_LEN_MIN, ARCHIVE_SEGMENT_LEN_MAX,
			bytes),
		.initial = "64M",
		.argument = "SIZE",
		.rule = "is no length of a file: use 64K to 4G",
		.help = "Bytes of one file of an archive, 64K to 4G",
	},
	{
		.name = "archive-size",
		AMOUNT(archive_size, 0, UINT64_C(1) << 50, bytes),
		.initial = "0",
		.argument = "SIZE",
		.rule = "is no size: use bytes, or a number with K, M, G or T",
		.help = "Above that, the oldest files of a stream's archive go; 0: all "
			"stay",
	},
	{
		.name = "archive-age",
		AMOUNT(archive_age, 0, UINT64_C(36500) * 86400, seconds),
		.initial = "0",
		.argument = "TIME",
		.rule = "is no time: use seconds, or a number with s, m, h or d",
		.help = "Files of an archive that are older go; 0: they stay",
	},
	{
		.name = "archive-retain",
		CHOICE(archive_retain, retains),
		.initial = "limits",
		.argument = "WHAT",
		.rule = "is not limits or snapshot",
		.help = "What lets files of an archive go: limits (archive-size and "
			"archive-age) or snapshot (that an application has "
			"acknowledged a snapshot; with a limit, not before it)",
	},
	{
		.name = "tail-memory",
		AMOUNT(tail_memory, 0, UINT64_C(1) << 44, bytes),
		.initial = "1G",
		.argument = "SIZE",
		.rule = "is no size: use bytes, or a number with K, M, G or T",
		.help = "Memory for storages that this replica applies while it is the "
			"tail and is asked; 0: reads at the tail are refused",
	},
	{
		.name = "snapshot-max",
		AMOUNT(snapshot_max, 1u << 16, UINT64_C(1) << 40, bytes),
		.initial = "1G",
		.argument = "SIZE",
		.rule = "is no size of a snapshot: use 64K to 1T",
		.help = "Bytes of the largest snapshot of an application that is kept "
			"beside an archive, 64K to 1T; two of each stream are kept",
	},
};
