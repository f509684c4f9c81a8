/* The words of a line; those in quotation marks without them. */
#ifndef PAWL_COMMAND_SCRIPT_WORDS_H
#define PAWL_COMMAND_SCRIPT_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* The longest line is: if lock NAME fence = NUMBER. */
#define SCRIPT_WORDS_MAX 6

struct script_word {
	const unsigned char *bytes;
	size_t len;
};

struct script_words {
	struct script_word at[SCRIPT_WORDS_MAX];
	unsigned int count;
	size_t used; /* bytes of all words */
};

/*
 * Takes @line apart; the words' bytes go to @room, which is as long as the line at least.  NULL, or
 * what is wrong.
 */
const char *script_words_take(const char *line, size_t len, unsigned char *room,
	struct script_words *words_p) __attribute__((warn_unused_result));

bool script_word_is(const struct script_word *word, const char *text);

#endif
