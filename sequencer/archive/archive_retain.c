/* Retention: which segments may go, and when. */
#include <string.h>

#include "sequencer/archive/archive_internal.h"

static bool is_too_old(const struct archive *archive, const struct archive_part *part)
{
	uint64_t now = archive->place.files->wall_ns();
	uint64_t age_max = archive->config.age_max_ns;

	return age_max && now > part->time_ns && now - part->time_ns > age_max;
}

/* The oldest segment, when @size bytes are in the archive or about to be. */
static bool may_go(const struct archive *archive, uint64_t size)
{
	const struct archive_config *config = &archive->config;
	const struct archive_part *part = &archive->parts[0];

	if (archive->parts_count == 1 && !archive_is_open(archive))
		return false; /* Z6 */
	if (config->snapshots && part->last > archive->acknowledged)
		return false;
	if (config->size_max && size > config->size_max)
		return true;
	if (is_too_old(archive, part))
		return true;
	return config->snapshots && !config->size_max && !config->age_max_ns;
}

int archive_retain(struct archive *archive, uint64_t more, struct error *err)
{
	uint64_t size = archive_size(archive) + more;

	while (archive->parts_count > 0 && may_go(archive, size)) {
		int rc = segment_remove(&archive->place, archive->parts[0].first, err);

		if (rc)
			return rc;
		size -= archive->parts[0].len;
		archive->parts_count--;
		memmove(archive->parts, archive->parts + 1,
			archive->parts_count * sizeof(*archive->parts));
	}
	return 0;
}

void archive_acknowledge(struct archive *archive, uint64_t position)
{
	if (position > archive->acknowledged)
		archive->acknowledged = position;
}

uint64_t archive_acknowledged(const struct archive *archive)
{
	return archive->acknowledged;
}
