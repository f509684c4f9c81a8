#include "bench/keeper.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/directories.h"
#include "bench/etcd.h"
#include "bench/fleet.h"

struct keeper {
	int line;
	struct directories directories;
	struct etcd etcd;
	char cluster[32];
	char store[PATH_MAX + 16]; /* for pawld */
	struct fleet fleet;
};

static void on_signal(int number)
{
	(void)number;
}

/*
 * A terminal's signals reach it too, but it ends with its starter and not before.  A
 * handler, since an ignored signal would stay ignored in pawld.  It stays in the session of its
 * starter, and so does all that it starts: where Linux gives each session a share of the
 * processors (sched_autogroup), one that gives up a processor gives it up within its session only.
 */
static void signals_outlast(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
	(void)sigaction(SIGQUIT, &action, NULL);
	(void)setpgid(0, 0);
}

/* Where a store is that others use too, the cluster's name must be nobody else's. */
static void cluster_name(struct keeper *k, bool shared)
{
	uint32_t random = 0;

	(void)!getrandom(&random, sizeof(random), 0);
	if (shared)
		(void)snprintf(
			k->cluster, sizeof(k->cluster), "bench-%08" PRIx32, random);
	else
		(void)snprintf(k->cluster, sizeof(k->cluster), "bench");
}

/* @directory_p: where the file store is, else NULL. */
static int store_find(struct keeper *k, const struct cluster_plan *plan,
	const char **directory_p, struct error *err)
{
	bool file = plan->store_kind == CLUSTER_STORE_FILE;
	const char *base = file ? plan->store : NULL;
	int rc = directories_make(&k->directories, base, err);

	*directory_p = NULL;
	if (rc)
		return rc;
	if (file) {
		*directory_p = base ? k->directories.store : k->directories.files;
		(void)snprintf(k->store, sizeof(k->store), "file:%s", *directory_p);
		return 0;
	}
	if (plan->store) {
		(void)snprintf(k->store, sizeof(k->store), "%s", plan->store);
		return 0;
	}
	rc = etcd_start(&k->etcd, k->directories.files, err);
	if (!rc)
		etcd_address(&k->etcd, k->store, sizeof(k->store));
	return rc;
}

/* Whose processor time may be asked for, and where the etcd is. */
static void word_fill(const struct keeper *k, struct keeper_word *word)
{
	for (unsigned int i = 0; i < CHAIN_MAX; i++)
		word->replica_pids[i] = k->fleet.daemons[i].pid;
	word->etcd_pid = k->etcd.pid;
	word->etcd_port = k->etcd.port;
}

static int start(
	struct keeper *k, const struct cluster_plan *plan, struct keeper_word *word)
{
	struct fleet_config config = {.cluster = k->cluster,
		.transport = plan->transport,
		.device = plan->device,
		.store = k->store,
		.files = k->directories.files,
		.memory = k->directories.memory,
		.replicas = plan->replicas};
	const char *directory;
	int rc;

	cluster_name(k, plan->store_kind == CLUSTER_STORE_ETCD && plan->store);
	rc = store_find(k, plan, &directory, &word->err);
	if (!rc && plan->etcd_beside)
		rc = etcd_start(&k->etcd, k->directories.files, &word->err);
	if (rc)
		return rc;
	(void)setenv("PAWL_RUNTIME_DIR", k->directories.files, 1);
	(void)setenv("PAWL_STATE_DIR", k->directories.files, 1);
	if (plan->store_costs)
		rc = store_costs_measure(
			k->store, k->cluster, directory, &word->costs, &word->err);
	if (!rc)
		rc = fleet_where(&config, word->where, sizeof(word->where), &word->err);
	if (!rc)
		rc = fleet_start(&k->fleet, &config, &word->err);
	word_fill(k, word);
	return rc;
}

static void order_carry_out(struct keeper *k, const struct keeper_order *order)
{
	struct keeper_answer answer = {0};

	if (order->kind == KEEPER_KILL)
		answer.rc = fleet_kill(
			&k->fleet, order->replica, &answer.killed_ns, &answer.err);
	else
		answer.rc = fleet_restart(&k->fleet, order->replica, &answer.err);
	(void)send(k->line, &answer, sizeof(answer), MSG_NOSIGNAL);
}

/* Until all others have let go. */
static void orders_take(struct keeper *k)
{
	struct keeper_order order;
	ssize_t len;

	while ((len = recv(k->line, &order, sizeof(order), 0)) != 0) {
		if (len == (ssize_t)sizeof(order))
			order_carry_out(k, &order);
		else if (errno != EINTR)
			return;
	}
}

void keeper_run(int line, const struct cluster_plan *plan)
{
	static struct keeper k; /* large */
	static struct keeper_word word;
	bool well;

	k.line = line;
	signals_outlast();
	word.rc = start(&k, plan, &word);
	(void)send(line, &word, sizeof(word), MSG_NOSIGNAL);
	if (!word.rc)
		orders_take(&k);
	well = fleet_stop(&k.fleet);
	etcd_stop(&k.etcd);
	directories_remove(&k.directories);
	_exit(well ? EXIT_SUCCESS : EXIT_FAILURE);
}
