/*
 * One suite for every back end of hw/memory.h: each story holds one of its rules.
 *
 * A program describes its back end as a *bed* and calls conformance_main.  What a back end
 * has not (a gate, eviction, links that can fail, other processes) the bed says, and the
 * stories about it are skipped with the reason.
 */
#ifndef PAWL_TESTS_CONFORMANCE_H
#define PAWL_TESTS_CONFORMANCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hw/memory.h"

struct fixture;

struct conformance_bed {
	const char *name;
	const struct memory_ops *ops;

	/* Before and after each story, in the story's own process; may be NULL.  0 or -1. */
	int (*begin)(void);
	void (*end)(void);
	/* Opens a device for an owner or a peer. */
	int (*open)(bool owner, struct device **device_p, struct error *err);
	/* Where the next memory is to be; NULL for an anonymous one.  May be NULL. */
	const char *(*path)(void);
	/* Removes what a withdrawn memory leaves behind; may be NULL. */
	void (*forget)(void);
	/* Simulated time: lets a little of it pass; may be NULL. */
	void (*let_time_pass)(void);
	/* Makes the fixture's link fail; NULL: links of this kind do not. */
	void (*break_link)(struct fixture *fixture);

	const char *unreachable;    /* address of a memory that never was, or NULL */
	bool silent_peers;	    /* devices of peers do not listen */
	bool one_thread;	    /* not even exposing may be another's (M10) */
	bool has_gate;		    /* the owner is asked about links */
	bool can_evict;		    /* the owner can end links */
	bool has_processes;	    /* a peer can be in another process */
	bool dies_with_owner;	    /* a link fails when its owner is killed */
	unsigned int litmus_rounds; /* of write against write, read against read */
	unsigned int hammer_count;  /* additions of each process or link */
	unsigned int cycles_count;  /* links opened and closed */
};

/*
 * What a story is about: an owner with a memory, and a peer with a link to it.  Whatever
 * else a story opens is closed behind it, also when it fails half-way.
 */
#define FIXTURE_DEVICES 4
#define FIXTURE_MEMORIES 4
#define FIXTURE_LINKS 4

struct fixture {
	const struct conformance_bed *bed;
	const struct memory_ops *ops;
	struct device *owner; /* each of these four is also in one of the lists */
	struct device *peer;
	struct memory *memory;
	struct link *link;
	struct device *devices[FIXTURE_DEVICES]; /* open; NULL is free */
	struct memory *memories[FIXTURE_MEMORIES];
	struct link *links[FIXTURE_LINKS];
};

#define FIXTURE_DEPTH 16
#define FIXTURE_TOKEN 7
#define FIXTURE_MEMORY 16384
#define FIXTURE_TIMEOUT_NS UINT64_C(20000000000)

/* Runs the suite over each bed, up to one without a name; the program's exit status. */
int conformance_main(int argc, char **argv, const struct conformance_bed *beds);

/* The parts; each returns how many stories failed. */
int conformance_words(const struct conformance_bed *bed);
int conformance_transfers(const struct conformance_bed *bed);
int conformance_pairs(const struct conformance_bed *bed);
int conformance_puts(const struct conformance_bed *bed);
int conformance_queue(const struct conformance_bed *bed);
int conformance_ends(const struct conformance_bed *bed);
int conformance_threads(const struct conformance_bed *bed);
int conformance_processes(const struct conformance_bed *bed);

/* Setup and teardown of a story with a fixture, and of one that opens its own. */
int fixture_setup(void **state);
int fixture_setup_bare(void **state);
int fixture_teardown(void **state);

#define STORY(name)                                                                  \
	{                                                                            \
#name, name, fixture_setup, fixture_teardown, (void *)(uintptr_t)bed \
	}
#define BARE_STORY(name)                                           \
	{                                                          \
#name, name, fixture_setup_bare, fixture_teardown, \
			(void *)(uintptr_t)bed                     \
	}

/* Says why and skips the story unless @has. */
void story_needs(bool has, const char *reason);

/* The following end the story as failed when they can not do what they are called. */
struct device *fixture_open(struct fixture *fixture, bool owner);
struct memory *fixture_expose(struct fixture *fixture, size_t len);
/* The same, for puts. */
struct memory *fixture_expose_source(
	struct fixture *fixture, struct device *device, size_t len);
struct link *fixture_connect(struct fixture *fixture, struct device *device,
	const struct memory *memory, unsigned int depth, uint64_t token);
/* 0 and a connected link, or an error after which there is none. */
int fixture_try_connect(struct fixture *fixture, struct device *device,
	const char *address, const struct link_config *config, struct link **link_p);
void fixture_disconnect(struct fixture *fixture, struct link *link);
void fixture_withdraw(struct fixture *fixture, struct memory *memory);
/* Lets time pass and connections move on. */
void fixture_let_time_pass(struct fixture *fixture);
/* The next completion. */
struct completion fixture_wait(struct fixture *fixture, struct link *link);
/* Waits for the completion of an operation with this cookie, which must be well. */
uint64_t fixture_wait_well(struct fixture *fixture, struct link *link, uint64_t cookie);
/* Post, wait, and the word before. */
uint64_t fixture_add(struct fixture *fixture, uint64_t offset, uint64_t n);
uint64_t fixture_swap(
	struct fixture *fixture, uint64_t offset, uint64_t expected, uint64_t desired);
void fixture_write(
	struct fixture *fixture, uint64_t offset, const void *bytes, size_t len);
void fixture_read(struct fixture *fixture, uint64_t offset, void *bytes, size_t len);
/* Writes a word and reads one; what was read. */
uint64_t fixture_pair(struct fixture *fixture, uint64_t write_offset, uint64_t word,
	uint64_t read_offset);
/* Nothing is in flight on the link. */
void fixture_expect_idle(struct fixture *fixture, struct link *link);

#endif
