/* pawl kv: the keys of a store. */
#include "client/command/kv.h"

#include <stdlib.h>
#include <string.h>

#include "client/command/command.h"

/* Options that only some actions take; those with a number are keys of the argp table. */
enum kv_option {
	OPTION_READ = 0x100,
	OPTION_VERSION,
	OPTION_EXPECT,
	OPTION_ABSENT,
	OPTION_COUNT,
	OPTION_FROM,
	OPTION_JSON,
	OPTION_RAW,
	OPTION_LINES,
	OPTION_FRAMED,
	OPTION_QUIET,
	OPTION_KEYS_ONLY,
	OPTION_PREFIX,
	OPTION_REFUSED,
	OPTION_LIMIT, /* and so on, in the order of enum kvcmd_limit */
};

#define BIT(option) (1u << ((option)-OPTION_READ))
#define LIMITS BIT(OPTION_LIMIT)
#define MANY (BIT(OPTION_LINES) | BIT(OPTION_FRAMED) | BIT(OPTION_QUIET))

struct action {
	const char *name;
	int (*run)(struct kvcmd *kv);
	unsigned int words_min;
	unsigned int words_max;
	unsigned int options; /* that it takes, besides --timeout */
	bool opens;	      /* the store, itself */
	const char *form;
};

static const struct action actions[] = {
	{"get", kvcmd_get, 1, 1,
		BIT(OPTION_READ) | BIT(OPTION_JSON) | BIT(OPTION_RAW) |
			BIT(OPTION_REFUSED),
		false, "get KEY"},
	{"put", kvcmd_put, 1, 2, BIT(OPTION_JSON) | MANY, true,
		"put KEY [VALUE], or put --lines"},
	{"cas", kvcmd_cas, 1, 2,
		BIT(OPTION_VERSION) | BIT(OPTION_EXPECT) | BIT(OPTION_ABSENT) |
			BIT(OPTION_JSON) | BIT(OPTION_REFUSED),
		true, "cas --version=V|--expect=OLD|--absent KEY [VALUE]"},
	{"del", kvcmd_delete, 1, 1, BIT(OPTION_JSON) | BIT(OPTION_REFUSED) | MANY, true,
		"del KEY, or del --lines"},
	{"claim", kvcmd_claim, 1, 2, BIT(OPTION_JSON) | BIT(OPTION_REFUSED) | MANY, true,
		"claim KEY [VALUE], or claim --lines [VALUE]"},
	{"list", kvcmd_list, 0, 1,
		BIT(OPTION_READ) | BIT(OPTION_JSON) | BIT(OPTION_FRAMED) |
			BIT(OPTION_COUNT) | BIT(OPTION_KEYS_ONLY),
		false, "list [PREFIX]"},
	{"watch", kvcmd_watch, 0, 1,
		BIT(OPTION_FROM) | BIT(OPTION_JSON) | BIT(OPTION_COUNT) |
			BIT(OPTION_KEYS_ONLY) | BIT(OPTION_PREFIX),
		true, "watch KEY, or watch --prefix [PREFIX]"},
	{"txn", kvcmd_transact, 0, UINT32_MAX, BIT(OPTION_JSON) | BIT(OPTION_REFUSED),
		true, "txn [LINE...]"},
	{"create", kvcmd_create, 0, 0, BIT(OPTION_JSON) | LIMITS, true, "create"},
	{"info", kvcmd_info, 0, 0, BIT(OPTION_JSON), false, "info"},
};

#define ACTIONS_COUNT (sizeof(actions) / sizeof(actions[0]))

struct parsed {
	struct kvcmd_arguments a;
	unsigned int given; /* BIT of each option */
};

/* ---- The command line ---- */

/* Where an option's text goes; NULL: it has none. */
static const char **text_place(int key, struct kvcmd_arguments *a)
{
	switch (key) {
	case OPTION_READ:
		return &a->read;
	case OPTION_VERSION:
		return &a->version;
	case OPTION_EXPECT:
		return &a->expect;
	case OPTION_COUNT:
		return &a->count;
	case OPTION_FROM:
		return &a->from;
	case OPTION_REFUSED:
		return &a->refused;
	default:
		return key >= OPTION_LIMIT ? &a->limits[key - OPTION_LIMIT] : NULL;
	}
}

static void flag_set(int key, struct kvcmd_arguments *a)
{
	bool *const flags[] = {[OPTION_ABSENT - OPTION_READ] = &a->absent,
		[OPTION_JSON - OPTION_READ] = &a->json,
		[OPTION_RAW - OPTION_READ] = &a->raw,
		[OPTION_LINES - OPTION_READ] = &a->lines,
		[OPTION_FRAMED - OPTION_READ] = &a->framed,
		[OPTION_QUIET - OPTION_READ] = &a->quiet,
		[OPTION_KEYS_ONLY - OPTION_READ] = &a->keys_only,
		[OPTION_PREFIX - OPTION_READ] = &a->prefix};

	*flags[key - OPTION_READ] = true;
}

