/* Who of the other replicas is alive, as the mesh sees it. */
#include "tests/unit/mesh_rig.h"

#define SUSPECT_NS (100 * MS)

/* Two replicas that can look at each other's hearts. */
static void pair_with_hearts(struct rig *rig, struct node **a_p, struct node **b_p)
{
	rig_open(rig, SUSPECT_NS);
	rig->hearts = true;
	pair_start(rig, a_p, b_p);
}

static void who_dies_is_suspected_at_once(void **state)
{
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	pair_meet(a, b, true);
	node_kill(b);
	rig_until(&rig, a->suspects == 1);
	assert_true(epoch_member_same(a->suspected, b->member));
	assert_true(a->why[0] != '\0');
	rig_close(&rig);
}

static void who_dies_is_suspected_also_when_only_it_had_called(void **state)
{
	struct roster_entry nowhere = {.member = {2, 22}, .controls_count = 1};
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	/* Replica 1 has an address of replica 2 that does not lead anywhere yet. */
	(void)snprintf(nowhere.controls[0], RECORD_CONTROL_LEN, "unix:%s/none", rig.dir);
	(void)roster_learn(&a->roster, &nowhere);
	roster_self(&b->roster)->controls_count = 0;
	node_watches(a, b->member);
	pair_meet(b, a, false);
	rig_until(&rig, node_is_connected(a, 2));
	(void)snprintf(b->path, sizeof(b->path), "%s/none", rig.dir);
	socket_leave(b->path);
	rig_run_for(&rig, 30 * MS);
	assert_int_equal(a->suspects, 0); /* refused, but connected */
	node_end(b);
	rig_until(&rig, a->suspects == 1);
	(void)snprintf(b->path, sizeof(b->path), "%s/2.sock", rig.dir);
	(void)unlink(nowhere.controls[0] + strlen("unix:"));
	rig_close(&rig);
}

static void a_socket_that_nobody_listens_on_makes_a_suspect_soon(void **state)
{
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	node_knows(a, b);
	node_kill(b);
	node_watches(a, b->member);
	rig_until(&rig, a->suspects == 1);
	assert_non_null(strstr(a->why, b->path));
	assert_non_null(strstr(a->why, "refused"));
	rig_close(&rig);
}

static void who_never_shows_up_is_suspected_in_time(void **state)
{
	struct epoch_member unknown = {2, 22};
	struct rig rig;
	struct node *a;
	uint64_t begun_ns;

	(void)state;
	rig_open(&rig, SUSPECT_NS);
	a = node_start(&rig, 1, 11, NULL);
	begun_ns = clock_now_ns();
	node_watches(a, unknown);
	rig_until(&rig, a->suspects == 1);
	assert_true(clock_now_ns() - begun_ns >= SUSPECT_NS - HEARTBEAT_NS);
	rig_close(&rig);
}

static void a_replica_that_lives_on_in_another_life_is_another(void **state)
{
	struct epoch_member former;
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	node_knows(a, b);
	former = b->member;
	node_end(b);
	b = node_start(&rig, 2, 23, NULL);
	node_watches(a, former);
	rig_until(&rig, a->suspects == 1);
	assert_non_null(strstr(a->why, "another life"));
	assert_true(roster_knows_incarnation(&a->roster, 23));
	/* It can still be asked, for it may hold what its former life left. */
	node_send(a, former, 9);
	rig_until(&rig, b->messages == 1);
	assert_int_equal(a->trusts, 0);
	node_watches(a, b->member);
	rig_until(&rig, a->trusts == 1);
	node_send(a, former, 10);
	rig_until(&rig, b->messages == 2);
	rig_close(&rig);
}

static void a_connection_that_comes_back_is_trusted_again(void **state)
{
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	pair_meet(a, b, false);
	server_cut(b->server);
	rig_until(&rig, a->suspects == 1);
	rig_until(&rig, a->trusts == 2);
	assert_true(node_is_connected(a, 2));
	rig_close(&rig);
}

static void who_is_no_longer_watched_is_disconnected_and_not_judged(void **state)
{
	static const struct epoch_chain nobody;
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	pair_meet(a, b, true);
	mesh_watch(a->mesh, &nobody);
	rig_run_for(&rig, 30 * MS);
	assert_int_equal(b->suspects, 0); /* its own connection stands */
	assert_true(mesh_reaches(a->mesh, b->member));
	node_kill(b);
	rig_run_for(&rig, 30 * MS);
	assert_int_equal(a->suspects, 0);
	rig_close(&rig);
}

