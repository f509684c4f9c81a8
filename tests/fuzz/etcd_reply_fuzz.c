/* Answers of etcd, and what is kept in it: nothing that comes back breaks the reader. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/store/etcd_base64.h"
#include "sequencer/store/etcd_reply.h"
#include "sequencer/store/etcd_value.h"
#include "sequencer/store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool claim)
{
	if (!claim)
		abort();
}

/* What is accepted is written again byte for byte. */
static void check_value(const void *bytes, size_t len)
{
	struct error err = {.text = ""};
	char header[ETCD_VALUE_HEADER_MAX];
	struct etcd_value value;
	size_t header_len;

	if (etcd_value_read("/key", bytes, len, &value, &err)) {
		require(err.text[0] != '\0' && !strchr(err.text, '\n'));
		return;
	}
	etcd_value_write(&value, header, &header_len);
	require(header_len + value.len == len && memcmp(header, bytes, header_len) == 0);
	require(value.erased == (value.len == 0));
}

static void check_kv(struct etcd_kv *kv)
{
	require(kv->mod_revision <= INT64_MAX);
	require(kv->mod_revision > 0 || !kv->bytes);
	if (kv->bytes)
		check_value(kv->bytes, kv->len);
	etcd_kv_free(kv);
}

static void check_complaint(const struct etcd_complaint *complaint)
{
	require(complaint->fault <= ETCD_FAULT_REFUSED && complaint->advice);
	require(strlen(complaint->message) < ETCD_MESSAGE_SIZE);
}

static void check_answers(const char *text, size_t len)
{
	struct etcd_written written;
	struct etcd_complaint complaint;
	struct etcd_kv kv;
	char token[ETCD_TOKEN_SIZE];

	if (etcd_reply_range(text, len, &kv) == 0)
		check_kv(&kv);
	if (etcd_reply_write(text, len, &written) == 0) {
		require(!written.succeeded || written.revision > 0);
		check_kv(&written.found);
	}
	if (etcd_reply_token(text, len, token) == 0)
		require(token[0] && !strpbrk(token, " \r\n"));
	etcd_reply_complaint(400, text, len, &complaint);
	check_complaint(&complaint);
	if (etcd_reply_watch(text, len, &complaint) == ETCD_WATCH_ENDED)
		check_complaint(&complaint);
}

static void check_base64(const char *text, size_t len)
{
	char *bytes = malloc(len / 4 * 3 + 1);
	char *again = malloc(len + 1);
	size_t bytes_len;

	if (etcd_base64_decode(text, len, bytes, &bytes_len) == 0) {
		etcd_base64_encode(bytes, bytes_len, again);
		require(strlen(again) == len && memcmp(again, text, len) == 0);
	}
	free(bytes);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	check_answers(text, size);
	check_base64(text, size);
	check_value(text, size);
	free(text);
	return 0;
}
