#include "sequencer/daemon/sessions.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hw/clock.h"
#include "sequencer/core/panic.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/nonce.h"

int session_table_init(
	struct session_table *table, uint32_t rows_count, bool links_evictable)
{
	memset(table, 0, sizeof(*table));
	table->rows = calloc(rows_count, sizeof(*table->rows));
	if (!table->rows)
		return -ENOMEM;
	table->rows_count = rows_count;
	table->links_evictable = links_evictable;
	for (uint32_t i = 0; i < rows_count; i++)
		table->rows[i] = (struct session){.row = i, .pidfd = -1};
	return 0;
}

void session_table_destroy(struct session_table *table)
{
	for (uint32_t i = 0; i < table->rows_count; i++) {
		if (table->rows[i].pidfd >= 0)
			(void)close(table->rows[i].pidfd);
	}
	free(table->rows);
	memset(table, 0, sizeof(*table));
}

static struct session *session_find(const struct session_table *table, uint64_t token)
{
	for (uint32_t i = 0; token && i < table->rows_count; i++) {
		if (table->rows[i].token == token)
			return &table->rows[i];
	}
	return NULL;
}

static struct session *row_find_free(const struct session_table *table)
{
	for (uint32_t i = 0; i < table->rows_count; i++) {
		if (table->rows[i].token == 0)
			return &table->rows[i];
	}
	return NULL;
}

static void links_end(const struct session_table *table, const struct session *session)
{
	if (table->links_end)
		table->links_end(table->context, session->token);
}

static void row_free(struct session_table *table, struct session *session)
{
	links_end(table, session);
	if (table->row_fold)
		table->row_fold(table->context, session->row); /* N2 */
	if (table->ended)
		table->ended(table->context, session->token);
	if (session->pidfd >= 0)
		(void)close(session->pidfd);
	*session = (struct session){.row = session->row, .pidfd = -1};
}

/* *fd_p is -1 for a process that is dead or not on this host. */
static int process_watch(pid_t pid, int *fd_p, struct error *err)
{
	int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	if (fd < 0 && pid > 0 && errno != ESRCH)
		return error_set(err, -errno,
			"pawld: session: process %d can not be watched: %s; raise the "
			"open-files limit, "
			"or use Linux 5.3 or newer",
			(int)pid, error_reason(-errno));
	*fd_p = fd;
	return 0;
}

int session_join(struct session_table *table, pid_t pid, const char *program,
	uint64_t resume, struct session **session_p, struct error *err)
{
	struct session *s = session_find(table, resume);
	uint64_t token = 0;
	int pidfd = -1;
	int rc;

	if (s) {
		links_end(table, s); /* N3 */
		s->connected = true;
		s->gone = false;
		*session_p = s;
		return 0;
	}
	session_reap(table);
	s = row_find_free(table);
	if (!s)
		return error_set(err, -EUSERS,
			"pawld: session: all %u sessions are taken; close some or "
			"restart with a larger "
			"--sessions-max",
			table->rows_count);
	rc = nonce_make(&token, err);
	/* Where links can be ended nobody waits for a process, which may be on another host. */
	if (!rc && !table->links_evictable)
		rc = process_watch(pid, &pidfd, err);
	if (rc)
		return rc;
	PAWL_ASSERT(s->token == 0); /* N1 */
	s->token = token;
	s->connected = true;
	s->pid = pid;
	s->pidfd = pidfd;
	s->since_ns = clock_now_ns();
	(void)snprintf(s->program, sizeof(s->program), "%s", program);
	*session_p = s;
	return 0;
}

void session_leave(struct session_table *table, struct session *session)
{
	log_debug("session %u: %s (pid %d) left", session->row, session->program,
		(int)session->pid);
	row_free(table, session);
}

static bool process_dead(const struct session *session)
{
	struct pollfd ended = {.fd = session->pidfd, .events = POLLIN};

	if (session->pidfd < 0)
		return true;
	return poll(&ended, 1, 0) == 1 && (ended.revents & POLLIN);
}

void session_disconnect(struct session_table *table, struct session *session)
{
	session->connected = false;
	if (table->links_evictable || process_dead(session)) {
		session_leave(table, session);
		return;
	}
	session->gone = true;
	log_info("session %u: %s (pid %d) closed its connection without a goodbye; its "
		 "row waits "
		 "for the process to end",
		session->row, session->program, (int)session->pid);
}

void session_reap(struct session_table *table)
{
	for (uint32_t i = 0; i < table->rows_count; i++) {
		struct session *s = &table->rows[i];

		if (s->token && s->gone && process_dead(s))
			session_leave(table, s);
	}
}

bool session_admits(const struct session_table *table, uint64_t token)
{
	const struct session *s = session_find(table, token);

	return s && s->connected;
}
