#include "hw/shm/address.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define PATH_KEY "shm path="
#define LEN_KEY " len="

static bool path_byte_is_plain(char c)
{
	return c > 0x20 && c < 0x7f;
}

static bool path_is_plain(const char *path, size_t len)
{
	if (len == 0 || path[0] != '/')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!path_byte_is_plain(path[i]))
			return false;
	}
	return true;
}

/* A decimal number without sign, blanks or leading zeros, up to the end of @text. */
static bool len_parse(const char *text, size_t *len_p)
{
	size_t len = 0;

	if (*text < '1' || *text > '9')
		return false;
	for (; *text; text++) {
		size_t digit = (size_t)(*text - '0');

		if (*text < '0' || *text > '9' || len > (SIZE_MAX - digit) / 10)
			return false;
		len = len * 10 + digit;
	}
	*len_p = len;
	return true;
}

static int refuse(const char *text, const char *reason, struct error *err)
{
	return error_set(err, -EINVAL,
		"shm: address '%.*s': not an address of shared memory: %s; expected "
		"'shm path=/absolute/path len=BYTES'",
		MEMORY_ADDRESS_MAX, text, reason);
}

int shm_address_parse(const char *text, struct shm_address *address_p, struct error *err)
{
	size_t text_len = strnlen(text, MEMORY_ADDRESS_MAX);
	const char *path, *blank;
	size_t path_len, len;

	if (text_len == MEMORY_ADDRESS_MAX)
		return refuse(text, "too long", err);
	if (strncmp(text, PATH_KEY, strlen(PATH_KEY)) != 0)
		return refuse(text, "it does not begin with 'shm path='", err);
	path = text + strlen(PATH_KEY);
	blank = strchr(path, ' ');
	if (!blank || strncmp(blank, LEN_KEY, strlen(LEN_KEY)) != 0)
		return refuse(text, "no ' len=' follows the path", err);
	path_len = (size_t)(blank - path);
	if (!path_is_plain(path, path_len))
		return refuse(text, "the path is not absolute or has odd bytes", err);
	if (!len_parse(blank + strlen(LEN_KEY), &len))
		return refuse(text, "the length is not a plain number above 0", err);
	memcpy(address_p->path, path, path_len);
	address_p->path[path_len] = '\0';
	address_p->len = len;
	return 0;
}

int shm_address_format(
	const char *path, size_t len, char text_p[MEMORY_ADDRESS_MAX], struct error *err)
{
	char text[MEMORY_ADDRESS_MAX];
	int text_len;

	if (len == 0)
		return error_set(err, -EINVAL,
			"shm: %s: can not be exposed: it has no bytes; give it a length",
			path);
	if (!path_is_plain(path, strlen(path)))
		return error_set(err, -EINVAL,
			"shm: %s: can not be exposed: the path is not absolute or has "
			"blanks or "
			"bytes outside visible ASCII; choose another",
			path);
	text_len = snprintf(text, sizeof(text), PATH_KEY "%s" LEN_KEY "%zu", path, len);
	if (text_len < 0 || (size_t)text_len >= sizeof(text))
		return error_set(err, -ENAMETOOLONG,
			"shm: %s: can not be exposed: its address would be longer than "
			"%d "
			"bytes; choose a shorter path",
			path, MEMORY_ADDRESS_MAX - 1);
	memcpy(text_p, text, (size_t)text_len + 1);
	return 0;
}
