/* The status for people. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/command/status_streams.h"
#include "client/command/status_view.h"

/* Roughly, for what has gone on for a while. */
static void age_print(uint64_t ns)
{
	uint64_t seconds = ns / 1000000000u;

	if (seconds < 120)
		(void)printf("%" PRIu64 " s", seconds);
	else if (seconds < 7200)
		(void)printf("%" PRIu64 " min", seconds / 60);
	else
		(void)printf("%" PRIu64 " h", seconds / 3600);
}

static void chain_print(const Control__Status *best)
{
	(void)printf("  chain     ");
	for (size_t i = 0; i < best->n_chain; i++)
		(void)printf("%s%u%s", i ? ", " : "", best->chain[i]->replica,
			i == 0 ? " (head)" : "");
	(void)printf("%s\n", best->n_chain == 0 ? "nobody" : "");
}

static void cluster_print(const Control__Status *best)
{
	char lease[DURATION_SIZE];

	(void)printf("%s: epoch %" PRIu64 "%s%s\n", best->cluster, best->epoch,
		survey_is_active(best) ? "" : ", ",
		survey_is_active(best) ? "" : best->phase);
	chain_print(best);
	(void)printf("  store     %s\n", best->store);
	if (best->store_trouble[0])
		(void)printf("            %s\n", best->store_trouble);
	if (best->lease_ns)
		(void)printf("  lease     %s\n", duration_text(best->lease_ns, lease));
}

static void memory_print(const Control__Status *s)
{
	if (s->memory[0] == '\0')
		return;
	(void)printf("  memory    %s, %" PRIu64 " KiB, %slocked, %s pages", s->memory,
		s->memory_len / 1024, s->memory_locked ? "" : "not ",
		s->memory_huge ? "huge" : "small");
	if (s->memory_node >= 0)
		(void)printf(", on NUMA node %d", s->memory_node);
	(void)printf("\n");
}

static void peers_print(const Control__Status *s)
{
	for (size_t i = 0; i < s->n_peers; i++) {
		const Control__PeerStatus *p = s->peers[i];

		if (p->suspect)
			(void)printf("  suspects  replica %u: %s\n", p->replica, p->why);
		else if (!p->connected)
			(void)printf(
				"  peers     replica %u is not connected\n", p->replica);
	}
}

static void replica_print(const struct status_view *view, const Control__Status *s)
{
	(void)printf("  replica   %u (%s), %s on %s, pid %" PRIu64 ", version %s, up ",
		s->replica, s->role, s->transport, s->device, s->pid, s->version);
	age_print(s->uptime_ns);
	if (s->epoch != view->best->epoch)
		(void)printf(", at epoch %" PRIu64, s->epoch);
	(void)printf("%s\n", s->rejoins ? "" : ", does not rejoin");
	memory_print(s);
	for (size_t i = 0; i < s->n_endpoints; i++)
		(void)printf(
			"  %s %s\n", i == 0 ? "listens  " : "         ", s->endpoints[i]);
	peers_print(s);
	if (s->waiting[0])
		(void)printf("  state     %s\n", s->waiting);
}

static void replicas_print(const struct status_view *view)
{
	const struct survey *survey = view->survey;

	for (unsigned int i = 0; i < survey->count; i++) {
		if (survey->at[i].status && !survey->at[i].repeated)
			replica_print(view, survey->at[i].status);
	}
	for (unsigned int i = 0; i < survey->count; i++) {
		if (status_is_missing(view, &survey->at[i]))
			(void)printf("  replica   at %s does not answer: %s\n",
				survey->at[i].endpoint.text, survey->at[i].err.text);
	}
}

static void lag_print(const struct status_view *view, size_t index)
{
	for (unsigned int i = 0; i < view->survey->count; i++) {
		const struct survey_answer *a = &view->survey->at[i];
		int64_t lag;

		if (!a->status || a->repeated ||
			!status_lag(view, a->status, index, &lag))
			continue;
		(void)printf(", replica %u is %" PRIi64 " %s", a->status->replica,
			lag < 0 ? -lag : lag, lag < 0 ? "ahead" : "behind");
	}
}

static void counters_print(const struct status_view *view)
{
	const Control__Status *s = view->best;

	(void)printf("  counters  %zu of %u\n", s->n_counters, s->counters_max);
	for (size_t i = 0; i < s->n_counters; i++) {
		const Control__CounterStatus *c = s->counters[i];

		if (status_stream_find(s, c->name))
			continue; /* it stands among the streams */
		(void)printf("    %20" PRIu64 "  %s", c->value, c->name);
		if (c->reserve_max)
			(void)printf(", up to %" PRIu64 " reserved", c->reserve_max);
		if (c->jump)
			(void)printf(", jumped up to %" PRIu64 " when the epoch began",
				c->jump);
		lag_print(view, i);
		(void)printf("\n");
	}
}

static void sessions_print(const struct status_view *view)
{
	const Control__Status *s = view->best;

	(void)printf("  sessions  %zu of %u\n", s->n_sessions, s->sessions_max);
	for (size_t i = 0; i < s->n_sessions; i++) {
		const Control__SessionStatus *session = s->sessions[i];

		(void)printf("    row %-4u pid %-8" PRIu64 " %s, ", session->row,
			session->pid, session->program);
		age_print(session->age_ns);
		(void)printf("%s\n", session->gone ? ", lost its connection" : "");
	}
	for (unsigned int i = 0; i < view->survey->count; i++) {
		const struct survey_answer *a = &view->survey->at[i];

		if (a->status && !a->repeated && a->status != s)
			(void)printf("    at replica %u: %zu of %u\n", a->status->replica,
				a->status->n_sessions, a->status->sessions_max);
	}
}

static void wall_print(uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000u);
	char text[32] = "?";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	(void)printf("%s.%03u UTC", text, (unsigned int)(wall_ns / 1000000u % 1000u));
}

static void takeover_print(const struct takeover *t)
{
	const Control__Takeover *w = t->what;
	char claim[DURATION_SIZE], seal[DURATION_SIZE], install[DURATION_SIZE];
	char activate[DURATION_SIZE], all[DURATION_SIZE];

	(void)printf("    epoch %" PRIu64 " after %" PRIu64 " by replica %u, ", w->epoch,
		w->from, t->by);
	wall_print(w->wall_ns);
	(void)printf(", a chain of %u: %s\n", w->members, w->cause);
	(void)printf(
		"      noticed, claimed after %s, sealed %s, installed %s, active %s; "
		"%s in all%s\n",
		duration_text(takeover_step_ns(w->noticed_ns, w->claimed_ns), claim),
		duration_text(takeover_step_ns(w->claimed_ns, w->sealed_ns), seal),
		duration_text(takeover_step_ns(w->sealed_ns, w->installed_ns), install),
		duration_text(
			takeover_step_ns(w->installed_ns, w->activated_ns), activate),
		duration_text(takeover_step_ns(w->noticed_ns, w->activated_ns), all),
		w->from == 0 || w->head_sealed ? "" : "; the old head was not reached");
}

static void takeovers_print(const struct status_view *view)
{
	if (view->takeovers.count == 0)
		return;
	(void)printf("  changes   of the epoch, the newest first\n");
	for (unsigned int i = 0; i < view->takeovers.count; i++)
		takeover_print(&view->takeovers.at[i]);
}

void status_text_print(const struct status_view *view)
{
	cluster_print(view->best);
	replicas_print(view);
	counters_print(view);
	status_streams_text_print(view);
	sessions_print(view);
	takeovers_print(view);
}
