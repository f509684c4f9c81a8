/* Frames of HTTP/2 (RFC 9113), and the headers of a call as HPACK has them (RFC 7541). */
#ifndef PAWL_BENCH_GRPC_FRAME_H
#define PAWL_BENCH_GRPC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRPC_FRAME_HEADER 9
#define GRPC_FRAME_MAX 16384 /* bytes of payload that everybody has to take */
#define GRPC_SETTING_LEN 6
#define GRPC_SETTING_WINDOW 4 /* the first window of a stream */

enum grpc_frame_type {
	GRPC_DATA = 0,
	GRPC_HEADERS = 1,
	GRPC_RESET = 3,
	GRPC_SETTINGS = 4,
	GRPC_PING = 6,
	GRPC_GO_AWAY = 7,
	GRPC_WINDOW_UPDATE = 8
};

#define GRPC_ACK 0x1u
#define GRPC_END_STREAM 0x1u
#define GRPC_END_HEADERS 0x4u
#define GRPC_PADDED 0x8u

struct grpc_frame {
	uint32_t len; /* of the payload */
	uint8_t type;
	uint8_t flags;
	uint32_t stream;
};

static inline void grpc_word_write(uint32_t word, unsigned char *at)
{
	at[0] = (unsigned char)(word >> 24);
	at[1] = (unsigned char)(word >> 16);
	at[2] = (unsigned char)(word >> 8);
	at[3] = (unsigned char)word;
}

static inline uint32_t grpc_word_read(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
	       at[3];
}

/* GRPC_FRAME_HEADER bytes. */
void grpc_frame_write(const struct grpc_frame *frame, unsigned char *at);
struct grpc_frame grpc_frame_read(const unsigned char *at);

/*
 * The headers of a call of @method at 127.0.0.1:@port, none of which the server has to remember.
 * Their length; 0: @room is too short.
 */
size_t grpc_headers_write(const char *method, int port, unsigned char *at, size_t room);

#endif