static error_t word_take(int key, char *arg, struct argp_state *state, struct parsed *p)
{
	if (key != ARGP_KEY_ARG || state->arg_num == 0)
		return target_option(key, arg, state, &p->a.target);
	if (state->arg_num == 1)
		p->a.action = arg;
	else
		p->a.words[p->a.words_count++] = arg;
	return 0;
}

/* The short options are those of other commands. */
static int long_key(int key)
{
	static const struct {
		int key;
		enum kv_option option;
	} shorts[] = {{'j', OPTION_JSON}, {'c', OPTION_COUNT}, {'l', OPTION_LINES},
		{'r', OPTION_FRAMED}, {'q', OPTION_QUIET}, {'k', OPTION_KEYS_ONLY},
		{'E', OPTION_REFUSED}, {'f', OPTION_FROM}, {'p', OPTION_PREFIX}};

	for (size_t i = 0; i < sizeof(shorts) / sizeof(shorts[0]); i++) {
		if (shorts[i].key == key)
			return (int)shorts[i].option;
	}
	return key;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct parsed *p = state->input;
	const char **text_p;

	key = long_key(key);
	if (key < OPTION_READ || key >= OPTION_LIMIT + (int)KVCMD_LIMITS)
		return word_take(key, arg, state, p);
	p->given |= key < OPTION_LIMIT ? BIT(key) : LIMITS;
	text_p = text_place(key, &p->a);
	if (text_p)
		*text_p = arg;
	else
		flag_set(key, &p->a);
	return 0;
}

#define LIMIT(name, which, what)                                         \
	{                                                                \
		name, OPTION_LIMIT + (which), "N", 0, "create: " what, 0 \
	}

static const struct argp_option options[] = {
	{"read", OPTION_READ, "HOW", 0,
		"get, list: through the log, by sync, at the tail, or from what is here: "
		"log, "
		"sync, tail, local (sync)",
		0},
	{"version", OPTION_VERSION, "V", 0,
		"cas: if the key has version V; 0: if it is not there", 0},
	{"expect", OPTION_EXPECT, "OLD", 0, "cas: if the value is OLD", 0},
	{"absent", OPTION_ABSENT, NULL, 0, "cas: if the key is not there", 0},
	{"raw", OPTION_RAW, NULL, 0, "get: the bytes of the value and nothing else", 0},
	{"json", 'j', NULL, 0, "Write JSON objects", 0},
	{"count", 'c', "N", 0, "list, watch: end after N keys or changes", 0},
	{"keys-only", 'k', NULL, 0, "list, watch: without the values", 0},
	{"prefix", 'p', NULL, 0, "watch: all keys that begin so", 0},
	{"from", 'f', "WHERE", 0,
		"watch: begin with what changes from now on, with what is there, or with "
		"the position P: now, state, P (now)",
		0},
	{"lines", 'l', NULL, 0,
		"put, claim, del: many keys, a line of standard input each: key, tab and "
		"value, or the key",
		0},
	{"framed", 'r', NULL, 0,
		"The same, with the length before each instead of lines, 4 bytes, "
		"big-endian; "
		"list: write it so",
		0},
	{"quiet", 'q', NULL, 0, "With --lines: do not write what was done", 0},
	{"refused", 'E', "STATUS", 0, "The exit status when the store says no (1)", 0},
	LIMIT("keys", KVCMD_KEYS, "so many keys at most (65536)"),
	LIMIT("bytes", KVCMD_BYTES, "of so many bytes, with their values (67108864)"),
	LIMIT("key-max", KVCMD_KEY_MAX, "the longest key (256 bytes)"),
	LIMIT("value-max", KVCMD_VALUE_MAX, "the longest value (65536 bytes)"),
	LIMIT("sessions", KVCMD_SESSIONS, "so many sessions (1024)"),
	LIMIT("locks", KVCMD_LOCKS, "so many locks held at a time (4096)"),
	LIMIT("waiters", KVCMD_WAITERS, "so many that wait for them (16384)"),
	{"timeout", TARGET_OPTION_TIMEOUT, "S", 0,
		"Give up when nothing comes back for S seconds (5)", 0},
	{0}};

static const struct argp argp = {options, parse_option, "NAME/STORE ACTION [WORD...]",
	"Read and write the keys of a store: linearizable storage on a stream.\v"
	"ACTION is one of\n"
	"  get KEY             its version and value\n"
	"  put KEY [VALUE]     write it; without VALUE, all of standard input\n"
	"  cas KEY [VALUE]     write it if it is what --version, --expect or --absent "
	"say\n"
	"  claim KEY [VALUE]   write it if nobody has\n"
	"  del KEY             remove it\n"
	"  list [PREFIX]       all keys that begin so, at one moment\n"
	"  watch KEY           every change of it, in order\n"
	"  txn [LINE...]       a transaction; without LINEs, of standard input\n"
	"  create              make the store, with its limits\n"
	"  info                what it may hold, and what it holds",
	NULL, NULL, NULL};

/* ---- What was asked for ---- */

