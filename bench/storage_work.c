#include "bench/storage_work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "bench/child.h"
#include "client/lib/wait.h"
#include "hw/clock.h"

#define BURST 64 /* operations begun between two looks at what has come, at most */

static const struct storage_side *const sides[TURN_SIDES] = {
	[TURN_BARE] = &storage_etcd, [TURN_PAWL] = &storage_pawl};

/* ---- What is shared ---- */

static size_t ledger_len(const struct storage_options *o)
{
	return storage_ledger_len((unsigned int)o->clients, o->keys);
}

struct storage_shared *storage_shared_make(
	const struct storage_options *options, int etcd_port)
{
	struct storage_shared *shared = shared_map(sizeof(*shared), 0);

	if (!shared)
		return NULL;
	shared->options = options;
	shared->etcd_port = etcd_port;
	shared->ledger.clients = (unsigned int)options->clients;
	shared->ledger.keys = options->keys;
	shared->ledger.entries = shared_map(ledger_len(options), MAP_POPULATE);
	if (shared->ledger.entries)
		return shared;
	(void)munmap(shared, sizeof(*shared));
	return NULL;
}

void storage_shared_free(struct storage_shared *shared)
{
	(void)munmap(shared->ledger.entries, ledger_len(shared->options));
	(void)munmap(shared, sizeof(*shared));
}

void storage_shared_begin(struct storage_shared *shared)
{
	atomic_store(&shared->finished, 0);
}

/* The newest write that anybody was told of. */
static uint64_t acked_by_all(const struct storage_client *c)
{
	uint64_t newest = 0;

	for (unsigned int i = 0; i < c->options->clients; i++) {
		uint64_t acked = atomic_load(&c->shared->seats[i].acked[c->side]);

		newest = acked > newest ? acked : newest;
	}
	return newest;
}

/* ---- Operations ---- */

void storage_key_write(uint32_t key, unsigned char *bytes)
{
	for (int i = STORAGE_KEY_LEN - 1; i > 0; i--, key /= 10)
		bytes[i] = (unsigned char)('0' + key % 10);
	bytes[0] = 'k';
}

static uint64_t random_next(struct storage_client *c)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return c->random;
}

static uint64_t floor_of_read(const struct storage_client *c, uint32_t key)
{
	uint64_t seen = c->seen[c->side][key];
	uint64_t newest;

	if (storage_reads_locally(c))
		return seen;
	newest = storage_ledger_newest(&c->shared->ledger, c->side, key);
	return newest > seen ? newest : seen;
}

static void operation_make(struct storage_client *c, struct storage_operation *o,
	bool reads, uint32_t key, uint64_t acked)
{
	o->reads = reads;
	o->key = key;
	o->number = reads ? 0 : c->numbers[c->side] + 1;
	o->floor = reads ? floor_of_read(c, key) : acked;
}

static int answer_check(struct storage_client *c, const struct storage_operation *o,
	const struct storage_answer *answer)
{
	struct storage_ledger *ledger = &c->shared->ledger;
	struct error *err = &c->w->seat->err;

	if (c->looks)
		return storage_ledger_final(
			ledger, c->side, o, answer, c->options->value_len, err);
	if (o->reads)
		return storage_ledger_read(
			ledger, c->side, o, answer, c->options->value_len, err);
	return storage_ledger_wrote(ledger, c->side, c->w->place, o, answer, err);
}

static void answer_keep(struct storage_client *c, const struct storage_operation *o,
	const struct storage_answer *answer)
{
	_Atomic uint64_t *acked = &c->seat->acked[c->side];
	uint64_t *seen = &c->seen[c->side][o->key];

	if (answer->version > *seen)
		*seen = answer->version;
	if (!o->reads &&
		answer->version > atomic_load_explicit(acked, memory_order_relaxed))
		atomic_store_explicit(acked, answer->version, memory_order_release);
}

void storage_ended(
	struct storage_client *c, unsigned int place, const struct storage_answer *answer)
{
	const struct storage_operation *o = &c->operations[place];
	int rc = answer_check(c, o, answer);

	if (!c->rc)
		c->rc = rc;
	answer_keep(c, o, answer);
	c->seat->operations++;
	c->in_flight--;
	c->free[c->depth - c->in_flight - 1] = place;
	c->ended[c->ended_count++] = place;
}

