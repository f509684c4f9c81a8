/* A region that somebody else left: whatever its bytes say, judging it stays inside them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/region.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define REGION_COUNTERS 3
#define REGION_SESSIONS 2

/* Most inputs would fail at the checksum: they are laid over a sound region as well. */
static void overlay_check(const uint8_t *bytes, size_t len)
{
	struct region_header header = {.epoch = 1, .replica = 1}, found;
	struct region_layout layout, found_layout;
	uint8_t *region;

	if (!region_layout_make(REGION_COUNTERS, REGION_SESSIONS, &layout))
		abort();
	region = calloc(1, layout.len);
	if (!region)
		return;
	region_header_seal(&header, &layout);
	memcpy(region, &header, sizeof(header));
	if (len > layout.len - layout.directory)
		len = layout.len - layout.directory;
	memcpy(region + layout.directory, bytes, len);
	(void)region_check(region, layout.len, &found, &found_layout);
	free(region);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct region_header header;
	struct region_layout layout;

	if (region_check(bytes, len, &header, &layout) == REGION_SOUND &&
		layout.len > len)
		abort();
	overlay_check(bytes, len);
	return 0;
}
