/*
 * A relay for TCP connections that a test can cut.
 *
 *     relay TARGET_PORT
 *
 * Listens on a port of the loopback device, which is its first line on standard output, and
 * relays every connection to TARGET_PORT there.  SIGUSR1 cuts: it ends all connections and
 * ends new ones at once.  SIGUSR2 heals.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS_MAX 64
#define BUFFER_LEN 65536

/* One connection: what comes in at one side goes out at the other. */
struct pair {
	int sides[2]; /* -1: free */
};

struct relay {
	int listener;
	struct sockaddr_in target;
	struct pair pairs[PAIRS_MAX];
};

static volatile sig_atomic_t is_cut;

static void on_signal(int number)
{
	is_cut = number == SIGUSR1;
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listen_anywhere(void)
{
	struct sockaddr_in address = loopback(0);
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) || listen(fd, 64) ||
		getsockname(fd, (struct sockaddr *)&address, &len))
		err(EXIT_FAILURE, "can not listen");
	(void)printf("%d\n", ntohs(address.sin_port));
	(void)fflush(stdout);
	return fd;
}

static void pair_end(struct pair *pair)
{
	/* With a reset, as from a firewall, so that nobody waits for more. */
	struct linger reset = {.l_onoff = 1, .l_linger = 0};

	for (int side = 0; side < 2; side++) {
		if (pair->sides[side] < 0)
			continue;
		(void)setsockopt(
			pair->sides[side], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		(void)close(pair->sides[side]);
		pair->sides[side] = -1;
	}
}

static struct pair *pair_free(struct relay *r)
{
	for (int i = 0; i < PAIRS_MAX; i++) {
		if (r->pairs[i].sides[0] < 0)
			return &r->pairs[i];
	}
	errx(EXIT_FAILURE, "more than %d connections", PAIRS_MAX);
}

static void connection_take(struct relay *r)
{
	struct pair *pair = pair_free(r);

	pair->sides[0] = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
	if (pair->sides[0] < 0)
		return;
	pair->sides[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (is_cut ||
		connect(pair->sides[1], (struct sockaddr *)&r->target, sizeof(r->target)))
		pair_end(pair);
}

/* What the tests send is short and read soon, so a blocking write does not hang. */
static bool bytes_pass(int from, int to)
{
	char buffer[BUFFER_LEN];
	ssize_t len = read(from, buffer, sizeof(buffer)), done = 0;

	while (done < len) {
		ssize_t put = write(to, buffer + done, (size_t)(len - done));

		if (put < 0)
			return false;
		done += put;
	}
	return len > 0;
}

static void connections_end(struct relay *r)
{
	for (int i = 0; i < PAIRS_MAX; i++)
		pair_end(&r->pairs[i]);
}

static void connections_pass(struct relay *r, const struct pollfd *polls)
{
	for (int i = 0; i < 2 * PAIRS_MAX; i++) {
		struct pair *pair = &r->pairs[i / 2];
		int from = pair->sides[i % 2];

		/* The pair may have ended by its other side, and the descriptor be anew. */
		if (from >= 0 && polls[i].fd == from && polls[i].revents &&
			!bytes_pass(from, pair->sides[1 - i % 2]))
			pair_end(pair);
	}
}

static void relay_run(struct relay *r, const sigset_t *waiting)
{
	struct pollfd polls[2 * PAIRS_MAX + 1];

	for (;;) {
		for (int i = 0; i < 2 * PAIRS_MAX; i++)
			polls[i] = (struct pollfd){
				.fd = r->pairs[i / 2].sides[i % 2], .events = POLLIN};
		polls[2 * PAIRS_MAX] = (struct pollfd){
			.fd = r->listener, .events = POLLIN};
		if (ppoll(polls, 2 * PAIRS_MAX + 1, NULL, waiting) < 0) {
			if (errno != EINTR)
				err(EXIT_FAILURE, "poll");
			if (is_cut)
				connections_end(r);
			continue;
		}
		connections_pass(r, polls);
		if (polls[2 * PAIRS_MAX].revents & POLLIN)
			connection_take(r);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct relay r = {0};
	sigset_t blocked, waiting;

	if (argc != 2)
		errx(2, "usage: relay TARGET_PORT");
	/* The signals come while it waits, at no other time. */
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGUSR1);
	(void)sigaddset(&blocked, SIGUSR2);
	(void)sigprocmask(SIG_BLOCK, &blocked, &waiting);
	(void)sigaction(SIGUSR1, &action, NULL);
	(void)sigaction(SIGUSR2, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	memset(r.pairs, -1, sizeof(r.pairs));
	r.target = loopback(atoi(argv[1]));
	r.listener = listen_anywhere();
	relay_run(&r, &waiting);
}
