/* Snapshots of state machines in files: whole or not there, two of them, and no harm from a full disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sequencer/archive/snapshots.h"
#include "sequencer/core/crc32c.h"
#include "tests/unit/archive_rig.h"

#define LEN_MAX (UINT64_C(1) << 20)
#define LEN 20000u

static struct snapshots snapshots;
static unsigned char state[LEN_MAX + 1];

static int open_rc(unsigned int *passed_p)
{
	return snapshots_open(&snapshots, rig.path, &rig.config.identity, LEN_MAX,
		&rig_files, passed_p, &rig.err);
}

static void opens(unsigned int passed)
{
	unsigned int got = 99;

	if (open_rc(&got))
		fail_msg("%s", rig.err.text);
	assert_int_equal(got, passed);
}

static void reopens(unsigned int passed)
{
	snapshots_close(&snapshots);
	opens(passed);
}

/* The state at @position, which is so long. */
static struct snapshot_id id_of(uint64_t position, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		state[i] = (unsigned char)(i * 7 + position * 13);
	return (struct snapshot_id){position, len, crc32c_update(0, state, len)};
}

static int put_rc(const struct snapshot_id *id, uint64_t offset, uint64_t *upto_p)
{
	uint64_t left = id->len - offset;
	size_t len = left < SNAPSHOTS_PIECE_MAX ? left : SNAPSHOTS_PIECE_MAX;

	return snapshots_put(
		&snapshots, id, offset, state + offset, len, upto_p, &rig.err);
}

/* All pieces, as a client writes them. */
static int write_rc(uint64_t position, uint64_t len)
{
	const struct snapshot_id id = id_of(position, len);
	uint64_t upto = 0;
	int rc;

	do
		rc = put_rc(&id, upto, &upto);
	while (!rc && upto < len);
	return rc;
}

static void writes(uint64_t position, uint64_t len)
{
	if (write_rc(position, len))
		fail_msg("%s", rig.err.text);
}

static void expect_kept(uint64_t newest, uint64_t older)
{
	assert_int_equal(snapshots.kept[0].position, newest);
	assert_int_equal(snapshots.kept[1].position, older);
}

/* Byte for byte what was written. */
static void expect_readable(uint64_t position, uint64_t len)
{
	const struct snapshot_id id = id_of(position, len);
	unsigned char piece[SNAPSHOTS_PIECE_MAX];
	struct snapshot_id got;
	uint64_t offset = 0;
	size_t read_len;

	do {
		assert_int_equal(snapshots_get(&snapshots, position, offset, piece,
					 sizeof(piece), &read_len, &got, &rig.err),
			0);
		assert_true(
			got.position == position && got.len == len && got.crc == id.crc);
		assert_memory_equal(piece, state + offset, read_len);
		offset += read_len;
	} while (read_len == sizeof(piece));
	assert_int_equal(offset, len);
}

static void file_path(char *path, size_t size, uint64_t position)
{
	(void)snprintf(
		path, size, "%s/%020llu.snap", rig.path, (unsigned long long)position);
}

static bool has_file(uint64_t position)
{
	char path[256];

	file_path(path, sizeof(path), position);
	return access(path, F_OK) == 0;
}

static bool has_new_file(void)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/snapshot.new", rig.path);
	return access(path, F_OK) == 0;
}

static void flip(uint64_t position, off_t at)
{
	unsigned char byte;
	char path[256];
	int fd;

	file_path(path, sizeof(path), position);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	(void)close(fd);
}

static void the_newest_two_are_kept(void **unused)
{
	(void)unused;
	opens(0);
	expect_kept(0, 0);
	writes(10, LEN);
	expect_kept(10, 0);
	expect_readable(10, LEN);
	writes(20, 1);
	writes(30, 3 * SNAPSHOTS_PIECE_MAX);
	expect_kept(30, 20);
	expect_readable(30, 3 * SNAPSHOTS_PIECE_MAX);
	expect_readable(20, 1);
	assert_false(has_file(10));
	reopens(0);
	expect_kept(30, 20);
	expect_readable(30, 3 * SNAPSHOTS_PIECE_MAX);
	assert_false(has_new_file());
	snapshots_close(&snapshots);
}

