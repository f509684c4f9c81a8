/* Messages of the epoch machine: shapes and ranges (sequencer/core/epoch.h). */
#include <string.h>

#include "sequencer/control/message_check.h"
#include "sequencer/core/epoch.h"
#include "sequencer/core/names.h"
#include "sequencer/core/stream_limits.h"

static int counter_check(const Control__EpochCounter *counter, struct error *err)
{
	if (!names_counter_valid(counter->name, strlen(counter->name)))
		return message_refuse(err, "epoch: not the name of a counter");
	if (counter->epoch_base > counter->ceiling || counter->ceiling >= COUNTER_LIMIT)
		return message_refuse(err, "epoch: base or ceiling out of range");
	if (counter->stand > counter->epoch_base)
		return message_refuse(err, "epoch: more stands than was drawn");
	if (counter->reserve_max > ADDITION_MAX)
		return message_refuse(err, "epoch: reserve-max out of range");
	return counter->stream ? stream_limits_check(counter->stream, false, err) : 0;
}

static int past_check(
	const Control__EpochPast *past, uint32_t counters_count, struct error *err)
{
	if (past->epoch == 0 || past->epoch > MESSAGE_EPOCH_MAX ||
		past->from >= past->epoch)
		return message_refuse(err, "epoch: history out of order");
	if (past->n_stands != counters_count)
		return message_refuse(err, "epoch: history of other counters");
	for (size_t i = 0; i < past->n_stands; i++) {
		if (past->stands[i] >= COUNTER_LIMIT)
			return message_refuse(err, "epoch: stand out of range");
	}
	return 0;
}

/* Newest first, as the machine keeps it. */
static int history_check(const Control__EpochMessage *message, struct error *err)
{
	if (message->n_history > EPOCH_HISTORY)
		return message_refuse(err, "epoch: history is too long");
	for (size_t i = 0; i < message->n_history; i++) {
		int rc = past_check(message->history[i], message->counters_count, err);

		if (rc)
			return rc;
		if (i > 0 && message->history[i]->epoch >= message->history[i - 1]->epoch)
			return message_refuse(err, "epoch: history out of order");
	}
	return 0;
}

static int install_check(const Control__EpochMessage *message, struct error *err)
{
	uint32_t streams = 0;

	if (message->n_counters != message->counters_count)
		return message_refuse(err, "epoch: number of counters");
	if (message->n_chain == 0)
		return message_refuse(err, "epoch: nobody in the chain");
	for (size_t i = 0; i < message->n_counters; i++) {
		int rc = counter_check(message->counters[i], err);

		if (rc)
			return rc;
		streams += message->counters[i]->stream != NULL;
	}
	if (streams > STREAMS_MAX)
		return message_refuse(err, "epoch: too many streams");
	return history_check(message, err);
}

/* The arrays are there exactly where the kind of message has them. */
static int shape_check(const Control__EpochMessage *message, struct error *err)
{
	bool reports = message->kind == EPOCH_SEALED;
	bool installs = message->kind == EPOCH_INSTALL;

	if (message->n_values != (reports ? message->counters_count : 0))
		return message_refuse(err, "epoch: number of values");
	if (installs)
		return install_check(message, err);
	if (message->n_counters > 0 || message->n_history > 0)
		return message_refuse(err, "epoch: counters in a message without any");
	return 0;
}

static bool life_valid(uint32_t id, uint64_t incarnation)
{
	return id >= 1 && id <= UINT16_MAX && incarnation != 0;
}

/* A replica speaks for itself only. */
static int sender_check(const Control__EpochMessage *message, struct error *err)
{
	const Control__Member *sender = message->sender;

	if (!life_valid(message->from, message->from_incarnation) ||
		!life_valid(message->to, message->to_incarnation))
		return message_refuse(err, "epoch: from or to nobody");
	if (!sender || sender->replica != message->from ||
		sender->incarnation != message->from_incarnation)
		return message_refuse(err, "epoch: the sender is somebody else");
	return member_check(sender, true, err);
}

int epoch_message_check(const Control__EpochMessage *message, struct error *err)
{
	int rc = sender_check(message, err);

	if (rc)
		return rc;
	if (message->kind > EPOCH_JOIN)
		return message_refuse(err, "epoch: unknown kind of message");
	if (message->claim > MESSAGE_EPOCH_MAX || message->target > MESSAGE_EPOCH_MAX)
		return message_refuse(err, "epoch: epoch out of range");
	if (message->counters_count > COUNTERS_MAX)
		return message_refuse(err, "epoch: too many counters");
	rc = chain_check(message->chain, message->n_chain, true, err);
	return rc ? rc : shape_check(message, err);
}
