#include "bench/grpc_frame.h"

#include <stdio.h>
#include <string.h>

/* Places in HPACK's static table. */
#define INDEXED 0x80u
#define METHOD_POST 3u
#define SCHEME_HTTP 6u
#define NAME_AUTHORITY 1u
#define NAME_PATH 4u
#define NAME_CONTENT_TYPE 31u
#define NAME_NEW 0u
#define NIBBLE 15u /* numbers from here on have another byte */
#define TEXT_MAX 127u

void grpc_frame_write(const struct grpc_frame *frame, unsigned char *at)
{
	at[0] = (unsigned char)(frame->len >> 16);
	at[1] = (unsigned char)(frame->len >> 8);
	at[2] = (unsigned char)frame->len;
	at[3] = frame->type;
	at[4] = frame->flags;
	grpc_word_write(frame->stream, at + 5);
}

struct grpc_frame grpc_frame_read(const unsigned char *at)
{
	return (struct grpc_frame){
		.len = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2],
		.type = at[3],
		.flags = at[4],
		.stream = grpc_word_read(at + 5) & UINT32_C(0x7fffffff)};
}

/* Bytes that are written one after the other as long as there is room. */
struct writer {
	unsigned char *at;
	size_t len;
	size_t room;
	bool full;
};

static void byte_put(struct writer *w, unsigned int byte)
{
	if (w->len < w->room)
		w->at[w->len++] = (unsigned char)byte;
	else
		w->full = true;
}

static void text_put(struct writer *w, const char *text)
{
	size_t len = strlen(text);

	w->full |= len > TEXT_MAX;
	byte_put(w, (unsigned int)len);
	for (size_t i = 0; i < len; i++)
		byte_put(w, (unsigned char)text[i]);
}

/* A header that is not to be remembered; @name: its place in the table, or NAME_NEW with a text. */
static void header_put(
	struct writer *w, unsigned int name, const char *name_text, const char *value)
{
	byte_put(w, name < NIBBLE ? name : NIBBLE);
	if (name >= NIBBLE)
		byte_put(w, name - NIBBLE);
	if (name == NAME_NEW)
		text_put(w, name_text);
	text_put(w, value);
}

size_t grpc_headers_write(const char *method, int port, unsigned char *at, size_t room)
{
	struct writer w = {.at = at, .room = room};
	char authority[32];

	(void)snprintf(authority, sizeof(authority), "127.0.0.1:%d", port);
	byte_put(&w, INDEXED | METHOD_POST);
	byte_put(&w, INDEXED | SCHEME_HTTP);
	header_put(&w, NAME_PATH, NULL, method);
	header_put(&w, NAME_AUTHORITY, NULL, authority);
	header_put(&w, NAME_CONTENT_TYPE, NULL, "application/grpc");
	header_put(&w, NAME_NEW, "te", "trailers");
	return w.full ? 0 : w.len;
}
