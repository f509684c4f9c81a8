/* Replicas find each other and speak, over whatever connection there is. */
#include "tests/unit/mesh_rig.h"

#include <netinet/in.h>

static void two_replicas_find_each_other(void **state)
{
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	pair_meet(a, b, true);
	assert_int_equal(a->trusts, 1);
	assert_int_equal(b->trusts, 1);
	assert_int_equal(a->suspects + b->suspects, 0);
	rig_close(&rig);
}

static void messages_go_both_ways(void **state)
{
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	pair_meet(a, b, true);
	b->answers = a;
	for (uint64_t claim = 1; claim <= 20; claim++)
		node_send(a, b->member, claim);
	rig_until(&rig, a->messages == 20);
	for (uint64_t i = 0; i < 20; i++) {
		assert_int_equal(b->claims[i], i + 1);
		assert_int_equal(a->claims[i], i + 1001);
	}
	rig_close(&rig);
}

static void who_watches_nobody_answers_on_the_others_connection(void **state)
{
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	pair_meet(a, b, false);
	assert_true(mesh_reaches(b->mesh, a->member));
	b->answers = a;
	node_send(a, b->member, 5);
	rig_until(&rig, a->messages == 1);
	assert_int_equal(a->claims[0], 1005);
	rig_close(&rig);
}

static void a_hello_teaches_where_the_caller_is(void **state)
{
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	node_watches(b, a->member); /* of whom it knows nothing */
	rig_run_for(&rig, 20 * MS);
	assert_false(node_is_connected(b, 1));
	pair_meet(a, b, false);
	rig_until(&rig, mesh_reaches(b->mesh, a->member));
	assert_string_equal(roster_find(&b->roster, a->member)->controls[0],
		roster_self(&a->roster)->controls[0]);
	rig_close(&rig);
}

static void what_waits_for_a_connection_is_sent_and_the_oldest_is_dropped(void **state)
{
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	node_knows(a, b);
	node_watches(a, b->member);
	for (uint64_t claim = 1; claim <= MESH_QUEUED_MAX + 4; claim++)
		node_send(a, b->member, claim);
	rig_until(&rig, b->messages >= MESH_QUEUED_MAX);
	rig_run_for(&rig, 20 * MS);
	assert_int_equal(b->messages, MESH_QUEUED_MAX);
	for (uint64_t i = 0; i < MESH_QUEUED_MAX; i++)
		assert_int_equal(b->claims[i], i + 5);
	rig_close(&rig);
}

static void what_waits_goes_out_over_the_others_connection_too(void **state)
{
	struct roster_entry nowhere = {.member = {1, 11}};
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	(void)roster_learn(&b->roster, &nowhere);
	roster_self(&a->roster)->controls_count = 0; /* it can not be dialed */
	node_watches(b, a->member);
	node_send(b, a->member, 7);
	pair_meet(a, b, false);
	rig_until(&rig, a->messages == 1);
	assert_int_equal(a->claims[0], 7);
	assert_true(node_is_connected(b, 1));
	rig_close(&rig);
}

static void a_message_to_nobody_in_reach_is_lost(void **state)
{
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	node_send(a, b->member, 1);
	pair_meet(a, b, false);
	node_send(a, b->member, 2);
	rig_until(&rig, b->messages == 1);
	assert_int_equal(b->claims[0], 2);
	rig_close(&rig);
}

/* Replica 3 has taken the place that the record gives for replica 2. */
static void somebody_else_at_an_address_is_left_alone(void **state)
{
	struct roster_entry entry;
	struct node *a, *b, *c;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	c = node_start(&rig, 3, 33, NULL);
	entry = *roster_self(&b->roster);
	memcpy(entry.controls[1], entry.controls[0], RECORD_CONTROL_LEN);
	memcpy(entry.controls[0], roster_self(&c->roster)->controls[0],
		RECORD_CONTROL_LEN);
	entry.controls_count = 2;
	(void)roster_learn(&a->roster, &entry);
	node_watches(a, b->member);
	rig_until(&rig, node_is_connected(a, 2));
	node_send(a, b->member, 1);
	rig_until(&rig, b->messages == 1);
	assert_int_equal(c->messages, 0);
	assert_false(mesh_reaches(c->mesh, a->member));
	rig_close(&rig);
}

