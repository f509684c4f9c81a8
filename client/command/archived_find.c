/*
 * Which of the archives on this host is that of a stream: their files say it.  Each replica has
 * its own, below BASE/CLUSTER/ID.archive; the one that goes farthest is taken.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command/archived.h"
#include "client/command/command.h"
#include "sequencer/archive/archive_survey.h"
#include "sequencer/archive/listing.h"
#include "sequencer/archive/segment.h"

#define ARCHIVES_SUFFIX ".archive"

struct search {
	const char *stream;
	char *path; /* the best one so far, or NULL */
	uint64_t last;
};

/* Whether a segment of the archive says that it is the stream's; damaged ones say nothing. */
static bool segments_say(const struct archive_place *place, const char *stream)
{
	struct listing listing = {.firsts = NULL};
	bool found = false;

	if (listing_read(place, &listing, NULL))
		return false;
	for (size_t i = listing.count; i > 0 && !found; i--) {
		struct segment segment;

		if (segment_open(place, listing.firsts[i - 1], false, &segment, NULL))
			continue;
		found = strcmp(segment.header.stream, stream) == 0;
		segment_close(&segment);
	}
	listing_free(&listing);
	return found;
}

static bool is_archive_of(const char *path, const char *stream)
{
	const struct archive_identity any = {.instance = 0};
	struct archive_place place;
	bool found;

	if (archive_place_open(path, &any, NULL, false, &place, NULL))
		return false;
	found = segments_say(&place, stream);
	archive_place_close(&place);
	return found;
}

/* How far it goes; 0 when that can not be told. */
static uint64_t archive_last_of(const char *path)
{
	const struct archive_identity any = {.instance = 0};
	struct stream_entry *entries = calloc(STREAM_ROWS_MAX, sizeof(*entries));
	struct archive_survey survey = {.last = 0};

	if (!entries ||
		archive_survey(path, &any, NULL, entries, STREAM_ROWS_MAX, &survey, NULL))
		survey.last = 0;
	free(entries);
	return survey.last;
}

static void archive_look(struct search *search, char *path)
{
	uint64_t last = archive_last_of(path);

	if (search->path && last <= search->last) {
		free(path);
		return;
	}
	free(search->path);
	search->path = path;
	search->last = last;
}

/* Calls @look for each entry of @directory that is not hidden.  -errno of opendir, -ENOMEM. */
static int entries_look(const char *directory,
	int (*look)(struct search *search, char *path), struct search *search)
{
	DIR *entries = opendir(directory);
	struct dirent *entry;
	int rc = entries ? 0 : -errno;

	while (!rc && (entry = readdir(entries))) {
		char *path;

		if (entry->d_name[0] == '.')
			continue;
		rc = asprintf(&path, "%s/%s", directory, entry->d_name) < 0
			     ? -ENOMEM
			     : look(search, path);
	}
	if (entries)
		(void)closedir(entries);
	return rc;
}

/* An archive of some stream; @path is freed or kept. */
static int stream_look(struct search *search, char *path)
{
	if (is_archive_of(path, search->stream))
		archive_look(search, path);
	else
		free(path);
	return 0;
}

/* Those of a replica, or something else of the cluster. */
static int replica_look(struct search *search, char *path)
{
	size_t len = strlen(path);
	int rc = 0;

	if (len > strlen(ARCHIVES_SUFFIX) &&
		strcmp(path + len - strlen(ARCHIVES_SUFFIX), ARCHIVES_SUFFIX) == 0)
		rc = entries_look(path, stream_look, search);
	free(path);
	return rc;
}

int archived_find(const char *directory, const char *stream, char **path_p)
{
	struct search search = {.stream = stream};
	int rc = entries_look(directory, replica_look, &search);

	if (!rc && search.path) {
		*path_p = search.path;
		return COMMAND_OK;
	}
	free(search.path);
	if (rc)
		return command_fail("pawl replay: %s: %s; give the archive's directory",
			directory, strerror(-rc));
	return command_fail(
		"pawl replay: %s: no replica has an archive of the stream %s in "
		"it; give the archive's directory",
		directory, stream);
}
