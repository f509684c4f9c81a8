/*
 * What pages.c asks of the kernel for a mapping: room for it, pages near one NUMA node,
 * in huge pages, and locked.  For pages.c only.
 */
#ifndef PAWL_HW_PAGES_PLACE_H
#define PAWL_HW_PAGES_PLACE_H

#include "hw/pages.h"

/* One of the errors that pages.h lists, negative, for the errno @code of any call. */
int pages_error(int code);

/* Bytes of one page of the file; *@hugetlb_p tells whether it is a huge one of the pool.
 */
size_t pages_step(const struct pages *pages, bool *hugetlb_p);

/*
 * Whether a new file of pages->len bytes can be had at all, before anything is touched.
 * -ENOSPC, -ENOMEM.
 */
int pages_room(const struct pages *pages, struct error *err)
	__attribute__((warn_unused_result));

/* Gives every byte of the file a page.  -ENOSPC, -ENOMEM, -EINVAL: not on this file
 * system. */
int pages_reserve(const struct pages *pages, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Makes pages of the mapping that are allocated from now on come from @node (-1: from
 * anywhere).  The policy belongs to the file where that is in memory, so it also holds
 * for pages that somebody else touches first.  -EINVAL: there is no such node.  Without
 * the right to place pages it does nothing: pages_settle tells.
 */
int pages_prefer(const struct pages *pages, int node, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Moves pages that are elsewhere to @node and sets pages->node to what came of it: @node
 * when every page is there now, else -1.  @step is the size of one page in bytes.
 */
void pages_settle(struct pages *pages, int node, size_t step);

/* All of the mapping that can be is in transparent huge pages at this moment. */
bool pages_are_huge(const struct pages *pages);

/* Tells on one line how to get huge pages for @pages, and returns -ENOMEM. */
int pages_not_huge(const struct pages *pages, bool anonymous, struct error *err);

/* Locks the mapping, @lazy: each page as it is met, or fails with -ENOMEM and the limit in force. */
int pages_lock(struct pages *pages, bool lazy, struct error *err)
	__attribute__((warn_unused_result));

#endif
