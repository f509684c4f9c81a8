#include "hw/verbs/hello.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define HELLO_MAGIC 0x5061776cu /* "Pawl" */
#define HELLO_VERSION 1
#define HELLO_KIND 0

struct head {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;
};

static void head_encode(uint16_t kind, uint8_t *bytes)
{
	struct head head = {htobe32(HELLO_MAGIC), htobe16(HELLO_VERSION), htobe16(kind)};

	memcpy(bytes, &head, sizeof(head));
}

static int head_decode(const void *bytes, size_t len, uint16_t *kind_p)
{
	struct head head;

	if (!bytes || len < sizeof(head))
		return -EINVAL;
	memcpy(&head, bytes, sizeof(head));
	if (be32toh(head.magic) != HELLO_MAGIC)
		return -EINVAL;
	if (be16toh(head.version) != HELLO_VERSION)
		return -EPROTO;
	*kind_p = be16toh(head.kind);
	return 0;
}

void verbs_hello_encode(const struct verbs_hello *hello, uint8_t bytes[VERBS_HELLO_LEN])
{
	uint64_t memory = htobe64(hello->memory);
	uint64_t token = htobe64(hello->token);

	head_encode(HELLO_KIND, bytes);
	memcpy(bytes + 8, &memory, sizeof(memory));
	memcpy(bytes + 16, &token, sizeof(token));
}

int verbs_hello_decode(const void *bytes, size_t len, struct verbs_hello *hello_p)
{
	const uint8_t *raw = bytes;
	uint64_t memory, token;
	uint16_t kind;
	int rc = head_decode(bytes, len, &kind);

	if (rc)
		return rc;
	if (kind != HELLO_KIND || len < VERBS_HELLO_LEN)
		return -EINVAL;
	memcpy(&memory, raw + 8, sizeof(memory));
	memcpy(&token, raw + 16, sizeof(token));
	hello_p->memory = be64toh(memory);
	hello_p->token = be64toh(token);
	return 0;
}

void verbs_refusal_encode(enum verbs_refusal reason, uint8_t bytes[VERBS_REFUSAL_LEN])
{
	head_encode((uint16_t)reason, bytes);
}

int verbs_refusal_decode(const void *bytes, size_t len, enum verbs_refusal *reason_p)
{
	uint16_t kind;
	int rc = head_decode(bytes, len, &kind);

	if (rc == -EPROTO) {
		*reason_p = VERBS_REFUSED_VERSION;
		return 0;
	}
	if (rc || kind < VERBS_REFUSED_VERSION || kind > VERBS_REFUSED_FULL)
		return -EINVAL;
	*reason_p = (enum verbs_refusal)kind;
	return 0;
}