static void a_handler_may_end_what_it_is_told_about(void **state)
{
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_open(&rig, &a, &b);
	a->unwatches = true;
	pair_meet(a, b, true);
	node_kill(b);
	rig_until(&rig, a->suspects == 1);
	rig_run_for(&rig, 30 * MS);
	assert_int_equal(a->suspects, 1);
	rig_close(&rig);
}

static void a_heart_that_stops_makes_a_suspect_until_it_beats_again(void **state)
{
	struct mesh_peer peer;
	struct node *a, *b;
	uint64_t stopped_ns;
	struct rig rig;

	(void)state;
	pair_with_hearts(&rig, &a, &b);
	node_region_open(b, 1);
	pair_meet(a, b, true);
	rig_run_for(&rig, 2 * SUSPECT_NS);
	assert_int_equal(a->suspects, 0);
	assert_true(mesh_peer_get(a->mesh, 0, &peer));
	assert_true(peer.heartbeat_age_ns > 0 && peer.heartbeat_age_ns < SUSPECT_NS);
	b->beats = false;
	stopped_ns = clock_now_ns();
	rig_until(&rig, a->suspects == 1);
	assert_true(clock_now_ns() - stopped_ns >= SUSPECT_NS - 2 * HEARTBEAT_NS);
	assert_non_null(strstr(a->why, "heartbeat"));
	rig_run_for(&rig, SUSPECT_NS);
	assert_int_equal(a->trusts, 1);
	assert_true(node_is_connected(a, 2));
	b->beats = true;
	rig_until(&rig, a->trusts == 2);
	assert_int_equal(a->suspects, 1);
	rig_close(&rig);
}

static void a_watcher_that_slept_suspects_nobody(void **state)
{
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_with_hearts(&rig, &a, &b);
	node_region_open(b, 1);
	pair_meet(a, b, true);
	rig_run_for(&rig, SUSPECT_NS);
	for (int night = 0; night < 3; night++) {
		/* Both are stopped, and the watcher wakes first. */
		b->beats = false;
		rig_run_for(&rig, SUSPECT_NS / 10);
		assert_int_equal(usleep(3 * SUSPECT_NS / 1000), 0);
		rig_run_for(&rig, SUSPECT_NS / 10);
		b->beats = true;
		rig_run_for(&rig, SUSPECT_NS / 2);
	}
	assert_int_equal(a->suspects, 0);
	rig_close(&rig);
}

static void a_peer_that_goes_on_to_another_region_is_no_suspect(void **state)
{
	struct node *a, *b;
	struct rig rig;

	(void)state;
	pair_with_hearts(&rig, &a, &b);
	for (uint64_t epoch = 1; epoch <= 4; epoch++) {
		node_region_open(b, epoch);
		if (epoch == 1)
			pair_meet(a, b, true);
		node_send(b, a->member, epoch); /* says where the region is */
		rig_until(&rig, a->messages == epoch);
		rig_run_for(&rig, 2 * SUSPECT_NS);
		node_region_close(b);
	}
	node_region_open(b, 5);
	node_send(b, a->member, 5);
	rig_run_for(&rig, 2 * SUSPECT_NS);
	assert_int_equal(a->suspects, 0);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_dies_is_suspected_at_once),
		cmocka_unit_test(who_dies_is_suspected_also_when_only_it_had_called),
		cmocka_unit_test(a_socket_that_nobody_listens_on_makes_a_suspect_soon),
		cmocka_unit_test(who_never_shows_up_is_suspected_in_time),
		cmocka_unit_test(a_replica_that_lives_on_in_another_life_is_another),
		cmocka_unit_test(a_connection_that_comes_back_is_trusted_again),
		cmocka_unit_test(who_is_no_longer_watched_is_disconnected_and_not_judged),
		cmocka_unit_test(a_handler_may_end_what_it_is_told_about),
		cmocka_unit_test(a_heart_that_stops_makes_a_suspect_until_it_beats_again),
		cmocka_unit_test(a_watcher_that_slept_suspects_nobody),
		cmocka_unit_test(a_peer_that_goes_on_to_another_region_is_no_suspect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
