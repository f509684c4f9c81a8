/* What pawld is told: the command line, the file, which one wins, and what is printed. */
#include "tests/unit/config_rig.h"

#include "sequencer/daemon/config_options.h"

static void a_cluster_is_all_one_must_name(void **state)
{
	(void)state;
	assert_parsed(PARSE("--cluster=example"));
	assert_int_equal(action, CONFIG_RUN);
	assert_string_equal(config.cluster, "example");
	assert_int_equal(config.id, 1);
	assert_string_equal(config.store, "file:/env/state");
	assert_string_equal(config.runtime_dir, "/env/run");
	assert_string_equal(config.memory_dir, "/dev/shm");
	assert_int_equal(config.transport, CONFIG_SHM);
	assert_int_equal(config.listen_count, 0);
	assert_int_equal(config.counters_max, 256);
	assert_int_equal(config.sessions_max, 256);
	assert_int_equal(config.huge_pages, PAGES_AUTO);
	assert_int_equal(config.lock_memory, PAGES_AUTO);
	assert_int_equal(config.link_timeout_ms, 1000);
	assert_int_equal(config.log_level, CONFIG_LOG_INFO);
	assert_true(config.device_memory);
	assert_false(config.settle);
	assert_string_equal(config.pin, "");
	assert_int_equal(config.advertise_count, 0);
	assert_int_equal(config.heartbeat_ms, 20);
	assert_int_equal(config.suspect_ms, 1000);
	assert_int_equal(config.step_timeout_ms, 500);
	assert_int_equal(config.takeover_ms, 2000);
	assert_int_equal(config.turn_ms, 20);
	assert_int_equal(config.lease_ms, 50);
	assert_true(config.rejoin);
	assert_int_equal(config.store_timeout_ms, 2000);
}

static void the_command_line_sets_everything(void **state)
{
	(void)state;
	assert_parsed(PARSE("--cluster", "c", "--id=65535", "--transport=verbs",
		"--listen=[::1]:7000", "--listen=host:0", "--store=file:/s", "--settle",
		"--device-memory=off", "--huge-pages=require", "--lock-memory=off",
		"--pin=0-3,8"));
	assert_int_equal(config.id, 65535);
	assert_int_equal(config.transport, CONFIG_VERBS);
	assert_int_equal(config.listen_count, 2);
	assert_string_equal(config.listen[0], "[::1]:7000");
	assert_string_equal(config.listen[1], "host:0");
	assert_string_equal(config.store, "file:/s");
	assert_true(config.settle);
	assert_false(config.device_memory);
	assert_int_equal(config.huge_pages, PAGES_REQUIRE);
	assert_int_equal(config.lock_memory, PAGES_OFF);
	assert_string_equal(config.pin, "0-3,8");
}

static void replicas_are_told_when_to_give_each_other_up(void **state)
{
	(void)state;
	assert_parsed(PARSE("--cluster=c", "--heartbeat-ms=1", "--suspect-ms=10",
		"--step-timeout-ms=10", "--takeover-ms=50", "--turn-ms=0", "--lease-ms=0",
		"--rejoin=off", "--store-timeout-ms=60000"));
	assert_int_equal(config.heartbeat_ms, 1);
	assert_int_equal(config.suspect_ms, 10);
	assert_int_equal(config.step_timeout_ms, 10);
	assert_int_equal(config.takeover_ms, 50);
	assert_int_equal(config.turn_ms, 0);
	assert_int_equal(config.lease_ms, 0);
	assert_false(config.rejoin);
	assert_int_equal(config.store_timeout_ms, 60000);
}

