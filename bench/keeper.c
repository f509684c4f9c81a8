#include "bench/keeper.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/command/daemon.h"
#include "sequencer/control/paths.h"

#define CLUSTER_NAME "bench"
#define MEMORY_DIR "/dev/shm"
#define READY_TIMEOUT_MS 30000
#define END_TIMEOUT_MS 15000
#define LINE_LEN 256

struct keeper {
	int line;
	char files[PATH_MAX];  /* sockets, records and the log; "" when not made */
	char memory[PATH_MAX]; /* the region; "" when not made */
	char log[PATH_MAX + 8];
	struct daemon_process daemon;
};

static void on_signal(int number)
{
	(void)number;
}

/*
 * A terminal's signals reach it too, but it ends with its starter and not before.  A
 * handler, since an ignored signal would stay ignored in pawld.
 */
static void signals_outlast(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
	(void)sigaction(SIGQUIT, &action, NULL);
	(void)setsid();
}

/* A new directory below @base, "" if it can not be. */
static int directory_make(const char *base, char *path, size_t len, struct error *err)
{
	char made[PATH_MAX];

	if ((size_t)snprintf(made, sizeof(made), "%s/pawl-bench-XXXXXX", base) >=
			sizeof(made) ||
		strlen(made) >= len)
		return error_set(err, -ENAMETOOLONG,
			"bench: %.100s...: the path is too long", base);
	if (!mkdtemp(made))
		return error_set(err, -errno,
			"bench: %s: no directory can be made there: %s; make room, or "
			"set "
			"TMPDIR to another",
			base, error_reason(-errno));
	(void)strcpy(path, made);
	return 0;
}

static int directories_make(struct keeper *k, struct error *err)
{
	const char *wanted = getenv("TMPDIR");
	char base[PATH_MAX];
	int rc;

	if (!wanted || !wanted[0])
		wanted = "/tmp";
	if (!realpath(wanted, base))
		return error_set(err, -errno,
			"bench: %s: no such directory for files: %s; set TMPDIR to "
			"another",
			wanted, error_reason(-errno));
	rc = directory_make(base, k->files, sizeof(k->files), err);
	if (!rc)
		rc = directory_make(MEMORY_DIR, k->memory, sizeof(k->memory), err);
	if (rc)
		return rc;
	(void)snprintf(k->log, sizeof(k->log), "%s/log", k->files);
	(void)setenv("PAWL_RUNTIME_DIR", k->files, 1);
	(void)setenv("PAWL_STATE_DIR", k->files, 1);
	return 0;
}

static int remove_one(
	const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

static void directories_remove(const struct keeper *k)
{
	if (k->files[0])
		(void)nftw(k->files, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	if (k->memory[0])
		(void)nftw(k->memory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
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

static int not_ready(struct keeper *k, int rc, struct error *err)
{
	char last[LINE_LEN];

	daemon_release(&k->daemon);
	k->daemon.pid = 0;
	if (rc == -ETIMEDOUT)
		return error_set(err, rc, "bench: pawld was not ready within %d s",
			READY_TIMEOUT_MS / 1000);
	if (k->daemon.status[0])
		return error_set(err, rc, "%s", k->daemon.status);
	log_last_line(k->log, last, sizeof(last));
	return error_set(err, rc, "bench: pawld ended at once: %s", last);
}

static int pawld_start(
	struct keeper *k, const char *transport, const char *device, struct error *err)
{
	char transport_option[64], device_option[128], memory_option[PATH_MAX + 16];
	char *argv[] = {NULL, (char *)"--cluster=" CLUSTER_NAME,
		(char *)"--stop-timeout-ms=500", transport_option, memory_option,
		device ? device_option : NULL, NULL};
	int rc;

	(void)snprintf(
		transport_option, sizeof(transport_option), "--transport=%s", transport);
	(void)snprintf(
		memory_option, sizeof(memory_option), "--memory-dir=%s", k->memory);
	if (device)
		(void)snprintf(
			device_option, sizeof(device_option), "--device=%s", device);
	rc = daemon_start(argv, k->log, &k->daemon, err);
	if (rc)
		return rc;
	rc = daemon_wait_ready(&k->daemon, READY_TIMEOUT_MS);
	return rc ? not_ready(k, rc, err) : 0;
}

static int where_find(const struct keeper *k, char *where, size_t len, struct error *err)
{
	char path[PATHS_LEN_MAX];
	int rc = paths_socket(k->files, CLUSTER_NAME, 1, path, sizeof(path), err);

	if (!rc)
		(void)snprintf(where, len, "unix:%s", path);
	return rc;
}

static int start(struct keeper *k, const char *transport, const char *device,
	struct keeper_word *word)
{
	int rc = directories_make(k, &word->err);

	if (!rc)
		rc = where_find(k, word->where, sizeof(word->where), &word->err);
	return rc ? rc : pawld_start(k, transport, device, &word->err);
}

/* Nothing is ever sent: what can be read is that all others have let go. */
static void release_await(const struct keeper *k)
{
	struct pollfd line = {.fd = k->line, .events = POLLIN};

	while (poll(&line, 1, -1) < 0 && errno == EINTR)
		continue;
}

static int pawld_stop(struct keeper *k)
{
	int status;

	if (k->daemon.pid <= 0)
		return 0;
	(void)kill(k->daemon.pid, SIGTERM);
	status = daemon_wait_end(&k->daemon, END_TIMEOUT_MS);
	daemon_release(&k->daemon);
	return status;
}

void keeper_run(int line, const char *transport, const char *device)
{
	static struct keeper k; /* large */
	struct keeper_word word = {0};
	int status;

	k.line = line;
	signals_outlast();
	word.rc = start(&k, transport, device, &word);
	(void)send(line, &word, sizeof(word), MSG_NOSIGNAL);
	if (!word.rc)
		release_await(&k);
	status = pawld_stop(&k);
	directories_remove(&k);
	_exit(status ? EXIT_FAILURE : EXIT_SUCCESS);
}
