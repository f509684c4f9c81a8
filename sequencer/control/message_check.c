#include "sequencer/control/message_check.h"

#include <errno.h>
#include <string.h>

#include "hw/memory.h"
#include "sequencer/control/endpoint.h"
#include "sequencer/control/message.h"
#include "sequencer/core/limits.h"
#include "sequencer/core/names.h"

#define PROGRAM_NAME_MAX 255
#define ERRNO_MAX 4095
#define LEASE_NS_MAX (UINT64_MAX / 4)

int message_refuse(struct error *err, const char *what)
{
	return error_set(err, -EBADMSG,
		"control: message refused: %s; is the other side a pawl of this version?",
		what);
}

bool message_text_valid(const char *text, size_t len)
{
	for (size_t i = 0; text[i] != '\0'; i++) {
		if (i + 1 == len || text[i] < 0x20 || text[i] > 0x7e)
			return false;
	}
	return true;
}

static bool replica_valid(uint32_t id)
{
	return id >= 1 && id <= UINT16_MAX;
}

int member_check(const Control__Member *member, bool whole, struct error *err)
{
	if (!replica_valid(member->replica))
		return message_refuse(err, "member: id out of range");
	if (whole && member->incarnation == 0)
		return message_refuse(err, "member: no incarnation");
	if (!message_text_valid(member->transport, MESSAGE_TRANSPORT_LEN))
		return message_refuse(err, "member: not a transport");
	if (!message_text_valid(member->memory, MEMORY_ADDRESS_MAX))
		return message_refuse(err, "member: not a memory address");
	if (!message_text_valid(member->memory_path, MESSAGE_PATH_LEN))
		return message_refuse(err, "member: not a path");
	if (member->memory_epoch > MESSAGE_EPOCH_MAX)
		return message_refuse(err, "member: epoch out of range");
	if (member->n_control > MESSAGE_CONTROLS_MAX)
		return message_refuse(err, "member: too many control addresses");
	for (size_t i = 0; i < member->n_control; i++) {
		if (!message_text_valid(member->control[i], ENDPOINT_TEXT_MAX))
			return message_refuse(err, "member: not a control address");
	}
	return 0;
}

int chain_check(
	Control__Member *const *chain, size_t count, bool whole, struct error *err)
{
	if (count > CHAIN_MAX)
		return message_refuse(err, "length of the chain out of range");
	for (size_t i = 0; i < count; i++) {
		int rc = member_check(chain[i], whole, err);

		if (rc)
			return rc;
		for (size_t k = 0; k < i; k++) {
			if (chain[k]->replica == chain[i]->replica)
				return message_refuse(
					err, "chain: one replica in two places");
		}
	}
	return 0;
}

static int join_check(const Control__Join *join, struct error *err)
{
	if (join->cluster[0] && !names_cluster_valid(join->cluster))
		return message_refuse(err, "join: not a cluster name");
	if (strlen(join->program) > PROGRAM_NAME_MAX)
		return message_refuse(err, "join: program name too long");
	return 0;
}

static int open_counter_check(const Control__OpenCounter *open, struct error *err)
{
	if (open->reserve_max > ADDITION_MAX)
		return message_refuse(err, "open counter: reserve-max out of range");
	if (open->from_epoch > MESSAGE_EPOCH_MAX)
		return message_refuse(err, "open counter: epoch out of range");
	return 0;
}

static int hello_check(const Control__Hello *hello, struct error *err)
{
	if (!names_cluster_valid(hello->cluster))
		return message_refuse(err, "hello: not a cluster name");
	if (!replica_valid(hello->to))
		return message_refuse(err, "hello: id out of range");
	if (!hello->from)
		return message_refuse(err, "hello: from nobody");
	return member_check(hello->from, true, err);
}

static bool admin_names_replica(const Control__Admin *admin)
{
	return admin->action == CONTROL__ADMIN__ACTION__ADD ||
	       admin->action == CONTROL__ADMIN__ACTION__REMOVE ||
	       admin->action == CONTROL__ADMIN__ACTION__PROMOTE;
}

static int admin_check(const Control__Admin *admin, struct error *err)
{
	if (!protobuf_c_enum_descriptor_get_value(
		    &control__admin__action__descriptor, (int)admin->action))
		return message_refuse(err, "admin: no such action");
	if (admin_names_replica(admin) && !replica_valid(admin->id))
		return message_refuse(err, "admin: id out of range");
	return 0;
}

int request_check(const Control__Request *request, struct error *err)
{
	if (request->id == 0)
		return message_refuse(err, "request id is 0");
	switch (request->body_case) {
	case CONTROL__REQUEST__BODY_JOIN:
		return join_check(request->join, err);
	case CONTROL__REQUEST__BODY_OPEN_COUNTER:
		return open_counter_check(request->open_counter, err);
	case CONTROL__REQUEST__BODY_HELLO:
		return hello_check(request->hello, err);
	case CONTROL__REQUEST__BODY_EPOCH:
		return epoch_message_check(request->epoch, err);
	case CONTROL__REQUEST__BODY_ADMIN:
		return admin_check(request->admin, err);
	case CONTROL__REQUEST__BODY_OPEN_STREAM:
		return open_stream_check(request->open_stream, err);
	case CONTROL__REQUEST__BODY_SUBSCRIBE:
		return subscribe_check(request->subscribe, err);
	case CONTROL__REQUEST__BODY_UNSUBSCRIBE:
		return unsubscribe_check(request->unsubscribe, err);
	case CONTROL__REQUEST__BODY_ACKNOWLEDGE_SNAPSHOT:
		return acknowledge_snapshot_check(request->acknowledge_snapshot, err);
	case CONTROL__REQUEST__BODY_TAIL_READ:
		return tail_read_check(request->tail_read, err);
	case CONTROL__REQUEST__BODY_PUT_SNAPSHOT:
		return put_snapshot_check(request->put_snapshot, err);
	case CONTROL__REQUEST__BODY_GET_SNAPSHOT:
		return get_snapshot_check(request->get_snapshot, err);
	case CONTROL__REQUEST__BODY_STREAM_TELL:
		return stream_tell_check(request->stream_tell, err);
	case CONTROL__REQUEST__BODY_STREAM_ASK:
		return stream_ask_check(request->stream_ask, err);
	case CONTROL__REQUEST__BODY_LEAVE:
	case CONTROL__REQUEST__BODY_GET_STATUS:
	case CONTROL__REQUEST__BODY_STOP:
		return 0;
	default:
		return message_refuse(err, "unknown request");
	}
}