static void amounts_have_units(void **state)
{
	(void)state;
	assert_parsed(PARSE("--cluster=c", "--archive-dir=/a", "--archive-sync=always",
		"--archive-sync-ms=5", "--archive-segment=4G", "--archive-size=1536K",
		"--archive-age=36h", "--archive-retain=snapshot", "--stream-threads=16",
		"--stream-pin=1,3", "--tail-memory=2G", "--snapshot-max=96M"));
	assert_int_equal(config.tail_memory, UINT64_C(2) << 30);
	assert_int_equal(config.snapshot_max, UINT64_C(96) << 20);
	assert_int_equal(config.archive_retain, CONFIG_RETAIN_SNAPSHOT);
	assert_string_equal(config.archive_dir, "/a");
	assert_int_equal(config.archive_sync, ARCHIVE_SYNC_ALWAYS);
	assert_int_equal(config.archive_sync_ms, 5);
	assert_int_equal(config.archive_segment, UINT64_C(4) << 30);
	assert_int_equal(config.archive_size, 1536 * 1024);
	assert_int_equal(config.archive_age, 36 * 3600);
	assert_int_equal(config.stream_threads, 16);
	assert_string_equal(config.stream_pin, "1,3");
	assert_parsed(PARSE("--cluster=c", "--archive-size=77"));
	assert_int_equal(config.archive_size, 77);
	assert_string_equal(config.archive_dir, "/env/state");
	assert_int_equal(config.archive_sync, ARCHIVE_SYNC_INTERVAL);
	assert_int_equal(config.archive_segment, 64 << 20);
	assert_int_equal(config.archive_age, 0);
	assert_int_equal(config.archive_retain, CONFIG_RETAIN_LIMITS);
	assert_int_equal(config.stream_threads, 1);
	assert_int_equal(config.tail_memory, 1 << 30);
	assert_int_equal(config.snapshot_max, 1 << 30);
}

static void what_is_advertised_is_a_list_of_its_own(void **state)
{
	(void)state;
	assert_parsed(PARSE("--cluster=c", "--listen=*:7000", "--advertise=h1:7000",
		"--advertise=10.0.0.1:7000", "--advertise=[fd00::1]:7000",
		"--advertise=h1:7001"));
	assert_int_equal(config.listen_count, 1);
	assert_string_equal(config.listen[0], "*:7000");
	assert_int_equal(config.advertise_count, 4);
	assert_string_equal(config.advertise[0], "h1:7000");
	assert_string_equal(config.advertise[3], "h1:7001");
}

static void the_file_has_the_same_names(void **state)
{
	(void)state;
	write_file(
		"# a comment\n[pawld]\ncluster = c ; another\n\n\tid=65535\r\n"
		"transport = verbs\nlisten = [::1]:7000\nlisten = host:0\nsettle = on\n"
		"huge-pages = require\npin = near\ndevice =");
	assert_parsed(PARSE(file_option));
	assert_string_equal(config.cluster, "c");
	assert_int_equal(config.id, 65535);
	assert_int_equal(config.transport, CONFIG_VERBS);
	assert_int_equal(config.listen_count, 2);
	assert_string_equal(config.listen[1], "host:0");
	assert_true(config.settle);
	assert_int_equal(config.huge_pages, PAGES_REQUIRE);
	assert_string_equal(config.pin, "near");
}

static void the_command_line_wins_wherever_it_stands(void **state)
{
	(void)state;
	write_file("[pawld]\ncluster = c\nid = 2\nlisten = a:1\nlisten = b:1\n"
		   "counters-max = 7\n");
	assert_parsed(PARSE("--id=3", file_option, "--listen=z:9"));
	assert_int_equal(config.id, 3);
	assert_int_equal(config.listen_count, 1);
	assert_string_equal(config.listen[0], "z:9");
	assert_int_equal(config.counters_max, 7);
	assert_parsed(PARSE(file_option, "--listen="));
	assert_int_equal(config.listen_count, 0);
}

static void a_value_that_the_command_line_overrules_is_still_checked(void **state)
{
	(void)state;
	write_file("[pawld]\ncluster = c\nid = 0\n");
	assert_int_equal(PARSE(file_option, "--id=3"), -EINVAL);
	assert_non_null(strstr(err.text, ":3: id:"));
}

static void a_store_in_etcd_may_have_many_options(void **state)
{
	static char argument[] =
		"--store=etcd:https://etcd-1.example:2379,https://etcd-2.example:2379,"
		"https://etcd-3.example:2379/pawl?cacert=/etc/pawl/ca.pem&"
		"cert=/etc/pawl/pawl.pem&key=/etc/pawl/pawl.key&user=pawl&"
		"password-file=/etc/pawl/password";

	(void)state;
	assert_parsed(PARSE("--cluster=c", argument));
	assert_string_equal(config.store, strchr(argument, '=') + 1);
}

