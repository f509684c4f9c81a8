/* pawl lock: a command that is run while it holds a lock. */
#include <argp.h>

#include "client/command/command.h"
#include "client/command/tenure.h"
#include "hw/clock.h"

#define OPTION_WAIT 'w'
#define WAIT_MAX_S 31536000

struct lock_arguments {
	struct tenure_arguments tenure;
	const char *wait;
	const char *late;
	bool tries;
};

struct lock_run {
	struct tenure tenure;
	uint64_t wait_ns; /* UINT64_MAX: for ever */
	int late;	  /* exit status when it is not had in time */
	bool tries;
};

static error_t lock_option(int key, char *arg, struct argp_state *state)
{
	struct lock_arguments *a = state->input;

	switch (key) {
	case OPTION_WAIT:
		a->wait = arg;
		return 0;
	case 'n':
		a->tries = true;
		return 0;
	case 'E':
		a->late = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->tenure.argv)
			argp_error(state, "a command is missing");
		return 0;
	default:
		return tenure_option(key, arg, state, &a->tenure);
	}
}

static int lock_set(struct lock_run *l, const struct lock_arguments *a)
{
	uint64_t late = GUARDED_LATE, seconds = 0;

	*l = (struct lock_run){.wait_ns = UINT64_MAX, .tries = a->tries};
	if (a->late && !command_number(a->late, 0, 255, &late))
		return command_misuse(
			"pawl lock: --conflict=%s: not an exit status; use 0 to 255",
			a->late);
	if (a->wait && !command_number(a->wait, 0, WAIT_MAX_S, &seconds))
		return command_misuse(
			"pawl lock: --wait=%s: not a time; use 0 to %d seconds", a->wait,
			WAIT_MAX_S);
	if (a->wait && a->tries)
		return command_misuse("pawl lock: --wait and --try: use one of them");
	if (a->wait)
		l->wait_ns = seconds * 1000000000u;
	l->late = (int)late;
	return tenure_set(&l->tenure, "pawl lock", &a->tenure);
}

/* COMMAND_OK: it is held. */
static int lock_take(struct lock_run *l)
{
	uint64_t deadline = clock_deadline_ns(l->wait_ns);
	struct holding *h = &l->tenure.holding;
	int rc = holding_begin(h, l->tenure.ttl_ms);

	if (!rc)
		rc = holding_ask(h, !l->tries);
	if (!rc)
		rc = tenure_await(&l->tenure, deadline);
	if (rc == GUARDED_LATE) {
		(void)command_fail("pawl lock: %s: '%s': somebody else has it%s",
			h->target.text, h->lock, l->tries ? "" : ", for all that time");
		rc = l->late;
	}
	return rc;
}

static int lock_run(struct lock_run *l)
{
	struct holding *h = &l->tenure.holding;
	int rc = lock_take(l);

	if (rc == COMMAND_OK)
		return tenure_run(&l->tenure);
	holding_abandon(h);
	return rc;
}

int command_lock(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"wait", OPTION_WAIT, "S", 0,
			"Wait for it for S seconds, and not until it is free", 0},
		{"try", 'n', NULL, 0, "Do not wait for it", 0},
		{"conflict", 'E', "STATUS", 0,
			"The exit status when it is not had in time (124)", 0},
		TENURE_ENTRIES,
		{"timeout", TARGET_OPTION_TIMEOUT, "S", 0,
			"Give up when the replicas do not answer for S seconds (5)", 0},
		{0}};
	static const struct argp argp = {options, lock_option,
		"NAME/STORE LOCK -- COMMAND [ARGUMENT...]",
		"Run a command while holding a lock of a store; its fencing token is in "
		"PAWL_FENCE.",
		NULL, NULL, NULL};
	struct lock_arguments a = {.wait = NULL};
	struct lock_run l;
	int rc = command_parse_leading(&argp, argc, argv, &a);

	if (!rc)
		rc = lock_set(&l, &a);
	if (!rc)
		rc = tenure_open(&l.tenure, &a.tenure);
	if (rc)
		return rc;
	rc = lock_run(&l);
	holding_close(&l.tenure.holding);
	return rc;
}
