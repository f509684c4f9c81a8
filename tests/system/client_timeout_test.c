/* Replicas that do not answer, and peers that answer nonsense. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/client_test.h"

#define TIMEOUT_MS 400
#define SLACK_MS 1100 /* for a busy machine */

static struct pawl_options impatient(void)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;

	options.timeout_ns = TIMEOUT_MS * UINT64_C(1000000);
	return options;
}

/*
 * The same once there is a counter called @name: making one takes as long as the store's
 * disk does, which is nothing for the impatient.
 */
static struct pawl_options impatient_for(const char *name)
{
	struct pawl *pawl = test_open(NULL);

	(void)test_counter(pawl, name);
	pawl_close(pawl);
	return impatient();
}

/* The replica runs again also when a test has failed in between. */
int replica_continue(void **state)
{
	(void)state;
	return kill(test_replica(), SIGCONT);
}

static void replica_stop(void)
{
	assert_int_equal(kill(test_replica(), SIGSTOP), 0);
}

static void took_the_timeout(uint64_t began_ms)
{
	assert_in_range(test_now_ms() - began_ms, TIMEOUT_MS - 10, TIMEOUT_MS + SLACK_MS);
}

void a_stopped_replica_ends_an_open_within_the_timeout(void **state)
{
	struct pawl_options options = impatient();
	struct pawl *pawl;
	uint64_t began_ms;

	(void)state;
	replica_stop();
	began_ms = test_now_ms();
	assert_int_equal(pawl_open(test_cluster(), &options, &pawl), -ETIMEDOUT);
	took_the_timeout(began_ms);
	test_text_is_one_line(pawl_errmsg(NULL));
	assert_int_equal(replica_continue(NULL), 0);
	pawl_close(test_open(NULL));
}

void a_stopped_replica_ends_opening_a_counter_within_the_timeout(void **state)
{
	struct pawl_options options = impatient_for("new");
	struct pawl *pawl = test_open(&options);
	struct pawl_counter *counter;
	uint64_t began_ms;

	(void)state;
	replica_stop();
	for (int i = 0; i < 3; i++) {
		began_ms = test_now_ms();
		assert_int_equal(pawl_counter_open(pawl, "new", &counter), -ETIMEDOUT);
		took_the_timeout(began_ms);
		test_text_is_one_line(pawl_errmsg(pawl));
	}
	assert_int_equal(replica_continue(NULL), 0);
	counter = test_counter(pawl, "new");
	assert_int_equal(test_next(counter), 1);
	pawl_close(pawl);
}

void numbers_over_shared_memory_need_no_replica_process(void **state)
{
	struct pawl_options options = impatient_for("alone");
	struct pawl *pawl = test_open(&options);
	struct pawl_counter *counter = test_counter(pawl, "alone");
	uint64_t began_ms;

	(void)state;
	replica_stop();
	for (uint64_t i = 1; i <= 1000; i++)
		assert_int_equal(test_next(counter), i);
	began_ms = test_now_ms();
	pawl_close(pawl);
	assert_true(test_now_ms() - began_ms < 200);
	assert_int_equal(replica_continue(NULL), 0);
}

/* Cuts every connection of this process, as a network that drops them does. */
static void connections_cut(void)
{
	for (int fd = 3; fd < 64; fd++)
		(void)shutdown(fd, SHUT_RDWR);
}

/* Whether 'pawl status' comes to show those words, within two seconds. */
static bool status_shows(const char *words)
{
	uint64_t began_ms = test_now_ms();
	char command[256];

	(void)snprintf(command, sizeof(command), "pawl status %s | grep -q '%s'",
		test_cluster(), words);
	while (test_now_ms() - began_ms < 2000) {
		if (system(command) == 0)
			return true;
		(void)usleep(20000);
	}
	return false;
}

