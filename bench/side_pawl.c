/* Pawl's side: one call after the other, or a queue kept full. */
#include <errno.h>
#include <stdlib.h>

#include "bench/side.h"
#include "client/include/pawl/pawl.h"
#include "hw/clock.h"

#define RESULTS_AT_ONCE 64

struct pawl_side {
	struct side side;
	struct pawl *pawl;
	struct pawl_counter *counter;
	unsigned int depth;
};

static struct pawl_side *pawl_side(struct side *side)
{
	return (struct pawl_side *)side;
}

static int counter_find(
	struct pawl_side *s, const struct side_config *config, struct error *err)
{
	struct pawl_counter_options options = PAWL_COUNTER_OPTIONS_INIT;
	int rc;

	options.reserve_max = config->reserve;
	rc = pawl_counter_open_with(s->pawl, config->counter, &options, &s->counter);
	if (!rc)
		rc = pawl_read(s->counter, &s->side.last);
	return rc ? error_set(err, rc, "%s", pawl_errmsg(s->pawl)) : 0;
}

static int side_open(
	const struct side_config *config, struct side **side_p, struct error *err)
{
	struct pawl_options options = PAWL_OPTIONS_INIT;
	struct pawl_side *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return error_set(err, -ENOMEM, "bench: out of memory");
	options.wait = PAWL_WAIT_SPIN; /* as the bare loop does */
	options.depth = config->depth;
	options.reserve = config->reserve;
	options.device = config->device;
	s->side = (struct side){.ops = &side_pawl, .n = config->n};
	s->depth = config->depth;
	rc = pawl_open(config->where, &options, &s->pawl);
	if (rc)
		(void)error_set(err, rc, "%s", pawl_errmsg(NULL));
	else
		rc = counter_find(s, config, err);
	if (rc) {
		pawl_close(s->pawl);
		free(s);
		return rc;
	}
	*side_p = &s->side;
	return 0;
}

static void side_close(struct side *side)
{
	pawl_close(pawl_side(side)->pawl);
	free(side);
}

static int failed(const struct pawl_side *s, int rc, struct error *err)
{
	return error_set(err, rc, "%s", pawl_errmsg(s->pawl));
}

static int run_next(struct pawl_side *s, uint64_t count, uint64_t *values)
{
	struct pawl_counter *counter = s->counter;
	int rc = 0;

	for (uint64_t i = 0; i < count && !rc; i++)
		rc = pawl_next(counter, &values[i]);
	return rc;
}

static int run_add(struct pawl_side *s, uint64_t count, uint64_t *values)
{
	struct pawl_counter *counter = s->counter;
	uint64_t n = s->side.n;
	int rc = 0;

	for (uint64_t i = 0; i < count && !rc; i++)
		rc = pawl_add(counter, n, &values[i]);
	return rc;
}

/* Fills the queue up, as far as @count additions in all need it. */
static int queue_fill(struct pawl_side *s, uint64_t count, uint64_t done,
	uint64_t *submitted, uint64_t *begins_ns)
{
	while (*submitted < count && *submitted - done < s->depth) {
		int rc;

		if (begins_ns)
			begins_ns[*submitted] = clock_now_ns();
		rc = pawl_submit(s->counter, s->side.n, *submitted);
		if (rc)
			return rc;
		(*submitted)++;
	}
	return 0;
}

static int result_take(
	const struct pawl_result *result, uint64_t expected, uint64_t *values)
{
	if (result->status)
		return result->status;
	if (result->cookie != expected)
		return -EILSEQ;
	values[expected] = result->last;
	return 0;
}

/* Keeps the queue full, without times where there is no room for them. */
static int run_queue(struct pawl_side *s, uint64_t count, uint64_t *values,
	uint64_t *begins_ns, uint64_t *ends_ns)
{
	struct pawl_result results[RESULTS_AT_ONCE];
	uint64_t submitted = 0, done = 0;

	while (done < count) {
		int got = 0;
		int rc = queue_fill(s, count, done, &submitted, begins_ns);

		if (!rc)
			rc = pawl_poll(s->pawl, results, RESULTS_AT_ONCE, &got);
		for (int i = 0; i < got && !rc; i++, done++) {
			if (ends_ns)
				ends_ns[done] = clock_now_ns();
			rc = result_take(&results[i], done, values);
		}
		if (rc)
			return rc;
	}
	return 0;
}

static int run_queue_named(struct pawl_side *s, uint64_t count, uint64_t *values,
	uint64_t *begins_ns, uint64_t *ends_ns, struct error *err)
{
	int rc = run_queue(s, count, values, begins_ns, ends_ns);

	if (rc == -EILSEQ)
		return error_set(err, rc,
			"bench: pawl: results came out of order; please report this");
	if (rc)
		return error_set(err, rc, "bench: pawl: an addition in flight: %s%s%s",
			error_reason(rc), pawl_errmsg(s->pawl)[0] ? ": " : "",
			pawl_errmsg(s->pawl));
	return 0;
}

static int side_run(
	struct side *side, uint64_t count, uint64_t *values, struct error *err)
{
	struct pawl_side *s = pawl_side(side);
	int rc;

	if (s->depth > 1)
		return run_queue_named(s, count, values, NULL, NULL, err);
	rc = side->n == 1 ? run_next(s, count, values) : run_add(s, count, values);
	return rc ? failed(s, rc, err) : 0;
}

static int side_run_timed(struct side *side, uint64_t count, uint64_t *values,
	uint64_t *begins_ns, uint64_t *ends_ns, struct error *err)
{
	struct pawl_side *s = pawl_side(side);
	int rc = 0;

	if (s->depth > 1)
		return run_queue_named(s, count, values, begins_ns, ends_ns, err);
	for (uint64_t i = 0; i < count && !rc; i++) {
		begins_ns[i] = clock_now_ns();
		rc = pawl_add(s->counter, side->n, &values[i]);
		ends_ns[i] = clock_now_ns();
	}
	return rc ? failed(s, rc, err) : 0;
}

const struct side_ops side_pawl = {
	.open = side_open,
	.run = side_run,
	.run_timed = side_run_timed,
	.close = side_close,
	.stamped = true,
};
