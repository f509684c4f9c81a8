#include "client/command/script_words.h"

#include <string.h>

/* What is still to be read. */
struct rest {
	const char *at;
	const char *end;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The two digits behind \x. */
static const char *hex_take(struct rest *rest, unsigned char *byte_p)
{
	int high = rest->end - rest->at > 1 ? digit_of(rest->at[0]) : -1;
	int low = high >= 0 ? digit_of(rest->at[1]) : -1;

	if (low < 0)
		return "\\x wants two hexadecimal digits";
	rest->at += 2;
	*byte_p = (unsigned char)(high << 4 | low);
	return NULL;
}

/* What is behind a backslash. */
static const char *escape_take(struct rest *rest, unsigned char *byte_p)
{
	static const char names[] = "nrt\"\\", bytes[] = "\n\r\t\"\\";
	const char *found = rest->at < rest->end && *rest->at ? strchr(names, *rest->at)
							      : NULL;

	if (found) {
		rest->at++;
		*byte_p = (unsigned char)bytes[found - names];
		return NULL;
	}
	if (rest->at == rest->end || *rest->at != 'x')
		return "behind a backslash use n, r, t, \", \\ or x with two digits";
	rest->at++;
	return hex_take(rest, byte_p);
}

static const char *quoted_take(struct rest *rest, unsigned char *room, size_t *len_p)
{
	const char *wrong = NULL;
	size_t len = 0;

	rest->at++;
	while (!wrong && rest->at < rest->end && *rest->at != '"') {
		unsigned char byte = (unsigned char)*rest->at++;

		if (byte == '\\')
			wrong = escape_take(rest, &byte);
		room[len++] = byte;
	}
	if (!wrong && rest->at == rest->end)
		wrong = "the quotation mark that ends a word is missing";
	if (wrong)
		return wrong;
	rest->at++;
	*len_p = len;
	return rest->at == rest->end || is_blank(*rest->at)
		       ? NULL
		       : "behind a word in quotation marks there has to be a blank";
}

static const char *plain_take(struct rest *rest, unsigned char *room, size_t *len_p)
{
	const char *begin = rest->at;

	while (rest->at < rest->end && !is_blank(*rest->at))
		rest->at++;
	*len_p = (size_t)(rest->at - begin);
	memcpy(room, begin, *len_p);
	return NULL;
}

const char *script_words_take(
	const char *line, size_t len, unsigned char *room, struct script_words *words_p)
{
	struct rest rest = {line, line + len};

	words_p->count = 0;
	words_p->used = 0;
	for (;;) {
		struct script_word *word = &words_p->at[words_p->count];
		unsigned char *to = room + words_p->used;
		const char *wrong;

		while (rest.at < rest.end && is_blank(*rest.at))
			rest.at++;
		if (rest.at == rest.end || (words_p->count == 0 && *rest.at == '#'))
			return NULL;
		if (words_p->count == SCRIPT_WORDS_MAX)
			return "there are too many words; put quotation marks around "
			       "what has blanks";
		wrong = *rest.at == '"' ? quoted_take(&rest, to, &word->len)
					: plain_take(&rest, to, &word->len);
		if (wrong)
			return wrong;
		word->bytes = to;
		words_p->used += word->len;
		words_p->count++;
	}
}

bool script_word_is(const struct script_word *word, const char *text)
{
	return word->len == strlen(text) && memcmp(word->bytes, text, word->len) == 0;
}