void a_process_that_lost_its_connection_keeps_its_row(void **state)
{
	struct pawl *pawl = test_open(NULL);
	struct pawl_counter *counter = test_counter(pawl, "cut off");

	(void)state;
	connections_cut();
	assert_true(status_shows("lost its connection"));
	assert_int_equal(test_next(counter), 1);
	assert_true(status_shows("sessions  1 of"));
	/* What needs the replica finds its way back, to the same row. */
	assert_int_equal(test_next(test_counter(pawl, "found again")), 1);
	assert_int_equal(test_next(counter), 2);
	assert_true(status_shows("sessions  1 of"));
	assert_false(status_shows("lost its connection"));
	pawl_close(pawl);
	assert_true(status_shows("sessions  0 of"));
}

/* Takes connections, and to each says the same before it hangs up, or stays silent. */
struct nonsense {
	int listener;
	const char *words;
	size_t len;
	bool hangs_up;
	pthread_t thread;
	atomic_bool over;
	char address[32];
};

static void nonsense_say(struct nonsense *n, int fd)
{
	char request[256];

	if (n->len > 0) {
		(void)recv(fd, request, sizeof(request), 0);
		(void)send(fd, n->words, n->len, MSG_NOSIGNAL);
	}
	while (!n->hangs_up && !n->over)
		(void)usleep(1000);
	(void)close(fd);
}

static void *nonsense_run(void *context)
{
	struct nonsense *n = context;

	while (!n->over) {
		struct pollfd ready = {.fd = n->listener, .events = POLLIN};
		int fd = poll(&ready, 1, 5) == 1 ? accept(n->listener, NULL, NULL) : -1;

		if (fd >= 0)
			nonsense_say(n, fd);
	}
	return NULL;
}

static void nonsense_begin(struct nonsense *n)
{
	struct sockaddr_in any = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(any);

	n->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(n->listener >= 0);
	assert_int_equal(bind(n->listener, (struct sockaddr *)&any, len), 0);
	assert_int_equal(listen(n->listener, 8), 0);
	assert_int_equal(getsockname(n->listener, (struct sockaddr *)&any, &len), 0);
	(void)snprintf(n->address, sizeof(n->address), "127.0.0.1:%u",
		(unsigned int)ntohs(any.sin_port));
	n->over = false;
	assert_int_equal(pthread_create(&n->thread, NULL, nonsense_run, n), 0);
}

static void nonsense_end(struct nonsense *n)
{
	n->over = true;
	assert_int_equal(pthread_join(n->thread, NULL), 0);
	(void)close(n->listener);
}

/* The errors that pawl.h lists for pawl_open. */
static bool open_may_fail_with(int code)
{
	static const int list[] = {-EINVAL, -ENOENT, -ECONNREFUSED, -EUSERS, -ETIMEDOUT,
		-ESHUTDOWN, -EPROTO, -EACCES, -ENODEV, -ENOMEM};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (list[i] == code)
			return true;
	}
	print_error(
		"pawl_open: %d is no error of the list: %s\n", code, pawl_errmsg(NULL));
	return false;
}

#define WORDS(text) .words = (text), .len = sizeof(text) - 1

void whoever_answers_nonsense_is_an_error_of_the_list(void **state)
{
	struct nonsense all[] = {
		{.hangs_up = true},			     /* at once */
		{.hangs_up = false},			     /* silent */
		{WORDS("HTTP/1.1 400 Bad Request\r\n\r\n")}, /* no frame */
		{WORDS("\377\377\377\377")},		     /* too long a frame */
		{WORDS("\0\0\0\4\377\377\377\377")},	     /* no message */
		{WORDS("\0\0\0\2\10\1")},		     /* empty reply */
		{WORDS("\0\0\0\2\10\1"), .hangs_up = true},  /* the same, and away */
		{WORDS("\0\0\0\4\10\1\20\1")},		     /* error 1, without text */
		{WORDS("\0\0\0\11\10\1\20\377\377\377\377\17\20")}, /* absurd error */
	};
	struct pawl_options options = impatient();

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		uint64_t began_ms = test_now_ms();
		struct pawl *pawl;
		int rc;

		nonsense_begin(&all[i]);
		rc = pawl_open(all[i].address, &options, &pawl);
		nonsense_end(&all[i]);
		assert_true(open_may_fail_with(rc));
		assert_true(test_now_ms() - began_ms < TIMEOUT_MS + SLACK_MS);
		test_text_is_one_line(pawl_errmsg(NULL));
	}
}
