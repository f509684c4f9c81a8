/* How a fake replica answers; what it says is in its fields. */
#include "tests/unit/fake_talk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sequencer/control/frame.h"
#include "sequencer/core/panic.h"

void fake_reply_send(struct fake_connection *c, Control__Reply *reply)
{
	uint8_t bytes[2 * MESSAGE_PIECE_MAX];
	size_t len = message_frame_len(&reply->base);

	if (c->fd < 0)
		return;
	PAWL_ASSERT(len <= sizeof(bytes));
	message_frame_write(&reply->base, bytes);
	(void)send(c->fd, bytes, len, MSG_NOSIGNAL);
}

/* A chain as messages name it. */
struct fake_members {
	Control__Member members[FAKE_REPLICAS];
	Control__Member *list[FAKE_REPLICAS];
	char controls[FAKE_REPLICAS][2][112];
	char *control_list[FAKE_REPLICAS][2];
};

static void member_fill(struct fake *fake, struct fake_members *m, unsigned int at,
	const struct fake_epoch *epoch)
{
	struct fake_replica *r = &fake->replicas[epoch->chain[at]];
	struct memory *memory = r->regions[epoch->epoch];
	Control__Member *member = &m->members[at];
	size_t count = 0;

	control__member__init(member);
	member->replica = r->id;
	member->incarnation = r->incarnation;
	member->transport = (char *)"shm";
	member->memory = (char *)(memory ? memory->ops->address(memory) : "");
	member->memory_epoch = epoch->epoch;
	if (r->also[0])
		(void)snprintf(m->controls[at][count++], 112, "unix:%s", r->also);
	(void)snprintf(m->controls[at][count++], 112, "unix:%s", r->path);
	for (size_t i = 0; i < count; i++)
		m->control_list[at][i] = m->controls[at][i];
	member->control = m->control_list[at];
	member->n_control = count;
	m->list[at] = member;
}

static void members_fill(
	struct fake *fake, struct fake_members *m, const struct fake_epoch *epoch)
{
	for (unsigned int i = 0; i < epoch->count; i++)
		member_fill(fake, m, i, epoch);
}

static uint64_t token_of(const struct fake_replica *r)
{
	return r->incarnation * 1000 + r->id;
}

void fake_joined_send(
	struct fake *fake, struct fake_replica *r, struct fake_connection *c, uint64_t id)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Joined joined = CONTROL__JOINED__INIT;
	struct fake_members members;

	members_fill(fake, &members, &r->serves);
	joined.cluster = (char *)"fake";
	joined.epoch = r->serves.epoch;
	joined.instance = fake->instance;
	joined.session = token_of(r);
	joined.row = r->id; /* another one at each replica */
	joined.counters_max = FAKE_COUNTERS;
	joined.sessions_max = FAKE_SESSIONS;
	joined.chain = members.list;
	joined.n_chain = r->serves.count;
	joined.replica = r->id;
	joined.incarnation = r->incarnation;
	joined.lease_ns = fake->lease_ns;
	reply.id = id;
	reply.body_case = CONTROL__REPLY__BODY_JOINED;
	reply.joined = &joined;
	c->joined = true;
	fake_reply_send(c, &reply);
}

static void refusal_send(
	struct fake *fake, struct fake_replica *r, struct fake_connection *c, uint64_t id)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Elsewhere elsewhere = CONTROL__ELSEWHERE__INIT;
	struct fake_members members;

	reply.id = id;
	reply.text = (char *)"fake: no; ask somebody else";
	reply.error = r->mood == FAKE_REFUSES ? (uint32_t)r->refusal : EAGAIN;
	if (r->mood == FAKE_ELSEWHERE) {
		members_fill(fake, &members, &fake->newest);
		elsewhere.epoch = fake->newest.epoch;
		elsewhere.chain = members.list;
		elsewhere.n_chain = fake->newest.count;
		reply.body_case = CONTROL__REPLY__BODY_ELSEWHERE;
		reply.elsewhere = &elsewhere;
	}
	fake_reply_send(c, &reply);
}

