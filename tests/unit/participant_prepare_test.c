/* A machine that wants to know what is coming: it is told the truth, in order, before it comes. */
#include "sequencer/core/crc32c.h"
#include "tests/unit/participant_rig.h"

#define LONGEST 5000
#define ROUND_COMMANDS 60

/* A message as it was announced. */
struct announced {
	uint32_t crc;
	size_t len;
};

struct seer {
	struct announced next[PAWL_PREPARE_MAX];
	size_t count, applied;
	uint64_t prepared; /* messages, ever */
	uint64_t applied_ever;
	uint64_t position; /* of the newest that was applied */
	uint32_t crc;	   /* of the newest that was applied: its result */
};

struct view {
	struct part part; /* first, for part_remove */
	struct seer seer;
	uint64_t submitted;
};

static uint32_t crc_of(const void *bytes, size_t len)
{
	return crc32c_update(0, bytes, len);
}

static void seer_prepare(void *context, const struct pawl_bytes *messages, size_t count)
{
	struct seer *seer = context;

	assert_in_range(count, 1, PAWL_PREPARE_MAX);
	assert_int_equal(seer->applied, seer->count); /* all of those before came */
	for (size_t i = 0; i < count; i++)
		seer->next[i] = (struct announced){
			crc_of(messages[i].bytes, messages[i].len), messages[i].len};
	seer->count = count;
	seer->applied = 0;
	seer->prepared += count;
}

static void seer_apply(void *context, uint64_t position, const void *bytes, size_t len,
	struct pawl_bytes *result_p)
{
	struct seer *seer = context;

	assert_true(position > seer->position);
	seer->position = position;
	seer->crc = crc_of(bytes, len);
	seer->applied_ever++;
	if (seer->applied < seer->count) {
		assert_int_equal(seer->crc, seer->next[seer->applied].crc);
		assert_int_equal(len, seer->next[seer->applied].len);
		seer->applied++;
	}
	*result_p = (struct pawl_bytes){&seer->crc, sizeof(seer->crc)};
}

static void seer_query(
	void *context, const void *bytes, size_t len, struct pawl_bytes *result_p)
{
	struct seer *seer = context;

	(void)bytes;
	(void)len;
	*result_p = (struct pawl_bytes){&seer->applied_ever, sizeof(seer->applied_ever)};
}

static void view_on_outcome(void *context, const struct pawl_outcome *outcome)
{
	struct view *view = context;
	uint32_t crc;

	assert_int_equal(outcome->status, 0);
	assert_int_equal(outcome->result.len, sizeof(crc));
	memcpy(&crc, outcome->result.bytes, sizeof(crc));
	assert_int_equal(crc, outcome->cookie); /* the result of that command */
	view->part.outcomes_count++;
}

static void view_open(struct view *view)
{
	struct pawl_options options = rig_options(&view->part.desk.rig);
	struct pawl_participant_options with = PAWL_PARTICIPANT_OPTIONS_INIT;
	const struct pawl_machine machine = {.size = sizeof(machine),
		.context = &view->seer,
		.apply = seer_apply,
		.query = seer_query,
		.prepare = seer_prepare};

	fake_stream_make(&view->part.desk.rig.fake, STREAM_NAME, NULL);
	desk_join(&view->part.desk, &options);
	desk_stream(&view->part.desk, NULL);
	with.on_outcome = view_on_outcome;
	with.outcome_context = view;
	if (pawl_participant_open(view->part.desk.rig.pawl, STREAM_NAME, &machine, &with,
		    &view->part.p))
		fail_msg("%s", pawl_errmsg(view->part.desk.rig.pawl));
}

static int view_make(void **state)
{
	struct view *view = calloc(1, sizeof(*view));

	assert_non_null(view);
	fake_begin(&view->part.desk.rig.fake, 2, 2);
	fake_stream_begin(&view->part.desk.rig.fake);
	*state = view;
	return 0;
}

static void view_submits(struct view *view, size_t len)
{
	static unsigned char bytes[LONGEST];
	int rc;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(view->submitted * 31 + i);
	do {
		rc = pawl_participant_submit(
			view->part.p, bytes, len, crc_of(bytes, len));
		if (rc == -EAGAIN)
			part_poll(&view->part);
	} while (rc == -EAGAIN);
	if (rc)
		fail_msg("%s", pawl_errmsg(view->part.desk.rig.pawl));
	view->submitted++;
}

/* Everything that was submitted comes back, and is applied by the time that its call returns. */
static void view_applies(struct view *view)
{
	part_told(&view->part, (unsigned int)view->submitted);
	assert_int_equal(view->seer.applied_ever, view->submitted);
	assert_int_equal(view->seer.applied, view->seer.count);
}

/* And until some were found there at once. */
static void rounds_of(struct view *view, const size_t *lens, size_t count)
{
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;

	for (int round = 0; round < 20 || view->seer.prepared == 0; round++) {
		assert_true(clock_now_ns() < deadline);
		for (size_t i = 0; i < ROUND_COMMANDS; i++)
			view_submits(view, lens[i % count]);
		view_applies(view);
	}
}

static void what_is_announced_comes_next(void **state)
{
	static const size_t lens[] = {1, 40, 0, 200, 7, 300};
	struct view *view = *state;

	view_open(view);
	rounds_of(view, lens, sizeof(lens) / sizeof(lens[0]));
}

/* Longer than all that is kept back. */
static void long_messages_come_in_order_too(void **state)
{
	static const size_t lens[] = {
		30, 12, LONGEST, 3, 700, 90, 1500, 5, 6, 1000, 1100, 900, 800};
	struct view *view = *state;

	view_open(view);
	rounds_of(view, lens, sizeof(lens) / sizeof(lens[0]));
}

/* More than are applied before it asks for the end. */
static void a_sync_leaves_nothing_for_later(void **state)
{
	struct view *view = *state;
	const uint64_t count = 400;

	view_open(view);
	for (uint64_t i = 0; i < count; i++)
		(void)desk_publish(&view->part.desk, "from beside");
	assert_int_equal(pawl_participant_sync(view->part.p), 0);
	assert_int_equal(view->seer.applied_ever, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_is_announced_comes_next, view_make, part_remove),
		cmocka_unit_test_setup_teardown(
			long_messages_come_in_order_too, view_make, part_remove),
		cmocka_unit_test_setup_teardown(
			a_sync_leaves_nothing_for_later, view_make, part_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
