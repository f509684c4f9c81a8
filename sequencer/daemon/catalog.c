#include "sequencer/daemon/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/panic.h"

int catalog_init(struct catalog *catalog)
{
	catalog->count = 0;
	catalog->names = calloc(COUNTERS_MAX, sizeof(*catalog->names));
	return catalog->names ? 0 : -ENOMEM;
}

void catalog_destroy(struct catalog *catalog)
{
	free(catalog->names);
	*catalog = (struct catalog){.count = 0};
}

bool catalog_learn(struct catalog *catalog, uint32_t index, const char *name)
{
	size_t len = strlen(name);

	if (index < catalog->count)
		return strcmp(catalog->names[index], name) == 0;
	if (index != catalog->count || index == COUNTERS_MAX || len > COUNTER_NAME_MAX)
		return false;
	memcpy(catalog->names[index], name, len + 1);
	catalog->count++;
	return true;
}

const char *catalog_name(const struct catalog *catalog, uint32_t index)
{
	PAWL_ASSERT(index < catalog->count);
	return catalog->names[index];
}

bool catalog_find(const struct catalog *catalog, const char *name, uint32_t *index_p)
{
	for (uint32_t i = 0; i < catalog->count; i++) {
		if (strcmp(catalog->names[i], name) == 0) {
			*index_p = i;
			return true;
		}
	}
	return false;
}
