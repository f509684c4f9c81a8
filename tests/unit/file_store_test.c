/*
 * What is special about a store in a directory: damage, dead and stopped writers, full
 * disks, and who may be trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/conformance/store_call.h"
#include "tests/scratch.h"

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)
#define KILLS 60

static struct scratch scratch;
static char address[160], directory[160], record[200], record_new[200], lock[200];
static struct store *store;

static int open_store(unsigned int timeout_ms, struct store **store_p, struct error *err)
{
	struct store_config config = {
		.address = address, .cluster = "cluster", .timeout_ms = timeout_ms};

	return store_open(&config, store_p, err);
}

static void name_files(const char *base)
{
	(void)snprintf(address, sizeof(address), "file:%s/store", base);
	(void)snprintf(directory, sizeof(directory), "%s/store/cluster", base);
	(void)snprintf(record, sizeof(record), "%s/record", directory);
	(void)snprintf(record_new, sizeof(record_new), "%s/record.new", directory);
	(void)snprintf(lock, sizeof(lock), "%s/lock", directory);
}

static int set_up(void **state)
{
	struct error err;

	(void)state;
	if (scratch_make(&scratch))
		return -1;
	name_files(scratch.path);
	return open_store(5000, &store, &err);
}

static int tear_down(void **state)
{
	(void)state;
	store_close(store);
	scratch_remove(&scratch);
	return 0;
}

static size_t read_record(char *bytes, size_t size)
{
	int fd = open(record, O_RDONLY);
	ssize_t len = read(fd, bytes, size);

	assert_true(len > 0);
	(void)close(fd);
	return (size_t)len;
}

/* As an editor or a failing disk would: in place. */
static void write_record(const char *bytes, size_t len)
{
	int fd = open(record, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, bytes, len), len);
	(void)close(fd);
}

static void assert_refused(void)
{
	struct call get = call_get(store);

	assert_int_equal(get.status, -EBADMSG);
	assert_non_null(strstr(get.err.text, record));
	assert_int_equal(get.len, 0);
	assert_int_equal(call_put(store, 1, "new", 3).status, -EBADMSG);
}

