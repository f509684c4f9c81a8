#include "sequencer/stream/begin.h"

#include <errno.h>
#include <stdlib.h>

#include "sequencer/archive/archive_cursor.h"
#include "sequencer/archive/archive_survey.h"

static void log_make(const struct stream_begin_config *config, struct stream_log *log,
	const struct stream_entry *entries, uint64_t begin)
{
	const struct stream_limits *l = config->limits;

	stream_log_create(log, config->memory, l->slots, l->slot_len, l->rows, begin);
	if (entries)
		stream_log_entries_set(log, entries, l->rows);
}

/* Nothing but the base is known. */
static void begin_empty(const struct stream_begin_config *config, struct stream_log *log,
	struct stream_begun *begun_p)
{
	log_make(config, log, NULL, config->base);
	*begun_p = (struct stream_begun){
		.exact = config->base == 0, .begin = config->base};
}

static int slot_fill(
	struct archive_cursor *cursor, struct stream_log *log, struct error *err)
{
	struct archive_item item;
	int rc = archive_cursor_next(cursor, &item, err);

	if (rc)
		return rc;
	/* A range that is missing or damaged has another kind; the cursor said so or knows. */
	return item.kind == ARCHIVE_SLOT && stream_log_fill(log, item.bytes) ? 0
									     : -EBADMSG;
}

/* Slots from behind the log's begin up to the base (V3). */
static int slots_fill(const struct stream_begin_config *config, struct stream_log *log,
	struct error *err)
{
	struct archive_cursor *cursor;
	int rc = archive_cursor_open(
		config->path, &config->identity, config->files, &cursor, err);

	if (rc)
		return rc;
	archive_cursor_seek(cursor, stream_log_end(log) + 1);
	while (!rc && stream_log_end(log) < config->base)
		rc = slot_fill(cursor, log, err);
	archive_cursor_close(cursor);
	return rc;
}

/* The table is exact: with it begins what fits of the slots, or none of them. */
static void begin_exact(const struct stream_begin_config *config,
	const struct archive_survey *survey, const struct stream_entry *entries,
	struct stream_log *log, struct stream_begun *begun_p)
{
	uint64_t begin = survey->whole - 1;

	if (config->base > config->limits->slots &&
		begin < config->base - config->limits->slots)
		begin = config->base - config->limits->slots;
	log_make(config, log, entries, begin);
	if (slots_fill(config, log, NULL)) {
		begin = config->base;
		log_make(config, log, entries, begin);
	}
	*begun_p = (struct stream_begun){
		.exact = true, .last = survey->last, .begin = begin};
}

static int surveyed_begin(const struct stream_begin_config *config,
	const struct archive_survey *survey, const struct stream_entry *entries,
	struct stream_log *log, struct stream_begun *begun_p, struct error *err)
{
	if (survey->last > config->base)
		return error_set(err, -EEXIST,
			"stream: %s: the archive goes to %llu, but the stream begins "
			"again behind %llu; move the archive away, or begin with it",
			config->path, (unsigned long long)survey->last,
			(unsigned long long)config->base);
	if (survey->last == config->base && survey->inexact == 0) {
		begin_exact(config, survey, entries, log, begun_p);
		return 0;
	}
	begin_empty(config, log, begun_p);
	begun_p->last = survey->last;
	return 0;
}

int stream_begin(const struct stream_begin_config *config, struct stream_log *log,
	struct stream_begun *begun_p, struct error *err)
{
	struct stream_entry *entries = NULL;
	struct archive_survey survey;
	int rc = -ENOENT;

	if (config->path) {
		entries = calloc(config->limits->rows, sizeof(*entries));
		rc = entries ? archive_survey(config->path, &config->identity,
				       config->files, entries, config->limits->rows,
				       &survey, err)
			     : error_set(err, -ENOMEM,
				       "stream: %s: no memory for a table of %u "
				       "publishers; free some",
				       config->path, config->limits->rows);
	}
	if (rc)
		begin_empty(config, log, begun_p);
	else
		rc = surveyed_begin(config, &survey, entries, log, begun_p, err);
	free(entries);
	return rc == -ENOENT ? 0 : rc;
}

int stream_begin_archive(struct archive *archive, uint64_t end,
	const struct stream_entry *entries, struct error *err)
{
	if (archive_next(archive) > end)
		return 0;
	return archive_skip(archive, end + 1, entries, err);
}
