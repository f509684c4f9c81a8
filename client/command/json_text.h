/* Bytes of anybody in JSON: text where they are UTF-8, base64 where they are not. */
#ifndef PAWL_COMMAND_JSON_TEXT_H
#define PAWL_COMMAND_JSON_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* UTF-8, with its quotation marks. */
void json_text_put(FILE *out, const void *text, size_t len);

/* A member of an object, called @name, or @name_base64 if it is no text. */
void json_bytes_put(FILE *out, const char *name, const char *name_base64,
	const void *bytes, size_t len);

#endif