void storage_times_take(struct storage_client *c, uint64_t now_ns)
{
	for (unsigned int i = 0; i < c->ended_count; i++) {
		const struct storage_operation *o = &c->operations[c->ended[i]];

		histogram_add(o->reads ? &c->seat->reads_ns : &c->seat->writes_ns,
			now_ns - o->begin_ns);
	}
	if (c->ended_count > 0)
		c->seat->end_ns = now_ns;
	c->ended_count = 0;
}

void storage_time_drop(struct storage_client *c)
{
	c->ended_count = 0;
}

/* ---- A turn ---- */

/* What a turn of some kind does, one operation after the other. */
struct plan {
	const struct turn *turn;
	uint64_t end_ns;
	uint64_t next; /* key of one that goes through all */
	uint64_t step;
};

static bool plan_is_over(
	const struct storage_client *c, const struct plan *plan, uint64_t now_ns)
{
	if (plan->turn->what == TURN_RATE)
		return now_ns >= plan->end_ns;
	return plan->next >= c->options->keys;
}

static void plan_next(struct storage_client *c, struct plan *plan,
	struct storage_operation *o, uint64_t acked)
{
	uint64_t random = random_next(c);

	if (plan->turn->what == TURN_RATE) {
		operation_make(c, o, random % 100 < c->options->reads,
			(uint32_t)((random >> 32) % c->options->keys), acked);
		return;
	}
	operation_make(c, o, c->looks, (uint32_t)plan->next, acked);
}

/* -EAGAIN: the side takes no more now, and nothing has happened. */
static int one_start(struct storage_client *c, struct plan *plan, unsigned int place,
	uint64_t now_ns, uint64_t acked)
{
	struct storage_operation *o = &c->operations[place];
	int rc;

	plan_next(c, plan, o, acked);
	o->begin_ns = now_ns;
	c->in_flight++;
	rc = sides[c->side]->start(c, place);
	if (rc) {
		c->in_flight--;
		return rc;
	}
	c->numbers[c->side] += !o->reads;
	plan->next += plan->step;
	return c->rc;
}

/* A read that waits for answers: it has a look at the clock of its own. */
static bool waits(const struct storage_client *c, const struct storage_operation *o)
{
	return c->side == TURN_PAWL && o->reads && !c->looks &&
	       (c->options->reading == PAWL_READ_SYNC ||
		       c->options->reading == PAWL_READ_TAIL);
}

/* One look at the clock, and at what others were told, for all that begin at once. */
static int some_start(struct storage_client *c, struct plan *plan, uint64_t now_ns,
	unsigned int *started_p)
{
	uint64_t acked = acked_by_all(c);
	unsigned int started = 0;
	int rc = 0;

	while (!rc && started < BURST && c->in_flight < c->depth &&
		!plan_is_over(c, plan, now_ns)) {
		unsigned int place = c->free[c->depth - c->in_flight - 1];

		rc = one_start(c, plan, place, now_ns, acked);
		started += rc == 0;
		if (waits(c, &c->operations[place]))
			break;
	}
	*started_p = started;
	return rc == -EAGAIN ? 0 : rc;
}

/* Somebody has failed, or the turn takes too long. */
static int trouble(const struct storage_client *c, uint64_t now_ns, uint64_t deadline_ns)
{
	if (atomic_load_explicit(&c->shared->failed, memory_order_relaxed))
		return -ECANCELED;
	if (now_ns < deadline_ns)
		return 0;
	return error_set(&c->w->seat->err, -ETIMEDOUT,
		"bench: client %u: answers did not come within %d s; is the machine "
		"overloaded?",
		c->w->place, (int)(STORAGE_TURN_TIMEOUT_NS / 1000000000));
}

static int moved(struct storage_client *c, int *count_p)
{
	int rc = sides[c->side]->move(c, count_p);

	if (!rc)
		rc = c->rc;
	storage_times_take(c, clock_now_ns());
	return rc;
}

static int operations_do(
	struct storage_client *c, struct plan *plan, uint64_t deadline_ns)
{
	struct waiter waiter = wait_begin(c->options->wait);
	uint64_t now_ns = clock_now_ns();

	while (!plan_is_over(c, plan, now_ns) || c->in_flight > 0) {
		unsigned int started;
		int count = 0;
		int rc = some_start(c, plan, now_ns, &started);

		if (!rc)
			rc = moved(c, &count);
		if (started > 0 || count > 0)
			waiter = wait_begin(c->options->wait);
		else
			(void)wait_step(&waiter);
		now_ns = clock_now_ns();
		if (!rc)
			rc = trouble(c, now_ns, deadline_ns);
		if (rc)
			return rc;
	}
	return 0;
}

