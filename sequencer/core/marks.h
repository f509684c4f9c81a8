/*
 * Marks in a backup's region: what it reports when it is sealed, and how a session's row
 * becomes another session's (docs/protocol.md).
 *
 * K1  What a backup reports is not below any mark or floor that it ever held in the epoch.
 * K2  A row is folded only after nothing of its session can still write: a later write of
 *     that session would take a mark of the next one back.
 *
 * @region is the owner's view of the whole region.  Peers write marks at any time.
 */
#ifndef PAWL_CORE_MARKS_H
#define PAWL_CORE_MARKS_H

#include "sequencer/core/region.h"

/* The largest of the counter's floor and its marks.  For a base: only after sealing. */
uint64_t marks_report(
	const void *region, const struct region_layout *layout, uint32_t counter);

/* Raises the floors to the marks of @row and clears the row (K2). */
void marks_row_fold(void *region, const struct region_layout *layout, uint32_t row);

#endif
