/* pawl next, pawl add, pawl read. */
#include <inttypes.h>
#include <stdio.h>

#include "client/command/command.h"
#include "client/command/target.h"

struct draw_arguments {
	struct target_arguments target;
	const char *amount; /* pawl add's N */
	bool takes_amount;
	const char *count;
};

static error_t draw_option(int key, char *arg, struct argp_state *state)
{
	struct draw_arguments *a = state->input;

	if (key == 'c') {
		a->count = arg;
		return 0;
	}
	if (key == ARGP_KEY_ARG && state->arg_num == 1 && a->takes_amount) {
		a->amount = arg;
		return 0;
	}
	if (key == ARGP_KEY_END && a->takes_amount && !a->amount)
		argp_error(state, "an argument is missing");
	return target_option(key, arg, state, &a->target);
}

static int numbers_print(const struct target *target, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t number;

		if (pawl_next(target->counter, &number))
			return target_fail(target);
		if (printf("%" PRIu64 "\n", number) < 0)
			return command_finish_output();
	}
	return command_finish_output();
}

int command_next(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"count", 'c', "K", 0, "Take K numbers (1)", 0}, TARGET_RESERVE_ENTRY,
		TARGET_TIMEOUT_ENTRY, {0}};
	static const struct argp argp = {options, draw_option, "NAME/COUNTER",
		"Take the next number of a counter and print it, one per line.  The "
		"first number "
		"ever is 1; a counter is created when it is first used.",
		NULL, NULL, NULL};
	struct draw_arguments a = {.count = "1"};
	struct target target;
	uint64_t count;
	int rc = command_parse(&argp, argc, argv, &a);

	if (rc)
		return rc;
	if (!command_number(a.count, 1, UINT64_MAX, &count))
		return command_misuse(
			"pawl next: --count=%s: not a count; use 1 or more", a.count);
	rc = target_open(&a.target, &target);
	if (rc)
		return rc;
	rc = numbers_print(&target, count);
	target_close(&target);
	return rc;
}

int command_add(int argc, char **argv)
{
	static const struct argp_option options[] = {
		TARGET_RESERVE_ENTRY, TARGET_TIMEOUT_ENTRY, {0}};
	static const struct argp argp = {options, draw_option, "NAME/COUNTER N",
		"Take N numbers at once and print the first and the last of them.", NULL,
		NULL, NULL};
	struct draw_arguments a = {.takes_amount = true};
	struct target target;
	uint64_t n, last;
	int rc = command_parse(&argp, argc, argv, &a);

	if (rc)
		return rc;
	if (!command_number(a.amount, 1, PAWL_ADD_MAX, &n))
		return command_misuse(
			"pawl add: '%s': not a number of numbers; use 1 to %" PRIu64,
			a.amount, PAWL_ADD_MAX);
	rc = target_open(&a.target, &target);
	if (rc)
		return rc;
	if (pawl_add(target.counter, n, &last)) {
		rc = target_fail(&target);
	} else {
		(void)printf("%" PRIu64 " %" PRIu64 "\n", last - n + 1, last);
		rc = command_finish_output();
	}
	target_close(&target);
	return rc;
}

int command_read(int argc, char **argv)
{
	static const struct argp_option options[] = {TARGET_TIMEOUT_ENTRY, {0}};
	static const struct argp argp = {options, draw_option, "NAME/COUNTER",
		"Print the newest number that was taken, 0 before the first "
		"(linearizable).",
		NULL, NULL, NULL};
	struct draw_arguments a = {0};
	struct target target;
	uint64_t value;
	int rc = command_parse(&argp, argc, argv, &a);

	if (rc)
		return rc;
	rc = target_open(&a.target, &target);
	if (rc)
		return rc;
	if (pawl_read(target.counter, &value)) {
		rc = target_fail(&target);
	} else {
		(void)printf("%" PRIu64 "\n", value);
		rc = command_finish_output();
	}
	target_close(&target);
	return rc;
}
