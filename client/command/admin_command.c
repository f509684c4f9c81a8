/* pawl admin. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/command/admin.h"
#include "client/command/command.h"
#include "sequencer/core/limits.h"

#define TIMEOUT_MAX_S 86400

struct admin_arguments {
	const char *action;
	const char *where;
	const char *id;
	const char *timeout;
	bool yes;
};

static error_t admin_option(int key, char *arg, struct argp_state *state)
{
	struct admin_arguments *a = state->input;
	const char **places[] = {&a->action, &a->where, &a->id};

	switch (key) {
	case 'y':
		a->yes = true;
		return 0;
	case 'T':
		a->timeout = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num >= 3)
			argp_error(state, "too many arguments");
		*places[state->arg_num] = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->where)
			argp_error(state, "an argument is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The record may name a life of the replica that is over. */
static bool is_member(const struct admin *admin)
{
	const Control__Status *own = survey_status(admin->survey, admin->id);

	return survey_is_active(admin->status) &&
	       survey_place(admin->status, admin->id) >= 0 &&
	       (!own || survey_serves(own));
}

/* It has joined, or nothing will come of it. */
static bool is_decided(const struct admin *admin)
{
	return is_member(admin) || admin_chain_check(admin, NULL);
}

static bool is_no_member(const struct admin *admin)
{
	return survey_is_active(admin->status) &&
	       survey_place(admin->status, admin->id) < 0;
}

static bool is_head(const struct admin *admin)
{
	return survey_is_active(admin->status) &&
	       survey_place(admin->status, admin->id) == 0;
}

static int not_in_chain(const struct admin *admin, struct error *err)
{
	char chain[CHAIN_TEXT_SIZE];

	return error_set(err, -EINVAL,
		"pawl admin: %s: replica %u is not in the chain, which is %s",
		admin->where, admin->id, admin_chain_text(admin, chain));
}

/* A replica that runs asks for itself; of another one the members may know where it is. */
static int add(struct admin *admin, struct error *err)
{
	const struct survey_answer *own = survey_answer(admin->survey, admin->id);
	int rc = admin_chain_check(admin, err);

	if (rc || is_member(admin))
		return rc;
	if (admin->status->n_chain >= CHAIN_MAX &&
		survey_place(admin->status, admin->id) < 0)
		return error_set(err, -EINVAL,
			"pawl admin: %s: there are %d replicas in the chain, and no more "
			"can be; remove one first",
			admin->where, CHAIN_MAX);
	if (!own)
		return admin_wish(admin, CONTROL__ADMIN__ACTION__ADD, is_member,
			"its joining, for which it must run,", err);
	rc = admin_tell(
		&own->endpoint, CONTROL__ADMIN__ACTION__COME_BACK, admin->id, err);
	if (!rc)
		rc = admin_await(admin, is_decided, "its joining", err);
	return rc ? rc : admin_chain_check(admin, err);
}

/* Otherwise it would ask to join again at once. */
static int stay_out(const struct admin *admin, struct error *err)
{
	const struct survey_answer *own = survey_answer(admin->survey, admin->id);

	if (!own)
		return 0;
	return admin_tell(
		&own->endpoint, CONTROL__ADMIN__ACTION__STAY_OUT, admin->id, err);
}

static int removal_check(const struct admin *admin, struct error *err)
{
	int rc;

	if (survey_place(admin->status, admin->id) < 0)
		return survey_answer(admin->survey, admin->id) ? 0
							       : not_in_chain(admin, err);
	rc = admin_chain_check(admin, err);
	if (rc || admin->status->n_chain > 1)
		return rc;
	return error_set(err, -EINVAL,
		"pawl admin: %s: replica %u is the only one in the chain; 'pawl down' "
		"stops the cluster",
		admin->where, admin->id);
}

static int take_out(struct admin *admin, struct error *err)
{
	int rc = removal_check(admin, err);

	if (!rc)
		rc = stay_out(admin, err);
	return rc ? rc
		  : admin_wish(admin, CONTROL__ADMIN__ACTION__REMOVE, is_no_member,
			    "its leaving", err);
}

static int promote(struct admin *admin, struct error *err)
{
	int rc = admin_chain_check(admin, err);

	if (!rc && survey_place(admin->status, admin->id) < 0)
		rc = not_in_chain(admin, err);
	return rc ? rc
		  : admin_wish(admin, CONTROL__ADMIN__ACTION__PROMOTE, is_head,
			    "its promotion", err);
}

