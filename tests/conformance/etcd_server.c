#include "tests/conformance/etcd_server.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/conformance/etcd_certificates.h"

#define READY_TRIES 300
#define READY_PAUSE_US 100000
#define ARGUMENTS_MAX 40
#define TEXT_SIZE 512

const char *server_missing(bool tls)
{
	if (system("etcd --version >/dev/null 2>&1") != 0)
		return "etcd is not installed";
	if (tls && system("openssl version >/dev/null 2>&1") != 0)
		return "openssl is not installed";
	return NULL;
}

int server_free_port(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int port = -1;

	if (bind(fd, (struct sockaddr *)&address, len) == 0 &&
		getsockname(fd, (struct sockaddr *)&address, &len) == 0)
		port = ntohs(address.sin_port);
	(void)close(fd);
	return port;
}

static const char *scheme(const struct server *server)
{
	return server->tls ? "https" : "http";
}

/* Arguments and the bytes they are in. */
struct arguments {
	char text[ARGUMENTS_MAX][TEXT_SIZE];
	char *list[ARGUMENTS_MAX + 1];
	int count;
};

static void add(struct arguments *arguments, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct arguments *arguments, const char *format, ...)
{
	char *text = arguments->text[arguments->count];
	va_list values;

	va_start(values, format);
	(void)vsnprintf(text, TEXT_SIZE, format, values);
	va_end(values);
	arguments->list[arguments->count++] = text;
}

static void add_urls(struct arguments *arguments, const struct server *server, int index)
{
	const struct server_member *member = &server->members[index];
	char all[TEXT_SIZE] = "";

	add(arguments, "--listen-client-urls=%s://127.0.0.1:%d", scheme(server),
		member->port);
	add(arguments, "--advertise-client-urls=%s://127.0.0.1:%d", scheme(server),
		member->port);
	add(arguments, "--listen-peer-urls=http://127.0.0.1:%d", member->peer_port);
	add(arguments, "--initial-advertise-peer-urls=http://127.0.0.1:%d",
		member->peer_port);
	for (int i = 0; i < server->members_count; i++)
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all),
			"%sm%d=http://127.0.0.1:%d", i ? "," : "", i,
			server->members[i].peer_port);
	add(arguments, "--initial-cluster=%s", all);
}

static void make_arguments(
	struct arguments *arguments, const struct server *server, int index)
{
	const char *path = server->scratch.path;

	memset(arguments, 0, sizeof(*arguments));
	add(arguments, "etcd");
	add(arguments, "--name=m%d", index);
	add(arguments, "--data-dir=%s/m%d", path, index);
	add_urls(arguments, server, index);
	if (server->extra)
		add(arguments, "%s", server->extra);
	if (!server->tls)
		return;
	add(arguments, "--cert-file=%s/server.pem", path);
	add(arguments, "--key-file=%s/server.key", path);
	add(arguments, "--trusted-ca-file=%s/ca.pem", path);
	add(arguments, "--client-cert-auth");
}

static void become_member(const struct server *server, int index, pid_t parent)
{
	static struct arguments arguments;
	char log[TEXT_SIZE];
	int fd;

	(void)snprintf(log, sizeof(log), "%s/m%d.log", server->scratch.path, index);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 ||
		prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(126);
	make_arguments(&arguments, server, index);
	(void)execvp("etcd", arguments.list);
	_exit(127);
}

static int launch(struct server *server, int index)
{
	pid_t parent = getpid();
	pid_t child = fork();

	if (child == 0)
		become_member(server, index, parent);
	server->members[index].pid = child > 0 ? child : 0;
	return child > 0 ? 0 : -1;
}

struct sink {
	char *bytes;
	size_t size, len;
};

static size_t keep(char *bytes, size_t size, size_t count, void *context)
{
	struct sink *sink = context;

	for (size_t i = 0; i < size * count && sink->len + 1 < sink->size; i++)
		sink->bytes[sink->len++] = bytes[i];
	if (sink->size > 0)
		sink->bytes[sink->len] = '\0';
	return size * count;
}

static void set_certificates(CURL *curl, const struct server *server)
{
	char path[TEXT_SIZE];

	(void)snprintf(path, sizeof(path), "%s/ca.pem", server->scratch.path);
	(void)curl_easy_setopt(curl, CURLOPT_CAINFO, path);
	(void)snprintf(path, sizeof(path), "%s/client.pem", server->scratch.path);
	(void)curl_easy_setopt(curl, CURLOPT_SSLCERT, path);
	(void)snprintf(path, sizeof(path), "%s/client.key", server->scratch.path);
	(void)curl_easy_setopt(curl, CURLOPT_SSLKEY, path);
}

long server_post(const struct server *server, int index, const char *path,
	const char *body, char *answer, size_t size)
{
	struct sink sink = {answer, size, 0};
	CURL *curl = curl_easy_init();
	char url[TEXT_SIZE];
	long status = -1;

	(void)snprintf(url, sizeof(url), "%s://127.0.0.1:%d%s", scheme(server),
		server->members[index].port, path);
	(void)curl_easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 10000L);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
	if (server->tls)
		set_certificates(curl, server);
	if (curl_easy_perform(curl) == CURLE_OK)
		(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	return status;
}