static int joined_check(const Control__Joined *joined, struct error *err)
{
	if (!names_cluster_valid(joined->cluster))
		return message_refuse(err, "joined: not a cluster name");
	if (joined->epoch == 0 || joined->epoch > MESSAGE_EPOCH_MAX)
		return message_refuse(err, "joined: epoch out of range");
	if (joined->counters_max == 0 || joined->counters_max > COUNTERS_MAX)
		return message_refuse(err, "joined: counters-max out of range");
	if (joined->sessions_max == 0 || joined->row >= joined->sessions_max ||
		joined->sessions_max > SESSIONS_MAX)
		return message_refuse(err, "joined: row out of range");
	if (joined->replica > UINT16_MAX)
		return message_refuse(err, "joined: id out of range");
	if (joined->lease_ns > LEASE_NS_MAX)
		return message_refuse(err, "joined: lease out of range");
	if (joined->n_chain == 0)
		return message_refuse(err, "joined: nobody in the chain");
	return chain_check(joined->chain, joined->n_chain, false, err);
}

static int counter_opened_check(const Control__CounterOpened *opened, struct error *err)
{
	if (opened->counter >= COUNTERS_MAX || opened->epoch_base >= COUNTER_LIMIT ||
		opened->stand >= COUNTER_LIMIT || opened->ceiling >= COUNTER_LIMIT ||
		opened->jump >= COUNTER_LIMIT || opened->reserve_max > ADDITION_MAX)
		return message_refuse(err, "counter: out of range");
	if (opened->epoch > MESSAGE_EPOCH_MAX)
		return message_refuse(err, "counter: epoch out of range");
	return 0;
}

static int welcome_check(const Control__Welcome *welcome, struct error *err)
{
	if (!welcome->self)
		return message_refuse(err, "welcome: from nobody");
	return member_check(welcome->self, true, err);
}

static int elsewhere_check(const Control__Elsewhere *elsewhere, struct error *err)
{
	if (elsewhere->epoch > MESSAGE_EPOCH_MAX)
		return message_refuse(err, "elsewhere: epoch out of range");
	return chain_check(elsewhere->chain, elsewhere->n_chain, false, err);
}

static int status_check(const Control__Status *status, struct error *err)
{
	if (status->n_counters > COUNTERS_MAX || status->n_sessions > SESSIONS_MAX)
		return message_refuse(err, "status: too long");
	if (stream_statuses_check(status->streams, status->n_streams, err))
		return -EBADMSG;
	return chain_check(status->chain, status->n_chain, false, err);
}

static int reply_body_check(const Control__Reply *reply, struct error *err)
{
	switch (reply->body_case) {
	case CONTROL__REPLY__BODY_JOINED:
		return joined_check(reply->joined, err);
	case CONTROL__REPLY__BODY_COUNTER_OPENED:
		return counter_opened_check(reply->counter_opened, err);
	case CONTROL__REPLY__BODY_STATUS:
		return status_check(reply->status, err);
	case CONTROL__REPLY__BODY_WELCOME:
		return welcome_check(reply->welcome, err);
	case CONTROL__REPLY__BODY_EPOCH:
		return epoch_message_check(reply->epoch, err);
	case CONTROL__REPLY__BODY_ELSEWHERE:
		return elsewhere_check(reply->elsewhere, err);
	case CONTROL__REPLY__BODY_STREAM_OPENED:
		return stream_opened_check(reply->stream_opened, err);
	case CONTROL__REPLY__BODY_SUBSCRIBED:
		return subscribed_check(reply->subscribed, err);
	case CONTROL__REPLY__BODY_TAIL_ANSWER:
		return tail_answer_check(reply->tail_answer, err);
	case CONTROL__REPLY__BODY_STREAM_TELL:
		return stream_tell_check(reply->stream_tell, err);
	case CONTROL__REPLY__BODY_STREAM_ASK:
		return stream_ask_check(reply->stream_ask, err);
	case CONTROL__REPLY__BODY_SNAPSHOT_PIECE:
		return snapshot_piece_check(reply->snapshot_piece, err);
	case CONTROL__REPLY__BODY_SNAPSHOT_PUT:
	case CONTROL__REPLY__BODY_UNSUBSCRIBED:
	case CONTROL__REPLY__BODY_SNAPSHOT_ACKNOWLEDGED:
	case CONTROL__REPLY__BODY_LEFT:
	case CONTROL__REPLY__BODY_STOPPING:
	case CONTROL__REPLY__BODY_AGREED:
		return 0;
	default:
		return reply->error ? 0 : message_refuse(err, "unknown reply");
	}
}

int reply_check(const Control__Reply *reply, struct error *err)
{
	if (reply->error > ERRNO_MAX || (reply->error && !reply->text[0]))
		return message_refuse(err, "error that says nothing");
	return reply_body_check(reply, err);
}
