#include "client/command/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM_MIN (64u << 10) /* bytes read at once, at first */
#define FRAME_HEAD 4u

int input_begin(struct input *input, int fd, bool framed, size_t len_max)
{
	*input = (struct input){.fd = fd, .framed = framed, .len_max = len_max};
	input->buffer = malloc(ROOM_MIN);
	if (!input->buffer)
		return -ENOMEM;
	input->room = ROOM_MIN;
	return 0;
}

void input_end(struct input *input)
{
	free(input->buffer);
	input->buffer = NULL;
}

/* The message has @len bytes at @skip, and @used of the buffer. */
static int give(struct input *input, size_t skip, size_t len, size_t used,
	const void **bytes_p, size_t *len_p)
{
	*len_p = len;
	if (len > input->len_max)
		return -EMSGSIZE;
	*bytes_p = input->buffer + input->from + skip;
	input->from += used;
	input->seen = input->from;
	input->count++;
	return 0;
}

static int line_next(struct input *input, const void **bytes_p, size_t *len_p)
{
	const unsigned char *begin = input->buffer + input->from;
	size_t there = input->to - input->from;
	const unsigned char *newline = memchr(
		input->buffer + input->seen, '\n', input->to - input->seen);

	if (newline)
		return give(input, 0, (size_t)(newline - begin),
			(size_t)(newline - begin) + 1, bytes_p, len_p);
	input->seen = input->to;
	if (there > input->len_max || (input->ended && there > 0))
		return give(input, 0, there, there, bytes_p, len_p);
	return -EAGAIN;
}

static int frame_next(struct input *input, const void **bytes_p, size_t *len_p)
{
	const unsigned char *head = input->buffer + input->from;
	size_t there = input->to - input->from;
	size_t len;

	if (there < FRAME_HEAD)
		return input->ended && there > 0 ? -EPROTO : -EAGAIN;
	len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 |
	      head[3];
	if (len <= input->len_max && there - FRAME_HEAD < len)
		return input->ended ? -EPROTO : -EAGAIN;
	return give(input, FRAME_HEAD, len, FRAME_HEAD + len, bytes_p, len_p);
}

int input_next(struct input *input, const void **bytes_p, size_t *len_p)
{
	return input->framed ? frame_next(input, bytes_p, len_p)
			     : line_next(input, bytes_p, len_p);
}

/* What was given makes room, and then the buffer grows. */
static int room_make(struct input *input)
{
	unsigned char *buffer;

	memmove(input->buffer, input->buffer + input->from, input->to - input->from);
	input->to -= input->from;
	input->seen -= input->from;
	input->from = 0;
	if (input->to < input->room)
		return 0;
	buffer = realloc(input->buffer, 2 * input->room);
	if (!buffer)
		return -ENOMEM;
	input->buffer = buffer;
	input->room *= 2;
	return 0;
}

int input_read(struct input *input)
{
	int rc = room_make(input);
	ssize_t got;

	if (rc)
		return rc;
	got = read(input->fd, input->buffer + input->to, input->room - input->to);
	if (got < 0)
		return -errno;
	input->ended = got == 0;
	input->to += (size_t)got;
	return 0;
}

int input_whole(int fd, size_t len_max, void **bytes_p, size_t *len_p)
{
	struct input input;
	int rc = input_begin(&input, fd, false, len_max);

	while (!rc && !input.ended && input.to <= len_max) {
		rc = input_read(&input);
		rc = rc == -EINTR ? 0 : rc;
	}
	if (!rc && input.to > len_max)
		rc = -EMSGSIZE;
	if (rc) {
		input_end(&input);
		return rc;
	}
	*bytes_p = input.buffer;
	*len_p = input.to;
	return 0;
}
