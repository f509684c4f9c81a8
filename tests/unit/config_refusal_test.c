/* What pawld refuses to be told, and that it says where and why. */
#include "tests/unit/config_rig.h"

#include <sys/stat.h>

static void assert_refused(const char *argument, const char *part)
{
	if (PARSE("--cluster=c", argument) != -EINVAL)
		fail_msg("%s is taken", argument);
	if (!strstr(err.text, part))
		fail_msg("%s: '%s' lacks '%s'", argument, err.text, part);
	assert_null(strchr(err.text, '\n'));
}

/* An argument, and a part of what is said of it. */
static const char *const bad_arguments[][2] = {
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
	{"--stream-threads=17", "1..16"},
	{"--stream-pin=near", "is no list of processors"},
	{"--archive-dir=a", "is no absolute path"},
	{"--archive-segment=63K", "64K to 4G"},
	{"--archive-segment=5G", "64K to 4G"},
	{"--archive-size=1X", "a number with K, M, G or T"},
	{"--archive-size=-1", "a number with K, M, G or T"},
	{"--archive-size=M", "a number with K, M, G or T"},
	{"--archive-size=99999999999T", "a number with K, M, G or T"},
	{"--snapshot-max=63K", "use 64K to 1T"},
	{"--snapshot-max=1025G", "use 64K to 1T"},
	{"--tail-memory=much", "a number with K, M, G or T"},
	{"--archive-retain=all", "is not limits or snapshot"},
	{"--archive-age=1w", "a number with s, m, h or d"},
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

static void a_bad_argument_is_named_with_what_would_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_arguments) / sizeof(bad_arguments[0]); i++)
		assert_refused(bad_arguments[i][0], bad_arguments[i][1]);
}

static void a_cluster_is_required(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--id=2"), -EINVAL);
	assert_non_null(strstr(err.text, "cluster"));
	assert_int_equal(PARSE("--cluster="), -EINVAL);
	assert_int_equal(PARSE("--cluster=.c"), -EINVAL);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_bad_argument_is_named_with_what_would_do),
		STORY(a_cluster_is_required),
		STORY(a_text_that_is_too_long_is_refused),
		STORY(an_address_too_many_and_one_twice_are_refused),
		STORY(a_runtime_directory_too_long_for_a_socket_is_refused),
		STORY(a_bad_line_is_named_by_file_and_number),
		STORY(a_line_too_long_is_refused_and_not_cut),
		STORY(a_zero_byte_is_refused),
		STORY(a_file_that_is_none_is_named),
	};

	return cmocka_run_group_tests_name("config refusals", tests, NULL, NULL);
}