static int successor_promote(struct admin *admin, struct error *err)
{
	uint32_t id = admin->id;
	int rc;

	admin->id = admin->status->chain[1]->replica;
	rc = promote(admin, err);
	admin->id = id;
	return rc;
}

static int drain(struct admin *admin, struct error *err)
{
	int rc = removal_check(admin, err);

	if (!rc && !survey_answer(admin->survey, admin->id))
		rc = error_set(err, -ENOENT,
			"pawl admin: %s: replica %u does not answer, so there is nothing "
			"to drain; 'pawl admin remove' takes it out",
			admin->where, admin->id);
	if (!rc && is_head(admin))
		rc = successor_promote(admin, err);
	return rc ? rc : take_out(admin, err);
}

struct action {
	const char *name;
	int (*run)(struct admin *admin, struct error *err);
	bool id_needed;
};

static const struct action actions[] = {
	{"add", add, true},
	{"remove", take_out, true},
	{"promote", promote, true},
	{"drain", drain, true},
	{"recover", admin_recover, false},
};

static const struct action *action_find(const char *name)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	}
	return NULL;
}

static void outcome_print(const struct admin *admin, const struct action *action)
{
	admin_print_chain(admin);
	if (action->run == drain)
		(void)printf("%s: replica %u can be stopped now\n",
			admin->status->cluster, admin->id);
	else if (action->run == take_out && !survey_answer(admin->survey, admin->id))
		(void)printf("%s: replica %u could not be told to stay out; when it is "
			     "back it joins again, unless it has rejoin = off\n",
			admin->status->cluster, admin->id);
}

static int admin_run(struct admin *admin, const struct action *action)
{
	struct error err;
	int rc = admin_look(admin, &err);

	if (!rc) {
		admin->began_epoch = admin->status->epoch;
		rc = action->run(admin, &err);
	}
	if (rc) {
		rc = command_fail("%s", err.text);
	} else {
		outcome_print(admin, action);
		rc = command_finish_output();
	}
	if (admin->survey)
		survey_free(admin->survey);
	return rc;
}

static int arguments_check(const struct admin_arguments *a, struct admin *admin)
{
	const struct action *action = action_find(a->action);
	uint64_t id = 0, seconds;

	if (!action)
		return command_misuse("pawl admin: '%s': unknown; use add, remove, "
				      "promote, drain or recover",
			a->action);
	if (action->id_needed && !a->id)
		return command_misuse("pawl admin %s: which replica? give its id after "
				      "the cluster's name",
			a->action);
	if (a->id && !command_number(a->id, 1, UINT16_MAX, &id))
		return command_misuse("pawl admin: '%s': not a replica's id; use 1 to %u",
			a->id, UINT16_MAX);
	if (!command_number(a->timeout, 1, TIMEOUT_MAX_S, &seconds))
		return command_misuse(
			"pawl admin: --timeout=%s: not a time; use 1 to %d seconds",
			a->timeout, TIMEOUT_MAX_S);
	admin->where = a->where;
	admin->id = (uint32_t)id;
	admin->yes = a->yes;
	admin->timeout_ns = seconds * 1000000000u;
	return COMMAND_OK;
}

int command_admin(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"timeout", 'T', "S", 0,
			"Give up waiting for the change after S seconds (30)", 0},
		{"yes", 'y', NULL, 0, "Do not ask whether it is meant", 0}, {0}};
	static const struct argp argp = {options, admin_option, "ACTION NAME [ID]",
		"Change who serves a cluster, without losing a number.\v"
		"ACTION is one of\n"
		"  add ID      take the replica into the chain, as the last\n"
		"  remove ID   take it out of the chain; it does not come back by "
		"itself\n"
		"  promote ID  make it the head\n"
		"  drain ID    prepare it to be stopped: the head hands over, then "
		"remove\n"
		"  recover     when the memory of every member is lost: go on from "
		"beyond "
		"any number that can have been given out",
		NULL, NULL, NULL};
	struct admin_arguments a = {.timeout = "30"};
	struct admin admin = {0};
	struct error err;
	int rc = command_parse(&argp, argc, argv, &a);

	if (!rc)
		rc = arguments_check(&a, &admin);
	if (rc)
		return rc;
	rc = endpoint_list_find(admin.where, &admin.endpoints, &err);
	if (rc) {
		(void)command_fail("%s", err.text);
		return rc == -EINVAL ? COMMAND_USAGE : COMMAND_FAILURE;
	}
	return admin_run(&admin, action_find(a.action));
}
