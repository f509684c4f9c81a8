/* Rows belong to one session at a time, and are not reused too early. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sequencer/daemon/log.h"
#include "sequencer/daemon/sessions.h"

#define ROWS 2

static struct session *join(struct session_table *table, pid_t pid)
{
	struct session *session;
	struct error err = {0};

	assert_int_equal(session_join(table, pid, "test", 0, &session, &err), 0);
	return session;
}

static int join_refused(struct session_table *table)
{
	struct session *session;
	struct error err = {0};

	return session_join(table, getpid(), "test", 0, &session, &err);
}

static pid_t child_start(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	return pid;
}

static void child_end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void every_session_has_a_row_of_its_own(void **state)
{
	struct session_table table;
	struct session *a, *b;

	(void)state;
	assert_int_equal(session_table_init(&table, ROWS, false), 0);
	a = join(&table, getpid());
	b = join(&table, getpid());
	assert_int_not_equal(a->row, b->row);
	assert_true(a->token != b->token);
	assert_int_equal(join_refused(&table), -EUSERS);
	session_leave(&table, a);
	assert_int_equal(join(&table, getpid())->row, 0);
	session_table_destroy(&table);
}

static void a_session_comes_back_to_its_row(void **state)
{
	struct session_table table;
	struct session *a, *again;
	struct error err = {0};

	(void)state;
	assert_int_equal(session_table_init(&table, ROWS, false), 0);
	a = join(&table, getpid());
	session_disconnect(&table, a);
	assert_int_equal(
		session_join(&table, getpid(), "test", a->token, &again, &err), 0);
	assert_ptr_equal(a, again);
	assert_false(again->gone);
	session_table_destroy(&table);
}

static void a_living_process_keeps_its_row_without_a_connection(void **state)
{
	struct session_table table;
	pid_t child = child_start();
	struct session *a;

	(void)state;
	assert_int_equal(session_table_init(&table, 1, false), 0);
	a = join(&table, child);
	assert_int_equal(kill(child, SIGSTOP), 0);
	session_disconnect(&table, a);
	session_reap(&table);
	assert_true(a->gone);
	assert_int_equal(join_refused(&table), -EUSERS);
	child_end(child);
	session_reap(&table);
	(void)join(&table, getpid());
	session_table_destroy(&table);
}

static void a_dead_process_loses_its_row_at_once(void **state)
{
	struct session_table table;
	pid_t child = child_start();
	struct session *a;

	(void)state;
	assert_int_equal(session_table_init(&table, 1, false), 0);
	a = join(&table, child);
	child_end(child);
	session_disconnect(&table, a);
	(void)join(&table, getpid());
	session_table_destroy(&table);
}

static void only_connected_sessions_may_open_links(void **state)
{
	struct session_table table;
	struct session *a;
	uint64_t token;

	(void)state;
	assert_int_equal(session_table_init(&table, ROWS, false), 0);
	a = join(&table, getpid());
	token = a->token;
	assert_true(session_admits(&table, token));
	assert_false(session_admits(&table, token + 1));
	assert_false(session_admits(&table, 0));
	session_leave(&table, a);
	assert_false(session_admits(&table, token));
	session_table_destroy(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_session_has_a_row_of_its_own),
		cmocka_unit_test(a_session_comes_back_to_its_row),
		cmocka_unit_test(a_living_process_keeps_its_row_without_a_connection),
		cmocka_unit_test(a_dead_process_loses_its_row_at_once),
		cmocka_unit_test(only_connected_sessions_may_open_links),
	};

	log_open(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
