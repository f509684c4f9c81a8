/* pawl snapshot. */
#include <inttypes.h>

#include "client/command/command.h"
#include "client/command/target.h"

struct snapshot_arguments {
	struct target_arguments target;
	const char *position;
};

static error_t snapshot_option(int key, char *arg, struct argp_state *state)
{
	struct snapshot_arguments *a = state->input;

	if (key == ARGP_KEY_ARG && state->arg_num == 1) {
		a->position = arg;
		return 0;
	}
	if (key == ARGP_KEY_END && !a->position)
		argp_error(state, "an argument is missing");
	return target_option(key, arg, state, &a->target);
}

int command_snapshot(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"timeout", TARGET_OPTION_TIMEOUT, "S", 0,
			"Give up when it is not acknowledged after S seconds (5)", 0},
		{0}};
	static const struct argp argp = {options, snapshot_option, "NAME/STREAM P",
		"Say that everything up to position P is in a snapshot that is safe: "
		"replicas with archive-retain=snapshot may let go of it.",
		NULL, NULL, NULL};
	struct pawl_stream_options stream = PAWL_STREAM_OPTIONS_INIT;
	struct snapshot_arguments a = {.position = NULL};
	struct target target;
	uint64_t position, unused;
	int rc = command_parse(&argp, argc, argv, &a);

	if (rc)
		return rc;
	if (!command_number(a.position, 1, UINT64_MAX, &position))
		return command_misuse(
			"pawl snapshot: '%s': not a position; use 1 or more", a.position);
	stream.existing = true;
	rc = target_stream_open(&a.target, &stream, &target, &unused);
	if (rc)
		return rc;
	if (pawl_stream_acknowledge_snapshot(target.stream, position))
		rc = target_fail(&target);
	target_close(&target);
	return rc;
}
