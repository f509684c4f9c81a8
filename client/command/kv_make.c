/* pawl kv create and info: what a store may hold, and what it holds. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/command/command.h"
#include "client/command/kv.h"

#define COMMAND_EXTRA \
	128 /* bytes of a command or a reply besides key and values, and more */
#define MESSAGE_DEFAULT (UINT64_C(1) << 20)

/* ---- Limits by name ---- */

struct limit {
	const char *name; /* the option */
	uint64_t max;
};

static const struct limit names[KVCMD_LIMITS] = {
	[KVCMD_KEYS] = {"keys", UINT32_C(1) << 28},
	[KVCMD_BYTES] = {"bytes", UINT64_C(1) << 37},
	[KVCMD_KEY_MAX] = {"key-max", 1024},
	[KVCMD_VALUE_MAX] = {"value-max", UINT32_C(1) << 24},
	[KVCMD_SESSIONS] = {"sessions", UINT32_C(1) << 20},
	[KVCMD_LOCKS] = {"locks", UINT32_C(1) << 24},
	[KVCMD_WAITERS] = {"waiters", UINT32_C(1) << 24},
};

static uint64_t limit_get(const struct pawl_store_limits *limits, unsigned int which)
{
	const uint64_t all[KVCMD_LIMITS] = {
		[KVCMD_KEYS] = limits->keys_max,
		[KVCMD_BYTES] = limits->bytes_max,
		[KVCMD_KEY_MAX] = limits->key_max,
		[KVCMD_VALUE_MAX] = limits->value_max,
		[KVCMD_SESSIONS] = limits->sessions_max,
		[KVCMD_LOCKS] = limits->locks_max,
		[KVCMD_WAITERS] = limits->waiters_max,
	};

	return all[which];
}

/* ---- create ---- */

static int limits_take(const struct kvcmd *kv, uint64_t *asked)
{
	for (unsigned int i = 0; i < KVCMD_LIMITS; i++) {
		const char *text = kv->a->limits[i];

		asked[i] = 0;
		if (text && !command_number(text, 1, names[i].max, &asked[i]))
			return command_misuse("pawl kv create: --%s=%s: not in its "
					      "limits; use 1 to %" PRIu64,
				names[i].name, text, names[i].max);
	}
	return COMMAND_OK;
}

/* Commands carry a key and two values at most, replies one of each. */
static struct pawl_store_limits limits_of(const uint64_t *asked)
{
	struct pawl_store_limits limits = {.bytes_max = asked[KVCMD_BYTES],
		.keys_max = (uint32_t)asked[KVCMD_KEYS],
		.key_max = (uint32_t)asked[KVCMD_KEY_MAX],
		.value_max = (uint32_t)asked[KVCMD_VALUE_MAX],
		.sessions_max = (uint32_t)asked[KVCMD_SESSIONS],
		.locks_max = (uint32_t)asked[KVCMD_LOCKS],
		.waiters_max = (uint32_t)asked[KVCMD_WAITERS]};
	uint64_t longest = 2 * asked[KVCMD_VALUE_MAX] + 1024 + COMMAND_EXTRA;

	if (longest > UINT32_C(1) << 18) { /* the default is too short */
		limits.command_max = (uint32_t)longest;
		limits.reply_max = (uint32_t)longest;
	}
	return limits;
}

static int limits_compare(const struct kvcmd *kv, const uint64_t *asked)
{
	struct pawl_store_limits limits;

	pawl_store_limits_get(kv->target.store, &limits);
	for (unsigned int i = 0; i < KVCMD_LIMITS; i++) {
		uint64_t has = limit_get(&limits, i);

		if (asked[i] && asked[i] != has)
			return command_fail(
				"pawl kv create: %s: exists with --%s=%" PRIu64
				", which can not be changed; leave the "
				"option out, or use another store",
				kv->target.text, names[i].name, has);
	}
	return COMMAND_OK;
}

int kvcmd_create(struct kvcmd *kv)
{
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	struct pawl_stream_options stream = PAWL_STREAM_OPTIONS_INIT;
	uint64_t asked[KVCMD_LIMITS];
	int rc = limits_take(kv, asked);

	if (rc)
		return rc;
	options.limits = limits_of(asked);
	stream.archiving = PAWL_ARCHIVE_ON;
	if (options.limits.command_max > MESSAGE_DEFAULT)
		stream.message_max = options.limits.command_max;
	options.stream = &stream;
	rc = kvcmd_open(kv, &options, false);
	if (!rc)
		rc = limits_compare(kv, asked);
	return rc ? rc : kvcmd_info(kv);
}

/* ---- info ---- */

static void info_json(const struct kvcmd *kv, const struct pawl_store_limits *limits,
	const struct pawl_store_usage *usage)
{
	(void)printf("{\"position\": %" PRIu64 ", \"keys\": %" PRIu32
		     ", \"bytes\": %" PRIu64 ", \"sessions\": %" PRIu32
		     ", \"locks\": %" PRIu32 ", \"waiters\": %" PRIu32 ", \"limits\": {",
		pawl_store_position(kv->target.store), usage->keys, usage->bytes,
		usage->sessions, usage->locks, usage->waiters);
	for (unsigned int i = 0; i < KVCMD_LIMITS; i++)
		(void)printf(
			"\"%s\": %" PRIu64 ", ", names[i].name, limit_get(limits, i));
	(void)printf("\"command-max\": %" PRIu32 ", \"reply-max\": %" PRIu32 "}}\n",
		limits->command_max, limits->reply_max);
}

static void info_text(const struct kvcmd *kv, const struct pawl_store_limits *limits,
	const struct pawl_store_usage *usage)
{
	(void)printf("%s: up to position %" PRIu64 "\n", kv->target.text,
		pawl_store_position(kv->target.store));
	(void)printf("  keys      %" PRIu32 " of %" PRIu32 "\n", usage->keys,
		limits->keys_max);
	(void)printf("  bytes     %" PRIu64 " of %" PRIu64 "\n", usage->bytes,
		limits->bytes_max);
	(void)printf("  sessions  %" PRIu32 " of %" PRIu32 "\n", usage->sessions,
		limits->sessions_max);
	(void)printf("  locks     %" PRIu32 " of %" PRIu32 ", %" PRIu32 " of %" PRIu32
		     " waiters\n",
		usage->locks, limits->locks_max, usage->waiters, limits->waiters_max);
	(void)printf("  longest   key %" PRIu32 ", value %" PRIu32 ", command %" PRIu32
		     ", reply %" PRIu32 " bytes\n",
		limits->key_max, limits->value_max, limits->command_max,
		limits->reply_max);
}

int kvcmd_info(struct kvcmd *kv)
{
	struct pawl_store_limits limits;
	struct pawl_store_usage usage;

	pawl_store_limits_get(kv->target.store, &limits);
	pawl_store_usage_get(kv->target.store, &usage);
	if (kv->a->json)
		info_json(kv, &limits, &usage);
	else
		info_text(kv, &limits, &usage);
	return command_finish_output();
}
