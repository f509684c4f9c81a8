#include "sequencer/store/etcd_value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sequencer/store/store.h"

#define VALUE_HEADER "pawl-etcd 1 value "
#define ERASED_HEADER "pawl-etcd 1 erased "

void etcd_value_write(
	const struct etcd_value *value, char header[ETCD_VALUE_HEADER_MAX], size_t *len_p)
{
	*len_p = (size_t)snprintf(header, ETCD_VALUE_HEADER_MAX, "%s%s\n",
		value->erased ? ERASED_HEADER : VALUE_HEADER, value->tag);
}

static int refuse(const char *name, const char *reason, struct error *err)
{
	return error_set(err, -EBADMSG,
		"store: etcd key %s: damaged: %s; put back a good copy; only if numbers "
		"of this cluster may start again from 1, stop its replicas and delete "
		"the key",
		name, reason);
}

/* Moves on behind @header if the bytes begin with it. */
static bool skip_header(const char **at_p, size_t *left_p, const char *header)
{
	size_t len = strlen(header);

	if (*left_p < len || memcmp(*at_p, header, len) != 0)
		return false;
	*at_p += len;
	*left_p -= len;
	return true;
}

static bool read_tag(const char *text, size_t left, char tag[ETCD_TAG_LEN + 1])
{
	if (left <= ETCD_TAG_LEN || text[ETCD_TAG_LEN] != '\n')
		return false;
	memcpy(tag, text, ETCD_TAG_LEN);
	tag[ETCD_TAG_LEN] = '\0';
	return strspn(tag, "0123456789abcdef") == ETCD_TAG_LEN;
}

int etcd_value_read(const char *name, const void *bytes, size_t len,
	struct etcd_value *value_p, struct error *err)
{
	struct etcd_value value = {.erased = false};
	const char *at = bytes;

	if (!skip_header(&at, &len, VALUE_HEADER)) {
		value.erased = skip_header(&at, &len, ERASED_HEADER);
		if (!value.erased)
			return refuse(name,
				"it does not begin as this version of pawl "
				"writes it",
				err);
	}
	if (!read_tag(at, len, value.tag))
		return refuse(name, "its first line is broken", err);
	value.bytes = at + ETCD_TAG_LEN + 1;
	value.len = len - ETCD_TAG_LEN - 1;
	if (value.erased != (value.len == 0) || value.len > STORE_VALUE_MAX)
		return refuse(name, "its length is not what its first line says", err);
	*value_p = value;
	return 0;
}