static void help_and_version_ask_for_nothing_else(void **state)
{
	(void)state;
	assert_parsed(PARSE("--help"));
	assert_int_equal(action, CONFIG_HELP);
	assert_parsed(PARSE("--version", "--bogus"));
	assert_int_equal(action, CONFIG_VERSION);
	assert_parsed(PARSE("--print-config", "--cluster=c"));
	assert_int_equal(action, CONFIG_PRINT);
}

/* The text that @write makes, to be freed. */
static char *capture(void (*write)(FILE *out))
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	write(out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void help_names_every_option_and_its_default(void **state)
{
	char *text = capture(config_help);

	(void)state;
	for (int i = 0; i < CONFIG_OPTIONS_COUNT; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "--%s", config_options[i].name);
		assert_non_null(strstr(text, name));
		assert_true(strlen(config_options[i].help) < 180); /* or it is cut */
	}
	assert_non_null(strstr(text, "Transport:"));
	assert_non_null(strstr(text, "(default 256)"));
	free(text);
}

static void print_config(FILE *out)
{
	assert_int_equal(config_print(&config, out, &err), 0);
}

/* Also holds the table to its own rules: the first configuration is all defaults. */
static void what_is_printed_reads_back_the_same(void **state)
{
	(void)state;
	for (int round = 0; round < 2; round++) {
		struct daemon_config back;
		char *text, *again;

		assert_parsed(
			round ? PARSE("--cluster=c", "--listen=a:1", "--listen=[::]:2",
					"--pin=near", "--settle", "--device=d/1",
					"--log-level=debug", "--id=77",
					"--device-memory=off", "--rejoin=off",
					"--advertise=h:1", "--archive-size=3G",
					"--archive-age=90", "--archive-segment=65537",
					"--archive-retain=snapshot")
			      : PARSE("--cluster=c"));
		text = capture(print_config);
		assert_int_equal(
			config_parse_text("p", text, strlen(text), &back, &err), 0);
		config = back;
		again = capture(print_config);
		assert_string_equal(text, again);
		free(text);
		free(again);
	}
}

static void an_output_that_takes_nothing_is_told(void **state)
{
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	assert_parsed(PARSE("--cluster=c"));
	assert_int_equal(config_print(&config, full, &err), -EIO);
	(void)fclose(full);
}

static void an_address_comes_apart(void **state)
{
	struct config_address address;

	(void)state;
	assert_int_equal(config_split_address("host:7000", &address), 0);
	assert_string_equal(address.host, "host");
	assert_int_equal(address.port, 7000);
	assert_int_equal(config_split_address("[fe80::1%eth0]:0", &address), 0);
	assert_string_equal(address.host, "fe80::1%eth0");
	assert_int_equal(address.port, 0);
}

static void a_list_of_processors_marks_just_those(void **state)
{
	uint64_t cpus[2];

	(void)state;
	assert_int_equal(config_pin_cpus("0,2-3,63-64,127", cpus, 2), 0);
	assert_int_equal(cpus[0], UINT64_C(1) << 63 | 0xd);
	assert_int_equal(cpus[1], UINT64_C(1) << 63 | 1);
	assert_int_equal(config_pin_cpus("128", cpus, 2), -EINVAL);
	assert_int_equal(config_pin_cpus("0-18446744073709551616", cpus, 2), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_cluster_is_all_one_must_name),
		STORY(the_command_line_sets_everything),
		STORY(replicas_are_told_when_to_give_each_other_up),
		STORY(what_is_advertised_is_a_list_of_its_own),
		STORY(amounts_have_units),
		STORY(the_file_has_the_same_names),
		STORY(the_command_line_wins_wherever_it_stands),
		STORY(a_value_that_the_command_line_overrules_is_still_checked),
		STORY(a_store_in_etcd_may_have_many_options),
		STORY(help_and_version_ask_for_nothing_else),
		STORY(help_names_every_option_and_its_default),
		STORY(what_is_printed_reads_back_the_same),
		STORY(an_output_that_takes_nothing_is_told),
		STORY(an_address_comes_apart),
		STORY(a_list_of_processors_marks_just_those),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
