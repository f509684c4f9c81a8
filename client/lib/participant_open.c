/* The begin and the end of a participant. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/participant.h"

static bool is_power_of_two(uint64_t n)
{
	return n > 0 && (n & (n - 1)) == 0;
}

static int options_take(struct pawl *pawl, const char *name,
	const struct pawl_participant_options *options,
	struct pawl_participant_options *taken)
{
	const struct pawl_participant_options init = PAWL_PARTICIPANT_OPTIONS_INIT;

	*taken = init;
	if (options && options->size != sizeof(*options))
		return error_set(&pawl->err, -EINVAL,
			"pawl: %s/%.63s: take part: the options have a size of %zu; "
			"begin "
			"with PAWL_PARTICIPANT_OPTIONS_INIT",
			pawl->where, name, options->size);
	if (options)
		*taken = *options;
	if (taken->depth == 0)
		taken->depth = PAWL_COMMANDS_DEPTH;
	if (is_power_of_two(taken->depth) && taken->depth <= PAWL_PUBLISH_DEPTH_MAX)
		return 0;
	return error_set(&pawl->err, -EINVAL,
		"pawl: %s/%.63s: take part: a depth of %u; it is a power of two up to %u",
		pawl->where, name, taken->depth, PAWL_PUBLISH_DEPTH_MAX);
}

static int machine_check(
	struct pawl *pawl, const char *name, const struct pawl_machine *machine)
{
	if (machine->size == sizeof(*machine) && machine->apply && machine->query &&
		!machine->snapshot_begin == !machine->snapshot_next &&
		!machine->restore_begin == !machine->restore_next &&
		!machine->restore_begin == !machine->restore_end)
		return 0;
	return error_set(&pawl->err, -EINVAL,
		"pawl: %s/%.63s: take part: the machine has no apply, no query, a part "
		"of "
		"the functions for snapshots, or not the size of this version's",
		pawl->where, name);
}

static int join(struct pawl_participant *p, const char *name,
	const struct pawl_participant_options *options)
{
	struct pawl_subscribe_options from = PAWL_SUBSCRIBE_OPTIONS_INIT;
	int rc = pawl_stream_open(p->pawl, name, options->stream, &p->stream);

	from.from = PAWL_FROM_POSITION;
	from.position = options->applied + 1;
	if (rc)
		return rc;
	talk_begin(p);
	if (!restoring_can(p) || options->applied > 0)
		return pawl_subscribe(p->stream, &from, &p->subscriber);
	restoring_begin(p, 0, true);
	return restoring_finish(p);
}

static struct pawl_participant *participant_make(struct pawl *pawl,
	const struct pawl_machine *machine,
	const struct pawl_participant_options *options)
{
	struct pawl_participant *p = calloc(1, sizeof(*p));
	struct command *ring;

	if (!p)
		return NULL;
	p->pawl = pawl;
	p->machine = *machine;
	p->on_outcome = options->on_outcome;
	p->outcome_context = options->outcome_context;
	p->applied = options->applied;
	p->snapshot_every = options->snapshot_every;
	p->writing.due = UINT64_MAX;
	if (p->snapshot_every)
		p->writing.due = p->applied + p->snapshot_every;
	ring = calloc(options->depth, sizeof(*ring));
	if (!ring) {
		free(p);
		return NULL;
	}
	commands_init(&p->commands, ring, options->depth);
	return p;
}

int pawl_participant_open(struct pawl *pawl, const char *name,
	const struct pawl_machine *machine,
	const struct pawl_participant_options *options,
	struct pawl_participant **participant_p)
{
	struct pawl_participant_options taken;
	struct pawl_participant *p;
	int rc = handle_check(pawl);

	if (!rc)
		rc = options_take(pawl, name, options, &taken);
	if (!rc)
		rc = machine_check(pawl, name, machine);
	if (!rc && taken.snapshot_every > 0 && !machine->snapshot_begin)
		rc = error_set(&pawl->err, -EINVAL,
			"pawl: %s/%.63s: take part: snapshot_every, and the machine has "
			"no "
			"functions for snapshots",
			pawl->where, name);
	if (rc)
		return rc;
	p = participant_make(pawl, machine, &taken);
	if (!p)
		return error_set(&pawl->err, -ENOMEM,
			"pawl: %s/%.63s: take part: out of memory", pawl->where, name);
	rc = join(p, name, &taken);
	if (rc)
		pawl_participant_close(p);
	else
		*participant_p = p;
	return rc;
}

void pawl_participant_close(struct pawl_participant *p)
{
	if (!p)
		return;
	pawl_unsubscribe(p->subscriber);
	talk_end(p);
	writing_free(p);
	free(p->commands.ring);
	free(p);
}
