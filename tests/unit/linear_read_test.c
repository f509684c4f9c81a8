/* Histories in files: what docs/histories.md says, and nothing else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/linear/events.h"
#include "tests/linear/read.h"
#include "tests/unit/linear_rig.h"

static uint32_t line;

/* Quotes are written as apostrophes, which are easier on the eye. */
static int lines_read(const char *const *lines, struct events *events)
{
	char text[512];
	int rc = 0;

	for (; *lines && !rc; lines++) {
		(void)snprintf(text, sizeof(text), "%s", *lines);
		for (char *c = text; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		rc = read_line(history, text, strlen(text), ++line, &err);
		if (!rc && events)
			rc = events_add(events, text, strlen(text));
	}
	return rc;
}

#define READ(...) \
	assert_int_equal(lines_read((const char *[]){__VA_ARGS__, NULL}, NULL), 0)

static void refused(const char *text, const char *why)
{
	assert_int_equal(lines_read((const char *[]){text, NULL}, NULL), -EINVAL);
	if (!strstr(err.text, why))
		print_error("%s\n", err.text);
	assert_non_null(strstr(err.text, why));
}

#define AT(from, to) "'process': 1, 'invoked': " #from ", 'returned': " #to ", "

static void registers_are_read(void **state)
{
	(void)state;
	READ("", "{" AT(1, 2) "'op': 'put', 'key': 'a', 'value': '1', 'position': 4}",
		"{" AT(3, 4) "'op': 'get', 'key': 'a', 'read': 'tail', 'result': '1', "
			     "'version': 4}",
		"{" AT(5, 6) "'op': 'cas', 'key': 'a', 'expect': '1', 'value': '2', "
			     "'done': true}",
		"{" AT(7, 8) "'op': 'cas', 'key': 'a', 'expect_version': 4, 'value': '3',"
			     "'done': false, 'result': '2'}",
		"{" AT(9, 10) "'op': 'delete', 'key': 'a', 'done': true}",
		"{" AT(11, 12) "'op': 'get', 'key': 'a', 'result': null, 'note': {'x': "
			       "[1]}}");
	good();
	assert_int_equal(report.operations, 6);
	READ("{" AT(13, 14) "'op': 'get', 'key': 'a', 'result': '1'}");
	bad("line 8");
}

static void versions_are_read(void **state)
{
	(void)state;
	READ("{" AT(1, 2) "'op': 'put', 'key': 'a', 'value': '1', 'position': 4}",
		"{" AT(3, 4) "'op': 'get', 'key': 'a', 'result': '1', 'version': 5}");
	bad("of 5");
}

static void local_reads_are_read(void **state)
{
	(void)state;
	READ("{" AT(1, 2) "'op': 'get', 'key': 'a', 'read': 'local', 'result': '1'}");
	good();
	READ("{" AT(1, 2) "'op': 'get', 'key': 'a', 'read': 'sync', 'result': '1'}");
	bad("line 2");
}

static void claims_locks_and_fences_are_read(void **state)
{
	(void)state;
	READ("{" AT(1, 2) "'op': 'claim', 'key': 'ann', 'value': 'p1', 'done': true}",
		"{" AT(3, 4) "'op': 'claim', 'key': 'ann', 'value': 'p2', 'done': false,"
			     "'result': 'p1'}",
		"{" AT(5, 6) "'op': 'lock', 'key': 'L', 'owner': 's1', 'done': true, "
			     "'token': 4}",
		"{" AT(7, 8) "'op': 'unlock', 'key': 'L', 'owner': 's1', 'token': 3,"
			     "'done': false}",
		"{" AT(9, 10) "'op': 'expire', 'keys': ['L', 'M'], 'owner': 's1'}",
		"{" AT(11, 12) "'op': 'lock', 'key': 'L', 'owner': 's2', 'done': true,"
			       "'position': 9}",
		"{" AT(13, 14) "'op': 'fence', 'key': 'f', 'token': 9, 'done': true}",
		"{" AT(15, 16) "'op': 'fence', 'key': 'f', 'token': 4, 'done': false}");
	good();
	READ("{" AT(17, 18) "'op': 'lock', 'key': 'L', 'owner': 's3', 'done': true}");
	bad("line 9");
}

static void a_token_is_read(void **state)
{
	(void)state;
	READ("{" AT(1, 2) "'op': 'lock', 'key': 'L', 'owner': 's1', 'done': true, "
			  "'token': 4}",
		"{" AT(3, 4) "'op': 'unlock', 'key': 'L', 'owner': 's1', 'token': 4,"
			     "'done': true}",
		"{" AT(5, 6) "'op': 'lock', 'key': 'L', 'owner': 's1', 'done': true, "
			     "'token': 3}");
	bad("position 3");
}

static void transactions_and_lists_are_read(void **state)
{
	(void)state;
	READ("{" AT(1, 2) "'op': 'txn', 'compare': [{'key': 'u/a', 'exists': false},"
			  "{'key': 'u/b', 'version': 0}], 'then': [{'op': 'put', 'key': "
			  "'u/a',"
			  "'value': '1'}, {'op': 'get', 'key': 'u/a'}], 'else': [], "
			  "'done': true,"
			  "'result': [{'value': '1'}]}",
		"{" AT(3, 4) "'op': 'txn', 'compare': [{'key': 'u/a', 'value': '2'}], "
			     "'then': [],"
			     "'else': [{'op': 'delete', 'key': 'u/b'}], 'done': false}",
		"{" AT(5, 6) "'op': 'txn', 'compare': [{'key': 'u/a', 'exists': true}],"
			     "'then': [], 'done': true}",
		"{" AT(7, 8) "'op': 'list', 'prefix': 'u/', 'result': [{'key': 'u/a',"
			     "'value': '1'}]}");
	good();
	READ("{" AT(9, 10) "'op': 'list', 'prefix': 'u/', 'result': []}");
	bad("line 5");
}

static void outcomes_are_read(void **state)
{
	(void)state;
	READ("{'process': 1, 'invoked': 1, 'op': 'put', 'key': 'a', 'value': '1',"
	     "'outcome': 'unknown', 'returned': null}",
		"{'process': 1, 'invoked': 1, 'op': 'put', 'key': 'a', 'value': '2',"
		"'outcome': 'failed'}",
		"{" AT(3, 4) "'op': 'get', 'key': 'a', 'result': '1', 'outcome': 'ok'}");
	good();
	READ("{" AT(5, 6) "'op': 'get', 'key': 'a', 'result': '2'}");
	bad("line 4");
}

static void what_is_not_an_operation_is_refused(void **state)
{
	(void)state;
	refused("{", "line 1: not a JSON object");
	refused("[1]", "it is something else");
	refused("{" AT(1, 2) "'op': 'get', 'op': 'put'}", "not a JSON object");
	refused("{" AT(1, 2) "'op': 'git', 'key': 'a'}", "\"op\" is not one of");
	refused("{" AT(1, 2) "'op': 'get', 'kye': 'a'}", "\"kye\" is not known");
	refused("{" AT(1, 2) "'op': 'get'}", "has no key");
	refused("{" AT(1, 2) "'op': 'put', 'key': 'a'}", "has no value");
	refused("{" AT(1, 2) "'op': 'get', 'key': 7}", "neither a string nor null");
	refused("{" AT(-1, 2) "'op': 'get', 'key': 'a'}", "\"invoked\" is not a number");
	refused("{'process': 1, 'op': 'get', 'key': 'a'}", "\"invoked\" is missing");
	refused("{'invoked': 1, 'op': 'get', 'key': 'a'}", "\"process\" is missing");
	refused("{'process': 1, 'invoked': 1, 'op': 'get', 'key': 'a'}",
		"\"returned\" is missing");
	refused("{" AT(2, 1) "'op': 'get', 'key': 'a'}",
		"returned before it was invoked");
	refused("{" AT(1, 2) "'op': 'get', 'key': 'a', 'read': 'fast'}",
		"\"read\" is not one");
	refused("{" AT(1, 2) "'op': 'get', 'key': 'a', 'token': 1}",
		"\"token\" does not belong");
	refused("{" AT(1, 2) "'op': 'claim', 'key': 'a', 'value': '1', 'done': 1}",
		"\"done\" is neither");
	refused("{" AT(1, 2) "'op': 'txn', 'compare': [{'key': 'a'}]}",
		"compares with nothing");
	refused("{" AT(1, 2) "'op': 'txn', 'then': {}}", "\"then\" is not a list");
	refused("{" AT(1, 2) "'op': 'txn', 'then': [{'op': 'put', 'key': 'a'}]}",
		"has no value");
	refused("{" AT(1, 2) "'op': 'txn', 'then': [{'op': 'get', 'key': 'a'}], "
			     "'result': [{}, {}]}",
		"2 values for 1 gets");
	refused("{" AT(1, 2) "'op': 'expire', 'keys': [1], 'owner': 's'}",
		"not a string");
}

static void events_are(const char *wanted, struct events *events)
{
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);

	assert_non_null(stream);
	assert_int_equal(events_print(events, stream), 0);
	assert_int_equal(fclose(stream), 0);
	for (char *c = text; *c; c++)
		*c = *c == '"' ? '\'' : *c;
	assert_string_equal(text, wanted);
	free(text);
	events_end(events);
}

