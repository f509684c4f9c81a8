/*
 * A few replicas' meshes with their servers on one event loop, for unit tests.  A replica
 * can be killed, leaving its socket file behind as a dead process does.
 */
#ifndef PAWL_TESTS_MESH_RIG_H
#define PAWL_TESTS_MESH_RIG_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hw/clock.h"
#include "sequencer/core/region.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/mesh.h"

#define NODES_MAX 3
#define SEEN_MAX 64
#define MS UINT64_C(1000000)
#define HEARTBEAT_NS (2 * MS)
#define NEVER_NS (UINT64_C(600000) * MS) /* only what is suspected at once is suspected */
#define PATIENCE_NS (10000 * MS)	 /* before a test gives up */
#define INSTANCE 99

struct node {
	struct rig *rig;
	struct epoch_member member;
	char path[108];
	struct roster roster;
	struct server *server;
	struct mesh *mesh;
	struct device *device;
	struct memory *memory;
	bool beats;
	/* What its mesh told. */
	uint64_t claims[SEEN_MAX]; /* of messages */
	unsigned int messages, suspects, trusts;
	struct epoch_member suspected;
	char why[JUDGE_WHY_LEN];
	struct node *answers; /* messages are answered to this node */
	bool unwatches;	      /* whoever it suspects, from within the handler */
};

struct rig {
	uv_loop_t loop;
	uv_timer_t tick; /* so that the loop never sleeps for long */
	char dir[32];
	uint64_t suspect_ns;
	bool hearts; /* replicas have devices, and so can look at heartbeats */
	struct node nodes[NODES_MAX];
};

static inline void rig_tick(uv_timer_t *timer)
{
	struct rig *rig = timer->data;

	for (int i = 0; i < NODES_MAX; i++) {
		struct node *n = &rig->nodes[i];
		char *base;

		if (!n->memory || !n->beats)
			continue;
		base = n->memory->ops->base(n->memory);
		(*(uint64_t *)(void *)(base + REGION_HEARTBEAT_OFFSET))++;
	}
}

