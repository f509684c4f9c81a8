/* The streams for people. */
#include <inttypes.h>
#include <stdio.h>

#include "client/command/status_streams.h"

static void limits_print(const Control__StreamStatus *s)
{
	const Control__StreamLimits *l = s->limits;

	if (!l)
		return;
	(void)printf(", %u slots of %u bytes, messages up to %" PRIu64 " bytes", l->slots,
		l->slot_len, l->message_max);
	if (l->blocks)
		(void)printf(", slow subscribers block");
	if (l->archiving)
		(void)printf(", archive %s", status_archiving_text(l));
}

static void head_print(const Control__StreamStatus *s)
{
	(void)printf("    %20" PRIu64 "  %s, %.0f a second", s->commit, s->name, s->rate);
	if (s->holes + s->refused > 0)
		(void)printf(", %" PRIu64 " voids (%" PRIu64 " never written, %" PRIu64
			     " out of turn)",
			s->holes + s->refused, s->holes, s->refused);
	(void)printf(", %u publisher%s", s->publishers, s->publishers == 1 ? "" : "s");
	limits_print(s);
	(void)printf("\n");
}

static void archive_print(const Control__StreamStatus *s)
{
	if (!status_stream_has_archive(s))
		return;
	if (s->archived == 0)
		(void)printf("; archive empty");
	else
		(void)printf("; archive %" PRIu64 " to %" PRIu64 ", synced to %" PRIu64,
			s->archive_oldest, s->archived, s->synced);
	if (s->acknowledged)
		(void)printf(", snapshot to %" PRIu64, s->acknowledged);
	if (s->archive_missing)
		(void)printf(", %" PRIu64 " missing", s->archive_missing);
}

static void log_print(const struct status_view *view, const Control__Status *replica,
	const Control__StreamStatus *s)
{
	uint64_t behind;

	(void)printf("      replica %u ", replica->replica);
	if (s->end == 0)
		(void)printf("has nothing yet");
	else
		(void)printf("has %" PRIu64 " to %" PRIu64, s->oldest, s->end);
	if (status_stream_behind(view, replica, s, &behind))
		(void)printf(", %" PRIu64 " behind", behind);
	archive_print(s);
	if (s->tail_reads)
		(void)printf("; %" PRIu64 " reads at the tail", s->tail_reads);
	(void)printf("\n");
	if (s->archive_alarm[0])
		(void)printf("      ALARM     replica %u does not archive: %s\n",
			replica->replica, s->archive_alarm);
}

static void readers_print(const Control__Status *replica, const Control__StreamStatus *s)
{
	for (size_t i = 0; i < s->n_readers; i++) {
		const Control__ReaderStatus *r = s->readers[i];

		(void)printf("      subscriber %u at replica %u, pid %" PRIu64
			     " %s, %" PRIu64 " behind, %s%s\n",
			r->reader, replica->replica, r->pid, r->program, r->lag,
			r->archive ? "fed from the archive"
			: r->fed   ? "fed"
				   : "in place",
			r->slow ? ", SLOW" : "");
	}
}

static void stream_print(const struct status_view *view, const Control__StreamStatus *s)
{
	const Control__StreamStatus *one;
	const Control__Status *replica;
	unsigned int at = 0;

	head_print(s);
	while ((one = status_stream_next(view, s->name, &at, &replica)))
		log_print(view, replica, one);
	at = 0;
	while ((one = status_stream_next(view, s->name, &at, &replica)))
		readers_print(replica, one);
}

void status_streams_text_print(const struct status_view *view)
{
	const Control__Status *best = view->best;

	if (best->n_streams == 0)
		return;
	(void)printf("  streams   %zu\n", best->n_streams);
	for (size_t i = 0; i < best->n_streams; i++)
		stream_print(view, best->streams[i]);
}