/* The process of the first is never heard of again, as outside checkers have it. */
static void a_history_is_told_as_events(void **state)
{
	struct events events = {0};

	(void)state;
	assert_int_equal(
		lines_read(
			(const char *[]){
				"{'process': 7, 'invoked': 1, 'op': 'put', 'key': 'a',"
				"'value': '1', 'outcome': 'unknown'}",
				"{" AT(2, 5) "'op': 'get', 'key': 'a', 'result': '1'}",
				"",
				"{" AT(6, 9) "'op': 'cas', 'key': 'a', 'expect': '0',"
					     "'value': '2', 'done': false}",
				NULL},
			&events),
		0);
	events_are(
		"{'index':0,'type':'invoke','process':0,'f':'write','value':['a','1'],'"
		"time':1}\n"
		"{'index':1,'type':'invoke','process':1,'f':'read','value':['a',null],'"
		"time':2}\n"
		"{'index':2,'type':'ok','process':1,'f':'read','value':['a','1'],'time':"
		"5}\n"
		"{'index':3,'type':'invoke','process':1,'f':'cas','value':['a',['0','2']]"
		","
		"'time':6}\n"
		"{'index':4,'type':'fail','process':1,'f':'cas','value':['a',['0','2']],"
		"'time':9}\n"
		"{'index':5,'type':'info','process':0,'f':'write','value':['a','1'],'"
		"time':9}\n",
		&events);
}

static void other_operations_are_told_whole(void **state)
{
	struct events events = {0};

	(void)state;
	assert_int_equal(
		lines_read((const char *[]){"{" AT(1, 2) "'op': 'claim', 'key': 'ann',"
							 "'value': 'p', 'done': true}",
				   NULL},
			&events),
		0);
	events_are(
		"{'index':0,'type':'invoke','process':0,'f':'claim','value':{'key':'ann',"
		"'value':'p'},'time':1}\n"
		"{'index':1,'type':'ok','process':0,'f':'claim','value':{'key':'ann',"
		"'value':'p','done':true},'time':2}\n",
		&events);
}

static int begin_lines(void **state)
{
	line = 0;
	return begin(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_lines, end)
	const struct CMUnitTest tests[] = {
		TEST(registers_are_read),
		TEST(versions_are_read),
		TEST(local_reads_are_read),
		TEST(claims_locks_and_fences_are_read),
		TEST(a_token_is_read),
		TEST(transactions_and_lists_are_read),
		TEST(outcomes_are_read),
		TEST(what_is_not_an_operation_is_refused),
		TEST(a_history_is_told_as_events),
		TEST(other_operations_are_told_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
