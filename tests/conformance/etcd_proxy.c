#include "tests/conformance/etcd_proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS_MAX 16
#define KEPT_MAX 65536
#define POLL_MS 5
#define TXN "POST /v3/kv/txn"

/* One client and its connection to etcd. */
struct pair {
	int client, server;	   /* -1: unused */
	bool keep_answer, keeping; /* see the modes */
};

struct relay {
	struct proxy *proxy;
	struct pair pairs[PAIRS_MAX];
	char kept[KEPT_MAX];
	size_t kept_len;
};

static int connect_to(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static void drop(struct pair *pair)
{
	if (pair->client >= 0)
		(void)close(pair->client);
	if (pair->server >= 0)
		(void)close(pair->server);
	*pair = (struct pair){.client = -1, .server = -1};
}

static void accept_one(struct relay *relay)
{
	int fd = accept(relay->proxy->listener, NULL, NULL);

	if (fd < 0)
		return;
	for (int i = 0; i < PAIRS_MAX; i++) {
		struct pair *pair = &relay->pairs[i];

		if (pair->client >= 0)
			continue;
		pair->client = fd;
		pair->server = connect_to(relay->proxy->server_port);
		if (pair->server < 0)
			drop(pair);
		return;
	}
	(void)close(fd);
}

static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes += sent;
		len -= (size_t)sent;
	}
	return true;
}

static void keep(struct relay *relay, const char *bytes, size_t len)
{
	if (len > KEPT_MAX - relay->kept_len)
		abort(); /* the stories keep small values only */
	memcpy(relay->kept + relay->kept_len, bytes, len);
	relay->kept_len += len;
	atomic_store(&relay->proxy->kept, true);
}

/* A transaction's first bytes may be one to keep. */
static void choose_fate(struct relay *relay, struct pair *pair, const char *bytes)
{
	struct proxy *proxy = relay->proxy;
	int mode = atomic_load(&proxy->mode);

	if (strncmp(bytes, TXN, strlen(TXN)) != 0 ||
		(mode != PROXY_KEEP_ANSWER && mode != PROXY_KEEP_ASKING))
		return;
	pair->keep_answer = mode == PROXY_KEEP_ANSWER;
	pair->keeping = mode == PROXY_KEEP_ASKING;
	relay->kept_len = 0;
	atomic_store(&proxy->mode, PROXY_RELAY);
}

static void from_client(struct relay *relay, struct pair *pair)
{
	char bytes[8192 + 1];
	ssize_t len = recv(pair->client, bytes, sizeof(bytes) - 1, 0);

	if (len <= 0) {
		drop(pair);
		return;
	}
	bytes[len] = '\0';
	choose_fate(relay, pair, bytes);
	if (pair->keeping)
		keep(relay, bytes, (size_t)len);
	else if (!send_all(pair->server, bytes, (size_t)len))
		drop(pair);
}

static void from_server(struct relay *relay, struct pair *pair)
{
	char bytes[8192];
	ssize_t len = recv(pair->server, bytes, sizeof(bytes), 0);

	if (len <= 0)
		drop(pair);
	else if (pair->keep_answer)
		atomic_store(&relay->proxy->kept, true);
	else if (!send_all(pair->client, bytes, (size_t)len))
		drop(pair);
}

/* What was kept reaches etcd on a connection of its own, after its sender has gone. */
static void deliver(struct relay *relay)
{
	char answer[4096];
	int fd = connect_to(relay->proxy->server_port);

	if (fd >= 0 && send_all(fd, relay->kept, relay->kept_len))
		(void)!recv(fd, answer, sizeof(answer), 0);
	if (fd >= 0)
		(void)close(fd);
	atomic_store(&relay->proxy->deliver, false);
}

static void obey(struct relay *relay)
{
	struct proxy *proxy = relay->proxy;
	bool refuse = atomic_load(&proxy->mode) == PROXY_REFUSE;
	bool cut = atomic_exchange(&proxy->cut, false);

	for (int i = 0; i < PAIRS_MAX; i++) {
		struct pair *pair = &relay->pairs[i];

		if (refuse || (cut && (pair->keep_answer || pair->keeping)))
			drop(pair);
	}
	if (atomic_load(&proxy->deliver))
		deliver(relay);
}

static void relay_once(struct relay *relay)
{
	struct pollfd fds[1 + 2 * PAIRS_MAX] = {
		{.fd = relay->proxy->listener, .events = POLLIN}};

	for (int i = 0; i < PAIRS_MAX; i++) {
		fds[1 + 2 * i] = (struct pollfd){relay->pairs[i].client, POLLIN, 0};
		fds[2 + 2 * i] = (struct pollfd){relay->pairs[i].server, POLLIN, 0};
	}
	if (atomic_load(&relay->proxy->mode) == PROXY_STALL) {
		(void)usleep(POLL_MS * 1000);
		return;
	}
	(void)poll(fds, 1 + 2 * PAIRS_MAX, POLL_MS);
	if (fds[0].revents)
		accept_one(relay);
	for (int i = 0; i < PAIRS_MAX; i++) {
		if (fds[1 + 2 * i].revents)
			from_client(relay, &relay->pairs[i]);
		if (fds[2 + 2 * i].revents && relay->pairs[i].server >= 0)
			from_server(relay, &relay->pairs[i]);
	}
}

static void *run(void *context)
{
	static _Thread_local struct relay relay;

	relay.proxy = context;
	for (int i = 0; i < PAIRS_MAX; i++)
		relay.pairs[i] = (struct pair){.client = -1, .server = -1};
	while (!atomic_load(&relay.proxy->end)) {
		obey(&relay);
		relay_once(&relay);
	}
	for (int i = 0; i < PAIRS_MAX; i++)
		drop(&relay.pairs[i]);
	return NULL;
}

int proxy_start(struct proxy *proxy, int server_port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	memset(proxy, 0, sizeof(*proxy));
	proxy->server_port = server_port;
	proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(proxy->listener, (struct sockaddr *)&address, len) ||
		listen(proxy->listener, PAIRS_MAX) ||
		getsockname(proxy->listener, (struct sockaddr *)&address, &len) ||
		pthread_create(&proxy->thread, NULL, run, proxy)) {
		(void)close(proxy->listener);
		return -1;
	}
	proxy->port = ntohs(address.sin_port);
	return 0;
}

void proxy_stop(struct proxy *proxy)
{
	atomic_store(&proxy->end, true);
	(void)pthread_join(proxy->thread, NULL);
	(void)close(proxy->listener);
}
