#include "sequencer/daemon/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/panic.h"

int catalog_init(struct catalog *catalog)
{
	*catalog = (struct catalog){.count = 0};
	catalog->entries = calloc(COUNTERS_MAX, sizeof(*catalog->entries));
	return catalog->entries ? 0 : -ENOMEM;
}

void catalog_destroy(struct catalog *catalog)
{
	free(catalog->entries);
	*catalog = (struct catalog){.count = 0};
}

static bool entry_is(const struct catalog_entry *entry, const char *name,
	const struct stream_limits *stream)
{
	const struct stream_limits none = {.slot_len = 0};

	return strcmp(entry->name, name) == 0 &&
	       stream_limits_same(&entry->stream, stream ? stream : &none);
}

bool catalog_learn(struct catalog *catalog, uint32_t index, const char *name,
	const struct stream_limits *stream)
{
	size_t len = strlen(name);

	if (index < catalog->count)
		return entry_is(&catalog->entries[index], name, stream);
	if (index != catalog->count || index == COUNTERS_MAX || len > COUNTER_NAME_MAX)
		return false;
	memcpy(catalog->entries[index].name, name, len + 1);
	if (stream) {
		catalog->entries[index].stream = *stream;
		catalog->streams_count += stream->slot_len != 0;
	}
	catalog->count++;
	return true;
}

const char *catalog_name(const struct catalog *catalog, uint32_t index)
{
	PAWL_ASSERT(index < catalog->count);
	return catalog->entries[index].name;
}

const struct stream_limits *catalog_stream(const struct catalog *catalog, uint32_t index)
{
	PAWL_ASSERT(index < catalog->count);
	return catalog->entries[index].stream.slot_len ? &catalog->entries[index].stream
						       : NULL;
}

bool catalog_find(const struct catalog *catalog, const char *name, uint32_t *index_p)
{
	for (uint32_t i = 0; i < catalog->count; i++) {
		if (strcmp(catalog->entries[i].name, name) == 0) {
			*index_p = i;
			return true;
		}
	}
	return false;
}
