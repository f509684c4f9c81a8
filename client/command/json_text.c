#include "client/command/json_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bytes of the character that begins with @lead, and its bits there; 0: none begins so. */
static unsigned int sequence_len(unsigned char lead, uint32_t *bits_p)
{
	if (lead < 0x80) {
		*bits_p = lead;
		return 1;
	}
	if (lead >= 0xc2 && lead < 0xe0) {
		*bits_p = lead & 0x1fu;
		return 2;
	}
	if (lead >= 0xe0 && lead < 0xf0) {
		*bits_p = lead & 0x0fu;
		return 3;
	}
	if (lead >= 0xf0 && lead < 0xf5) {
		*bits_p = lead & 0x07u;
		return 4;
	}
	return 0;
}

/* The shortest form, no half of a surrogate pair, and not beyond Unicode's end. */
static bool code_is_right(uint32_t code, unsigned int len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	return code >= least[len] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

static bool is_utf8(const unsigned char *bytes, size_t len)
{
	size_t at = 0;

	while (at < len) {
		uint32_t code = 0;
		unsigned int count = sequence_len(bytes[at], &code);

		if (count == 0 || count > len - at)
			return false;
		for (unsigned int i = 1; i < count; i++) {
			if ((bytes[at + i] & 0xc0) != 0x80)
				return false;
			code = code << 6 | (bytes[at + i] & 0x3fu);
		}
		if (!code_is_right(code, count))
			return false;
		at += count;
	}
	return true;
}

static bool stands_for_itself(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

static void escape_put(FILE *out, unsigned char c)
{
	static const char named[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	const char *found = c ? strchr(named, c) : NULL;

	if (found)
		(void)fprintf(out, "\\%c", names[found - named]);
	else
		(void)fprintf(out, "\\u%04x", c);
}

void json_text_put(FILE *out, const void *text, size_t len)
{
	const unsigned char *bytes = text;
	size_t from = 0;

	(void)putc('"', out);
	for (size_t i = 0; i < len; i++) {
		if (stands_for_itself(bytes[i]))
			continue;
		(void)fwrite(bytes + from, 1, i - from, out);
		escape_put(out, bytes[i]);
		from = i + 1;
	}
	if (len > from)
		(void)fwrite(bytes + from, 1, len - from, out);
	(void)putc('"', out);
}

static void base64_put(FILE *out, const unsigned char *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/";

	(void)putc('"', out);
	for (size_t i = 0; i < len; i += 3) {
		uint32_t three = (uint32_t)bytes[i] << 16;
		char four[4];

		three |= i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0;
		three |= i + 2 < len ? bytes[i + 2] : 0;
		for (unsigned int j = 0; j < 4; j++)
			four[j] = digits[three >> (18 - 6 * j) & 0x3f];
		four[2] = i + 1 < len ? four[2] : '=';
		four[3] = i + 2 < len ? four[3] : '=';
		(void)fwrite(four, 1, sizeof(four), out);
	}
	(void)putc('"', out);
}

void json_bytes_put(FILE *out, const char *name, const char *name_base64,
	const void *bytes, size_t len)
{
	bool text = is_utf8(bytes, len);

	(void)fprintf(out, "\"%s\": ", text ? name : name_base64);
	if (text)
		json_text_put(out, bytes, len);
	else
		base64_put(out, bytes, len);
}
