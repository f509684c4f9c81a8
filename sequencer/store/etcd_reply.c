#include "sequencer/store/etcd_reply.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/store/etcd_base64.h"

/* Only an object is an answer; NULL for anything else. */
static json_t *load_object(const char *text, size_t len)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(root))
		return root;
	json_decref(root);
	return NULL;
}

/* Digits only, without a leading zero; etcd's numbers are signed and fit 63 bits. */
static int read_digits(const char *text, uint64_t *n_p)
{
	size_t len = strspn(text, "0123456789");

	if (len == 0 || text[len] != '\0' || (text[0] == '0' && len > 1))
		return -EBADMSG;
	errno = 0;
	*n_p = strtoull(text, NULL, 10);
	return errno || *n_p > INT64_MAX ? -EBADMSG : 0;
}

/* protobuf's JSON writes 64-bit numbers as strings and leaves out those that are 0. */
static int read_revision(const json_t *value, uint64_t *revision_p)
{
	*revision_p = 0;
	if (!value)
		return 0;
	if (json_is_string(value))
		return read_digits(json_string_value(value), revision_p);
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return -EBADMSG;
	*revision_p = (uint64_t)json_integer_value(value);
	return 0;
}

static bool is_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

void etcd_kv_free(struct etcd_kv *kv)
{
	free(kv->bytes);
	kv->bytes = NULL;
}

static int read_value(const json_t *value, struct etcd_kv *kv)
{
	size_t text_len = json_string_length(value);
	int rc;

	if (!value)
		return 0;
	if (!json_is_string(value))
		return -EBADMSG;
	kv->bytes = malloc(text_len / 4 * 3 + 1);
	if (!kv->bytes)
		return -ENOMEM;
	rc = etcd_base64_decode(json_string_value(value), text_len, kv->bytes, &kv->len);
	if (rc)
		etcd_kv_free(kv);
	return rc;
}

/* The result of a range over one key: none or one. */
static int read_kvs(const json_t *range, struct etcd_kv *kv_p)
{
	const json_t *kvs = json_object_get(range, "kvs");
	const json_t *first = json_array_get(kvs, 0);
	struct etcd_kv kv = {.bytes = NULL};
	int rc;

	if (!kvs) {
		*kv_p = kv;
		return 0;
	}
	if (!json_is_array(kvs) || json_array_size(kvs) != 1)
		return -EBADMSG;
	rc = read_revision(json_object_get(first, "mod_revision"), &kv.mod_revision);
	if (!rc && kv.mod_revision == 0)
		rc = -EBADMSG;
	if (!rc)
		rc = read_value(json_object_get(first, "value"), &kv);
	if (!rc)
		*kv_p = kv;
	return rc;
}

/* Every good answer has etcd's header, so no other server's JSON passes for one. */
static int read_header(const json_t *root, uint64_t *revision_p)
{
	const json_t *header = json_object_get(root, "header");

	if (!json_is_object(header))
		return -EBADMSG;
	return read_revision(json_object_get(header, "revision"), revision_p);
}

int etcd_reply_range(const char *text, size_t len, struct etcd_kv *kv_p)
{
	json_t *root = load_object(text, len);
	uint64_t revision;
	int rc = read_header(root, &revision);

	if (!rc)
		rc = read_kvs(root, kv_p);
	json_decref(root);
	return rc;
}

static int read_written(const json_t *root, struct etcd_written *written)
{
	const json_t *responses = json_object_get(root, "responses");
	const json_t *range = json_object_get(
		json_array_get(responses, 0), "response_range");
	int rc = read_header(root, &written->revision);

	written->succeeded = is_true(root, "succeeded");
	if (rc || (written->succeeded && written->revision == 0))
		return -EBADMSG;
	if (written->succeeded)
		return 0;
	return json_is_object(range) ? read_kvs(range, &written->found) : -EBADMSG;
}

int etcd_reply_write(const char *text, size_t len, struct etcd_written *written_p)
{
	json_t *root = load_object(text, len);
	struct etcd_written written = {.succeeded = false};
	int rc = read_written(root, &written);

	json_decref(root);
	if (!rc)
		*written_p = written;
	return rc;
}

static bool token_valid(const char *token)
{
	size_t len = strlen(token);

	for (size_t i = 0; i < len; i++) {
		if (token[i] <= ' ' || token[i] > '~')
			return false;
	}
	return len > 0 && len < ETCD_TOKEN_SIZE;
}

int etcd_reply_token(const char *text, size_t len, char token[ETCD_TOKEN_SIZE])
{
	json_t *root = load_object(text, len);
	const char *found = json_string_value(json_object_get(root, "token"));
	int rc = found && token_valid(found) ? 0 : -EBADMSG;

	if (!rc)
		memcpy(token, found, strlen(found) + 1);
	json_decref(root);
	return rc;
}