/* Any answer but "later" will do: one that wants a user is up, too. */
static bool answers(const struct server *server, int index)
{
	long status = server_post(
		server, index, "/v3/kv/range", "{\"key\":\"YQ==\"}", NULL, 0);

	return status == 200 || status == 400;
}

static bool runs(struct server *server, int index)
{
	if (waitpid(server->members[index].pid, NULL, WNOHANG) == 0)
		return true;
	server->members[index].pid = 0;
	return false;
}

static int wait_ready(struct server *server, int index)
{
	for (int i = 0; i < READY_TRIES && runs(server, index); i++) {
		if (answers(server, index))
			return 0;
		(void)usleep(READY_PAUSE_US);
	}
	fprintf(stderr, "etcd in %s/m%d does not answer\n", server->scratch.path, index);
	return -1;
}

int server_restart(struct server *server, int index)
{
	return launch(server, index) || wait_ready(server, index) ? -1 : 0;
}

void server_kill(struct server *server, int index)
{
	pid_t pid = server->members[index].pid;

	server->members[index].pid = 0;
	if (pid == 0)
		return;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static int launch_all(struct server *server)
{
	for (int i = 0; i < server->members_count; i++) {
		server->members[i].port = server_free_port();
		server->members[i].peer_port = server_free_port();
	}
	for (int i = 0; i < server->members_count; i++) {
		if (launch(server, i))
			return -1;
	}
	for (int i = 0; i < server->members_count; i++) {
		if (wait_ready(server, i))
			return -1;
	}
	return 0;
}

int server_start(struct server *server, int members_count, bool tls)
{
	const char *extra = server->extra;

	memset(server, 0, sizeof(*server));
	server->extra = extra;
	server->tls = tls;
	server->members_count = members_count;
	if (scratch_make(&server->scratch))
		return -1;
	if ((tls && certificates_make(server->scratch.path)) || launch_all(server)) {
		server_stop(server);
		return -1;
	}
	return 0;
}

void server_stop(struct server *server)
{
	for (int i = 0; i < server->members_count; i++)
		server_kill(server, i);
	scratch_remove(&server->scratch);
}

static int write_password(const struct server *server)
{
	char path[TEXT_SIZE];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/password", server->scratch.path);
	file = fopen(path, "we");
	if (!file || fchmod(fileno(file), 0600) || fputs(SERVER_PASSWORD "\n", file) < 0)
		return -1;
	return fclose(file);
}

/* Keys and range ends are base64: "/pawl" and, one character on, "/pawm". */
int server_protect(struct server *server)
{
	static const char *const steps[][2] = {
		{"/v3/auth/user/add", "{\"name\":\"root\",\"password\":\"root\"}"},
		{"/v3/auth/user/grant", "{\"user\":\"root\",\"role\":\"root\"}"},
		{"/v3/auth/role/add", "{\"name\":\"pawl\"}"},
		{"/v3/auth/role/grant",
			"{\"name\":\"pawl\",\"perm\":{\"permType\":\"READWRITE\",\"key\":"
			"\"L3Bhd2w=\",\"range_end\":\"L3Bhd20=\"}}"},
		{"/v3/auth/user/add",
			"{\"name\":\"pawl\",\"password\":\"an \\\\ \\\"odd\\\" "
			"password\"}"},
		{"/v3/auth/user/grant", "{\"user\":\"pawl\",\"role\":\"pawl\"}"},
		{"/v3/auth/enable", "{}"},
	};
	char answer[TEXT_SIZE];

	if (server_post(server, 0, "/v3/auth/role/add", "{\"name\":\"root\"}", NULL, 0) !=
		200)
		return -1;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (server_post(server, 0, steps[i][0], steps[i][1], answer,
			    sizeof(answer)) == 200)
			continue;
		fprintf(stderr, "etcd: %s: %s\n", steps[i][0], answer);
		return -1;
	}
	return write_password(server);
}

/* The decimal number after "@name":" in @json, as text. */
static bool find_number(const char *json, const char *name, char number[32])
{
	char pattern[48];
	const char *at;

	(void)snprintf(pattern, sizeof(pattern), "\"%s\":\"%%31[0-9]", name);
	at = strstr(json, name);
	return at && sscanf(at - 1, pattern, number) == 1;
}

int server_leader(const struct server *server)
{
	for (int i = 0; i < server->members_count; i++) {
		char answer[2048] = "", id[32], leader[32];

		if (server->members[i].pid == 0 ||
			server_post(server, i, "/v3/maintenance/status", "{}", answer,
				sizeof(answer)) != 200)
			continue;
		if (find_number(answer, "member_id", id) &&
			find_number(answer, "leader", leader) && strcmp(id, leader) == 0)
			return i;
	}
	return -1;
}

void server_address(
	const struct server *server, const char *prefix, char *text, size_t size)
{
	const char *path = server->scratch.path;
	int len = snprintf(text, size, "etcd:%s://127.0.0.1:%d/%s", scheme(server),
		server->members[0].port, prefix);

	if (server->tls)
		(void)snprintf(text + len, size - (size_t)len,
			"?cacert=%s/ca.pem&cert=%s/client.pem&key=%s/client.key", path,
			path, path);
}
