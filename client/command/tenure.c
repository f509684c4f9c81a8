#include "client/command/tenure.h"

#include "client/command/command.h"
#include "hw/clock.h"

#define TURN_MS 10 /* between two looks at the store */
#define GRACE_MAX_S 86400

error_t tenure_option(
	int key, char *arg, struct argp_state *state, struct tenure_arguments *a)
{
	switch (key) {
	case TENURE_OPTION_TTL:
		a->ttl = arg;
		return 0;
	case TENURE_OPTION_GRACE:
		a->grace = arg;
		return 0;
	case ARGP_KEY_ARG:
		break;
	case ARGP_KEY_END:
		if (!a->lock)
			argp_error(state, "an argument is missing");
		return 0;
	default:
		return target_option(key, arg, state, &a->target);
	}
	if (state->arg_num == 0)
		return target_option(key, arg, state, &a->target);
	if (state->arg_num == 1) {
		a->lock = arg;
		return 0;
	}
	a->argv = &state->argv[state->next - 1]; /* with its own options */
	state->next = state->argc;
	return 0;
}

int tenure_set(struct tenure *t, const char *command, const struct tenure_arguments *a)
{
	uint64_t grace_s = 5;

	*t = (struct tenure){.holding = {.command = command, .lock = a->lock}};
	t->argv = a->argv;
	if (!command_number(a->ttl ? a->ttl : HOLDING_TTL_DEFAULT, HOLDING_TTL_MIN,
		    HOLDING_TTL_MAX, &t->ttl_ms))
		return command_misuse("%s: --ttl=%s: not a time; use %u to %u ms",
			command, a->ttl, HOLDING_TTL_MIN, HOLDING_TTL_MAX);
	if (a->grace && !command_number(a->grace, 0, GRACE_MAX_S, &grace_s))
		return command_misuse("%s: --grace=%s: not a time; use 0 to %d seconds",
			command, a->grace, GRACE_MAX_S);
	if (!a->lock[0])
		return command_misuse("%s: its name may not be empty", command);
	t->grace_ns = grace_s * 1000000000u;
	return COMMAND_OK;
}

int tenure_open(struct tenure *t, const struct tenure_arguments *a)
{
	int rc = holding_open(&t->holding, &a->target);

	if (rc)
		return rc;
	rc = guarded_begin(&t->guarded, t->holding.command);
	if (rc)
		holding_close(&t->holding);
	return rc;
}

int tenure_await(struct tenure *t, uint64_t deadline_ns)
{
	while (t->holding.fence == 0) {
		if (guarded_wait(&t->guarded, TURN_MS))
			return GUARDED_SIGNAL + t->guarded.asked;
		if (!holding_move(&t->holding))
			return GUARDED_FAILED;
		if (t->holding.fence == 0 && clock_now_ns() >= deadline_ns)
			return GUARDED_LATE;
	}
	return COMMAND_OK;
}

int tenure_run(struct tenure *t)
{
	struct holding *h = &t->holding;
	bool held = true;
	int rc = guarded_start(&t->guarded, t->argv, h->lock, h->fence);

	if (rc) {
		held = holding_end(h);
		return held ? rc : GUARDED_LOST;
	}
	while (!guarded_wait(&t->guarded, TURN_MS)) {
		if (held && !holding_move(h)) {
			held = false;
			guarded_end(&t->guarded, t->grace_ns);
		}
	}
	return held && holding_end(h) ? t->guarded.status : GUARDED_LOST;
}
