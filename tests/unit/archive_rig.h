/*
 * An archive in a scratch directory, slots that can be made again from their position, and a
 * disk that counts, fills up and fails as it is told.
 */
#ifndef PAWL_TESTS_ARCHIVE_RIG_H
#define PAWL_TESTS_ARCHIVE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sequencer/archive/archive.h"
#include "sequencer/archive/archive_cursor.h"
#include "sequencer/core/stream_slot.h"
#include "tests/scratch.h"

#define RIG_INSTANCE UINT64_C(0xabcdef)
#define RIG_ROWS 8
#define RIG_STORY(story) cmocka_unit_test_setup_teardown(story, rig_set_up, rig_tear_down)

struct rig_disk {
	uint64_t room; /* bytes that may still be written or reserved; UINT64_MAX: all */
	unsigned int fail_write; /* the one that fails in its middle; 0: none */
	int sync_rc;
	int read_rc;
	unsigned int syncs; /* calls so far */
	unsigned int writes;
	uint64_t read_bytes;
	uint64_t now_ns;
	uint64_t wall_ns;
	void (*on_write)(void); /* before each */
};

struct rig {
	struct scratch scratch;
	char path[160];
	struct archive_config config;
	struct archive *archive;
	struct archive_cut cut;
	struct error err;
};

extern struct rig rig;
extern struct rig_disk rig_disk;
extern const struct archive_files rig_files;

int rig_set_up(void **state);
int rig_tear_down(void **state);

void rig_open(void);
int rig_open_rc(void);
void rig_close(void);
/* As a process that is killed would: nothing is synced or told. */
void rig_abandon(void);

/* The slot of a position: every seventh is a void, others are messages of five publishers. */
void rig_slot(void *to, uint32_t slot_len, uint64_t position);
uint32_t rig_record_len(uint32_t slot_len, uint64_t position);
/* Appends what is between, both included, in runs of @run. */
void rig_append(uint64_t first, uint64_t last, uint32_t run);
int rig_append_rc(uint64_t position);

struct archive_cursor *rig_cursor(uint64_t position);
void rig_next(struct archive_cursor *cursor, struct archive_item *item_p);
/* The slots between come next, byte for byte. */
void rig_expect_slots(struct archive_cursor *cursor, uint64_t first, uint64_t last);
void rig_expect(struct archive_cursor *cursor, enum archive_item_kind kind,
	uint64_t first, uint64_t last);
/* A cursor from the oldest finds these, and then nothing more yet. */
void rig_expect_all(uint64_t first, uint64_t last);

/* A file of the archive. */
void rig_file(char *path, size_t size, uint64_t first, const char *suffix);
uint64_t rig_file_len(uint64_t first);
void rig_flip(uint64_t first, uint64_t offset, unsigned char bits);
void rig_truncate(uint64_t first, uint64_t len);
bool rig_has_segment(uint64_t first);
void rig_expect_text(const char *part);

#endif
