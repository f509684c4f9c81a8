#include "sequencer/store/envelope.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sequencer/core/crc32c.h"

#define ENVELOPE_MAGIC "pawl-store "
#define ENVELOPE_VERSION 1

/* The first line may only be as long as a header; NULL when it does not end in time. */
static const char *find_line_end(const char *bytes, size_t len)
{
	return memchr(
		bytes, '\n', len < ENVELOPE_HEADER_MAX ? len : ENVELOPE_HEADER_MAX - 1);
}

void envelope_write(
	const struct envelope *envelope, char header[ENVELOPE_HEADER_MAX], size_t *len_p)
{
	int covered = snprintf(header, ENVELOPE_HEADER_MAX,
		ENVELOPE_MAGIC "%d %s %" PRIu64 " %zu ", ENVELOPE_VERSION,
		envelope->erased ? "erased" : "value", envelope->revision, envelope->len);
	uint32_t crc = crc32c_update(0, header, (size_t)covered);

	crc = crc32c_update(crc, envelope->bytes, envelope->len);
	*len_p = (size_t)covered + (size_t)snprintf(header + covered,
					   (size_t)(ENVELOPE_HEADER_MAX - covered),
					   "%08" PRIx32 "\n", crc);
}

static int refuse(const char *name, const char *reason, struct error *err)
{
	return error_set(err, -EBADMSG,
		"store: %s: damaged: %s; put back a good copy; only if numbers of this "
		"cluster may start again from 1, stop its replicas and remove the file",
		name, reason);
}

static int check_version(const char *name, const char *line, struct error *err)
{
	int version;

	if (sscanf(line, ENVELOPE_MAGIC "%9d ", &version) != 1)
		return refuse(name, "it does not begin as a record does", err);
	if (version != ENVELOPE_VERSION)
		return error_set(err, -EBADMSG,
			"store: %s: has format %d, but only %d is known here; it was "
			"damaged, or use the version of pawl that wrote it",
			name, version, ENVELOPE_VERSION);
	return 0;
}

/* Fills in what the header says; its truth is checked by writing it anew. */
static int parse_header(const char *name, const char *line, struct envelope *envelope_p,
	struct error *err)
{
	char kind[8];
	int rc = check_version(name, line, err);

	if (rc)
		return rc;
	if (sscanf(line, ENVELOPE_MAGIC "%*d %7s %20" SCNu64 " %20zu ", kind,
		    &envelope_p->revision, &envelope_p->len) != 3)
		return refuse(name, "its first line is broken", err);
	envelope_p->erased = strcmp(kind, "erased") == 0;
	return 0;
}

int envelope_read(const char *name, const void *bytes, size_t len,
	struct envelope *envelope_p, struct error *err)
{
	const char *end = find_line_end(bytes, len);
	char line[ENVELOPE_HEADER_MAX], expected[ENVELOPE_HEADER_MAX];
	struct envelope envelope = {0};
	size_t line_len, expected_len;
	int rc;

	if (!end)
		return refuse(name, "it does not begin with a whole line", err);
	line_len = (size_t)(end + 1 - (const char *)bytes);
	memcpy(line, bytes, line_len);
	line[line_len] = '\0';
	rc = parse_header(name, line, &envelope, err);
	if (rc)
		return rc;
	envelope.bytes = (const char *)bytes + line_len;
	if (envelope.len != len - line_len)
		return refuse(name, "its length is not what its first line says", err);
	if (envelope.revision == 0 || envelope.erased != (envelope.len == 0))
		return refuse(name, "its first line contradicts itself", err);
	envelope_write(&envelope, expected, &expected_len);
	if (expected_len != line_len || memcmp(expected, line, line_len) != 0)
		return refuse(name, "its checksum is wrong", err);
	*envelope_p = envelope;
	return 0;
}
