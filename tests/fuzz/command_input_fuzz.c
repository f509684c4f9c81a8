/*
 * Messages out of a pipe, lines or frames (`pawl publish --framed`): they are the same however the
 * pipe cuts them, and none is longer than allowed.
 *
 * The first byte says which; the others are what the pipe gives.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define LEN_MAX 1000
#define PIPE_LEN 4096

static void require(bool claim)
{
	if (!claim)
		abort();
}

/* What was given: how many, how long, and a sum over all of it. */
struct given {
	uint64_t count;
	uint64_t bytes;
	uint64_t sum;
	int rc;
};

static void give(struct given *given, const uint8_t *bytes, size_t len)
{
	require(len <= LEN_MAX);
	given->count++;
	given->bytes += len;
	for (size_t i = 0; i < len; i++)
		given->sum = given->sum * 31 + bytes[i] + 1;
	given->sum = given->sum * 33 + len;
}

static int give_all(struct input *input, struct given *given)
{
	const void *bytes;
	size_t len;
	int rc;

	while (!(rc = input_next(input, &bytes, &len)))
		give(given, bytes, len);
	if (rc == -EMSGSIZE)
		require(len > LEN_MAX);
	return rc;
}

/* Reads it in pieces of @piece bytes; -EAGAIN at the end: all of it was given. */
static struct given read_all(const uint8_t *data, size_t len, bool framed, size_t piece)
{
	struct given given = {0};
	struct input input;
	int ends[2];

	require(pipe(ends) == 0);
	require(input_begin(&input, ends[0], framed, LEN_MAX) == 0);
	given.rc = -EAGAIN;
	while (given.rc == -EAGAIN && len > 0) {
		size_t part = len < piece ? len : piece;

		require(write(ends[1], data, part) == (ssize_t)part);
		require(input_read(&input) == 0);
		data += part;
		len -= part;
		given.rc = give_all(&input, &given);
	}
	(void)close(ends[1]);
	if (given.rc == -EAGAIN) {
		require(input_read(&input) == 0 && input.ended);
		given.rc = give_all(&input, &given);
	}
	require(input.count == given.count);
	input_end(&input);
	(void)close(ends[0]);
	return given;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct given whole, parts;
	bool framed;

	if (len < 2)
		return 0;
	framed = data[0] & 1;
	whole = read_all(data + 2, len - 2, framed, PIPE_LEN);
	parts = read_all(data + 2, len - 2, framed, 1 + data[1] % 64);
	require(whole.rc == parts.rc && whole.count == parts.count &&
		whole.bytes == parts.bytes && whole.sum == parts.sum);
	require(whole.rc == -EAGAIN || whole.rc == -EMSGSIZE ||
		(framed && whole.rc == -EPROTO));
	if (whole.rc == -EAGAIN && framed)
		require(whole.bytes + 4 * whole.count == len - 2);
	return 0;
}
