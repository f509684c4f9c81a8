#include "sequencer/store/etcd_http.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "hw/clock.h"

#define EVENTS_MAX 16

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static bool curl_ready;

/* For the life of the process: other parts of a program may use libcurl too. */
static void start_curl(void)
{
	curl_ready = curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK;
}

/* Which events libcurl waits for on a socket.  Errors show as a request that ends late. */
static int on_socket(
	CURL *easy, curl_socket_t socket, int what, void *context, void *socket_context)
{
	const struct etcd_http *http = context;
	struct epoll_event event = {.data.fd = socket};

	(void)easy;
	(void)socket_context;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(http->epoll_fd, EPOLL_CTL_DEL, socket, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (epoll_ctl(http->epoll_fd, EPOLL_CTL_MOD, socket, &event) && errno == ENOENT)
		return epoll_ctl(http->epoll_fd, EPOLL_CTL_ADD, socket, &event);
	return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
	struct etcd_http *http = context;

	(void)multi;
	http->due_ns = timeout_ms < 0 ? UINT64_MAX
				      : clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	return 0;
}

int etcd_http_open(struct etcd_http *http_p, struct error *err)
{
	(void)pthread_once(&curl_once, start_curl);
	http_p->due_ns = UINT64_MAX;
	http_p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (http_p->epoll_fd < 0)
		return error_set(err, -EMFILE,
			"store: etcd: no descriptor to wait with: %s; raise the limit on "
			"open files",
			error_reason(-errno));
	http_p->multi = curl_ready ? curl_multi_init() : NULL;
	if (!http_p->multi) {
		(void)close(http_p->epoll_fd);
		return error_set(err, -ENOMEM,
			"store: etcd: no memory for libcurl; free some memory");
	}
	(void)curl_multi_setopt(http_p->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(http_p->multi, CURLMOPT_SOCKETDATA, http_p);
	(void)curl_multi_setopt(http_p->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	(void)curl_multi_setopt(http_p->multi, CURLMOPT_TIMERDATA, http_p);
	return 0;
}

void etcd_http_close(struct etcd_http *http)
{
	(void)curl_multi_cleanup(http->multi);
	(void)close(http->epoll_fd);
}

uint64_t etcd_http_due_ns(const struct etcd_http *http)
{
	return http->due_ns;
}

static void act_on_sockets(struct etcd_http *http)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(http->epoll_fd, events, EVENTS_MAX, 0);
	int running;

	for (int i = 0; i < count; i++) {
		uint32_t seen = events[i].events;
		int mask = 0;

		if (seen & EPOLLIN)
			mask |= CURL_CSELECT_IN;
		if (seen & EPOLLOUT)
			mask |= CURL_CSELECT_OUT;
		if (seen & (EPOLLERR | EPOLLHUP))
			mask |= CURL_CSELECT_ERR;
		(void)curl_multi_socket_action(
			http->multi, events[i].data.fd, mask, &running);
	}
}

static void act_on_timer(struct etcd_http *http)
{
	int running;

	if (clock_now_ns() < http->due_ns)
		return;
	http->due_ns = UINT64_MAX; /* libcurl sets it again if it needs to */
	(void)curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

/*
 * Whether they could not agree, and not just lost each other.  TLS 1.3 lets a client send
 * before the server has looked at its certificate, but the server does not read on then.
 */
static bool tls_refused(const struct etcd_exchange *exchange, CURLcode code)
{
	const char *detail = exchange->detail;

	if (code == CURLE_SSL_CONNECT_ERROR)
		return strstr(detail, "alert") || strstr(detail, "wrong version number");
	return strstr(detail, "alert") &&
	       (strstr(detail, "certificate") || strstr(detail, "unknown ca"));
}

static enum etcd_end find_end(const struct etcd_exchange *exchange, CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return ETCD_END_ANSWER;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CLIENTCERT:
	case CURLE_SSL_ISSUER_ERROR:
		return ETCD_END_NOT_TRUSTED;
	default:
		break;
	}
	if (tls_refused(exchange, code))
		return ETCD_END_NOT_TRUSTED;
	return exchange->body_sent > 0 ? ETCD_END_LOST : ETCD_END_NOT_SENT;
}

/* libcurl's own text names addresses and times; its short one says as much. */
static void describe_end(struct etcd_exchange *exchange, CURLcode code)
{
	const char *text = curl_easy_strerror(code);
	long reason = 0;

	(void)curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &reason);
	if (exchange->end == ETCD_END_NOT_TRUSTED && exchange->detail[0])
		return;
	if (exchange->end == ETCD_END_NOT_SENT && reason > 0 && !exchange->timed_out)
		text = error_reason((int)-reason);
	(void)snprintf(exchange->detail, sizeof(exchange->detail), "%s", text);
}

static void note_end(struct etcd_exchange *exchange, CURLcode code)
{
	exchange->running = false;
	exchange->timed_out = code == CURLE_OPERATION_TIMEDOUT;
	exchange->end = find_end(exchange, code);
	(void)curl_easy_getinfo(
		exchange->easy, CURLINFO_RESPONSE_CODE, &exchange->http_status);
	describe_end(exchange, code);
}

static void collect_ends(struct etcd_http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result;
		char *exchange = NULL;

		(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &exchange);
		(void)curl_multi_remove_handle(http->multi, easy);
		note_end((struct etcd_exchange *)(void *)exchange, code);
	}
}

void etcd_http_progress(struct etcd_http *http)
{
	act_on_sockets(http);
	act_on_timer(http);
	collect_ends(http);
}