static void one_without_bytes_is_one(void **unused)
{
	(void)unused;
	opens(0);
	writes(5, 0);
	expect_kept(5, 0);
	expect_readable(5, 0);
	reopens(0);
	expect_kept(5, 0);
	snapshots_close(&snapshots);
}

/* A replica that has a newer one says that it is done; nothing goes back. */
static void an_older_one_is_not_needed(void **unused)
{
	struct snapshot_id id;
	uint64_t upto = 0;

	(void)unused;
	opens(0);
	writes(20, LEN);
	id = id_of(15, LEN);
	assert_int_equal(put_rc(&id, 0, &upto), 0);
	assert_int_equal(upto, LEN);
	expect_kept(20, 0);
	assert_false(has_file(15));
	snapshots_close(&snapshots);
}

/* Pieces that were lost, or come twice, are asked for and passed over. */
static void pieces_are_taken_in_order(void **unused)
{
	struct snapshot_id id = id_of(7, LEN);
	uint64_t upto = 0;

	(void)unused;
	opens(0);
	assert_int_equal(put_rc(&id, SNAPSHOTS_PIECE_MAX, &upto), 0);
	assert_int_equal(upto, 0);
	assert_int_equal(put_rc(&id, 0, &upto), 0);
	assert_int_equal(upto, SNAPSHOTS_PIECE_MAX);
	assert_int_equal(put_rc(&id, 0, &upto), 0);
	assert_int_equal(upto, SNAPSHOTS_PIECE_MAX);
	expect_kept(0, 0);
	assert_true(has_new_file());
	writes(7, LEN); /* whoever begins again goes on there */
	expect_readable(7, LEN);
	snapshots_close(&snapshots);
}

static void two_do_not_write_at_a_time(void **unused)
{
	struct snapshot_id first = id_of(7, LEN), second;
	uint64_t upto = 0;

	(void)unused;
	opens(0);
	assert_int_equal(put_rc(&first, 0, &upto), 0);
	second = id_of(9, LEN);
	assert_int_equal(put_rc(&second, 0, &upto), -EAGAIN);
	rig_expect_text("position 7 is being written");
	rig_disk.now_ns += SNAPSHOTS_PATIENCE_NS; /* nobody goes on */
	writes(9, LEN);
	expect_kept(9, 0);
	expect_readable(9, LEN);
	snapshots_close(&snapshots);
}

static void what_is_not_as_announced_is_refused(void **unused)
{
	struct snapshot_id id = id_of(7, LEN);
	uint64_t upto = 0;

	(void)unused;
	opens(0);
	assert_int_equal(write_rc(8, LEN_MAX + 1), -EFBIG);
	rig_expect_text("snapshot-max");
	id.crc ^= 1;
	assert_int_equal(put_rc(&id, 0, &upto), 0);
	assert_int_equal(put_rc(&id, upto, &upto), 0);
	assert_int_equal(put_rc(&id, upto, &upto), -EBADMSG);
	assert_false(has_new_file());
	id = id_of(7, 100);
	assert_int_equal(
		snapshots_put(&snapshots, &id, 0, state, 101, &upto, &rig.err), -EINVAL);
	assert_false(has_new_file());
	expect_kept(0, 0);
	assert_false(has_file(7));
	snapshots_close(&snapshots);
}

/* Z9: with any room at all that is too little, nothing is left, and the one before stays. */
static void a_full_disk_leaves_nothing(void **unused)
{
	(void)unused;
	opens(0);
	writes(10, LEN);
	for (uint64_t room = 0; room < LEN + SNAPSHOTS_HEADER; room += 997) {
		rig_disk.room = room;
		assert_int_equal(write_rc(20, LEN), -ENOSPC);
		rig_expect_text(rig.path);
		assert_false(has_new_file());
		assert_false(has_file(20));
		expect_kept(10, 0);
	}
	rig_disk.room = UINT64_MAX;
	expect_readable(10, LEN);
	writes(20, LEN);
	expect_kept(20, 10);
	snapshots_close(&snapshots);
}

