/* Files of streams that nobody needs any more. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sequencer/daemon/log.h"
#include "sequencer/daemon/replica.h"

#define PREFIX_LEN 160

void streams_files_remove(
	const char *directory, const char *cluster, uint64_t instance, uint32_t replica)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	char prefix[PREFIX_LEN], path[PREFIX_LEN + 512];

	(void)snprintf(prefix, sizeof(prefix), "pawl-%s-%016" PRIx64 "-%" PRIu32 "-s",
		cluster, instance, replica);
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (unlink(path) == 0)
			log_info("%s: left by an earlier life and no longer needed; "
				 "removed",
				path);
	}
	if (dir)
		(void)closedir(dir);
}

void streams_clean(const struct replica *r)
{
	if (r->streams.host)
		stream_host_clean(r->streams.host);
	else
		streams_files_remove(r->config->memory_dir, r->config->cluster,
			r->facts.instance, r->config->id);
}
