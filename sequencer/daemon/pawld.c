#include "sequencer/daemon/pawld.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "hw/clock.h"
#include "sequencer/control/paths.h"
#include "sequencer/daemon/log.h"

#define TICK_MS 100
#define SPARE_CONNECTIONS 64 /* for commands and replicas, beside one per session */

int pawld_fail(int code, const char *text)
{
	log_error("%s", text);
	(void)sd_notifyf(0, "STATUS=%s\nERRNO=%d", text, -code);
	return EXIT_FAILURE;
}

static void device_progress(struct pawld *d)
{
	struct device *device = d->handlers.replica->device;
	struct error err;

	if (device && device->ops->progress(device, &err))
		replica_end(d->handlers.replica, REPLICA_FAILED, &err);
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
void pawld_wind_down(struct pawld *d)
{
	if (d->winding_down)
		return;
	d->winding_down = true;
	if (d->handlers.server)
		server_close(d->handlers.server);
	if (d->handlers.replica)
		replica_close(d->handlers.replica);
	if (!d->loop_started)
		return;
	handle_close((uv_handle_t *)&d->signals[0]);
	handle_close((uv_handle_t *)&d->signals[1]);
	handle_close((uv_handle_t *)&d->tick);
	if (d->device_polled)
		handle_close((uv_handle_t *)&d->device_ready);
	if (d->handlers.server)
		(void)uv_timer_start(&d->stop_deadline, on_stop_deadline,
			d->config.stop_timeout_ms, 0);
	uv_unref((uv_handle_t *)&d->stop_deadline);
}

static void failed(struct pawld *d, const struct error *err)
{
	if (err)
		d->failure = *err;
	else
		(void)error_set(&d->failure, 0, "pawld: %s/%u: can not go on",
			d->config.cluster, d->config.id);
	d->exit_status = pawld_fail(-EIO, d->failure.text);
	handlers_stop_failed(&d->handlers, d->failure.text);
}

/* The goodbye goes out before the connections close, so that clients know the reason. */
static void stopped(struct pawld *d, enum replica_end end)
{
	bool cluster = end != REPLICA_GAVE_UP;
	const char *why = cluster ? "the operator stops the cluster"
				  : "it served nobody; what it holds stays";

	if (cluster)
		log_info("stopped; the numbers are %s",
			end == REPLICA_ERASED ? "forgotten" : "saved");
	else
		log_info("ends: %s", why);
	(void)sd_notify(0, "STOPPING=1");
	if (d->handlers.server)
		handlers_say_goodbye(&d->handlers, why, cluster);
}

static void on_ended(void *context, enum replica_end end, const struct error *err)
{
	struct pawld *d = context;

	if (end == REPLICA_FAILED)
		failed(d, err);
	else
		stopped(d, end);
	pawld_wind_down(d);
}

static void on_served(void *context)
{
	struct pawld *d = context;

	if (!d->winding_down)
		handlers_served(&d->handlers);
}

static void on_changed(void *context)
{
	struct pawld *d = context;

	if (d->winding_down || !d->handlers.replica)
		return;
	openings_look(&d->handlers.openings);
	questions_look(&d->handlers.questions);
	pawld_leave_look(d);
}

static void on_tick(uv_timer_t *timer)
{
	struct pawld *d = timer->data;

	device_progress(d);
	session_reap(&d->handlers.sessions);
	openings_look(&d->handlers.openings);
	questions_look(&d->handlers.questions);
	handlers_stop_look(&d->handlers);
	pawld_leave_look(d);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct pawld *d = signal->data;

	log_info("signal %d: leaving", number);
	if (d->leaving)
		pawld_wind_down(d); /* asked twice: at once */
	else
		pawld_leave(d);
}

static bool on_admit(void *context, const struct memory *memory, uint64_t token)
{
	const struct pawld *d = context;

	(void)memory;
	return session_admits(&d->handlers.sessions, token) ||
	       roster_knows_incarnation(&d->handlers.replica->roster, token);
}

static void loop_start(struct pawld *d)
{
	static const int numbers[] = {SIGTERM, SIGINT};
	struct device *device = d->handlers.replica->device;
	int fd = device->ops->fd(device);

	d->loop_started = true;
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

static int server_start(struct pawld *d, const char *local, struct error *err)
{
	struct server_config config = {
		.loop = &d->loop,
		.handlers = {handlers_request, handlers_closed, &d->handlers},
		.connections_max = d->config.sessions_max + SPARE_CONNECTIONS,
		.group_set = d->surroundings.group_set,
		.group = d->surroundings.group,
	};
	int rc = server_make(&config, &d->handlers.server);

	if (!rc)
		rc = server_listen(d->handlers.server, local, err);
	for (unsigned int i = 0; i < d->config.listen_count && !rc; i++)
		rc = server_listen(d->handlers.server, d->config.listen[i], err);
	return rc;
}

static int local_endpoint(
	const struct pawld *d, char *text, size_t len, struct error *err)
{
	char path[PATHS_LEN_MAX];
	int rc = paths_socket(d->config.runtime_dir, d->config.cluster,
		(uint16_t)d->config.id, path, sizeof(path), err);

	if (!rc && (size_t)snprintf(text, len, "unix:%s", path) >= len)
		return error_set(err, -ENAMETOOLONG,
			"pawld: %s: the path of the socket is too long; choose a shorter "
			"--runtime-dir",
			path);
	return rc;
}

static bool is_reachable(const char *listen)
{
	struct config_address address;

	return config_split_address(listen, &address) == 0 &&
	       config_address_is_reachable(&address);
}

static void control_add(struct roster_entry *self, const char *address)
{
	char *to;

	if (self->controls_count == RECORD_CONTROLS_MAX)
		return;
	to = self->controls[self->controls_count++];
	(void)snprintf(to, RECORD_CONTROL_LEN, "%s", address);
}

/* How this replica tells others to reach it. */
static int self_describe(
	const struct pawld *d, struct roster_entry *self, struct error *err)
{
	char local[PATHS_LEN_MAX + 8];
	int rc = local_endpoint(d, local, sizeof(local), err);

	if (rc)
		return rc;
	*self = (struct roster_entry){.member.id = d->config.id};
	(void)snprintf(self->transport, sizeof(self->transport), "%s",
		d->config.transport == CONFIG_VERBS ? "verbs" : "shm");
	if (strlen(local) < RECORD_CONTROL_LEN)
		control_add(self, local);
	for (unsigned int i = 0; i < d->config.advertise_count; i++)
		control_add(self, d->config.advertise[i]);
	for (unsigned int i = 0; i < d->config.listen_count; i++) {
		if (d->config.advertise_count == 0 && is_reachable(d->config.listen[i]))
			control_add(self, d->config.listen[i]);
	}
	return 0;
}

static void links_end(void *context, uint64_t token)
{
	struct pawld *d = context;

	region_set_links_end(&d->handlers.replica->regions, token);
}

static void row_fold(void *context, uint32_t row)
{
	struct pawld *d = context;

	region_set_row_fold(&d->handlers.replica->regions, row);
}

static void session_ended(void *context, uint64_t token)
{
	struct pawld *d = context;

	streams_session_end(d->handlers.replica, token);
}

static int sessions_start(struct pawld *d, struct error *err)
{
	struct session_table *sessions = &d->handlers.sessions;
	struct device *device = d->handlers.replica->device;
	bool evictable = device->ops->fd(device) >= 0;
	int rc = session_table_init(sessions, d->config.sessions_max, evictable);

	if (rc)
		return error_set(err, rc, "pawld: %s: out of memory", d->config.cluster);
	sessions->links_end = links_end;
	sessions->row_fold = row_fold;
	sessions->ended = session_ended;
	sessions->context = d;
	device->ops->admit(device, on_admit, d);
	return 0;
}

int pawld_replica_start(struct pawld *d, struct error *err)
{
	struct replica_handlers handlers = {on_served, on_changed, on_ended, d};
	struct roster_entry self;
	int rc = self_describe(d, &self, err);

	if (!rc)
		rc = replica_start(&d->config, &d->surroundings, &self, &d->loop,
			&handlers, &d->handlers.replica, err);
	if (!rc)
		rc = sessions_start(d, err);
	if (rc)
		return rc;
	d->handlers.openings.replica = d->handlers.replica;
	d->handlers.questions.replica = d->handlers.replica;
	d->handlers.started_ns = clock_now_ns();
	return 0;
}

/* First the addresses: whoever can not have them must not have begun a cluster. */
static int pawld_start(struct pawld *d, struct error *err)
{
	char local[PATHS_LEN_MAX + 8];
	int rc = local_endpoint(d, local, sizeof(local), err);

	if (!rc)
		rc = server_start(d, local, err);
	return rc ? rc : pawld_replica_start(d, err);
}

void pawld_free(struct pawld *d)
{
	openings_free(&d->handlers.openings);
	questions_free(&d->handlers.questions);
	server_free(d->handlers.server);
	session_table_destroy(&d->handlers.sessions);
	replica_free(d->handlers.replica);
}

int pawld_serve(struct pawld *d)
{
	struct error err = {.text = ""};
	int rc = pawld_start(d, &err);

	if (rc) {
		d->exit_status = pawld_fail(rc, err.text);
		pawld_wind_down(d);
	} else if (!d->winding_down) {
		loop_start(d);
		log_info("%s/%u: ready", d->config.cluster, d->config.id);
		(void)sd_notify(0, "READY=1");
	}
	(void)uv_run(&d->loop, UV_RUN_DEFAULT);
	pawld_free(d);
	return d->exit_status;
}
