/* What pawld is told: the command line, the file, which one wins, and what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "sequencer/daemon/config.h"
#include "sequencer/daemon/config_options.h"
#include "tests/scratch.h"

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)
#define ARGUMENTS_MAX 12

static struct scratch scratch;
static char file[160], file_option[180];
static struct daemon_config config;
static enum config_action action;
static struct error err;

static int set_up(void **state)
{
	(void)state;
	(void)setenv("PAWL_RUNTIME_DIR", "/env/run", 1);
	(void)setenv("PAWL_STATE_DIR", "/env/state", 1);
	err.text[0] = '\0';
	if (scratch_make(&scratch))
		return -1;
	(void)snprintf(file, sizeof(file), "%s/pawld.conf", scratch.path);
	(void)snprintf(file_option, sizeof(file_option), "--config=%s", file);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(&scratch);
	return 0;
}

static void write_file(const char *text)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

/* The arguments, up to a NULL, as a command line of their own. */
static int parse(const char *const *arguments)
{
	char *argv[ARGUMENTS_MAX + 2];
	int argc = 0, rc;

	argv[argc++] = strdup("pawld");
	while (argc <= ARGUMENTS_MAX && arguments[argc - 1]) {
		argv[argc] = strdup(arguments[argc - 1]);
		argc++;
	}
	argv[argc] = NULL;
	rc = config_parse(argc, argv, &config, &action, &err);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return rc;
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void assert_parsed(int rc)
{
	if (rc)
		fail_msg("%s", err.text);
}

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

static void assert_refused(const char *argument, const char *part)
{
	if (PARSE("--cluster=c", argument) != -EINVAL)
		fail_msg("%s is taken", argument);
	if (!strstr(err.text, part))
		fail_msg("%s: '%s' lacks '%s'", argument, err.text, part);
	assert_null(strchr(err.text, '\n'));
}

static void a_bad_argument_is_named_with_what_would_do(void **state)
{
	static const char *const bad[][2] = {
		{"--bogus", "--bogus: is no option"},
		{"--bogus=1", "--bogus=1: is no option"},
		{"--id", "--id: needs a value"},
		{"--config", "--config: needs a value"},
		{"--print-config=yes", "--print-config=yes: "},
		{"stray", "stray: is no option"},
		{"-x", "-x: is no option"},
		{"--cluster=d", "--cluster: is there twice"},
		{"--id=0", "1..65535"},
		{"--id=65536", "1..65535"},
		{"--id=-1", "1..65535"},
		{"--id=+1", "1..65535"},
		{"--id= 1", "1..65535"},
		{"--id=1x", "1..65535"},
		{"--id=", "1..65535"},
		{"--id=99999999999999999999", "1..65535"},
		{"--counters-max=4097", "1..4096"},
		{"--sessions-max=0", "1..4096"},
		{"--device-port=65536", "0..65535"},
		{"--link-timeout-ms=0", "1..60000"},
		{"--transport=tcp", "shm|verbs"},
		{"--huge-pages=yes", "auto|off|require"},
		{"--log-level=", "error|warning|info|debug"},
		{"--settle=1", "on|off"},
		{"--device-memory=", "on|off"},
		{"--store=etcd:host", "etcd:https://"},
		{"--store=etcd:http://h:1/p?user=me", "etcd:https://"},
		{"--store=file:relative", "file:"},
		{"--runtime-dir=relative", "absolute"},
		{"--memory-dir=relative", "absolute"},
		{"--memory-dir=", "/dev/shm"},
		{"--listen=host", "host:port"},
		{"--listen=host:", "host:port"},
		{"--listen=:1", "host:port"},
		{"--listen=host:65536", "host:port"},
		{"--listen=host:-1", "host:port"},
		{"--listen=::1:7000", "host:port"},
		{"--listen=[::1:7000", "host:port"},
		{"--advertise=host", "host:port"},
		{"--advertise=host:0", "port 0"},
		{"--advertise=*:7000", "no *"},
		{"--advertise=0.0.0.0:7000", "no *"},
		{"--advertise=[::]:7000", "no *"},
		{"--heartbeat-ms=0", "1..10000"},
		{"--heartbeat-ms=501", "two heartbeats of 501 ms"},
		{"--suspect-ms=9", "10..600000"},
		{"--suspect-ms=39", "two heartbeats of 20 ms"},
		{"--step-timeout-ms=9", "10..60000"},
		{"--takeover-ms=49", "50..600000"},
		{"--turn-ms=10001", "0..10000"},
		{"--lease-ms=60001", "0..60000"},
		{"--rejoin=yes", "on|off"},
		{"--store-timeout-ms=9", "10..60000"},
		{"--device-address=name", "IPv4"},
		{"--group=a b", "group"},
		{"--pin=far", "processors"},
		{"--pin=3-1", "processors"},
		{"--pin=1,", "processors"},
		{"--pin=1-", "processors"},
		{"--pin=1024", "processors"},
		{"--device=a;b", "';'"},
		{"--device= a", "blank"},
		{"--device=a\nb", "printable"},
		{"--device=\xc3\xa4", "printable"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(bad[i][0], bad[i][1]);
}

static void a_cluster_is_required(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--id=2"), -EINVAL);
	assert_non_null(strstr(err.text, "cluster"));
	assert_int_equal(PARSE("--cluster="), -EINVAL);
	assert_int_equal(PARSE("--cluster=.c"), -EINVAL);
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

static void a_text_that_is_too_long_is_refused(void **state)
{
	char argument[2 * CONFIG_TEXT_SIZE] = "--device=";
	size_t name_len = strlen(argument);

	(void)state;
	memset(argument + name_len, 'd', CONFIG_TEXT_SIZE - 1);
	assert_parsed(PARSE("--cluster=c", argument));
	assert_int_equal(strlen(config.device), CONFIG_TEXT_SIZE - 1);
	argument[name_len + CONFIG_TEXT_SIZE - 1] = 'd';
	assert_refused(argument, "159 bytes");
}

static void an_address_too_many_and_one_twice_are_refused(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--cluster=c", "--listen=a:1", "--listen=a:1"), -EINVAL);
	assert_int_equal(PARSE("--cluster=c", "--listen=a:1", "--listen=a:2",
				 "--listen=a:3", "--listen=a:4"),
		-EINVAL);
	assert_non_null(strstr(err.text, "there are 3 addresses"));
	assert_int_equal(
		PARSE("--cluster=c", "--advertise=a:1", "--advertise=a:1"), -EINVAL);
	assert_int_equal(PARSE("--cluster=c", "--advertise=a:1", "--advertise=a:2",
				 "--advertise=a:3", "--advertise=a:4", "--advertise=a:5"),
		-EINVAL);
	assert_non_null(strstr(err.text, "there are 4 addresses"));
}

static void a_runtime_directory_too_long_for_a_socket_is_refused(void **state)
{
	char argument[140] = "--runtime-dir=/";

	(void)state;
	memset(argument + strlen(argument), 'r', 110);
	assert_refused(argument, "107 bytes");
}

static void assert_file_refused(const char *text, const char *part)
{
	struct daemon_config ignored;

	if (config_parse_text("f.conf", text, strlen(text), &ignored, &err) != -EINVAL)
		fail_msg("%s is taken", text);
	if (!strstr(err.text, part))
		fail_msg("'%s' lacks '%s'", err.text, part);
}

static void a_bad_line_is_named_by_file_and_number(void **state)
{
	static const char *const bad[][2] = {
		{"", "cluster: is missing"},
		{"cluster = c\n", "f.conf:1: stands before"},
		{"[pawl]\ncluster = c\n", "f.conf:2: section [pawl]"},
		{"[pawld]\ncluster = c\nclustre = c\n",
			"f.conf:3: no key is called 'clustre'"},
		{"[pawld]\ncluster = c\nconfig = x\n",
			"f.conf:3: no key is called 'config'"},
		{"[pawld]\ncluster = c\n\ncluster = c\n",
			"f.conf:4: cluster: is there twice"},
		{"[pawld]\ncluster = c\nid = 1\n id = 1\n",
			"f.conf:4: id: is there twice"},
		{"[pawld]\nid = zero\n", "f.conf:2: id: 'zero'"},
		{"[pawld]\ncluster\n", "f.conf:2: is neither"},
		{"[pawld\ncluster = c\n", "f.conf:2: stands before"},
		{"[pawld]\nlisten = a:1\nlisten = b\n", "f.conf:3: listen: 'b'"},
		{"[pawld]\nid =\n", "f.conf:2: id: ''"},
		{"[pawld]\ndevice = a\tb\n", "f.conf:2: device:"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_file_refused(bad[i][0], bad[i][1]);
}

static void a_line_too_long_is_refused_and_not_cut(void **state)
{
	char text[600] = "[pawld]\ncluster = c\ndevice = ";

	(void)state;
	memset(text + strlen(text), 'd', 300);
	assert_file_refused(text, "f.conf:3: line is longer than");
}

static void a_zero_byte_is_refused(void **state)
{
	const char text[] = "[pawld]\ncluster = c\0d\n";
	struct daemon_config ignored;

	(void)state;
	assert_int_equal(
		config_parse_text("f.conf", text, sizeof(text) - 1, &ignored, &err),
		-EINVAL);
	assert_non_null(strstr(err.text, "f.conf:2:"));
}

static void a_file_that_is_none_is_named(void **state)
{
	char large[70000];

	(void)state;
	assert_int_equal(PARSE("--cluster=c", file_option), -ENOENT);
	assert_non_null(strstr(err.text, file));
	assert_int_equal(PARSE("--cluster=c", "--config=/"), -EISDIR);
	assert_int_equal(PARSE("--cluster=c", "--config=/dev/zero"), -EINVAL);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_equal(PARSE("--cluster=c", file_option), -EINVAL);
	assert_int_equal(remove(file), 0);
	memset(large, '\n', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	write_file(large);
	assert_int_equal(PARSE("--cluster=c", file_option), -EFBIG);
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

		assert_parsed(round ? PARSE("--cluster=c", "--listen=a:1",
					      "--listen=[::]:2", "--pin=near", "--settle",
					      "--device=d/1", "--log-level=debug",
					      "--id=77", "--device-memory=off",
					      "--rejoin=off", "--advertise=h:1")
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
		STORY(the_file_has_the_same_names),
		STORY(the_command_line_wins_wherever_it_stands),
		STORY(a_value_that_the_command_line_overrules_is_still_checked),
		STORY(a_bad_argument_is_named_with_what_would_do),
		STORY(a_cluster_is_required),
		STORY(a_store_in_etcd_may_have_many_options),
		STORY(a_text_that_is_too_long_is_refused),
		STORY(an_address_too_many_and_one_twice_are_refused),
		STORY(a_runtime_directory_too_long_for_a_socket_is_refused),
		STORY(a_bad_line_is_named_by_file_and_number),
		STORY(a_line_too_long_is_refused_and_not_cut),
		STORY(a_zero_byte_is_refused),
		STORY(a_file_that_is_none_is_named),
		STORY(help_and_version_ask_for_nothing_else),
		STORY(help_names_every_option_and_its_default),
		STORY(what_is_printed_reads_back_the_same),
		STORY(an_output_that_takes_nothing_is_told),
		STORY(an_address_comes_apart),
		STORY(a_list_of_processors_marks_just_those),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
