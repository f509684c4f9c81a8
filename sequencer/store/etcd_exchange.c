/* One POST and its answer; see etcd_http.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/store/etcd_http.h"
#include "sequencer/store/etcd_reply.h"

#define ANSWER_SIZE_FIRST 4096

static size_t on_read(char *buffer, size_t size, size_t count, void *context)
{
	struct etcd_exchange *exchange = context;
	size_t left = exchange->body_len - exchange->body_sent;
	size_t len = size * count < left ? size * count : left;

	memcpy(buffer, exchange->body + exchange->body_sent, len);
	exchange->body_sent += len;
	return len;
}

/* libcurl asks for the beginning again to send the body a second time. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
	const struct etcd_exchange *exchange = context;

	if (exchange->body_sent == 0 && offset == 0 && origin == SEEK_SET)
		return CURL_SEEKFUNC_OK;
	return CURL_SEEKFUNC_FAIL;
}

static int grow_answer(struct etcd_exchange *exchange, size_t len)
{
	size_t size = exchange->answer_size ? exchange->answer_size : ANSWER_SIZE_FIRST;
	char *answer;

	if (len > ETCD_ANSWER_MAX)
		return -EBADMSG;
	while (size < len)
		size *= 2;
	if (size == exchange->answer_size)
		return 0;
	answer = realloc(exchange->answer, size);
	if (!answer)
		return -ENOMEM;
	exchange->answer = answer;
	exchange->answer_size = size;
	return 0;
}

/* Taking less than was given ends the exchange. */
static size_t on_write(char *bytes, size_t size, size_t count, void *context)
{
	struct etcd_exchange *exchange = context;
	size_t len = size * count;

	(void)curl_easy_getinfo(
		exchange->easy, CURLINFO_RESPONSE_CODE, &exchange->http_status);
	if (exchange->sink && exchange->http_status == 200) {
		exchange->sink(exchange->sink_context, bytes, len);
		return len;
	}
	/* One byte more, so that the answer is a string too. */
	if (grow_answer(exchange, exchange->answer_len + len + 1))
		return 0;
	memcpy(exchange->answer + exchange->answer_len, bytes, len);
	exchange->answer_len += len;
	exchange->answer[exchange->answer_len] = '\0';
	return len;
}

static int on_new_socket(void *context, curl_socket_t socket, curlsocktype purpose)
{
	(void)context;
	(void)purpose;
	return fcntl(socket, F_SETFD, FD_CLOEXEC) == 0 ? CURL_SOCKOPT_OK
						       : CURL_SOCKOPT_ERROR;
}

static CURLcode set_text(CURL *easy, CURLoption option, const char *text)
{
	return text[0] ? curl_easy_setopt(easy, option, text) : CURLE_OK;
}

static CURLcode set_tls(CURL *easy, const struct etcd_address *address)
{
	CURLcode code = set_text(easy, CURLOPT_CAINFO, address->cacert);

	if (code == CURLE_OK)
		code = set_text(easy, CURLOPT_SSLCERT, address->cert);
	if (code == CURLE_OK)
		code = set_text(easy, CURLOPT_SSLKEY, address->key);
	if (code == CURLE_OK)
		code = curl_easy_setopt(
			easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	return code;
}

static void set_body(struct etcd_exchange *exchange)
{
	CURL *easy = exchange->easy;

	(void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	(void)curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
	(void)curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
	(void)curl_easy_setopt(easy, CURLOPT_SEEKDATA, exchange);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->detail);
	(void)curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
}

/* No proxy, redirection, signal or wait for a resolver's thread behind our back. */
static CURLcode set_habits(CURL *easy)
{
	CURLcode code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");

	(void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 10L);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
	return code;
}

int etcd_exchange_open(struct etcd_exchange *exchange, struct etcd_http *http,
	const struct etcd_address *address, struct error *err)
{
	CURLcode code;

	memset(exchange, 0, sizeof(*exchange));
	exchange->http = http;
	exchange->easy = curl_easy_init();
	if (!exchange->easy)
		return error_set(err, -ENOMEM,
			"store: etcd: no memory for libcurl; free some memory");
	set_body(exchange);
	code = set_habits(exchange->easy);
	if (code == CURLE_OK)
		code = set_tls(exchange->easy, address);
	if (code == CURLE_OK)
		return 0;
	curl_easy_cleanup(exchange->easy);
	return error_set(err, -EIO,
		"store: etcd: this libcurl can not do what is needed: %s; install one "
		"with TLS",
		curl_easy_strerror(code));
}

void etcd_exchange_close(struct etcd_exchange *exchange)
{
	etcd_exchange_stop(exchange);
	curl_easy_cleanup(exchange->easy);
}

/* A member without a leader then ends a watch instead of keeping silent. */
#define NEEDS_LEADER "Grpc-Metadata-hasleader: true"

static int add_header(struct etcd_exchange *exchange, const char *header)
{
	struct curl_slist *headers = curl_slist_append(exchange->headers, header);

	if (!headers)
		return -ENOMEM;
	exchange->headers = headers;
	return 0;
}

/* An empty Expect: keeps libcurl from asking before it sends a large body. */
static int set_headers(struct etcd_exchange *exchange, const char *token)
{
	char authorization[ETCD_TOKEN_SIZE + sizeof("Authorization: ")];

	if (add_header(exchange, "Content-Type: application/json") ||
		add_header(exchange, "Expect:") ||
		(exchange->sink && add_header(exchange, NEEDS_LEADER)))
		return -ENOMEM;
	(void)snprintf(authorization, sizeof(authorization), "Authorization: %s", token);
	return token[0] ? add_header(exchange, authorization) : 0;
}

int etcd_exchange_start(struct etcd_exchange *exchange, const char *url, char *body,
	const char *token, long timeout_ms)
{
	CURL *easy = exchange->easy;

	etcd_exchange_stop(exchange);
	exchange->body = body;
	exchange->body_len = strlen(body);
	if (set_headers(exchange, token) || curl_easy_setopt(easy, CURLOPT_URL, url) ||
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers) ||
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
			(curl_off_t)exchange->body_len) ||
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms) ||
		curl_multi_add_handle(exchange->http->multi, easy)) {
		etcd_exchange_stop(exchange);
		return -ENOMEM;
	}
	exchange->running = true;
	return 0;
}

/* Bodies may hold a password. */
static void forget_body(struct etcd_exchange *exchange)
{
	if (exchange->body)
		explicit_bzero(exchange->body, exchange->body_len);
	free(exchange->body);
	exchange->body = NULL;
	exchange->body_len = 0;
	exchange->body_sent = 0;
}

void etcd_exchange_stop(struct etcd_exchange *exchange)
{
	if (exchange->running)
		(void)curl_multi_remove_handle(exchange->http->multi, exchange->easy);
	exchange->running = false;
	forget_body(exchange);
	curl_slist_free_all(exchange->headers);
	exchange->headers = NULL;
	free(exchange->answer);
	exchange->answer = NULL;
	exchange->answer_len = 0;
	exchange->answer_size = 0;
	exchange->http_status = 0;
	exchange->detail[0] = '\0';
}
