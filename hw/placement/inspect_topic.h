/* The topics of inspect.h, one function each.  For inspect*.c only. */
#ifndef PAWL_HW_PLACEMENT_INSPECT_TOPIC_H
#define PAWL_HW_PLACEMENT_INSPECT_TOPIC_H

#include "hw/placement/inspect.h"

/*
 * Adds a finding and returns it, so that the caller can follow with finding_fix.  Text
 * that does not fit is cut.
 */
struct finding *finding_add(struct inspection *inspection, enum inspect_severity severity,
	const char *what, const char *format, ...) __attribute__((format(printf, 4, 5)));

void finding_fix(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Processors and memory. */
void inspect_locked_memory(
	const struct inspect_input *input, struct inspection *inspection);
void inspect_huge_pages(const struct inspect_input *input, struct inspection *inspection);
void inspect_numa(const struct inspect_input *input, struct inspection *inspection);
void inspect_governor(const struct inspect_input *input, struct inspection *inspection);
void inspect_idle(const struct inspect_input *input, struct inspection *inspection);

/* The RDMA device.  One finding says that there is none; the others need one. */
void inspect_device(const struct inspect_input *input, struct inspection *inspection);

#endif
