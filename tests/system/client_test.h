/* What the tests of libpawl's public interface share.  Cluster and replica come from the
 * script around them. */
#ifndef PAWL_TESTS_CLIENT_TEST_H
#define PAWL_TESTS_CLIENT_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>
#include <pawl/pawl.h>

/* The name of a running cluster, and the process of its replica. */
const char *test_cluster(void);
pid_t test_replica(void);

uint64_t test_now_ms(void);

/* A new handle, and the counter of that name on it. */
struct pawl *test_open(const struct pawl_options *options);
struct pawl_counter *test_counter(struct pawl *pawl, const char *name);
uint64_t test_next(struct pawl_counter *counter);

/* The text is one line and not empty. */
void test_text_is_one_line(const char *text);

/* Runs @child in a forked process; its false is this test's failure. */
void test_in_child(bool (*child)(void *context), void *context);

/* client_fork_test.c */
void a_child_may_not_use_its_parents_handle(void **state);
void a_child_that_just_exits_does_not_disturb_its_parent(void **state);
void a_child_opens_a_handle_of_its_own(void **state);
void threads_with_handles_of_their_own_draw_in_one_order(void **state);

/* client_timeout_test.c; the first is a teardown */
int replica_continue(void **state);
void a_stopped_replica_ends_an_open_within_the_timeout(void **state);
void a_stopped_replica_ends_opening_a_counter_within_the_timeout(void **state);
void numbers_over_shared_memory_need_no_replica_process(void **state);
void a_process_that_lost_its_connection_keeps_its_row(void **state);
void whoever_answers_nonsense_is_an_error_of_the_list(void **state);

#endif
