/* Rows belong to one session at a time, and are not reused too early. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sequencer/daemon/log.h"
#include "sequencer/daemon/sessions.h"

#define ROWS 2

/* What the table had done in the regions, in order: "end 1; fold 0; ". */
struct diary {
	struct session_table table;
	uint64_t tokens[2]; /* called 0 and 1 in the text */
	char text[256];
};

static void diary_append(struct diary *diary, const char *what, unsigned int which)
{
	size_t len = strlen(diary->text);

	(void)snprintf(
		diary->text + len, sizeof(diary->text) - len, "%s %u; ", what, which);
}

static void on_links_end(void *context, uint64_t token)
{
	struct diary *diary = context;

	diary_append(diary, "end", token == diary->tokens[0] ? 0 : 1);
}

static void on_row_fold(void *context, uint32_t row)
{
	struct diary *diary = context;

	assert_int_not_equal(diary->table.rows[row].token, 0); /* not free yet */
	diary_append(diary, "fold", row);
}

static void diary_open(struct diary *diary, bool links_evictable)
{
	memset(diary, 0, sizeof(*diary));
	assert_int_equal(session_table_init(&diary->table, ROWS, links_evictable), 0);
	diary->table.links_end = on_links_end;
	diary->table.row_fold = on_row_fold;
	diary->table.context = diary;
}

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

static void a_row_is_folded_after_its_links_and_before_it_is_free(void **state)
{
	struct diary diary;
	struct session *a, *b;

	(void)state;
	diary_open(&diary, true);
	a = join(&diary.table, getpid());
	b = join(&diary.table, getpid());
	diary.tokens[0] = a->token;
	diary.tokens[1] = b->token;
	session_leave(&diary.table, b);
	assert_string_equal(diary.text, "end 1; fold 1; ");
	session_disconnect(&diary.table, a);
	assert_string_equal(diary.text, "end 1; fold 1; end 0; fold 0; ");
	session_table_destroy(&diary.table);
}

static void a_stopped_process_has_its_row_folded_when_it_is_dead(void **state)
{
	struct diary diary;
	pid_t child = child_start();
	struct session *a;

	(void)state;
	diary_open(&diary, false);
	a = join(&diary.table, child);
	diary.tokens[0] = a->token;
	assert_int_equal(kill(child, SIGSTOP), 0);
	session_disconnect(&diary.table, a);
	session_reap(&diary.table);
	assert_string_equal(diary.text, "");
	child_end(child);
	session_reap(&diary.table);
	assert_string_equal(diary.text, "end 0; fold 0; ");
	session_table_destroy(&diary.table);
}

/* Its process may be on another host, where its number is somebody else's. */
static void a_process_whose_links_can_be_ended_is_not_watched(void **state)
{
	struct diary diary;

	(void)state;
	diary_open(&diary, true);
	assert_int_equal(join(&diary.table, getpid())->pidfd, -1);
	session_table_destroy(&diary.table);
}

static void joining_again_ends_the_former_links_and_keeps_the_row(void **state)
{
	struct diary diary;
	struct session *a, *again;
	struct error err = {0};

	(void)state;
	diary_open(&diary, true);
	a = join(&diary.table, getpid());
	diary.tokens[0] = a->token;
	assert_string_equal(diary.text, "");
	assert_int_equal(
		session_join(&diary.table, getpid(), "test", a->token, &again, &err), 0);
	assert_ptr_equal(a, again);
	assert_int_equal(again->token, diary.tokens[0]);
	assert_string_equal(diary.text, "end 0; ");
	session_table_destroy(&diary.table);
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
	session_disconnect(&table, a);
	assert_true(a->gone); /* this process lives, and the row waits for it */
	assert_false(session_admits(&table, token));
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
		cmocka_unit_test(a_row_is_folded_after_its_links_and_before_it_is_free),
		cmocka_unit_test(a_stopped_process_has_its_row_folded_when_it_is_dead),
		cmocka_unit_test(a_process_whose_links_can_be_ended_is_not_watched),
		cmocka_unit_test(joining_again_ends_the_former_links_and_keeps_the_row),
		cmocka_unit_test(only_connected_sessions_may_open_links),
	};

	log_open(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
