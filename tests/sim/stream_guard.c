/*
 * A subscriber of a stream that blocks is lapped never, as long as it is *covered*: it has a
 * session at a member of the chain, or had one and comes back in time.  Which of them are is
 * found out here from the outside, without asking those who hold back.
 *
 * A session covers from the moment at which the head knows of it, that is when each member in between
 * has told its predecessor what it releases; before that, positions may have been given up that
 * only the member itself still keeps.  It goes on to cover until
 *  - a while after the subscriber left a member that lives: so long the session lasts;
 *  - the grace is over after the member was lost to the chain, which stands still until then.
 */
#include <string.h>

#include "sequencer/core/words.h"
#include "tests/sim/streams.h"

/* A head's clock may be faster than the world's. */
#define GRACE_PERCENT 98

static bool chain_has(const struct epoch_chain *chain, uint32_t replica, uint64_t life)
{
	return epoch_chain_place(chain, (struct epoch_member){replica + 1, life}) !=
	       CHAIN_MAX;
}

/* The newest position that any log has. */
static uint64_t newest_end(const struct streams *s)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < REPLICAS_MAX; i++) {
		const struct stream_replica *sr = &s->replicas[i];

		if (sr->bytes && !sr->lost && stream_log_end(&sr->log) > end)
			end = stream_log_end(&sr->log);
	}
	return end;
}

/* What is up to here may be lost to @k. */
static void excuse(struct sim_subscriber *k)
{
	uint64_t end = newest_end(k->cluster->streams);

	if (k->guard.unguarded == UINT64_MAX || end > k->guard.unguarded)
		k->guard.unguarded = end;
}

static bool head_knows(const struct sim_subscriber *k)
{
	const struct streams *s = k->cluster->streams;
	const struct stream_replica *sr = &s->replicas[k->replica];
	const struct sim_replica *r = &k->cluster->replicas[k->replica];

	return r->alive && r->life == k->life && sr->fed[k->index].active &&
	       sr->fed[k->index].generation == k->generation &&
	       sr->known_ns >= k->guard.registered_ns &&
	       chain_has(&s->newest_chain, k->replica, k->life);
}

static void look(struct sim_subscriber *k)
{
	struct sim_guard *g = &k->guard;

	if (cluster_now(k->cluster) > g->until_ns)
		g->unguarded = UINT64_MAX;
	if (!g->registered || g->known || g->lapsed || !head_knows(k))
		return;
	if (g->unguarded == UINT64_MAX)
		excuse(k);
	g->known = true;
	g->until_ns = UINT64_MAX;
	g->replica = k->replica;
	g->life = k->life;
}

void stream_guard_begin(struct sim_subscriber *k)
{
	k->guard = (struct sim_guard){.unguarded = UINT64_MAX};
}

void stream_guard_registered(struct sim_subscriber *k)
{
	look(k);
	k->guard.registered = true;
	k->guard.known = k->guard.lapsed = false;
	k->guard.registered_ns = cluster_now(k->cluster);
}

void stream_guard_left(struct sim_subscriber *k)
{
	struct sim_guard *g = &k->guard;
	const struct sim_replica *r = &k->cluster->replicas[g->replica];

	look(k);
	g->registered = false;
	g->known = false;
	if (g->until_ns == UINT64_MAX && r->alive && r->life == g->life)
		g->until_ns = cluster_now(k->cluster) + STREAM_SESSION_NS;
}

void stream_guard_forgotten(
	const struct sim_replica *r, struct sim_subscriber *k, uint64_t generation)
{
	struct sim_guard *g = &k->guard;

	look(k);
	if (g->replica == r->index && g->life == r->life)
		g->until_ns = least(g->until_ns, cluster_now(k->cluster));
	if (k->generation == generation && k->replica == r->index && k->life == r->life)
		g->registered = g->known = false;
}

/* The predecessor has all that @r releases; what it had told before, the head may know by now. */
void stream_guard_told(struct sim_replica *r, const struct sim_replica *predecessor)
{
	struct streams *s = r->cluster->streams;
	struct stream_replica *sr = &s->replicas[r->index];

	if (!predecessor || predecessor->served != r->served)
		return;
	if (sr->telling_ns &&
		s->replicas[predecessor->index].known_ns >= sr->telling_ns) {
		sr->known_ns = sr->telling_ns;
		sr->telling_ns = 0;
	}
	if (!sr->telling_ns)
		sr->telling_ns = cluster_now(r->cluster);
}

void stream_guard_entered(struct sim_replica *r)
{
	struct streams *s = r->cluster->streams;
	const struct epoch_region *serving = epoch_serving(&r->machine);
	uint64_t grace_ns = s->grace_ns * GRACE_PERCENT / 100;

	s->replicas[r->index].known_ns = 0;
	s->replicas[r->index].telling_ns = 0;
	if (epoch_chain_place(&serving->chain, replica_member(r)) != 0 ||
		serving->epoch <= s->newest_epoch)
		return;
	for (uint32_t i = 0; i < s->subscribers_count; i++)
		look(&s->subscribers[i]);
	s->newest_epoch = serving->epoch;
	s->newest_chain = serving->chain;
	for (uint32_t i = 0; i < s->subscribers_count; i++) {
		struct sim_subscriber *k = &s->subscribers[i];
		struct sim_guard *g = &k->guard;

		if (g->until_ns == UINT64_MAX &&
			!chain_has(&serving->chain, g->replica, g->life))
			g->until_ns = cluster_now(r->cluster) + grace_ns;
		if (!chain_has(&serving->chain, k->replica, k->life))
			g->registered = g->known = false;
	}
}

/* A chain begins that follows no other, so nobody in it knows who read before. */
void stream_guard_nobody(struct cluster *c)
{
	for (uint32_t i = 0; i < c->streams->subscribers_count; i++) {
		struct sim_guard *g = &c->streams->subscribers[i].guard;

		g->registered = g->known = false;
		g->until_ns = 0;
		g->unguarded = UINT64_MAX;
	}
}

/* One that was lapped needs what is gone, until its replica hears that it has caught up (R6). */
void stream_guard_awaited(const struct sim_replica *r, struct sim_subscriber *k)
{
	struct sim_guard *g = &k->guard;

	if (!g->lapsed || k->replica != r->index || k->life != r->life)
		return;
	g->lapsed = false;
	g->registered_ns = cluster_now(k->cluster);
}

/* Up to @first it is excused for what it has lost; and for more, until it is waited for again. */
bool stream_guard_allows(struct sim_subscriber *k, uint64_t first)
{
	const struct streams *s = k->cluster->streams;

	look(k);
	if (first > k->guard.unguarded && first > s->loss)
		return false;
	k->guard.unguarded = UINT64_MAX;
	k->guard.lapsed = true;
	k->guard.known = false;
	return true;
}