static void files_are_private(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(call_put(store, 0, "value", 5).status, 0);
	assert_int_equal(stat(directory, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	assert_int_equal(stat(record, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(stat(lock, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void every_flipped_byte_is_found(void **state)
{
	char bytes[256];
	size_t len;

	(void)state;
	assert_int_equal(call_put(store, 0, "a value", 7).status, 0);
	len = read_record(bytes, sizeof(bytes));
	for (size_t i = 0; i < len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			bytes[i] = (char)(bytes[i] ^ 1 << bit);
			write_record(bytes, len);
			assert_refused();
			bytes[i] = (char)(bytes[i] ^ 1 << bit);
		}
	}
	write_record(bytes, len);
	assert_int_equal(call_get(store).status, 0);
}

static void every_cut_and_every_longer_file_is_found(void **state)
{
	char bytes[256] = "";
	size_t len;

	(void)state;
	assert_int_equal(call_put(store, 0, "a value", 7).status, 0);
	len = read_record(bytes, sizeof(bytes));
	for (size_t cut = 0; cut < len; cut++) {
		write_record(bytes, cut);
		assert_refused();
	}
	for (size_t longer = len + 1; longer < len + 20; longer++) {
		write_record(bytes, longer);
		assert_refused();
	}
}

static void a_file_larger_than_any_value_is_refused(void **state)
{
	(void)state;
	write_record("pawl-store 1 value 1 1 ", 23);
	assert_int_equal(truncate(record, 8L * STORE_VALUE_MAX), 0);
	assert_refused();
}

static void a_later_format_is_not_called_damage_only(void **state)
{
	(void)state;
	write_record("pawl-store 2 value 1 1 00000000\nx", 33);
	assert_refused();
	assert_non_null(strstr(call_get(store).err.text, "format 2"));
}

static void a_damaged_record_is_not_written_over(void **state)
{
	char bytes[64];

	(void)state;
	write_record("damaged\n", 8);
	assert_refused();
	assert_int_equal(call_erase(store, 1).status, -EBADMSG);
	assert_int_equal(read_record(bytes, sizeof(bytes)), 8);
	assert_memory_equal(bytes, "damaged\n", 8);
}

static void what_a_dead_writer_left_is_removed(void **state)
{
	struct error err;

	(void)state;
	store_close(store);
	store = NULL;
	assert_int_equal(close(open(record_new, O_WRONLY | O_CREAT, 0600)), 0);
	assert_int_equal(open_store(5000, &store, &err), 0);
	assert_int_equal(access(record_new, F_OK), -1);
}

/* Puts growing values until it is killed; tells the parent each revision that is done. */
static void write_for_ever(int tell)
{
	static char bytes[200000];
	struct store *own;
	struct error err;

	memset(bytes, 'x', sizeof(bytes));
	if (open_store(5000, &own, &err))
		_exit(1);
	for (size_t len = 1;; len = (len * 7) % sizeof(bytes) + 1) {
		struct call get = call_get(own);
		struct call put = call_put(own, get.revision, bytes, len);

		if (put.status || write(tell, &put.revision, sizeof(put.revision)) < 0)
			_exit(1);
	}
}

/* The newest revision that the writer was told is done before it died, or 0. */
static uint64_t kill_a_writer(useconds_t after_us)
{
	uint64_t revision = 0;
	int tell[2], status;
	pid_t child;

	assert_int_equal(pipe(tell), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		write_for_ever(tell[1]);
	(void)close(tell[1]);
	/* Its first write is done, however slow the disk; the kill meets a later one. */
	assert_int_equal(read(tell[0], &revision, sizeof(revision)), sizeof(revision));
	(void)usleep(after_us);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(tell[0], &revision, sizeof(revision)) == sizeof(revision))
		;
	(void)close(tell[0]);
	return revision;
}

static void killed_writers_never_leave_a_damaged_record(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (useconds_t i = 0; i < KILLS; i++) {
		uint64_t told = kill_a_writer(i * 171);
		struct call get = call_get(store);

		assert_int_equal(get.status, 0);
		assert_true(get.revision >= told && get.revision >= last);
		last = get.revision;
	}
	assert_true(last >= KILLS);
	assert_int_equal(call_put(store, last, "after", 5).status, 0);
	assert_int_equal(access(record_new, F_OK), -1);
}

/* Takes the lock like another writer, in a process that is then stopped. */
static pid_t stop_a_lock_holder(void)
{
	int ready[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int fd = open(lock, O_RDWR);

		(void)prctl(
			PR_SET_PDEATHSIG, SIGKILL); /* else a failed story leaves it */
		if (fd < 0 || flock(fd, LOCK_EX) ||
			dprintf(fd, "%10ld\n", (long)getpid()) < 0)
			_exit(1);
		(void)!write(ready[1], "", 1);
		(void)raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(waitpid(child, NULL, WUNTRACED), child);
	(void)close(ready[0]);
	(void)close(ready[1]);
	return child;
}

static void a_lock_held_by_a_stopped_process_times_out_and_names_it(void **state)
{
	pid_t holder = stop_a_lock_holder();
	struct store *hasty;
	struct error err;
	struct call put;
	char name[32];
	uint64_t began;

	(void)state;
	assert_int_equal(open_store(150, &hasty, &err), 0);
	began = clock_now_ns();
	put = call_put(hasty, 0, "value", 5);
	assert_int_equal(put.status, -ETIMEDOUT);
	assert_in_range(clock_now_ns() - began, 150000000u, 3000000000u);
	(void)snprintf(name, sizeof(name), "process %ld ", (long)holder);
	assert_non_null(strstr(put.err.text, name));
	assert_int_equal(call_get(hasty).revision, 0);
	store_close(hasty);
	assert_int_equal(kill(holder, SIGKILL), 0);
	assert_int_equal(waitpid(holder, NULL, 0), holder);
	assert_int_equal(call_put(store, 0, "value", 5).status, 0);
}

/* S1: the loop around the store goes on while another writer has the lock. */
static void waiting_for_the_lock_does_not_block(void **state)
{
	struct call put = {0};
	int fd = open(lock, O_RDWR);
	uint64_t began;

	(void)state;
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(store_put_if(store, 0, "value", 5, call_done, &put), 0);
	began = clock_now_ns();
	store_progress(store);
	assert_true(clock_now_ns() - began < 100000000u);
	assert_false(put.done);
	assert_in_range(store_timeout_ms(store), 1, 10);
	(void)close(fd);
	call_wait(store, &put);
	assert_int_equal(put.status, 0);
}

static void a_directory_that_was_removed_is_told(void **state)
{
	struct call get;

	(void)state;
	assert_int_equal(remove(lock), 0);
	assert_int_equal(rmdir(directory), 0);
	get = call_get(store);
	assert_int_equal(get.status, -EIO);
	assert_non_null(strstr(get.err.text, directory));
	assert_int_equal(mkdir(directory, 0700), 0);
	assert_int_equal(call_put(store, 0, "value", 5).status, -EIO);
	assert_int_equal(access(record, F_OK), -1);
}

static void note_status(void *context, int status, const struct error *err)
{
	(void)err;
	*(int *)context = status;
}

static void a_watch_tells_that_its_directory_was_moved_away(void **state)
{
	char moved[200];
	int status = 1;

	(void)state;
	store_watch(store, note_status, &status);
	(void)snprintf(moved, sizeof(moved), "%s-moved", directory);
	assert_int_equal(rename(directory, moved), 0);
	store_wait(store, 1000);
	assert_int_equal(status, -EIO);
}

static void a_directory_that_all_may_write_is_not_trusted(void **state)
{
	struct store *other = NULL;
	struct error err;

	(void)state;
	assert_int_equal(chmod(directory, 0777), 0);
	assert_int_equal(open_store(1000, &other, &err), -EPERM);
	assert_non_null(strstr(err.text, directory));
	assert_null(other);
}

static void a_link_in_place_of_the_record_is_not_followed(void **state)
{
	(void)state;
	assert_int_equal(symlink("/dev/zero", record), 0);
	assert_int_equal(call_get(store).status, -EIO);
}

static void an_address_without_a_directory_is_refused(void **state)
{
	struct store *other = NULL;
	struct error err;

	(void)state;
	(void)snprintf(address, sizeof(address), "file:");
	assert_int_equal(open_store(1000, &other, &err), -EINVAL);
	assert_null(other);
}

/* In a mount name space of its own; 77 where that is not allowed. */
static int mount_small(const char *options, unsigned long flags)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("none", scratch.path, "tmpfs", flags, options))
		return 77;
	return 0;
}

#define HOLD(claim)                                                                 \
	do {                                                                        \
		if (!(claim)) {                                                     \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #claim); \
			return 1;                                                   \
		}                                                                   \
	} while (0)

/* The old value stands, what was begun is gone, and with space the store goes on. */
static int fill_the_disk(void)
{
	static char bytes[900000];
	struct store *own;
	struct error err;
	struct call put;
	uint64_t revision;

	if (mount_small("size=1m", 0))
		return 77;
	HOLD(open_store(5000, &own, &err) == 0);
	put = call_put(own, 0, bytes, 300000);
	HOLD(put.status == 0);
	revision = put.revision;
	put = call_put(own, revision, bytes, sizeof(bytes));
	HOLD(put.status == -ENOSPC);
	HOLD(strstr(put.err.text, directory));
	HOLD(access(record_new, F_OK) == -1);
	HOLD(call_get(own).revision == revision);
	HOLD(call_get(own).len == 300000);
	HOLD(call_put(own, revision, bytes, 1000).status == 0);
	store_close(own);
	return 0;
}

static int write_protect_the_disk(void)
{
	struct store *own;
	struct error err;

	if (mount_small("size=1m", 0))
		return 77;
	HOLD(open_store(5000, &own, &err) == 0);
	HOLD(call_put(own, 0, "value", 5).status == 0);
	store_close(own);
	HOLD(mount("none", scratch.path, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	HOLD(open_store(5000, &own, &err) == -EACCES);
	HOLD(strstr(err.text, directory));
	return 0;
}

static void run_in_child(int (*story)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(story());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message(
			"skipped: mounting a small file system is not allowed here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_full_disk_leaves_the_old_record(void **state)
{
	(void)state;
	run_in_child(fill_the_disk);
}

static void a_write_protected_disk_is_told(void **state)
{
	(void)state;
	run_in_child(write_protect_the_disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(files_are_private),
		STORY(every_flipped_byte_is_found),
		STORY(every_cut_and_every_longer_file_is_found),
		STORY(a_file_larger_than_any_value_is_refused),
		STORY(a_later_format_is_not_called_damage_only),
		STORY(a_damaged_record_is_not_written_over),
		STORY(what_a_dead_writer_left_is_removed),
		STORY(killed_writers_never_leave_a_damaged_record),
		STORY(a_lock_held_by_a_stopped_process_times_out_and_names_it),
		STORY(waiting_for_the_lock_does_not_block),
		STORY(a_directory_that_was_removed_is_told),
		STORY(a_watch_tells_that_its_directory_was_moved_away),
		STORY(a_directory_that_all_may_write_is_not_trusted),
		STORY(a_link_in_place_of_the_record_is_not_followed),
		STORY(an_address_without_a_directory_is_refused),
		STORY(a_full_disk_leaves_the_old_record),
		STORY(a_write_protected_disk_is_told),
	};

	return cmocka_run_group_tests_name("file_store", tests, NULL, NULL);
}
