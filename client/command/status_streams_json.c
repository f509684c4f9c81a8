/* The streams for programs. */
#include "client/command/status_streams.h"

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *limits_json(const Control__StreamLimits *l)
{
	if (!l)
		return json_null();
	return json_pack("{s:i, s:i, s:i, s:o, s:o, s:s, s:s}", "slot_len",
		(int)l->slot_len, "slots", (int)l->slots, "rows", (int)l->rows,
		"hole_timeout_ns", number(l->hole_timeout_ns), "message_max",
		number(l->message_max), "on_slow", status_on_slow_text(l), "archive",
		status_archiving_text(l));
}

static json_t *reader_json(const Control__ReaderStatus *r)
{
	return json_pack("{s:i, s:o, s:s, s:o, s:o, s:b, s:b, s:b}", "reader",
		(int)r->reader, "pid", number(r->pid), "program", r->program, "consumed",
		number(r->consumed), "behind", number(r->lag), "fed", (int)r->fed,
		"from_archive", (int)r->archive, "slow", (int)r->slow);
}

static json_t *readers_json(const Control__StreamStatus *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_readers; i++)
		(void)json_array_append_new(list, reader_json(s->readers[i]));
	return list;
}

static json_t *archive_json(const Control__StreamStatus *s)
{
	if (!status_stream_has_archive(s))
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s}", "oldest",
		number(s->archive_oldest), "archived", number(s->archived), "synced",
		number(s->synced), "missing", number(s->archive_missing), "acknowledged",
		number(s->acknowledged), "alarm", s->archive_alarm);
}

static json_t *tail_reads_json(const Control__StreamStatus *s)
{
	return json_pack("{s:o, s:o, s:o}", "answered", number(s->tail_reads), "refused",
		number(s->tail_refused), "applied", number(s->tail_applied));
}

static json_t *replica_json(const struct status_view *view,
	const Control__Status *replica, const Control__StreamStatus *s)
{
	json_t *root = json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"replica", (int)replica->replica, "oldest", number(s->oldest), "end",
		number(s->end), "commit", number(s->commit), "writes", number(s->writes),
		"runs", number(s->runs), "archive", archive_json(s), "subscribers",
		readers_json(s), "tail_reads", tail_reads_json(s));
	uint64_t behind;

	if (root && status_stream_behind(view, replica, s, &behind))
		(void)json_object_set_new(root, "behind", number(behind));
	return root;
}

static json_t *replicas_json(const struct status_view *view, const char *name)
{
	json_t *list = json_array();
	const Control__StreamStatus *one;
	const Control__Status *replica;
	unsigned int at = 0;

	while ((one = status_stream_next(view, name, &at, &replica)))
		(void)json_array_append_new(list, replica_json(view, replica, one));
	return list;
}

static json_t *stream_json(const struct status_view *view, const Control__StreamStatus *s)
{
	return json_pack("{s:s, s:o, s:o, s:f, s:o, s:o, s:o, s:i, s:o}", "name", s->name,
		"limits", limits_json(s->limits), "commit", number(s->commit), "rate",
		s->rate, "accepted", number(s->accepted), "voids_never_written",
		number(s->holes), "voids_out_of_turn", number(s->refused), "publishers",
		(int)s->publishers, "replicas", replicas_json(view, s->name));
}

json_t *status_streams_json(const struct status_view *view)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < view->best->n_streams; i++)
		(void)json_array_append_new(
			list, stream_json(view, view->best->streams[i]));
	return list;
}
