/*
 * Messages from a file descriptor: lines, or frames, each a length of 4 bytes, the most
 * significant first, and so many bytes.  The last line may lack its newline.
 *
 * What input_next gives is in the buffer, good until the next input_read.
 */
#ifndef PAWL_COMMAND_INPUT_H
#define PAWL_COMMAND_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
	int fd;
	bool framed;
	bool ended;	/* nothing more can be read */
	size_t len_max; /* bytes of the longest message */
	uint64_t count; /* messages given so far */
	unsigned char *buffer;
	size_t room;
	size_t from; /* what was not given yet, */
	size_t to;   /*   up to here, */
	size_t seen; /*   and up to here there is no newline */
};

/* -ENOMEM. */
int input_begin(struct input *input, int fd, bool framed, size_t len_max)
	__attribute__((warn_unused_result));
void input_end(struct input *input);

/*
 * The next message that was read as a whole.  -EAGAIN: none is, read more (or, if it has ended,
 * there is none).  -EMSGSIZE: the next one is longer than len_max; *len_p is how long it is, or
 * at least is.  -EPROTO: the end came within a frame.
 */
int input_next(struct input *input, const void **bytes_p, size_t *len_p)
	__attribute__((warn_unused_result));

/* Reads what is there, and waits for it.  -EINTR, -ENOMEM, errors of read(2). */
int input_read(struct input *input) __attribute__((warn_unused_result));

/*
 * All that @fd has, up to its end; *bytes_p is to be freed.  -EMSGSIZE: more than @len_max bytes.
 * -ENOMEM, errors of read(2).
 */
int input_whole(int fd, size_t len_max, void **bytes_p, size_t *len_p)
	__attribute__((warn_unused_result));

#endif