static inline void rig_open(struct rig *rig, uint64_t suspect_ns)
{
	memset(rig, 0, sizeof(*rig));
	log_open(LOG_ERROR);
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	rig->suspect_ns = suspect_ns;
	(void)strcpy(rig->dir, "/tmp/pawl-mesh-XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	assert_int_equal(uv_loop_init(&rig->loop), 0);
	assert_int_equal(uv_timer_init(&rig->loop, &rig->tick), 0);
	rig->tick.data = rig;
	assert_int_equal(uv_timer_start(&rig->tick, rig_tick, 1, 1), 0);
}

static inline void rig_run_for(struct rig *rig, uint64_t ns)
{
	uint64_t end_ns = clock_now_ns() + ns;

	while (clock_now_ns() < end_ns)
		(void)uv_run(&rig->loop, UV_RUN_ONCE);
}

/* Runs the loop until the condition holds, and fails the test if it never does. */
#define rig_until(rig, condition)                                \
	do {                                                     \
		uint64_t end_ns_ = clock_now_ns() + PATIENCE_NS; \
		while (!(condition) && clock_now_ns() < end_ns_) \
			(void)uv_run(&(rig)->loop, UV_RUN_ONCE); \
		assert_true(condition);                          \
	} while (0)

static inline void node_request(
	void *context, struct connection *connection, const Control__Request *request)
{
	struct node *n = context;

	assert_true(mesh_request(n->mesh, connection, request));
}

static inline void node_connection_closed(void *context, struct connection *connection)
{
	struct node *n = context;

	mesh_closed_connection(n->mesh, connection);
}

static inline void node_send(struct node *n, struct epoch_member to, uint64_t claim)
{
	struct epoch_message message = {
		.kind = EPOCH_INSTALLED, .from = n->member, .to = to, .claim = claim};

	mesh_send(n->mesh, &message);
}

static inline void node_message(void *context, const struct epoch_wire_message *message)
{
	struct node *n = context;

	assert_true(n->messages < SEEN_MAX);
	n->claims[n->messages++] = message->message.claim;
	if (n->answers)
		node_send(n, n->answers->member, message->message.claim + 1000);
}

static inline void node_suspect(
	void *context, struct epoch_member member, const char *why)
{
	static const struct epoch_chain nobody;
	struct node *n = context;

	n->suspects++;
	n->suspected = member;
	(void)snprintf(n->why, sizeof(n->why), "%s", why);
	if (n->unwatches)
		mesh_watch(n->mesh, &nobody);
}

static inline void node_trust(void *context, struct epoch_member member)
{
	struct node *n = context;

	(void)member;
	n->trusts++;
}

static inline void node_mesh_start(struct node *n)
{
	struct mesh_config config = {.loop = &n->rig->loop,
		.cluster = "desk",
		.roster = &n->roster,
		.heartbeat_ns = HEARTBEAT_NS,
		.suspect_ns = n->rig->suspect_ns,
		.retry_ns = 5 * MS,
		.device = n->device,
		.handlers = {.message = node_message,
			.suspect = node_suspect,
			.trust = node_trust,
			.context = n}};
	struct error err = {0};

	assert_int_equal(mesh_make(&config, &n->mesh, &err), 0);
	mesh_instance_set(n->mesh, INSTANCE);
}

/* A life of replica @id, which listens on @extra (or NULL) besides its socket. */
static inline struct node *node_start(
	struct rig *rig, uint32_t id, uint64_t incarnation, const char *extra)
{
	struct node *n = &rig->nodes[id - 1];
	struct roster_entry self = {.member = {id, incarnation}, .controls_count = 1};
	struct server_config config = {.loop = &rig->loop,
		.handlers = {.request = node_request,
			.closed = node_connection_closed,
			.context = n},
		.connections_max = 16};
	struct device_config device = {.listen = true};
	struct error err = {0};

	assert_null(n->device);
	memset(n, 0, sizeof(*n));
	n->rig = rig;
	if (rig->hearts)
		assert_int_equal(shm_memory_ops.open(&device, &n->device, &err), 0);
	n->member = self.member;
	(void)snprintf(n->path, sizeof(n->path), "%s/%u.sock", rig->dir, id);
	(void)snprintf(self.controls[0], RECORD_CONTROL_LEN, "unix:%s", n->path);
	if (extra) {
		(void)snprintf(self.controls[1], RECORD_CONTROL_LEN, "%s", extra);
		self.controls_count = 2;
	}
	roster_init(&n->roster, &self);
	assert_int_equal(server_make(&config, &n->server), 0);
	assert_int_equal(server_listen(n->server, self.controls[0], &err), 0);
	if (extra)
		assert_int_equal(server_listen(n->server, extra, &err), 0);
	node_mesh_start(n);
	return n;
}

/* Replicas 1 and 2, which have not heard of each other. */
static inline void pair_start(struct rig *rig, struct node **a_p, struct node **b_p)
{
	*a_p = node_start(rig, 1, 11, NULL);
	*b_p = node_start(rig, 2, 22, NULL);
}

/* The same, on a rig where nobody is suspected for being slow. */
static inline void pair_open(struct rig *rig, struct node **a_p, struct node **b_p)
{
	rig_open(rig, NEVER_NS);
	pair_start(rig, a_p, b_p);
}

/* What is known from the record before anybody speaks. */
static inline void node_knows(struct node *n, struct node *other)
{
	(void)roster_learn(&n->roster, roster_self(&other->roster));
}

static inline void node_watches(struct node *n, struct epoch_member member)
{
	struct epoch_chain chain = {.count = 2, .at = {n->member, member}};

	mesh_watch(n->mesh, &chain);
}

static inline bool node_is_connected(struct node *n, uint32_t id)
{
	struct mesh_peer peer;

	for (unsigned int i = 0; mesh_peer_get(n->mesh, i, &peer); i++) {
		if (peer.member.id == id)
			return peer.connected;
	}
	return false;
}

/* Replica 1 watches 2 and they are connected; 2 watches 1 if @both do. */
static inline void pair_meet(struct node *a, struct node *b, bool both)
{
	node_knows(a, b);
	node_watches(a, b->member);
	if (both) {
		node_knows(b, a);
		node_watches(b, a->member);
	}
	rig_until(a->rig, node_is_connected(a, b->member.id) &&
				  (!both || node_is_connected(b, a->member.id)));
}

/* The mesh and its connections end; the roster and what was seen stay. */
static inline void node_end(struct node *n)
{
	if (!n->mesh)
		return;
	mesh_close(n->mesh);
	server_close(n->server);
	server_cut(n->server);
	rig_until(n->rig, mesh_closed(n->mesh) && server_closed(n->server));
	mesh_free(n->mesh);
	server_free(n->server);
	n->mesh = NULL;
	n->server = NULL;
}

/* A socket that nobody listens on: what a killed process leaves behind. */
static inline void socket_leave(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)unlink(path);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (const struct sockaddr *)(const void *)&address,
				 sizeof(address)),
		0);
	(void)close(fd);
}

static inline void node_kill(struct node *n)
{
	node_end(n);
	socket_leave(n->path);
}

/* A region whose heartbeat beats from now on. */
static inline void node_region_open(struct node *n, uint64_t epoch)
{
	struct memory_config config = {
		.pages = {.len = REGION_COUNTERS_OFFSET, .node = -1}};
	struct roster_entry *self = roster_self(&n->roster);
	struct error err = {0};

	assert_int_equal(shm_memory_ops.expose(n->device, &config, &n->memory, &err), 0);
	(void)snprintf(self->transport, sizeof(self->transport), "shm");
	(void)snprintf(self->memory, sizeof(self->memory), "%s",
		shm_memory_ops.address(n->memory));
	self->memory_epoch = epoch;
	n->beats = true;
}

static inline void node_region_close(struct node *n)
{
	shm_memory_ops.withdraw(n->memory);
	n->memory = NULL;
}

static inline void rig_close(struct rig *rig)
{
	for (int i = 0; i < NODES_MAX; i++) {
		struct node *n = &rig->nodes[i];

		node_end(n);
		if (n->memory)
			node_region_close(n);
		if (n->device)
			shm_memory_ops.close(n->device);
		(void)unlink(n->path);
	}
	uv_close((uv_handle_t *)&rig->tick, NULL);
	(void)uv_run(&rig->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&rig->loop), 0);
	assert_int_equal(rmdir(rig->dir), 0);
}

#endif