/* A port that was free a moment ago. */
static void tcp_address(const char *host, char address[RECORD_CONTROL_LEN])
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)(void *)&in, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&in, &len), 0);
	(void)close(fd);
	(void)snprintf(address, RECORD_CONTROL_LEN, "%s:%u", host, ntohs(in.sin_port));
}

/* Both listen on TCP too, and only that is known of replica 2. */
static void tcp_meet(struct rig *rig, const char *host)
{
	char address[RECORD_CONTROL_LEN];
	struct roster_entry entry;
	struct node *a, *b;

	tcp_address(host, address);
	a = node_start(rig, 1, 11, NULL);
	b = node_start(rig, 2, 22, address);
	entry = *roster_self(&b->roster);
	memcpy(entry.controls[0], address, sizeof(address));
	entry.controls_count = 1;
	(void)roster_learn(&a->roster, &entry);
	node_watches(a, b->member);
	rig_until(rig, node_is_connected(a, 2));
	b->answers = a;
	node_send(a, b->member, 3);
	rig_until(rig, a->messages == 1);
	node_end(b);
	rig_until(rig, a->suspects == 1);
}

static void replicas_speak_over_tcp(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, NEVER_NS);
	tcp_meet(&rig, "127.0.0.1");
	rig_close(&rig);
}

static void a_host_name_is_looked_up_without_blocking(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, NEVER_NS);
	tcp_meet(&rig, "localhost");
	rig_close(&rig);
}

static void a_mesh_can_end_while_everything_is_under_way(void **state)
{
	struct roster_entry entry = {.member = {2, 22}, .controls_count = 2};
	struct node *a;
	struct rig rig;

	(void)state;
	rig_open(&rig, NEVER_NS);
	a = node_start(&rig, 1, 11, NULL);
	(void)snprintf(entry.controls[0], RECORD_CONTROL_LEN, "no-such-host.invalid:1");
	(void)snprintf(entry.controls[1], RECORD_CONTROL_LEN, "192.0.2.1:7470");
	(void)roster_learn(&a->roster, &entry);
	node_watches(a, entry.member);
	node_send(a, entry.member, 1);
	(void)uv_run(&rig.loop, UV_RUN_ONCE);
	(void)uv_run(&rig.loop, UV_RUN_ONCE);
	node_end(a);
	rig_close(&rig);
}

static void another_instance_of_the_cluster_is_not_listened_to(void **state)
{
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	pair_meet(a, b, false);
	mesh_instance_set(b->mesh, INSTANCE + 1);
	node_send(a, b->member, 1);
	rig_run_for(&rig, 20 * MS);
	mesh_instance_set(b->mesh, 0);
	node_send(a, b->member, 2);
	rig_run_for(&rig, 20 * MS);
	assert_int_equal(b->messages, 0);
	mesh_instance_set(b->mesh, INSTANCE);
	node_send(a, b->member, 3);
	rig_until(&rig, b->messages == 1);
	assert_int_equal(b->claims[0], 3);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_replicas_find_each_other),
		cmocka_unit_test(messages_go_both_ways),
		cmocka_unit_test(who_watches_nobody_answers_on_the_others_connection),
		cmocka_unit_test(a_hello_teaches_where_the_caller_is),
		cmocka_unit_test(
			what_waits_for_a_connection_is_sent_and_the_oldest_is_dropped),
		cmocka_unit_test(what_waits_goes_out_over_the_others_connection_too),
		cmocka_unit_test(a_message_to_nobody_in_reach_is_lost),
		cmocka_unit_test(somebody_else_at_an_address_is_left_alone),
		cmocka_unit_test(replicas_speak_over_tcp),
		cmocka_unit_test(a_host_name_is_looked_up_without_blocking),
		cmocka_unit_test(a_mesh_can_end_while_everything_is_under_way),
		cmocka_unit_test(another_instance_of_the_cluster_is_not_listened_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
