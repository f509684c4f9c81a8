/* pawld: one replica of a cluster. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <uv.h>

#include "hw/clock.h"
#include "sequencer/control/paths.h"
#include "sequencer/core/panic.h"
#include "sequencer/daemon/config.h"
#include "sequencer/daemon/handlers.h"
#include "sequencer/daemon/identity.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/surroundings.h"

#define EXIT_USAGE 2
#define TICK_MS 100
#define SPARE_CONNECTIONS 64 /* for commands, beside one per session */

struct pawld {
	struct daemon_config config;
	struct surroundings surroundings;
	struct identity identity;
	struct handlers handlers;
	uv_loop_t loop;
	uv_signal_t signals[2];
	uv_timer_t tick;
	uv_timer_t stop_deadline;
	uv_poll_t device_ready;
	bool device_polled;
	bool stopping;
	int exit_status;
};

/* Tells the log, and systemd or 'pawl up', why there is no daemon. */
static int fail(int code, const char *text)
{
	log_error("%s", text);
	(void)sd_notifyf(0, "STATUS=%s\nERRNO=%d", text, -code);
	return EXIT_FAILURE;
}

static void device_progress(struct pawld *d)
{
	struct device *device = replica_owner(d->handlers.replica)->device;
	struct error err;

	if (device && device->ops->progress(device, &err))
		log_error("%s", err.text);
}

static void on_device(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	device_progress(poll->data);
}

static void handle_close(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void on_stop_deadline(uv_timer_t *timer)
{
	struct pawld *d = timer->data;

	log_warning("connections are cut: their peers do not read");
	server_cut(d->handlers.server);
}

/* Closes everything; the loop ends once that is done. */
static void loop_wind_down(struct pawld *d)
{
	server_close(d->handlers.server);
	handle_close((uv_handle_t *)&d->signals[0]);
	handle_close((uv_handle_t *)&d->signals[1]);
	handle_close((uv_handle_t *)&d->tick);
	if (d->device_polled)
		handle_close((uv_handle_t *)&d->device_ready);
	(void)uv_timer_start(
		&d->stop_deadline, on_stop_deadline, d->config.stop_timeout_ms, 0);
	uv_unref((uv_handle_t *)&d->stop_deadline);
}

/*
 * Another process sealed the region: it found the same record without finding this
 * process's lock.  The numbers are its business from now on.
 */
static void step_down(struct pawld *d)
{
	struct error err;

	d->stopping = true;
	d->exit_status = fail(
		error_set(&err, -ESTALE,
			"pawld: %s/%u: another process has taken over this replica's "
			"numbers; do two runtime directories share one store?",
			d->config.cluster, d->config.id),
		err.text);
	loop_wind_down(d);
}

static void on_tick(uv_timer_t *timer)
{
	struct pawld *d = timer->data;

	if (!d->stopping && !owner_is_open(replica_owner(d->handlers.replica))) {
		step_down(d);
		return;
	}
	device_progress(d);
	session_reap(&d->handlers.sessions);
}

/*
 * The goodbye goes out before the seal, so that clients who meet the seal find the reason
 * on their control connections.
 */
static void stop(struct pawld *d, struct connection *asker, uint64_t request, bool erase)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Stopping stopping = CONTROL__STOPPING__INIT;
	struct error err = {0};
	int rc;

	if (d->stopping)
		return;
	d->stopping = true;
	(void)sd_notify(0, "STOPPING=1");
	handlers_say_goodbye(&d->handlers, "the operator stops the cluster");
	if (d->device_polled)
		handle_close(
			(uv_handle_t *)&d->device_ready); /* its descriptor goes away */
	rc = replica_stop(d->handlers.replica, erase, &err);
	d->handlers.sessions.memory = NULL;
	if (rc) {
		d->exit_status = fail(rc, err.text);
		if (asker)
			handlers_reply_error(asker, request, rc, err.text);
	} else {
		log_info("stopped; the numbers are %s", erase ? "forgotten" : "saved");
	}
	if (asker && !rc) {
		reply.id = request;
		reply.body_case = CONTROL__REPLY__BODY_STOPPING;
		reply.stopping = &stopping;
		connection_reply(asker, &reply);
	}
	loop_wind_down(d);
}

static void on_signal(uv_signal_t *signal, int number)
{
	log_info("signal %d: stopping", number);
	stop(signal->data, NULL, 0, false);
}

static void on_stop_request(
	void *context, struct connection *connection, uint64_t request, bool erase)
{
	stop(context, connection, request, erase);
}

static bool on_admit(void *context, const struct memory *memory, uint64_t token)
{
	const struct pawld *d = context;

	(void)memory;
	return session_admits(&d->handlers.sessions, token);
}

static void loop_start(struct pawld *d)
{
	static const int numbers[] = {SIGTERM, SIGINT};
	struct device *device = replica_owner(d->handlers.replica)->device;
	int fd = device->ops->fd(device);

	for (int i = 0; i < 2; i++) {
		(void)uv_signal_init(&d->loop, &d->signals[i]);
		d->signals[i].data = d;
		(void)uv_signal_start(&d->signals[i], on_signal, numbers[i]);
	}
	(void)uv_timer_init(&d->loop, &d->tick);
	d->tick.data = d;
	(void)uv_timer_start(&d->tick, on_tick, TICK_MS, TICK_MS);
	(void)uv_timer_init(&d->loop, &d->stop_deadline);
	d->stop_deadline.data = d;
	if (fd < 0)
		return;
	d->device_polled = uv_poll_init(&d->loop, &d->device_ready, fd) == 0;
	d->device_ready.data = d;
	if (d->device_polled)
		(void)uv_poll_start(&d->device_ready, UV_READABLE, on_device);
}

