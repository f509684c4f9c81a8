/*
 * A back end that makes another one misbehave, from a seed.
 *
 * It wraps an open device of any back end and passes every operation on, but now and then
 * holds a completion back, says that the queue is full, loses a completion or cuts the
 * link, always within the rules of hw/memory.h.  The same plan and the same calls in the
 * same order give the same faults, on any machine: time is counted in polls of the link.
 *
 *  F1  Every operation that was accepted is one operation on the inner link: itself or,
 *      if it is not to take effect, a read of the same bytes (of a put: of its last ones)
 *      whose answer is thrown away.  So the checks of the inner back end hold for both.
 *  F2  What takes effect on a link that fails is a prefix of what was posted.
 *  F3  When a link fails, its inner link is disconnected before the first failure is
 *      reported, so that nobody writes into a buffer that has been given back.
 *
 * word is absent, so that every addition can meet a fault.
 */
#ifndef PAWL_HW_FAULT_FAULT_H
#define PAWL_HW_FAULT_FAULT_H

#include "hw/memory.h"

/* What is to go wrong.  All zero: nothing.  Probabilities are per million operations. */
struct fault_plan {
	uint64_t seed;
	uint32_t full;	      /* the operation is refused with -EAGAIN */
	uint32_t delay;	      /* its completion is held back */
	uint32_t delay_polls; /*    for 1 to this many polls; 0 counts as 1 */
	uint32_t lose; /* its completion never comes, and the link fails: -ETIMEDOUT */
	uint32_t lose_polls; /*    after this many polls */
	uint32_t cut;	     /* the link is cut after it: -EIO */
};

/*
 * Opens a device over @inner, which was opened with @inner_ops and belongs to the new
 * device from now on: it is closed together with it.  Gates, memories and links are to be
 * opened on the new device only.  -EINVAL: a probability above one million; -ENOMEM.
 * Then @inner is still the caller's.
 */
int fault_device_open(const struct fault_plan *plan, const struct memory_ops *inner_ops,
	struct device *inner, struct device **device_p)
	__attribute__((warn_unused_result));

/*
 * Cuts a link of such a device: what is in flight completes with -EIO and then
 * -ECANCELED, and nothing can be posted any more.  Nothing happens if it has failed
 * already.
 */
void fault_link_cut(struct link *link);

/* Its open refuses: there is nothing to wrap.  Use fault_device_open. */
extern const struct memory_ops fault_memory_ops;

#endif
