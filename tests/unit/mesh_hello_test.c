/* Who says hello, and for whom it may speak then. */
#include "tests/unit/mesh_rig.h"

#include <errno.h>

#include "sequencer/daemon/line.h"

/* A program that speaks the protocol by hand, as replica 3. */
struct stranger {
	struct rig *rig;
	struct line *line;
	unsigned int handles_open;
	bool connected, welcomed;
	uint32_t error;
};

static void stranger_connected(void *context)
{
	struct stranger *s = context;

	s->connected = true;
}

static void stranger_reply(void *context, const Control__Reply *reply)
{
	struct stranger *s = context;

	s->welcomed |= reply->body_case == CONTROL__REPLY__BODY_WELCOME;
	s->error = reply->error;
}

static void stranger_ended(void *context, int code)
{
	(void)context;
	(void)code;
}

static void stranger_call(struct stranger *s, struct rig *rig, struct node *n)
{
	struct line_config config = {.loop = &rig->loop,
		.handlers = {.connected = stranger_connected,
			.reply = stranger_reply,
			.ended = stranger_ended,
			.context = s},
		.handles_open = &s->handles_open};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*s = (struct stranger){.rig = rig};
	(void)strcpy(address.sun_path, n->path);
	assert_int_equal(
		line_open(&config, (const struct sockaddr *)(const void *)&address,
			&s->line),
		0);
	rig_until(rig, s->connected);
}

static void stranger_say(struct stranger *s, Control__Request *request)
{
	size_t len = message_frame_len(&request->base);
	uint8_t *frame = malloc(len);

	assert_non_null(frame);
	message_frame_write(&request->base, frame);
	line_send(s->line, frame, len);
	free(frame);
}

static void stranger_hello(struct stranger *s, const char *cluster, uint32_t protocol)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Hello hello = CONTROL__HELLO__INIT;
	Control__Member from = CONTROL__MEMBER__INIT;

	from.replica = 3;
	from.incarnation = 33;
	hello.protocol = protocol;
	hello.cluster = (char *)(uintptr_t)cluster;
	hello.from = &from;
	hello.to = 1;
	request.id = 1;
	request.body_case = CONTROL__REQUEST__BODY_HELLO;
	request.hello = &hello;
	s->error = 0;
	stranger_say(s, &request);
	rig_until(s->rig, s->welcomed || s->error);
}

static void stranger_message(struct stranger *s, struct epoch_member from)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__EpochMessage epoch = CONTROL__EPOCH_MESSAGE__INIT;
	Control__Member sender = CONTROL__MEMBER__INIT;

	sender.replica = epoch.from = from.id;
	sender.incarnation = epoch.from_incarnation = from.incarnation;
	epoch.kind = EPOCH_INSTALLED;
	epoch.to = 1;
	epoch.to_incarnation = 11;
	epoch.claim = 5;
	epoch.sender = &sender;
	epoch.instance = INSTANCE;
	request.id = 2;
	request.body_case = CONTROL__REQUEST__BODY_EPOCH;
	request.epoch = &epoch;
	stranger_say(s, &request);
}

static void stranger_leave(struct stranger *s)
{
	line_close(s->line);
	rig_until(s->rig, s->handles_open == 0);
}

/* Replica 1, which a stranger has called. */
static struct node *stranger_open(struct stranger *s, struct rig *rig)
{
	struct node *a;

	rig_open(rig, NEVER_NS);
	a = node_start(rig, 1, 11, NULL);
	stranger_call(s, rig, a);
	return a;
}

static void a_replica_of_another_cluster_or_protocol_is_turned_away(void **state)
{
	struct stranger s;
	struct node *a;
	struct rig rig;

	(void)state;
	a = stranger_open(&s, &rig);
	stranger_hello(&s, "table", CONTROL_PROTOCOL);
	assert_int_equal(s.error, ENOENT);
	stranger_hello(&s, "desk", CONTROL_PROTOCOL + 1);
	assert_int_equal(s.error, EPROTO);
	assert_false(mesh_reaches(a->mesh, (struct epoch_member){3, 33}));
	stranger_hello(&s, "desk", CONTROL_PROTOCOL);
	assert_true(s.welcomed);
	assert_true(mesh_reaches(a->mesh, (struct epoch_member){3, 33}));
	stranger_leave(&s);
	rig_until(&rig, !mesh_reaches(a->mesh, (struct epoch_member){3, 33}));
	rig_close(&rig);
}

static void nobody_speaks_in_the_name_of_another(void **state)
{
	static const struct epoch_member own = {3, 33}, other = {2, 22};
	struct stranger s;
	struct node *a;
	struct rig rig;

	(void)state;
	a = stranger_open(&s, &rig);
	stranger_message(&s, own); /* before its hello */
	stranger_hello(&s, "desk", CONTROL_PROTOCOL);
	assert_int_equal(a->messages, 0);
	stranger_message(&s, other);
	stranger_message(&s, own);
	rig_until(&rig, a->messages > 0);
	assert_int_equal(a->messages, 1);
	assert_null(roster_find(&a->roster, other));
	stranger_leave(&s);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replica_of_another_cluster_or_protocol_is_turned_away),
		cmocka_unit_test(nobody_speaks_in_the_name_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
