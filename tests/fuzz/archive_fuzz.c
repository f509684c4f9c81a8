/*
 * A damaged segment: whatever its bytes say, surveying, reading and opening stay inside them;
 * they agree on what is whole, and after opening for writing the archive goes on.
 *
 * Most inputs would fail at a checksum.  So the input is a list of changes to a sound segment,
 * of four bytes each: an offset, what to do there (turn a bit over, store a byte, or end the
 * file), and with what.  Its first byte says which checksums are made right again after that.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sequencer/archive/archive.h"
#include "sequencer/archive/archive_cursor.h"
#include "sequencer/archive/archive_survey.h"
#include "sequencer/archive/segment.h"
#include "sequencer/core/crc32c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ROWS 4
#define SLOT_LEN 128
#define RECORDS 24
#define CHANGE_LEN 4
#define HEADER_CRC_AT 160
#define STATE_CRC_AT 44

static char path[128];
static unsigned char sound[16384], bytes[16384];
static size_t sound_len;
static struct archive_config config;

static void require(bool claim)
{
	if (!claim)
		abort();
}

static void slot_make(unsigned char *to, uint64_t position)
{
	struct stream_slot slot = {.position = position,
		.epoch = 1,
		.publisher = stream_publisher_name(1, (uint32_t)(position % ROWS)),
		.id = position,
		.len = (uint16_t)(position * 5 % 80),
		.flags = STREAM_FIRST | STREAM_LAST};
	static const unsigned char payload[80] = "of an order";

	stream_slot_write(to, &slot, payload);
}

static void append_one(struct archive *archive, uint64_t position)
{
	static unsigned char slot[SLOT_LEN] __attribute__((aligned(64)));

	slot_make(slot, position);
	require(archive_append(archive, slot, 1, NULL) == 0);
}

static void file_name(char *name, size_t size, const char *file)
{
	(void)snprintf(name, size, "%s/%s", path, file);
}

static void sound_make(void)
{
	struct archive_cut cut;
	struct archive *archive;
	char name[200];
	int fd;

	require(archive_open(&config, &archive, &cut, NULL) == 0);
	for (uint64_t p = 1; p <= RECORDS; p++)
		append_one(archive, p);
	require(archive_close(archive, NULL) == 0);
	file_name(name, sizeof(name), "00000000000000000001.seg");
	fd = open(name, O_RDONLY);
	sound_len = (size_t)read(fd, sound, sizeof(sound));
	(void)close(fd);
	require(sound_len == sizeof(sound));
}

static void clean_up(void)
{
	static const char *const names[] = {"00000000000000000001.seg",
		"00000000000000000001.idx", "lock", "segment.new"};
	char name[200];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		file_name(name, sizeof(name), names[i]);
		(void)unlink(name);
	}
}

static void begin(void)
{
	(void)snprintf(path, sizeof(path), "%s/pawl-fuzz-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	require(mkdtemp(path) != NULL);
	config = (struct archive_config){.path = path,
		.identity = {.instance = 7, .stream = "fuzz", .slot_len = SLOT_LEN},
		.rows = ROWS,
		.segment_len = ARCHIVE_SEGMENT_LEN_MIN};
	sound_make();
}

static void end(void)
{
	char name[200];

	clean_up();
	/* What an input with another first position made. */
	for (uint64_t p = 2; p <= RECORDS + 2; p++) {
		char file[ARCHIVE_NAME_MAX];

		segment_name(p, ".seg", file);
		file_name(name, sizeof(name), file);
		(void)unlink(name);
		segment_name(p, ".idx", file);
		file_name(name, sizeof(name), file);
		(void)unlink(name);
	}
	(void)rmdir(path);
}

static void crc_store(unsigned char *to, uint32_t crc)
{
	for (int i = 0; i < 4; i++)
		to[i] = (unsigned char)(crc >> 8 * i);
}

/* Checksums that are right over bytes that need not be. */
static void sums_make(unsigned int which)
{
	static const unsigned char first[8] = {1};
	unsigned char *state = bytes + SEGMENT_STATE_AT;

	if (which & 1)
		crc_store(bytes + HEADER_CRC_AT, crc32c_update(0, bytes, HEADER_CRC_AT));
	if (which & 2)
		crc_store(state + STATE_CRC_AT,
			crc32c_update(crc32c_update(0, first, 8), state, STATE_CRC_AT));
}

/* Returns the length of the changed file. */
static size_t changes_make(const uint8_t *data, size_t len)
{
	size_t file_len = sound_len;

	memcpy(bytes, sound, sound_len);
	for (; len >= CHANGE_LEN; data += CHANGE_LEN, len -= CHANGE_LEN) {
		size_t at = (data[0] | (size_t)data[1] << 8) % sound_len;

		if (data[2] == 1)
			file_len = at;
		else if (data[2] & 1)
			bytes[at] = data[3];
		else
			bytes[at] ^= (unsigned char)(1u << (data[3] & 7));
	}
	return file_len;
}

static void file_write(size_t len)
{
	char name[200];
	int fd;

	clean_up();
	file_name(name, sizeof(name), "00000000000000000001.seg");
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	require(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	(void)close(fd);
}

/* Every position once and in order, whatever is said of it, and then an end. */
static void read_all(void)
{
	struct archive_cursor *cursor;
	struct archive_item item = {.kind = ARCHIVE_NOT_YET};
	uint64_t next = 1, items = 0;
	struct error err;

	require(archive_cursor_open(path, &config.identity, NULL, &cursor, NULL) == 0);
	while (archive_cursor_next(cursor, &item, &err) == 0 &&
		item.kind != ARCHIVE_NOT_YET) {
		require(item.first == next && item.last >= item.first);
		require(items++ < 100000);
		next = item.last + 1;
	}
	archive_cursor_close(cursor);
}

static void write_on(const struct archive_survey *survey)
{
	struct error err = {.text = ""};
	struct archive *archive;
	struct archive_cut cut;

	if (archive_open(&config, &archive, &cut, &err)) {
		require(err.text[0] != '\0' && !strchr(err.text, '\n'));
		return;
	}
	require(archive_next(archive) == survey->last + 1);
	if (archive_next(archive) <= RECORDS)
		append_one(archive, archive_next(archive));
	require(archive_close(archive, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct stream_entry entries[ROWS];
	struct archive_survey survey;
	struct error err = {.text = ""};
	size_t file_len;
	int rc;

	if (path[0] == '\0') {
		begin();
		(void)atexit(end);
	}
	if (len == 0)
		return 0;
	file_len = changes_make(data + 1, len - 1);
	sums_make(data[0]);
	file_write(file_len);
	read_all();
	rc = archive_survey(path, &config.identity, NULL, entries, ROWS, &survey, &err);
	if (rc)
		require(err.text[0] != '\0' && !strchr(err.text, '\n'));
	else
		write_on(&survey);
	return 0;
}
