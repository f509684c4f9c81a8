#include "sequencer/store/etcd_base64.h"

#include <errno.h>
#include <stdint.h>

static const char alphabet[64] = /* without the terminator */
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 1 to 3 bytes as 4 characters. */
static void encode_group(const uint8_t *bytes, size_t len, char *text)
{
	uint32_t group = (uint32_t)bytes[0] << 16;

	if (len > 1)
		group |= (uint32_t)bytes[1] << 8;
	if (len > 2)
		group |= bytes[2];
	for (size_t i = 0; i < 4; i++)
		text[i] = i <= len ? alphabet[group >> (18 - 6 * i) & 63] : '=';
}

void etcd_base64_encode(const void *bytes, size_t len, char *text)
{
	const uint8_t *at = bytes;

	for (; len > 0; text += 4) {
		size_t taken = len < 3 ? len : 3;

		encode_group(at, taken, text);
		at += taken;
		len -= taken;
	}
	*text = '\0';
}

static int digit_value(char digit)
{
	if (digit >= 'A' && digit <= 'Z')
		return digit - 'A';
	if (digit >= 'a' && digit <= 'z')
		return digit - 'a' + 26;
	if (digit >= '0' && digit <= '9')
		return digit - '0' + 52;
	if (digit == '+')
		return 62;
	return digit == '/' ? 63 : -1;
}

/* @len characters that are not padding become @len - 1 bytes; the bits left over are 0. */
static int decode_group(const char *text, size_t len, uint8_t *bytes)
{
	uint32_t group = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < len ? digit_value(text[i]) : 0;

		if (value < 0)
			return -EBADMSG;
		group = group << 6 | (uint32_t)value;
	}
	if (group & ((UINT32_C(1) << 8 * (4 - len)) - 1))
		return -EBADMSG;
	for (size_t i = 0; i + 1 < len; i++)
		bytes[i] = (uint8_t)(group >> (16 - 8 * i));
	return 0;
}

static size_t padding_len(const char *text, size_t text_len)
{
	if (text_len == 0 || text[text_len - 1] != '=')
		return 0;
	return text[text_len - 2] == '=' ? 2 : 1;
}

int etcd_base64_decode(const char *text, size_t text_len, void *bytes, size_t *len_p)
{
	size_t padding = text_len % 4 == 0 ? padding_len(text, text_len) : 0;
	uint8_t *out = bytes;

	if (text_len % 4 != 0)
		return -EBADMSG;
	for (size_t at = 0; at < text_len; at += 4) {
		size_t len = at + 4 == text_len ? 4 - padding : 4;

		if (decode_group(text + at, len, out))
			return -EBADMSG;
		out += len - 1;
	}
	*len_p = (size_t)(out - (uint8_t *)bytes);
	return 0;
}
