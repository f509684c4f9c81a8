#include "sequencer/store/etcd_message.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "sequencer/store/etcd_base64.h"
#include "sequencer/store/etcd_value.h"

/* Takes over @root, which may be NULL. */
static char *finish(json_t *root)
{
	char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;

	json_decref(root);
	return text;
}

/* 64-bit numbers are strings in protobuf's JSON; etcd's are signed. */
static json_t *encode_revision(uint64_t revision)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64,
		revision < INT64_MAX ? revision : INT64_MAX);
	return json_string(text);
}

char *etcd_message_range(const char *key, uint64_t revision)
{
	return finish(json_pack(
		"{s:s, s:o}", "key", key, "revision", encode_revision(revision)));
}

char *etcd_message_look(const char *key)
{
	return finish(json_pack("{s:s, s:b}", "key", key, "keys_only", 1));
}

static json_t *compare_revision(const char *key, uint64_t revision)
{
	return json_pack("{s:s, s:s, s:s, s:o}", "key", key, "target", "MOD", "result",
		"EQUAL", "mod_revision", encode_revision(revision));
}

static json_t *compare_live(const char *key)
{
	char live[ETCD_BASE64_SIZE(sizeof(ETCD_VALUE_LIVE))];

	etcd_base64_encode(ETCD_VALUE_LIVE, strlen(ETCD_VALUE_LIVE), live);
	return json_pack("{s:s, s:s, s:s, s:s}", "key", key, "target", "VALUE", "result",
		"GREATER", "value", live);
}

static json_t *compare_all(const struct etcd_write *write)
{
	json_t *revision = compare_revision(write->key, write->expected_revision);

	if (!write->expect_live)
		return json_pack("[o]", revision);
	return json_pack("[o, o]", revision, compare_live(write->key));
}

char *etcd_message_write(const struct etcd_write *write)
{
	return finish(json_pack("{s:o, s:[{s:{s:s, s:s}}], s:[{s:{s:s}}]}", "compare",
		compare_all(write), "success", "request_put", "key", write->key, "value",
		write->value, "failure", "request_range", "key", write->key));
}

char *etcd_message_watch(const char *key)
{
	return finish(json_pack("{s:{s:s}}", "create_request", "key", key));
}

char *etcd_message_authenticate(const char *user, const char *password)
{
	return finish(json_pack("{s:s, s:s}", "name", user, "password", password));
}