/* Every write of one, and its sync, fails once. */
static void a_disk_that_fails_leaves_nothing(void **unused)
{
	(void)unused;
	opens(0);
	for (unsigned int i = 1; i <= 4; i++) {
		rig_disk.fail_write = rig_disk.writes + i;
		assert_int_equal(write_rc(20, LEN), -EIO);
		assert_false(has_new_file());
		assert_false(has_file(20));
	}
	rig_disk.fail_write = 0;
	rig_disk.sync_rc = -EIO;
	assert_int_equal(write_rc(20, LEN), -EIO);
	assert_false(has_new_file());
	assert_false(has_file(20));
	rig_disk.sync_rc = 0;
	writes(20, LEN);
	reopens(0);
	expect_kept(20, 0);
	snapshots_close(&snapshots);
}

/* A process that is killed in the middle leaves what the next one removes. */
static void half_a_snapshot_is_none(void **unused)
{
	struct snapshot_id id = id_of(7, LEN);
	uint64_t upto = 0;

	(void)unused;
	opens(0);
	assert_int_equal(put_rc(&id, 0, &upto), 0);
	assert_true(has_new_file());
	(void)close(snapshots.fd);
	archive_place_close(&snapshots.place);
	opens(0);
	assert_false(has_new_file());
	expect_kept(0, 0);
	snapshots_close(&snapshots);
}

static void damage_is_passed_over(void **unused)
{
	static const off_t places[] = {
		0, 9, 13, 20, 30, 40, 50, SNAPSHOTS_HEADER, SNAPSHOTS_HEADER + LEN - 1};

	(void)unused;
	opens(0);
	writes(10, LEN);
	writes(20, LEN);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		flip(20, places[i]);
		reopens(1);
		expect_kept(10, 0);
		flip(20, places[i]);
		reopens(0);
		expect_kept(20, 10);
	}
	flip(20, 200);
	reopens(1);
	writes(20, LEN); /* another one takes its place */
	expect_kept(20, 10);
	expect_readable(20, LEN);
	snapshots_close(&snapshots);
}

/* Another cluster's are not ours. */
static void what_is_of_another_cluster_is_passed_over(void **unused)
{
	(void)unused;
	opens(0);
	writes(10, LEN);
	snapshots_close(&snapshots);
	rig.config.identity.instance++;
	opens(1);
	expect_kept(0, 0);
	snapshots_close(&snapshots);
}

static void what_is_not_there_is_said(void **unused)
{
	unsigned char piece[16];
	struct snapshot_id id;
	size_t len;

	(void)unused;
	opens(0);
	assert_int_equal(snapshots_get(&snapshots, 0, 0, piece, sizeof(piece), &len, &id,
				 &rig.err),
		-ENOENT);
	writes(10, LEN);
	assert_int_equal(snapshots_get(&snapshots, 11, 0, piece, sizeof(piece), &len, &id,
				 &rig.err),
		-ENOENT);
	assert_int_equal(snapshots_get(&snapshots, 10, LEN + 1, piece, sizeof(piece),
				 &len, &id, &rig.err),
		-ENOENT);
	rig_disk.read_rc = -EIO;
	assert_int_equal(snapshots_get(&snapshots, 10, 0, piece, sizeof(piece), &len, &id,
				 &rig.err),
		-EIO);
	snapshots_close(&snapshots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_STORY(the_newest_two_are_kept),
		RIG_STORY(one_without_bytes_is_one),
		RIG_STORY(an_older_one_is_not_needed),
		RIG_STORY(pieces_are_taken_in_order),
		RIG_STORY(two_do_not_write_at_a_time),
		RIG_STORY(what_is_not_as_announced_is_refused),
		RIG_STORY(a_full_disk_leaves_nothing),
		RIG_STORY(a_disk_that_fails_leaves_nothing),
		RIG_STORY(half_a_snapshot_is_none),
		RIG_STORY(damage_is_passed_over),
		RIG_STORY(what_is_of_another_cluster_is_passed_over),
		RIG_STORY(what_is_not_there_is_said),
	};

	return cmocka_run_group_tests_name("snapshots", tests, NULL, NULL);
}