static const struct action *action_find(const char *name)
{
	for (size_t i = 0; name && i < ACTIONS_COUNT; i++) {
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	}
	return NULL;
}

static const char *option_name(unsigned int bit)
{
	for (size_t i = 0; options[i].name; i++) {
		int key = long_key(options[i].key);

		if (key >= OPTION_READ && bit == BIT(key))
			return options[i].name;
	}
	return "?";
}

/* An option of another action would be passed over in silence. */
static int options_check(const struct action *action, unsigned int given)
{
	unsigned int others = given & ~action->options;

	if (!others)
		return COMMAND_OK;
	return command_misuse(
		"pawl kv %s: --%s: is for other actions; see 'pawl kv --help'",
		action->name, option_name(others & -others));
}

static int words_check(const struct action *action, const struct kvcmd_arguments *a)
{
	bool many = a->lines || a->framed;
	bool has_value = many && action->run == kvcmd_claim;
	unsigned int min = many ? 0 : action->words_min;
	unsigned int max = many ? has_value : action->words_max;

	if (many && action->run == kvcmd_list)
		max = action->words_max;
	if (a->words_count < min || a->words_count > max)
		return command_misuse("pawl kv: write NAME/STORE %s", action->form);
	if (a->lines && a->framed)
		return command_misuse("pawl kv %s: --lines and --framed: use one of them",
			action->name);
	if (a->quiet && !many)
		return command_misuse(
			"pawl kv %s: --quiet: is for --lines or --framed", action->name);
	if (a->json && (a->raw || (a->framed && action->run == kvcmd_list)))
		return command_misuse("pawl kv %s: --json and --%s: use one of them",
			action->name, a->raw ? "raw" : "framed");
	if (action->run == kvcmd_watch && !a->prefix && a->words_count == 0)
		return command_misuse("pawl kv: write NAME/STORE %s", action->form);
	if (action->run == kvcmd_cas && !!a->version + !!a->expect + a->absent != 1)
		return command_misuse("pawl kv cas: use one of --version, --expect and "
				      "--absent");
	return COMMAND_OK;
}

static int reading_set(const char *text, enum pawl_reading *how_p)
{
	static const char *const names[] = {[PAWL_READ_LOG] = "log",
		[PAWL_READ_SYNC] = "sync",
		[PAWL_READ_LOCAL] = "local",
		[PAWL_READ_TAIL] = "tail"};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		*how_p = (enum pawl_reading)i;
		return COMMAND_OK;
	}
	return command_misuse("pawl kv: --read=%s: use log, sync, tail or local", text);
}

static int kvcmd_set(struct kvcmd *kv, const struct kvcmd_arguments *a)
{
	uint64_t refused = COMMAND_FAILURE;

	*kv = (struct kvcmd){.a = a, .how = PAWL_READ_SYNC, .count = UINT64_MAX};
	kv->target.text = a->target.text;
	if (a->count && !command_number(a->count, 1, UINT64_MAX, &kv->count))
		return command_misuse(
			"pawl kv: --count=%s: not a count; use 1 or more", a->count);
	if (a->refused && !command_number(a->refused, 0, 255, &refused))
		return command_misuse(
			"pawl kv: --refused=%s: not an exit status; use 0 to 255",
			a->refused);
	kv->refused = (int)refused;
	return a->read ? reading_set(a->read, &kv->how) : COMMAND_OK;
}

/* ---- The store ---- */

int kvcmd_open(struct kvcmd *kv, const struct pawl_store_options *given, bool existing)
{
	struct pawl_store_options with = PAWL_STORE_OPTIONS_INIT;
	struct pawl_stream_options stream = PAWL_STREAM_OPTIONS_INIT;

	if (given)
		with = *given;
	if (existing) {
		stream.existing = true;
		with.stream = &stream;
	}
	return target_store_open(&kv->a->target, &with, &kv->target, &kv->timeout_ns);
}

static int action_run(const struct action *action, const struct kvcmd_arguments *a)
{
	struct kvcmd kv;
	int rc = kvcmd_set(&kv, a);

	if (!rc && !action->opens)
		rc = kvcmd_open(&kv, NULL, true);
	if (rc)
		return rc;
	rc = action->run(&kv);
	if (kv.target.pawl)
		target_close(&kv.target);
	return rc;
}

int command_kv(int argc, char **argv)
{
	struct parsed p = {.given = 0};
	const struct action *action;
	int rc;

	p.a.words = calloc((size_t)argc, sizeof(*p.a.words));
	if (!p.a.words)
		return command_fail("pawl kv: out of memory");
	rc = command_parse(&argp, argc, argv, &p);
	action = action_find(p.a.action);
	if (!rc && !action)
		rc = command_misuse("pawl kv: '%s' is not an action; use get, put, cas, "
				    "del, claim, list, watch, txn, create or info",
			p.a.action ? p.a.action : "");
	if (!rc)
		rc = options_check(action, p.given);
	if (!rc)
		rc = words_check(action, &p.a);
	if (!rc)
		rc = action_run(action, &p.a);
	free(p.a.words);
	return rc;
}
