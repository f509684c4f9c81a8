/* What the tests of participants share: a desk of fake replicas, and a machine that is a list. */
#ifndef PAWL_TESTS_PARTICIPANT_RIG_H
#define PAWL_TESTS_PARTICIPANT_RIG_H

#include "client/include/pawl/machine.h"
#include "tests/unit/client_stream_rig.h"

#define TEXT_MAX_LEN 16
#define LIST_MAX 2048

/*
 * Every message but the empty ones is added to the list; the result is "N:TEXT", its place in the
 * list and itself.  The answer to a query is the length of the list.
 */
struct list {
	unsigned int count;
	unsigned int markers; /* empty messages */
	char texts[LIST_MAX][TEXT_MAX_LEN];
	uint64_t positions[LIST_MAX];
	char result[64];
};

struct part {
	struct desk desk; /* first, for rig_remove */
	struct list list;
	struct pawl_participant *p;
	struct pawl_outcome outcomes[LIST_MAX]; /* their bytes are in results */
	char results[LIST_MAX][32];
	unsigned int outcomes_count;
};

static inline void list_apply(void *context, uint64_t position, const void *bytes,
	size_t len, struct pawl_bytes *result_p)
{
	struct list *list = context;

	if (len == 0) {
		list->markers++;
		return;
	}
	assert_true(list->count < LIST_MAX && len < TEXT_MAX_LEN);
	memcpy(list->texts[list->count], bytes, len);
	list->texts[list->count][len] = '\0';
	list->positions[list->count++] = position;
	result_p->len = (size_t)snprintf(list->result, sizeof(list->result), "%u:%s",
		list->count, list->texts[list->count - 1]);
	result_p->bytes = list->result;
}

static inline void list_query(
	void *context, const void *bytes, size_t len, struct pawl_bytes *result_p)
{
	struct list *list = context;

	(void)bytes;
	(void)len;
	result_p->len = (size_t)snprintf(
		list->result, sizeof(list->result), "%u", list->count);
	result_p->bytes = list->result;
}

static inline void part_on_outcome(void *context, const struct pawl_outcome *outcome)
{
	struct part *part = context;
	unsigned int i = part->outcomes_count++;

	assert_true(i < LIST_MAX && outcome->result.len < sizeof(part->results[i]));
	part->outcomes[i] = *outcome;
	memcpy(part->results[i], outcome->result.bytes, outcome->result.len);
	part->results[i][outcome->result.len] = '\0';
}

static inline struct pawl_machine list_machine(struct list *list)
{
	return (struct pawl_machine){.size = sizeof(struct pawl_machine),
		.context = list,
		.apply = list_apply,
		.query = list_query};
}

static inline struct part *part_make(unsigned int replicas, unsigned int chain)
{
	struct part *part = calloc(1, sizeof(*part));

	assert_non_null(part);
	fake_begin(&part->desk.rig.fake, replicas, chain);
	fake_stream_begin(&part->desk.rig.fake);
	return part;
}

static inline void part_open_with(struct part *part, uint64_t timeout_ns)
{
	struct pawl_options options = rig_options(&part->desk.rig);
	struct pawl_participant_options with = PAWL_PARTICIPANT_OPTIONS_INIT;
	struct pawl_machine machine = list_machine(&part->list);

	if (timeout_ns)
		options.timeout_ns = timeout_ns;
	fake_stream_make(&part->desk.rig.fake, STREAM_NAME, NULL);
	desk_join(&part->desk, &options);
	desk_stream(&part->desk, NULL);
	with.on_outcome = part_on_outcome;
	with.outcome_context = part;
	if (pawl_participant_open(
		    part->desk.rig.pawl, STREAM_NAME, &machine, &with, &part->p))
		fail_msg("%s", pawl_errmsg(part->desk.rig.pawl));
}

static inline void part_open(struct part *part)
{
	part_open_with(part, 0);
}

static inline int part_remove(void **state)
{
	struct part *part = *state;

	pawl_participant_close(part->p);
	return rig_remove(state);
}

/* The command comes back with this result. */
static inline uint64_t part_calls(struct part *part, const char *text, const char *result)
{
	char room[32];
	uint64_t position;
	size_t len;

	if (pawl_participant_call(
		    part->p, text, strlen(text), room, sizeof(room), &len, &position))
		fail_msg("%s", pawl_errmsg(part->desk.rig.pawl));
	assert_int_equal(len, strlen(result));
	assert_memory_equal(room, result, len);
	assert_int_equal(pawl_participant_position(part->p), position);
	return position;
}

static inline int part_call(struct part *part, const char *text)
{
	return pawl_participant_call(part->p, text, strlen(text), NULL, 0, NULL, NULL);
}

static inline void part_submits(struct part *part, const char *text, uint64_t cookie)
{
	if (pawl_participant_submit(part->p, text, strlen(text), cookie))
		fail_msg("%s", pawl_errmsg(part->desk.rig.pawl));
}

static inline void part_poll(struct part *part)
{
	int count;

	if (pawl_participant_poll(part->p, 64, &count))
		fail_msg("%s", pawl_errmsg(part->desk.rig.pawl));
}

/* Polls until so many outcomes were told, in all. */
static inline void part_told(struct part *part, unsigned int count)
{
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;

	while (part->outcomes_count < count) {
		assert_true(clock_now_ns() < deadline);
		part_poll(part);
	}
	assert_int_equal(part->outcomes_count, count);
}

/* Polls for a while, in which nothing may be told. */
static inline void part_told_nothing(struct part *part, uint64_t wait_ns)
{
	uint64_t deadline = clock_now_ns() + wait_ns;
	unsigned int before = part->outcomes_count;

	while (clock_now_ns() < deadline)
		part_poll(part);
	assert_int_equal(part->outcomes_count, before);
}

static inline void part_outcome(
	const struct part *part, unsigned int i, uint64_t cookie, const char *result)
{
	assert_int_equal(part->outcomes[i].status, 0);
	assert_int_equal(part->outcomes[i].cookie, cookie);
	assert_string_equal(part->results[i], result);
}

#endif
