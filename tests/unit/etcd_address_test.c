/* Addresses of etcd stores, as people write them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sequencer/store/etcd_address.h"

static void assert_refused(const char *text)
{
	struct etcd_address address = {.endpoints_count = 99};
	struct error err = {.text = ""};

	if (etcd_address_parse(text, &address, &err) != -EINVAL)
		fail_msg("'%s' was taken", text);
	assert_int_equal(address.endpoints_count, 99);
	assert_non_null(strstr(err.text, "etcd:"));
}

static void a_short_address_is_read(void **state)
{
	struct etcd_address address;

	(void)state;
	assert_int_equal(
		etcd_address_parse("etcd:http://127.0.0.1:2379/pawl", &address, NULL), 0);
	assert_int_equal(address.endpoints_count, 1);
	assert_string_equal(address.endpoints[0], "http://127.0.0.1:2379");
	assert_string_equal(address.prefix, "pawl");
	assert_string_equal(address.cacert, "");
	assert_string_equal(address.user, "");
}

static void every_part_is_read(void **state)
{
	struct etcd_address address;

	(void)state;
	assert_int_equal(
		etcd_address_parse("etcd:https://h-1.example:1,https://[::1]:65535"
				   "/a/b_c.d?key=/k&user=me@here&cert=/c"
				   "&password-file=/p=w&cacert=/ca",
			&address, NULL),
		0);
	assert_int_equal(address.endpoints_count, 2);
	assert_string_equal(address.endpoints[0], "https://h-1.example:1");
	assert_string_equal(address.endpoints[1], "https://[::1]:65535");
	assert_string_equal(address.prefix, "a/b_c.d");
	assert_string_equal(address.cacert, "/ca");
	assert_string_equal(address.cert, "/c");
	assert_string_equal(address.key, "/k");
	assert_string_equal(address.user, "me@here");
	assert_string_equal(address.password_file, "/p=w");
}

static void anything_else_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"etcd",
		"etcd:",
		"etcd:host",
		"file:/x",
		" etcd:http://h:1/p",
		"etcd:h:1/p",
		"etcd:ftp://h:1/p",
		"etcd:HTTP://h:1/p",
		"etcd:http:///p",
		"etcd:http://h/p",
		"etcd:http://h:/p",
		"etcd:http://h:0/p",
		"etcd:http://h:01/p",
		"etcd:http://h:65536/p",
		"etcd:http://h:123456/p",
		"etcd:http://h:1x/p",
		"etcd:http://h:-1/p",
		"etcd:http://-h:1/p",
		"etcd:http://.h:1/p",
		"etcd:http://u:p@h:1/p",
		"etcd:http://h h:1/p",
		"etcd:http://::1:1/p",
		"etcd:http://[::1:1/p",
		"etcd:http://[]:1/p",
		"etcd:http://[1.2.3.4]:1/p",
		"etcd:http://[fe80::1%eth0]:1/p",
		"etcd:http://h:1",
		"etcd:http://h:1/",
		"etcd:http://h:1//p",
		"etcd:http://h:1/p/",
		"etcd:http://h:1/../p",
		"etcd:http://h:1/p/./q",
		"etcd:http://h:1/-p",
		"etcd:http://h:1/p q",
		"etcd:http://h:1/p\n",
		"etcd:http://h:1/p#x",
		"etcd:http://h:1,/p",
		"etcd:,http://h:1/p",
		"etcd:http://h:1 ,http://h:2/p",
		"etcd:http://h:1/p?",
		"etcd:http://h:1/p?x=y",
		"etcd:http://h:1/p?user",
		"etcd:http://h:1/p?user=",
		"etcd:http://h:1/p?user=me",
		"etcd:http://h:1/p?password-file=/f",
		"etcd:http://h:1/p?user=me&password-file=f",
		"etcd:http://h:1/p?user=me&password-file=/f&",
		"etcd:http://h:1/p?user=me&&password-file=/f",
		"etcd:http://h:1/p?user=me&user=me&password-file=/f",
		"etcd:http://h:1/p?user=m e&password-file=/f",
		"etcd:http://h:1/p?user=m%20e&password-file=/f",
		"etcd:http://h:1/p?user=me&password-file=/f;",
		"etcd:http://h:1/p?user=me&password-file=/f\x7f",
		"etcd:http://h:1/p?user=me&password-file=/\xc3\xa4",
		"etcd:http://h:1/p?cacert=/ca",
		"etcd:https://h:1,http://h:2/p?cacert=/ca",
		"etcd:https://h:1/p?cacert=ca",
		"etcd:https://h:1/p?cert=/c",
		"etcd:https://h:1/p?key=/k",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused(texts[i]);
}

static void what_is_too_much_is_refused(void **state)
{
	struct etcd_address address;
	char text[2048] = "etcd:http://h:1";

	(void)state;
	for (int i = 1; i < ETCD_ENDPOINTS_MAX; i++)
		strcat(text, ",http://h:1");
	strcat(text, "/p");
	assert_int_equal(etcd_address_parse(text, &address, NULL), 0);
	strcpy(strrchr(text, '/'), ",http://h:1/p");
	assert_refused(text);
	(void)snprintf(
		text, sizeof(text), "etcd:http://h:1/%0*d", ETCD_PREFIX_SIZE - 1, 0);
	assert_int_equal(etcd_address_parse(text, &address, NULL), 0);
	strcat(text, "0");
	assert_refused(text);
	(void)snprintf(text, sizeof(text), "etcd:http://%0*d:1/p", ETCD_URL_SIZE, 0);
	assert_refused(text);
	(void)snprintf(text, sizeof(text), "etcd:https://h:1/p?cacert=/%0*d",
		ETCD_OPTION_SIZE, 0);
	assert_refused(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_address_is_read),
		cmocka_unit_test(every_part_is_read),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(what_is_too_much_is_refused),
	};

	return cmocka_run_group_tests_name("etcd_address", tests, NULL, NULL);
}
