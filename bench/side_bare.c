/* The bare operations: a processor's fetch-add on a shared line, and a card's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/raw_verbs.h"
#include "bench/side.h"
#include "hw/clock.h"

struct bare_shm {
	struct side side;
	_Atomic uint64_t *word;
};

struct bare_verbs {
	struct side side;
	struct raw_verbs *raws[CHAIN_MAX];
	unsigned int raws_count;
};

static int shm_open_side(
	const struct side_config *config, struct side **side_p, struct error *err)
{
	struct bare_shm *bare = malloc(sizeof(*bare));

	if (!bare)
		return error_set(err, -ENOMEM, "bench: out of memory");
	*bare = (struct bare_shm){
		.side = {.ops = &side_bare_shm, .n = config->n, .last = 0 - config->n},
		.word = config->word,
	};
	*side_p = &bare->side;
	return 0;
}

static int shm_run(struct side *side, uint64_t count, uint64_t *values, struct error *err)
{
	_Atomic uint64_t *word = ((struct bare_shm *)side)->word;
	uint64_t n = side->n;

	(void)err;
	for (uint64_t i = 0; i < count; i++)
		values[i] = atomic_fetch_add(word, n);
	return 0;
}

static int shm_run_timed(struct side *side, uint64_t count, uint64_t *values,
	uint64_t *begins_ns, uint64_t *ends_ns, struct error *err)
{
	_Atomic uint64_t *word = ((struct bare_shm *)side)->word;
	uint64_t n = side->n;

	(void)err;
	for (uint64_t i = 0; i < count; i++) {
		begins_ns[i] = clock_now_ns();
		values[i] = atomic_fetch_add(word, n);
		ends_ns[i] = clock_now_ns();
	}
	return 0;
}

static void shm_close(struct side *side)
{
	free(side);
}

const struct side_ops side_bare_shm = {
	.open = shm_open_side,
	.run = shm_run,
	.run_timed = shm_run_timed,
	.close = shm_close,
	.stamped = true,
};

static void verbs_close(struct side *side)
{
	struct bare_verbs *bare = (struct bare_verbs *)side;

	for (unsigned int i = 0; i < bare->raws_count; i++)
		raw_verbs_close(bare->raws[i]);
	free(bare);
}

static int verbs_open(
	const struct side_config *config, struct side **side_p, struct error *err)
{
	struct bare_verbs *bare = calloc(1, sizeof(*bare));
	int rc = 0;

	if (!bare)
		return error_set(err, -ENOMEM, "bench: out of memory");
	bare->side = (struct side){.ops = &side_bare_verbs, .n = 1, .last = UINT64_MAX};
	for (unsigned int i = 0; i < config->raws_count && !rc; i++) {
		rc = raw_verbs_open(config->raws[i], config->depth, &bare->raws[i], err);
		if (!rc)
			bare->raws_count++;
	}
	if (rc) {
		verbs_close(&bare->side);
		return rc;
	}
	*side_p = &bare->side;
	return 0;
}

static int verbs_failed(int rc, struct error *err)
{
	return rc ? error_set(err, rc,
			    "bench: raw: a bare operation failed: %s; look at the device "
			    "with 'pawl hw'",
			    error_reason(rc))
		  : 0;
}

static int operations_run(
	struct bare_verbs *bare, uint64_t count, uint64_t *values, uint64_t *latencies_ns)
{
	if (bare->raws_count == 1)
		return raw_verbs_run(bare->raws[0], count, values, latencies_ns);
	return raw_verbs_run_pair(bare->raws[0], &bare->raws[1], bare->raws_count - 1,
		count, values, latencies_ns);
}

static int verbs_run(
	struct side *side, uint64_t count, uint64_t *values, struct error *err)
{
	struct bare_verbs *bare = (struct bare_verbs *)side;

	return verbs_failed(operations_run(bare, count, values, NULL), err);
}

static int verbs_run_timed(struct side *side, uint64_t count, uint64_t *values,
	uint64_t *begins_ns, uint64_t *ends_ns, struct error *err)
{
	struct bare_verbs *bare = (struct bare_verbs *)side;

	memset(begins_ns, 0, count * sizeof(*begins_ns));
	return verbs_failed(operations_run(bare, count, values, ends_ns), err);
}

const struct side_ops side_bare_verbs = {
	.open = verbs_open,
	.run = verbs_run,
	.run_timed = verbs_run_timed,
	.close = verbs_close,
	.stamped = false,
};
