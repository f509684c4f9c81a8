#include "hw/verbs/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What is left to read; a step that does not fit leaves it where the misfit is. */
struct reader {
	const char *text;
};

static bool read_literal(struct reader *reader, const char *literal)
{
	size_t len = strlen(literal);

	if (strncmp(reader->text, literal, len) != 0)
		return false;
	reader->text += len;
	return true;
}

/* The value of one digit of @radix, or -1.  Hexadecimal is lower case only. */
static int digit_value(char digit, unsigned int radix)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (radix == 16 && digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return -1;
}

/* Digits without leading zeros, up to @max. */
static bool read_digits(
	struct reader *reader, unsigned int radix, uint64_t max, uint64_t *value_p)
{
	const char *start = reader->text;
	uint64_t value = 0;
	int digit;

	while ((digit = digit_value(*reader->text, radix)) >= 0) {
		if (value > (max - (uint64_t)digit) / radix)
			return false;
		value = value * radix + (uint64_t)digit;
		reader->text++;
	}
	if (reader->text == start || (*start == '0' && reader->text != start + 1))
		return false;
	*value_p = value;
	return true;
}

static bool read_decimal(
	struct reader *reader, const char *name, uint64_t max, uint64_t *value_p)
{
	return read_literal(reader, name) && read_digits(reader, 10, max, value_p);
}

static bool read_hex(
	struct reader *reader, const char *name, uint64_t max, uint64_t *value_p)
{
	return read_literal(reader, name) && read_literal(reader, "0x") &&
	       read_digits(reader, 16, max, value_p);
}

/* A numeric host in the one spelling that inet_ntop gives it. */
static bool host_canonical(const char *host)
{
	struct in6_addr bytes;
	char again[INET6_ADDRSTRLEN];
	int family = strchr(host, ':') ? AF_INET6 : AF_INET;

	return inet_pton(family, host, &bytes) == 1 &&
	       inet_ntop(family, &bytes, again, sizeof(again)) &&
	       strcmp(again, host) == 0;
}

static bool read_host(struct reader *reader, char host[INET6_ADDRSTRLEN])
{
	size_t len;

	if (!read_literal(reader, "verbs host="))
		return false;
	len = strcspn(reader->text, " ");
	if (len >= INET6_ADDRSTRLEN)
		return false;
	memcpy(host, reader->text, len);
	host[len] = '\0';
	if (!host_canonical(host))
		return false;
	reader->text += len;
	return true;
}

static bool read_memory(struct reader *reader, struct verbs_address *address)
{
	uint64_t port, key;

	if (!read_decimal(reader, " port=", UINT16_MAX, &port) || port == 0 ||
		!read_hex(reader, " memory=", UINT64_MAX, &address->memory) ||
		!read_hex(reader, " key=", UINT32_MAX, &key) ||
		!read_hex(reader, " base=", UINT64_MAX, &address->target.base) ||
		!read_decimal(reader, " len=", UINT64_MAX, &address->target.len))
		return false;
	address->port = (uint16_t)port;
	address->target.key = (uint32_t)key;
	return true;
}

static bool read_hot(struct reader *reader, struct verbs_target *target)
{
	uint64_t key;

	if (*reader->text == '\0')
		return true;
	if (!read_hex(reader, " hotkey=", UINT32_MAX, &key) ||
		!read_hex(reader, " hotbase=", UINT64_MAX, &target->hot_base) ||
		!read_decimal(reader, " hotoff=", UINT64_MAX, &target->hot_offset) ||
		!read_decimal(reader, " hotlen=", UINT64_MAX, &target->hot_len))
		return false;
	target->hot_key = (uint32_t)key;
	return target->hot_len > 0;
}

int verbs_address_parse(
	const char *text, struct verbs_address *address_p, struct error *err)
{
	struct reader reader = {.text = text};
	struct verbs_address address = {.port = 0};

	if (!read_host(&reader, address.host) || !read_memory(&reader, &address) ||
		!read_hot(&reader, &address.target) || *reader.text != '\0')
		return error_set(err, -EINVAL,
			"verbs: address: not understood at '%.40s'; expected 'verbs "
			"host=IP port=N "
			"memory=0x.. key=0x.. base=0x.. len=N' as the owner printed it",
			reader.text);
	if (!verbs_target_valid(&address.target))
		return error_set(err, -EINVAL,
			"verbs: address: its ranges do not fit each other; take the text "
			"as the "
			"owner printed it");
	*address_p = address;
	return 0;
}

int verbs_address_write(const struct verbs_address *address, char *text, size_t size)
{
	const struct verbs_target *target = &address->target;
	char hot[128] = "";
	int len;

	if (target->hot_len)
		(void)snprintf(hot, sizeof(hot),
			" hotkey=0x%" PRIx32 " hotbase=0x%" PRIx64 " hotoff=%" PRIu64
			" hotlen=%" PRIu64,
			target->hot_key, target->hot_base, target->hot_offset,
			target->hot_len);
	len = snprintf(text, size,
		"verbs host=%s port=%u memory=0x%" PRIx64 " key=0x%" PRIx32
		" base=0x%" PRIx64 " len=%" PRIu64 "%s",
		address->host, address->port, address->memory, target->key, target->base,
		target->len, hot);
	return len >= 0 && (size_t)len < size ? 0 : -ENAMETOOLONG;
}
