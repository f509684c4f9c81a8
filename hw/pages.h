/*
 * Where exposed bytes live: a file in a memory file system (it outlives its owner), or an
 * anonymous memory file.  Pages are placed on a NUMA node, huge where that is possible,
 * and locked, as the policy asks.
 *
 * Huge pages.  An anonymous memory file takes them from the pool that the administrator
 * reserved (vm.nr_hugepages) or, failing that, from the kernel's transparent ones; its
 * length is then a multiple of the huge page.  A file with a path has transparent ones
 * only, where its file system was mounted with huge=advise, within_size or always; a path
 * on hugetlbfs is refused.
 */
#ifndef PAWL_HW_PAGES_H
#define PAWL_HW_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "hw/error.h"

enum pages_policy {
	PAGES_AUTO,    /* try; go on without */
	PAGES_OFF,     /* do not try */
	PAGES_REQUIRE, /* fail without */
};

struct pages_config {
	const char *path; /* absolute path to create or adopt; NULL: an anonymous memory
			     file */
	size_t len;	  /* bytes; rounded up to whole pages by the map */
	bool adopt;	  /* the file exists and holds exactly the rounded len bytes */
	/*
	 * Of a file that is adopted and has all its pages: none is touched now, each is mapped
	 * and locked as it is met, and where they are and how large is not looked at.  Touching
	 * them all takes half a millisecond for every MiB.
	 */
	bool lazy;
	bool shared_with_group; /* a new file has mode 0660 with @group instead of 0600 */
	gid_t group;
	enum pages_policy huge;
	bool tell_huge; /* look up what pages.huge is, required or not: that takes the
			   longer the more this process has mapped */
	enum pages_policy lock;
	int node; /* NUMA node, or -1 for wherever */
};

struct pages {
	void *base;
	size_t len; /* whole pages; at least the config's len */
	int fd;
	bool huge; /* all of it that can be is in huge pages, if that was looked up */
	bool locked;
	int node; /* all of it is on this node, or -1 */
	/*
	 * What a peer attaches to.  For an anonymous memory file "/proc/PID/fd/N": good
	 * for as long as the owner lives, and for processes of the same user (or root)
	 * that see the same process ids.
	 */
	char path[256];
};

/*
 * Creates (or adopts) and maps.  All pages are allocated before it returns, so that a
 * full file system is an error here and never a signal later; that takes about a second
 * for every 2 GiB.  A new file that can not be completed is removed again.  Bytes of a
 * new file are zero.  An anonymous memory file can not change its length later.
 *
 * @node is a preference: when the node is full its pages come from another, the kernel
 * is asked to move them, and pages.node is -1 when some stay away or when this process
 * may not place pages.  A node that does not exist is -EINVAL.
 *
 * -ENOSPC: the file system is full.  -ENOMEM: no memory, no huge pages (required), or the
 * locked-memory limit is too low (required).  -EEXIST: a file to create is there already.
 * -ENOENT: a file to adopt, or the directory of a file to create, is not.  -EUCLEAN: a
 * file to adopt has another length.  -EACCES, -EPERM: permissions, or a file to adopt
 * that belongs to somebody else.  -EINVAL: the config, or a path that is a symbolic link,
 * no regular file, or on a file system that can not hold shared memory.
 */
int pages_map(const struct pages_config *config, struct pages *pages_p, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Maps, for reading and writing, a file that somebody else made: @len must be its exact
 * length, and it must be a regular file that belongs to this user, root or a group of
 * this process.  Neither places nor locks; nor does it look at the pages that it got, which takes
 * the longer the more the process has mapped, and peers attach while others wait.  Errors as
 * pages_map when it adopts.
 */
int pages_attach(const char *path, size_t len, struct pages *pages_p, struct error *err)
	__attribute__((warn_unused_result));

/* Unmaps and closes.  The file, if there is one, stays. */
void pages_unmap(struct pages *pages);

/* Removes the file of a mapping; whoever has it mapped keeps their bytes. */
void pages_remove(const struct pages *pages);

/* @len rounded up to whole pages of this system. */
size_t pages_round(size_t len);

#endif
