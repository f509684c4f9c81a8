/* Histories as tests write them: one line for each operation. */
#ifndef PAWL_TESTS_UNIT_LINEAR_RIG_H
#define PAWL_TESTS_UNIT_LINEAR_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/linear/linear.h"

static struct linear_history *history;
static struct linear_limits limits;
static struct linear_report report;
static struct error err;

/* An operation and its answer; .to is 0 when its outcome is unknown. */
struct told {
	uint64_t from, to;
	struct linear_call call;
	enum linear_answer answer;
	const char *found;
	uint64_t found_version;
	bool tells; /* what it found */
	uint64_t position;
};

static inline int begin(void **state)
{
	(void)state;
	limits = (struct linear_limits){0};
	return linear_history_begin(NULL, &history);
}

static inline int end(void **state)
{
	(void)state;
	linear_history_end(history);
	return 0;
}

static inline void tell(const struct told *told)
{
	struct linear_call call = told->call;
	struct linear_found found = {
		.value = told->found, .version = told->found_version};
	struct linear_result result = {.outcome = told->to ? LINEAR_OK : LINEAR_UNKNOWN,
		.answer = told->answer,
		.returned = told->to,
		.position = told->position,
		.found = &found,
		.found_count = told->tells};
	uint32_t operation;

	call.invoked = told->from;
	call.process = call.process ? call.process
				    : (uint32_t)linear_history_count(history);
	assert_int_equal(linear_history_add(history, &call, &operation, &err), 0);
	assert_int_equal(linear_history_finish(history, operation, &result, &err), 0);
}

#define TELL(begins, ends, ...) \
	tell(&(struct told){.from = begins, .to = ends, __VA_ARGS__})

static inline void put(uint64_t from, uint64_t to, const char *key, const char *value)
{
	TELL(from, to, .call = {.kind = LINEAR_PUT, .key = key, .value = value});
}

static inline void put_at(
	uint64_t from, uint64_t to, const char *key, const char *value, uint64_t position)
{
	TELL(from, to, .call = {.kind = LINEAR_PUT, .key = key, .value = value},
		.position = position);
}

static inline void get(uint64_t from, uint64_t to, const char *key, const char *value)
{
	TELL(from, to, .call = {.kind = LINEAR_GET, .key = key}, .found = value,
		.tells = true);
}

static inline void get_of(
	uint64_t from, uint64_t to, const char *key, const char *value, uint64_t version)
{
	TELL(from, to, .call = {.kind = LINEAR_GET, .key = key}, .found = value,
		.tells = true, .found_version = version);
}

static inline void delete (uint64_t from, uint64_t to, const char *key)
{
	TELL(from, to, .call = {.kind = LINEAR_DELETE, .key = key});
}

static inline void cas(uint64_t from, uint64_t to, const char *key, const char *expected,
	const char *value, enum linear_answer answer)
{
	TELL(from, to,
		.call = {.kind = LINEAR_CAS,
			.key = key,
			.expected = expected,
			.value = value},
		.answer = answer);
}

static inline void claim(uint64_t from, uint64_t to, const char *key, const char *value,
	enum linear_answer answer)
{
	TELL(from, to, .call = {.kind = LINEAR_CLAIM, .key = key, .value = value},
		.answer = answer);
}

static inline void lock(uint64_t from, uint64_t to, const char *owner, uint64_t token)
{
	TELL(from, to, .call = {.kind = LINEAR_LOCK, .key = "L", .value = owner},
		.answer = LINEAR_DONE, .position = token);
}

static inline void lock_refused(uint64_t from, uint64_t to, const char *owner)
{
	TELL(from, to, .call = {.kind = LINEAR_LOCK, .key = "L", .value = owner},
		.answer = LINEAR_REFUSED);
}

static inline void unlock(uint64_t from, uint64_t to, const char *owner, uint64_t token,
	enum linear_answer answer)
{
	TELL(from, to,
		.call = {.kind = LINEAR_UNLOCK,
			.key = "L",
			.value = owner,
			.version = token},
		.answer = answer);
}

static inline void expire(uint64_t from, uint64_t to, const char *owner)
{
	static const char *const keys[] = {"L"};

	TELL(from, to,
		.call = {.kind = LINEAR_EXPIRE,
			.value = owner,
			.keys = keys,
			.keys_count = 1});
}

static inline void fence(
	uint64_t from, uint64_t to, uint64_t token, enum linear_answer answer)
{
	TELL(from, to, .call = {.kind = LINEAR_FENCE, .key = "file", .version = token},
		.answer = answer);
}

static inline void judged(enum linear_verdict verdict)
{
	assert_int_equal(linear_check(history, &limits, &report), 0);
	if (report.verdict != verdict)
		print_error("%s\n", report.text);
	assert_int_equal(report.verdict, verdict);
}

static inline void good(void)
{
	judged(LINEAR_GOOD);
}

/* ... and the text says so. */
static inline void bad(const char *why)
{
	judged(LINEAR_BAD);
	if (!strstr(report.text, why))
		print_error("%s\n", report.text);
	assert_non_null(strstr(report.text, why));
}

#endif