static void on_join(struct fake *fake, struct fake_replica *r, struct fake_connection *c,
	const Control__Request *request)
{
	r->joins++;
	r->newest_token = request->join->session;
	if (r->mood == FAKE_SERVES && r->serves.epoch) {
		r->sessions += request->join->session != token_of(r);
		fake_joined_send(fake, r, c, request->id);
	} else if (r->mood != FAKE_SILENT) {
		refusal_send(fake, r, c, request->id);
	}
}

uint32_t fake_name_place(struct fake *fake, const char *name)
{
	for (unsigned int i = 0; i < fake->names_count; i++) {
		if (strcmp(fake->names[i], name) == 0)
			return i;
	}
	PAWL_ASSERT(fake->names_count < FAKE_COUNTERS);
	(void)snprintf(fake->names[fake->names_count], COUNTER_NAME_MAX + 1, "%s", name);
	return fake->names_count++;
}

static void on_open_counter(struct fake *fake, const struct fake_replica *r,
	struct fake_connection *c, const Control__Request *request)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__CounterOpened opened = CONTROL__COUNTER_OPENED__INIT;

	fake->newest_from_epoch = request->open_counter->from_epoch;
	opened.counter = fake_name_place(fake, request->open_counter->name);
	opened.epoch = r->serves.epoch;
	opened.epoch_base = fake->base;
	opened.stand = fake->stand;
	opened.ceiling = fake->ceiling;
	opened.reserve_max = fake->reserve_max;
	opened.jump = fake->jump;
	reply.id = request->id;
	reply.body_case = CONTROL__REPLY__BODY_COUNTER_OPENED;
	reply.counter_opened = &opened;
	fake_reply_send(c, &reply);
}

static void on_request(struct fake *fake, struct fake_replica *r,
	struct fake_connection *c, const Control__Request *request)
{
	if (fake->extra.request && fake->extra.request(fake, r, c, request))
		return;
	if (request->body_case == CONTROL__REQUEST__BODY_JOIN)
		on_join(fake, r, c, request);
	else if (request->body_case == CONTROL__REQUEST__BODY_OPEN_COUNTER)
		on_open_counter(fake, r, c, request);
	else if (request->body_case == CONTROL__REQUEST__BODY_LEAVE)
		c->joined = false;
}

void fake_connection_close(struct fake_connection *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	*c = (struct fake_connection){.fd = -1};
}

static void connection_read(
	struct fake *fake, struct fake_replica *r, struct fake_connection *c)
{
	const uint8_t *payload;
	size_t payload_len, frame_len;
	ssize_t got;

	got = recv(c->fd, c->in + c->in_used, sizeof(c->in) - c->in_used, MSG_DONTWAIT);
	if (got == 0 || (got < 0 && errno != EAGAIN)) {
		fake_connection_close(c);
		return;
	}
	c->in_used += got > 0 ? (size_t)got : 0;
	while (frame_next(c->in, c->in_used, &payload, &payload_len, &frame_len) == 0) {
		Control__Request *request;

		PAWL_ASSERT(
			request_decode(payload, payload_len, NULL, &request, NULL) == 0);
		on_request(fake, r, c, request);
		control__request__free_unpacked(request, NULL);
		c->in_used -= frame_len;
		memmove(c->in, c->in + frame_len, c->in_used);
	}
}

void fake_replica_turn(struct fake *fake, struct fake_replica *r)
{
	int fd = r->listener < 0 ? -1 : accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);

	for (int i = 0; i < FAKE_CONNECTIONS; i++) {
		struct fake_connection *c = &r->connections[i];

		if (c->fd < 0 && fd >= 0) {
			c->fd = fd;
			fd = -1;
		}
		if (c->fd >= 0)
			connection_read(fake, r, c);
	}
	PAWL_ASSERT(fd < 0);
}
