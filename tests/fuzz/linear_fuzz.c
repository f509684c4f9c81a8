/*
 * Histories in files: any bytes are lines, and what is read of them is judged.  Whatever is in
 * them, the judges come to an end, and what the replay proves the search does not refute.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/linear/events.h"
#include "tests/linear/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(
	const struct linear_history *history, const struct linear_limits *limits)
{
	struct linear_report searched, replayed;

	if (linear_check(history, limits, &searched) || linear_replay(history, &replayed))
		abort();
	if (replayed.verdict == LINEAR_GOOD && replayed.skipped == 0 &&
		searched.verdict == LINEAR_BAD)
		abort();
	if (strlen(searched.text) >= LINEAR_TEXT_MAX ||
		strlen(replayed.text) >= LINEAR_TEXT_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct linear_limits limits = {.operations_max = 64,
		.len_max = 1 << 20,
		.states_max = 2000,
		.time_ns_max = UINT64_C(1000000000)};
	const char *text = (const char *)data, *end = text + size;
	struct linear_history *history;
	uint32_t line = 0;

	if (linear_history_begin(&limits, &history))
		abort();
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((newline ? newline : end) - text);
		struct events events = {0};
		struct error err;

		if (read_line(history, text, len, ++line, &err) == 0 &&
			events_add(&events, text, len))
			abort();
		events_end(&events);
		text += len + 1;
	}
	judge(history, &limits);
	linear_history_end(history);
	return 0;
}