static int server_start(struct pawld *d, struct error *err)
{
	struct server_config config = {
		.loop = &d->loop,
		.handlers = {handlers_request, handlers_closed, &d->handlers},
		.connections_max = d->config.sessions_max + SPARE_CONNECTIONS,
		.group_set = d->surroundings.group_set,
		.group = d->surroundings.group,
	};
	char path[PATHS_LEN_MAX], endpoint[PATHS_LEN_MAX + 8];
	int rc = paths_socket(d->config.runtime_dir, d->config.cluster,
		(uint16_t)d->config.id, path, sizeof(path), err);

	if (!rc)
		rc = server_make(&config, &d->handlers.server);
	if (rc)
		return rc;
	(void)snprintf(endpoint, sizeof(endpoint), "unix:%s", path);
	rc = server_listen(d->handlers.server, endpoint, err);
	for (unsigned int i = 0; i < d->config.listen_count && !rc; i++)
		rc = server_listen(d->handlers.server, d->config.listen[i], err);
	return rc;
}

static int handlers_start(struct pawld *d, struct error *err)
{
	struct owner *owner = replica_owner(d->handlers.replica);
	bool evictable = owner->device->ops->fd(owner->device) >= 0;
	int rc = session_table_init(
		&d->handlers.sessions, d->config.sessions_max, evictable);

	if (rc)
		return error_set(err, rc, "pawld: %s: out of memory", d->config.cluster);
	d->handlers.sessions.memory = owner->memory;
	d->handlers.started_ns = clock_now_ns();
	d->handlers.stop = on_stop_request;
	d->handlers.stop_context = d;
	owner->device->ops->admit(owner->device, on_admit, d);
	return server_start(d, err);
}

/* Ends the loop's work when the start failed half-way. */
static void loop_abandon(struct pawld *d)
{
	if (d->handlers.server)
		server_close(d->handlers.server);
	(void)uv_run(&d->loop, UV_RUN_DEFAULT);
}

static int serve(struct pawld *d)
{
	struct error err = {0};
	int rc = replica_start(&d->config, &d->surroundings, &d->handlers.replica, &err);

	if (rc)
		return fail(rc, err.text);
	rc = handlers_start(d, &err);
	if (rc) {
		struct error stop_err;

		d->exit_status = fail(rc, err.text);
		if (replica_stop(d->handlers.replica, false, &stop_err))
			log_error("%s", stop_err.text);
		d->handlers.sessions.memory = NULL;
		loop_abandon(d);
	} else {
		loop_start(d);
		log_info("%s/%u: ready at epoch %llu", d->config.cluster, d->config.id,
			(unsigned long long)replica_owner(d->handlers.replica)
				->header.epoch);
		(void)sd_notify(0, "READY=1");
		(void)uv_run(&d->loop, UV_RUN_DEFAULT);
	}
	server_free(d->handlers.server);
	session_table_destroy(&d->handlers.sessions);
	replica_free(d->handlers.replica);
	return d->exit_status;
}

static int settle(struct pawld *d)
{
	struct error err = {0};
	bool was_active;
	int rc = replica_settle(
		&d->config, &d->surroundings, d->config.erase, &was_active, &err);

	if (rc) {
		/* Somebody reads this at once: a line for them, not for a log. */
		(void)fprintf(stderr, "%s\n", err.text);
		return EXIT_FAILURE;
	}
	if (d->config.erase)
		(void)printf("%s: was not running; its numbers are forgotten\n",
			d->config.cluster);
	else if (was_active)
		(void)printf("%s: was not stopped; its numbers are saved now\n",
			d->config.cluster);
	else
		(void)printf(
			"%s: was not running; its numbers are kept\n", d->config.cluster);
	return EXIT_SUCCESS;
}

static int identity_find(struct pawld *d, struct error *err)
{
	char path[PATHS_LEN_MAX];
	int rc = paths_lock(d->config.runtime_dir, d->config.cluster,
		(uint16_t)d->config.id, path, sizeof(path), err);

	return rc ? rc : identity_take(path, &d->identity, err);
}

/* The outcomes that need no daemon; true when there was one, with its exit status. */
static bool answered(
	const struct daemon_config *config, enum config_action action, int *status_p)
{
	struct error err;

	*status_p = EXIT_SUCCESS;
	switch (action) {
	case CONFIG_RUN:
		return false;
	case CONFIG_HELP:
		config_help(stdout);
		break;
	case CONFIG_VERSION:
		(void)printf("pawld %s\n", PAWL_VERSION);
		break;
	case CONFIG_PRINT:
		if (config_print(config, stdout, &err))
			*status_p = fail(-EIO, err.text);
		break;
	}
	return true;
}

/* With the replica's lock held. */
static int run(struct pawld *d)
{
	struct error err = {0};
	int status, rc = surroundings_find(&d->config, &d->surroundings, &err);

	if (rc)
		return fail(rc, err.text);
	if (d->config.settle)
		return settle(d);
	(void)uv_loop_init(&d->loop);
	status = serve(d);
	(void)uv_loop_close(&d->loop);
	return status;
}

int main(int argc, char **argv)
{
	static struct pawld d; /* large, and as long-lived as the process */
	enum config_action action;
	struct error err = {0};
	int rc = config_parse(argc, argv, &d.config, &action, &err);
	int status;

	if (rc) {
		(void)fail(rc, err.text);
		return EXIT_USAGE;
	}
	if (answered(&d.config, action, &status))
		return status;
	log_open((enum log_level)d.config.log_level);
	(void)signal(SIGPIPE, SIG_IGN);
	rc = identity_find(&d, &err);
	if (rc)
		return fail(rc, err.text);
	status = run(&d);
	identity_release(&d.identity);
	return status;
}
