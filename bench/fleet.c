#include "bench/fleet.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client/command/ask.h"
#include "hw/clock.h"
#include "sequencer/control/paths.h"

#define READY_TIMEOUT_MS 30000
#define STOP_TIMEOUT_NS UINT64_C(10000000000)
#define END_TIMEOUT_MS 15000
#define LINE_LEN 256
#define OPTION_SIZE (PATH_MAX + 32)

static void log_path(const struct fleet *fleet, unsigned int id, char path[PATH_MAX])
{
	(void)snprintf(path, PATH_MAX, "%s/%u.log", fleet->config.files, id);
}

/* The log's last line, since the log goes too. */
static void log_last_line(const char *path, char *text, size_t len)
{
	char line[LINE_LEN];
	FILE *log = fopen(path, "re");

	(void)snprintf(text, len, "it left no message");
	while (log && fgets(line, sizeof(line), log)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0])
			(void)snprintf(text, len, "%s", line);
	}
	if (log)
		(void)fclose(log);
}

static int not_ready(struct fleet *fleet, unsigned int id, int rc, struct error *err)
{
	struct daemon_process *daemon = &fleet->daemons[id - 1];
	char path[PATH_MAX], last[LINE_LEN];

	daemon_release(daemon);
	daemon->pid = 0;
	if (rc == -ETIMEDOUT)
		return error_set(err, rc, "bench: pawld was not ready within %d s",
			READY_TIMEOUT_MS / 1000);
	if (daemon->status[0])
		return error_set(err, rc, "%s", daemon->status);
	log_path(fleet, id, path);
	log_last_line(path, last, sizeof(last));
	return error_set(err, rc, "bench: pawld ended at once: %s", last);
}

static int replica_start(struct fleet *fleet, unsigned int id, struct error *err)
{
	const struct fleet_config *c = &fleet->config;
	char cluster[OPTION_SIZE], own_id[32], transport[64], store[OPTION_SIZE],
		memory[OPTION_SIZE], device[OPTION_SIZE], log[PATH_MAX];
	char *argv[] = {NULL, cluster, own_id, transport, store, memory,
		(char *)"--stop-timeout-ms=500", c->device ? device : NULL, NULL};
	int rc;

	(void)snprintf(cluster, sizeof(cluster), "--cluster=%s", c->cluster);
	(void)snprintf(own_id, sizeof(own_id), "--id=%u", id);
	(void)snprintf(transport, sizeof(transport), "--transport=%s", c->transport);
	(void)snprintf(store, sizeof(store), "--store=%s", c->store);
	(void)snprintf(memory, sizeof(memory), "--memory-dir=%s", c->memory);
	if (c->device)
		(void)snprintf(device, sizeof(device), "--device=%s", c->device);
	log_path(fleet, id, log);
	rc = daemon_start(
		argv, log, DAEMON_CALLERS_SESSION, &fleet->daemons[id - 1], err);
	if (rc)
		return rc;
	rc = daemon_wait_ready(&fleet->daemons[id - 1], READY_TIMEOUT_MS);
	return rc ? not_ready(fleet, id, rc, err) : 0;
}

int fleet_start(struct fleet *fleet, const struct fleet_config *config, struct error *err)
{
	int rc = 0;

	memset(fleet, 0, sizeof(*fleet));
	fleet->config = *config;
	for (unsigned int id = 1; id <= config->replicas && !rc; id++)
		rc = replica_start(fleet, id, err);
	return rc;
}

static int id_check(
	const struct fleet *fleet, unsigned int id, bool runs, struct error *err)
{
	if (id >= 1 && id <= fleet->config.replicas &&
		(fleet->daemons[id - 1].pid > 0) == runs)
		return 0;
	return error_set(err, -EINVAL, "bench: replica %u: is no replica that %s", id,
		runs ? "runs" : "can be started");
}

int fleet_restart(struct fleet *fleet, unsigned int id, struct error *err)
{
	int rc = id_check(fleet, id, false, err);

	return rc ? rc : replica_start(fleet, id, err);
}

int fleet_kill(
	struct fleet *fleet, unsigned int id, uint64_t *killed_ns_p, struct error *err)
{
	struct daemon_process *daemon;
	int rc = id_check(fleet, id, true, err);

	if (rc)
		return rc;
	daemon = &fleet->daemons[id - 1];
	*killed_ns_p = clock_now_ns();
	(void)kill(daemon->pid, SIGKILL);
	(void)!daemon_wait_end(daemon, END_TIMEOUT_MS);
	daemon_release(daemon);
	daemon->pid = 0;
	return 0;
}

static int endpoint_of(
	const struct fleet *fleet, unsigned int id, struct endpoint *endpoint_p)
{
	char path[PATHS_LEN_MAX], text[PATHS_LEN_MAX + 8];
	int rc = paths_socket(fleet->config.files, fleet->config.cluster, (uint16_t)id,
		path, sizeof(path), NULL);

	if (rc)
		return rc;
	(void)snprintf(text, sizeof(text), "unix:%s", path);
	return endpoint_parse(text, false, endpoint_p, NULL);
}

/* One stop is for the whole cluster. */
static bool stop_ask(const struct fleet *fleet, unsigned int id)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Stop stop = CONTROL__STOP__INIT;
	struct endpoint endpoint;
	struct control control;
	Control__Reply *reply;
	int rc = control_init(&control, CONTROL_BUFFER_LEN);

	if (rc)
		return false;
	stop.erase = true;
	request.body_case = CONTROL__REQUEST__BODY_STOP;
	request.stop = &stop;
	rc = endpoint_of(fleet, id, &endpoint);
	if (!rc)
		rc = ask(&control, &endpoint, &request, STOP_TIMEOUT_NS, &reply, NULL);
	control_destroy(&control);
	return rc == 0;
}

static bool replica_end(struct daemon_process *daemon)
{
	int status = daemon_wait_end(daemon, END_TIMEOUT_MS);

	daemon_release(daemon);
	daemon->pid = 0;
	return status == 0;
}

bool fleet_stop(struct fleet *fleet)
{
	bool stopped = false, well = true, any = false;

	for (unsigned int i = 0; i < fleet->config.replicas; i++) {
		if (fleet->daemons[i].pid > 0 && !stopped)
			stopped = stop_ask(fleet, i + 1);
		any |= fleet->daemons[i].pid > 0;
	}
	for (unsigned int i = 0; i < fleet->config.replicas; i++) {
		if (fleet->daemons[i].pid <= 0)
			continue;
		if (!stopped)
			(void)kill(fleet->daemons[i].pid, SIGTERM);
		well &= replica_end(&fleet->daemons[i]);
	}
	return well && (stopped || !any);
}

int fleet_where(
	const struct fleet_config *config, char *where, size_t len, struct error *err)
{
	size_t used = 0;

	where[0] = '\0';
	for (unsigned int id = 1; id <= config->replicas; id++) {
		char path[PATHS_LEN_MAX];
		int rc = paths_socket(config->files, config->cluster, (uint16_t)id, path,
			sizeof(path), err);

		if (rc)
			return rc;
		used += (size_t)snprintf(
			where + used, len - used, "%sunix:%s", id > 1 ? "," : "", path);
		if (used >= len)
			return error_set(err, -ENAMETOOLONG,
				"bench: %s: the path is too long for %u sockets; set "
				"TMPDIR to a shorter one",
				config->files, config->replicas);
	}
	return 0;
}