/* What is known by its words: one code stands for many things. */
static const struct {
	const char *words;
	enum etcd_fault fault;
	const char *advice;
} known[] = {
	{"invalid auth token", ETCD_FAULT_TOKEN, "look at etcd's clock and log"},
	{"revision of auth store is old", ETCD_FAULT_TOKEN, "look at etcd's log"},
	{"user name is empty", ETCD_FAULT_DENIED,
		"give user= and password-file= in the store's address"},
	{"authentication failed", ETCD_FAULT_DENIED,
		"correct user= in the store's address or what password-file= holds"},
	{"authentication is not enabled", ETCD_FAULT_DENIED,
		"switch it on in etcd, or leave out user="},
	{"permission denied", ETCD_FAULT_DENIED,
		"grant this user reading and writing below the store's prefix in etcd"},
	{"database space exceeded", ETCD_FAULT_FULL,
		"compact and defragment etcd, then disarm its alarm"},
	{"has been compacted", ETCD_FAULT_COMPACTED, "read it again"},
	{"request is too large", ETCD_FAULT_REFUSED, "raise etcd's --max-request-bytes"},
	{"larger than max", ETCD_FAULT_REFUSED, "raise etcd's --max-request-bytes"},
	{"no leader", ETCD_FAULT_PASSING, "start more of etcd's members"},
	{"request timed out", ETCD_FAULT_PASSING,
		"look at the disks of etcd's members and the network between them"},
	{"HTTP request to an HTTPS server", ETCD_FAULT_REFUSED,
		"write https:// in the store's address"},
};

/* gRPC's codes for what the server looked at and did not do. */
static bool refused_by_code(json_int_t code)
{
	switch (code) {
	case 3:	 /* invalid argument */
	case 5:	 /* not found */
	case 6:	 /* already exists */
	case 7:	 /* permission denied */
	case 9:	 /* failed precondition */
	case 11: /* out of range */
	case 12: /* not implemented */
	case 16: /* not authenticated */
		return true;
	default:
		return false;
	}
}

static void judge(bool refused, struct etcd_complaint *complaint)
{
	complaint->fault = refused ? ETCD_FAULT_REFUSED : ETCD_FAULT_PASSING;
	complaint->advice = "look at etcd's log";
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strstr(complaint->message, known[i].words))
			continue;
		complaint->fault = known[i].fault;
		complaint->advice = known[i].advice;
		return;
	}
}

static void set_message(struct etcd_complaint *complaint, const char *text, size_t len)
{
	if (len >= sizeof(complaint->message))
		len = sizeof(complaint->message) - 1;
	memset(complaint->message, 0, sizeof(complaint->message));
	memcpy(complaint->message, text, strnlen(text, len));
}

/* {"error": "text", "message": "text", "code": 14}, or without the first of them. */
static bool read_complaint(const json_t *root, struct etcd_complaint *complaint)
{
	const char *text = json_string_value(json_object_get(root, "message"));
	const json_t *code = json_object_get(root, "code");

	if (!code)
		code = json_object_get(root, "grpc_code");
	if (!text)
		text = json_string_value(json_object_get(root, "error"));
	if (!text || !json_is_integer(code))
		return false;
	set_message(complaint, text, strlen(text));
	judge(refused_by_code(json_integer_value(code)), complaint);
	return true;
}

static size_t first_line_len(const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);

	return end ? (size_t)(end - text) : len;
}

void etcd_reply_complaint(long http_status, const char *text, size_t len,
	struct etcd_complaint *complaint_p)
{
	json_t *root = load_object(text, len);
	char status[48];

	if (!read_complaint(root, complaint_p)) {
		(void)snprintf(status, sizeof(status), "HTTP status %ld, no reason",
			http_status);
		if (len > 0)
			set_message(complaint_p, text, first_line_len(text, len));
		else
			set_message(complaint_p, status, strlen(status));
		judge(http_status >= 400 && http_status < 500, complaint_p);
	}
	json_decref(root);
}

/* A watch that ends says why in one of three places. */
static enum etcd_watch_line end_watch(
	const json_t *root, const json_t *result, struct etcd_complaint *complaint)
{
	const json_t *error = json_object_get(root, "error");
	const char *reason = json_string_value(json_object_get(result, "cancel_reason"));

	if (json_is_object(error) && read_complaint(error, complaint))
		return ETCD_WATCH_ENDED;
	if (json_is_string(error) && read_complaint(root, complaint))
		return ETCD_WATCH_ENDED;
	if (!reason || !*reason)
		reason = json_object_get(result, "compact_revision")
				 ? "its revision has been compacted"
				 : "etcd ended it without a reason";
	set_message(complaint, reason, strlen(reason));
	judge(false, complaint);
	return ETCD_WATCH_ENDED;
}

static enum etcd_watch_line read_watch(
	const json_t *root, struct etcd_complaint *complaint)
{
	const json_t *result = json_object_get(root, "result");

	if (!json_is_object(result) || is_true(result, "canceled"))
		return end_watch(root, result, complaint);
	if (is_true(result, "created"))
		return ETCD_WATCH_CREATED;
	return json_array_size(json_object_get(result, "events")) > 0
		       ? ETCD_WATCH_CHANGED
		       : ETCD_WATCH_NOTHING;
}

enum etcd_watch_line etcd_reply_watch(
	const char *text, size_t len, struct etcd_complaint *complaint_p)
{
	json_t *root = load_object(text, len);
	enum etcd_watch_line line = read_watch(root, complaint_p);

	json_decref(root);
	return line;
}