/* Others may still be at it, and this one is to keep up with them. */
static int others_await(struct storage_client *c, uint64_t deadline_ns)
{
	struct waiter waiter = wait_begin(c->options->wait);
	int count, rc = 0;

	atomic_fetch_add(&c->shared->finished, 1);
	while (!rc && atomic_load(&c->shared->finished) < c->options->clients) {
		rc = moved(c, &count);
		if (!rc && count == 0)
			(void)wait_step(&waiter);
		if (!rc)
			rc = trouble(c, clock_now_ns(), deadline_ns);
	}
	return rc ? rc : sides[c->side]->settle(c);
}

/* Each fills its share of the keys; each looks at all that its copy has. */
static struct plan plan_make(
	const struct storage_client *c, const struct turn *turn, uint64_t start_ns)
{
	struct plan plan = {
		.turn = turn, .end_ns = start_ns + turn->length_ns, .step = 1};

	if (turn->what == TURN_FILL) {
		plan.next = c->w->place;
		plan.step = c->options->clients;
	}
	if (turn->what == TURN_CHECK && turn->side == TURN_BARE && c->w->place > 0)
		plan.next = c->options->keys; /* there is one copy */
	return plan;
}

static void client_begin(struct storage_client *c, const struct turn *turn)
{
	c->side = turn->side;
	c->looks = turn->what == TURN_CHECK;
	c->depth = turn->depth;
	c->in_flight = 0;
	c->rc = 0;
	c->ended_count = 0;
	for (unsigned int i = 0; i < c->depth; i++)
		c->free[i] = i;
}

static void seat_begin(struct storage_seat *seat, uint64_t start_ns)
{
	histogram_clear(&seat->writes_ns);
	histogram_clear(&seat->reads_ns);
	seat->operations = 0;
	seat->begin_ns = start_ns;
	seat->end_ns = start_ns;
}

static uint64_t cpu_now_ns(void)
{
	struct timespec used;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static int work_turn(struct worker *w, const struct turn *turn, uint64_t start_ns)
{
	struct storage_client *c = w->state;
	struct plan plan = plan_make(c, turn, start_ns);
	uint64_t deadline_ns = start_ns + turn->length_ns + STORAGE_TURN_TIMEOUT_NS;
	uint64_t cpu_ns = cpu_now_ns();
	int rc;

	client_begin(c, turn);
	seat_begin(c->seat, start_ns);
	rc = operations_do(c, &plan, deadline_ns);
	c->seat->cpu_ns = cpu_now_ns() - cpu_ns;
	if (!rc)
		rc = others_await(c, deadline_ns);
	if (rc == -ECANCELED)
		return 0; /* whoever has failed tells why */
	if (rc)
		atomic_store(&c->shared->failed, true);
	return rc;
}

/* ---- Life ---- */

static int memory_make(struct storage_client *c)
{
	for (int i = 0; i < TURN_SIDES; i++) {
		c->seen[i] = calloc(c->options->keys, sizeof(*c->seen[i]));
		if (!c->seen[i])
			return error_set(
				&c->w->seat->err, -ENOMEM, "bench: out of memory");
	}
	return 0;
}

static int work_open(struct worker *w)
{
	struct storage_shared *shared = w->config.context;
	struct storage_client *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return error_set(&w->seat->err, -ENOMEM, "bench: out of memory");
	w->state = c;
	c->w = w;
	c->shared = shared;
	c->options = shared->options;
	c->seat = &shared->seats[w->place];
	c->random = UINT64_C(0x9e3779b97f4a7c15) * (w->place + 1);
	rc = memory_make(c);
	if (!rc)
		rc = storage_pawl.open(c, &c->states[TURN_PAWL]);
	if (!rc && !c->options->alone)
		rc = storage_etcd.open(c, &c->states[TURN_BARE]);
	return rc;
}

static void work_close(struct worker *w)
{
	struct storage_client *c = w->state;

	if (!c)
		return;
	for (int i = 0; i < TURN_SIDES; i++) {
		if (c->states[i])
			sides[i]->close(c->states[i]);
		free(c->seen[i]);
	}
	free(c);
}

const struct team_work storage_work = {
	.open = work_open,
	.turn = work_turn,
	.close = work_close,
};
