/* The status for programs.  Numbers of 64 bits that only tell things apart are text. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "client/command/status_streams.h"
#include "client/command/status_view.h"

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *tag(uint64_t n)
{
	return json_sprintf("%016" PRIx64, n);
}

static json_t *texts_json(char *const *texts, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(list, json_string(texts[i]));
	return list;
}

static json_t *counter_json(const Control__CounterStatus *c)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "name", c->name, "value",
		number(c->value), "base", number(c->epoch_base), "reserve_max",
		number(c->reserve_max), "ceiling", number(c->ceiling), "jump",
		number(c->jump));
}

static json_t *counters_json(const Control__Status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_counters; i++)
		(void)json_array_append_new(list, counter_json(s->counters[i]));
	return list;
}

static json_t *lags_json(const struct status_view *view, size_t index)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < view->survey->count; i++) {
		const struct survey_answer *a = &view->survey->at[i];
		int64_t lag;

		if (a->status && !a->repeated && status_lag(view, a->status, index, &lag))
			(void)json_array_append_new(
				list, json_pack("{s:i, s:I}", "replica",
					      (int)a->status->replica, "behind",
					      (json_int_t)lag));
	}
	return list;
}

/* The cluster's counters, with how far each backup is behind. */
static json_t *counters_with_lag_json(const struct status_view *view)
{
	json_t *list = counters_json(view->best);

	for (size_t i = 0; i < json_array_size(list); i++)
		(void)json_object_set_new(
			json_array_get(list, i), "lag", lags_json(view, i));
	return list;
}

static json_t *sessions_json(const Control__Status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_sessions; i++) {
		const Control__SessionStatus *session = s->sessions[i];

		(void)json_array_append_new(list,
			json_pack("{s:i, s:o, s:s, s:o, s:b}", "row", (int)session->row,
				"pid", number(session->pid), "program", session->program,
				"age_ns", number(session->age_ns), "gone",
				(int)session->gone));
	}
	return list;
}

static json_t *chain_json(const Control__Status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_chain; i++) {
		const Control__Member *m = s->chain[i];

		(void)json_array_append_new(
			list, json_pack("{s:i, s:o, s:s, s:s, s:o}", "replica",
				      (int)m->replica, "incarnation", tag(m->incarnation),
				      "transport", m->transport, "memory", m->memory,
				      "control", texts_json(m->control, m->n_control)));
	}
	return list;
}

static json_t *peers_json(const Control__Status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_peers; i++) {
		const Control__PeerStatus *p = s->peers[i];

		(void)json_array_append_new(
			list, json_pack("{s:i, s:o, s:b, s:b, s:o, s:s}", "replica",
				      (int)p->replica, "incarnation", tag(p->incarnation),
				      "connected", (int)p->connected, "suspect",
				      (int)p->suspect, "heartbeat_age_ns",
				      number(p->heartbeat_age_ns), "why", p->why));
	}
	return list;
}

static json_t *takeovers_json(const struct takeovers *takeovers)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < takeovers->count; i++) {
		const Control__Takeover *t = takeovers->at[i].what;

		(void)json_array_append_new(list,
			json_pack("{s:o, s:o, s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:o, "
				  "s:i, s:b}",
				"epoch", number(t->epoch), "from", number(t->from), "by",
				(int)takeovers->at[i].by, "cause", t->cause, "wall_ns",
				number(t->wall_ns), "noticed_ns", number(t->noticed_ns),
				"claimed_ns", number(t->claimed_ns), "sealed_ns",
				number(t->sealed_ns), "installed_ns",
				number(t->installed_ns), "activated_ns",
				number(t->activated_ns), "members", (int)t->members,
				"head_sealed", (int)t->head_sealed));
	}
	return list;
}

static json_t *memory_json(const Control__Status *s)
{
	return json_pack("{s:s, s:o, s:b, s:b, s:i}", "path", s->memory, "len",
		number(s->memory_len), "locked", (int)s->memory_locked, "huge",
		(int)s->memory_huge, "node", (int)s->memory_node);
}

static json_t *replica_json(const Control__Status *s)
{
	json_t *root = json_pack(
		"{s:i, s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:o, s:s, s:o, "
		"s:o, s:o, s:b, s:s}",
		"id", (int)s->replica, "role", s->role, "incarnation",
		tag(s->incarnation), "epoch", number(s->epoch), "phase", s->phase,
		"waiting", s->waiting, "transport", s->transport, "device", s->device,
		"pid", number(s->pid), "version", s->version, "uptime_ns",
		number(s->uptime_ns), "served_ns", number(s->served_ns), "endpoints",
		texts_json(s->endpoints, s->n_endpoints), "rejoins", (int)s->rejoins,
		"store_trouble", s->store_trouble);

	if (!root)
		return NULL;
	(void)json_object_set_new(root, "memory", memory_json(s));
	(void)json_object_set_new(root, "peers", peers_json(s));
	(void)json_object_set_new(root, "counters", counters_json(s));
	(void)json_object_set_new(root, "counters_max", number(s->counters_max));
	(void)json_object_set_new(root, "sessions", sessions_json(s));
	(void)json_object_set_new(root, "sessions_max", number(s->sessions_max));
	return root;
}

static json_t *replicas_json(const struct status_view *view)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < view->survey->count; i++) {
		const struct survey_answer *a = &view->survey->at[i];

		if (a->status && !a->repeated)
			(void)json_array_append_new(list, replica_json(a->status));
	}
	return list;
}

static json_t *missing_json(const struct status_view *view)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < view->survey->count; i++) {
		const struct survey_answer *a = &view->survey->at[i];

		if (status_is_missing(view, a))
			(void)json_array_append_new(
				list, json_pack("{s:s, s:s}", "endpoint",
					      a->endpoint.text, "why", a->err.text));
	}
	return list;
}

static json_t *view_json(const struct status_view *view)
{
	const Control__Status *s = view->best;

	return json_pack("{s:s, s:o, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, "
			 "s:o, s:o, s:o, s:o}",
		"cluster", s->cluster, "instance", tag(s->instance), "epoch",
		number(s->epoch), "phase", s->phase, "store", s->store, "store_trouble",
		s->store_trouble, "lease_ns", number(s->lease_ns), "chain", chain_json(s),
		"counters_max", number(s->counters_max), "counters",
		counters_with_lag_json(view), "streams", status_streams_json(view),
		"sessions_max", number(s->sessions_max), "sessions", sessions_json(s),
		"takeovers", takeovers_json(&view->takeovers), "replicas",
		replicas_json(view), "missing", missing_json(view));
}

int status_json_print(const struct status_view *view)
{
	json_t *root = view_json(view);

	if (!root)
		return -ENOMEM;
	(void)json_dumpf(root, stdout, JSON_INDENT(2));
	(void)printf("\n");
	json_decref(root);
	return 0;
}
