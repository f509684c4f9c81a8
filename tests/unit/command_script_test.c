/* Transactions as people write them, and what is told of those that are none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/command/script.h"

static struct script script;
static struct script_fault fault;

static int tear_down(void **state)
{
	(void)state;
	script_end(&script);
	return 0;
}

static void parse(const char *text)
{
	if (script_parse(text, strlen(text), &script, &fault))
		fail_msg("line %u: %s", fault.line, fault.text);
}

static void bytes_are(
	const void *bytes, size_t len, const char *wanted, size_t wanted_len)
{
	assert_int_equal(len, wanted_len);
	assert_memory_equal(bytes, wanted, len);
}

static void key_is(const struct pawl_command *c, const char *key)
{
	bytes_are(c->key, c->key_len, key, strlen(key));
}

static void counts_are(unsigned int comparisons, unsigned int thens, unsigned int elses)
{
	assert_int_equal(script.transaction.comparisons_count, comparisons);
	assert_int_equal(script.transaction.thens_count, thens);
	assert_int_equal(script.transaction.elses_count, elses);
}

static void parts_go_where_they_belong(void **state)
{
	(void)state;
	parse("if a version = 17\nthen\nput a 1\nget b\nelse\ndel a\n");
	counts_are(1, 2, 1);
	assert_int_equal(script.comparisons[0].kind, PAWL_IF_VERSION);
	assert_int_equal(script.comparisons[0].number, 17);
	assert_int_equal(script.thens[0].kind, PAWL_PUT);
	key_is(&script.thens[0], "a");
	bytes_are(script.thens[0].value, script.thens[0].value_len, "1", 1);
	assert_int_equal(script.thens[1].kind, PAWL_GET);
	key_is(&script.thens[1], "b");
	assert_int_equal(script.elses[0].kind, PAWL_DELETE);
	key_is(&script.elses[0], "a");
	assert_ptr_equal(script.transaction.elses, script.elses);
}

static void operations_need_no_then(void **state)
{
	(void)state;
	parse("put a 1\nelse\nget a");
	counts_are(0, 1, 1);
}

static void comparison_is(unsigned int i, enum pawl_command_kind kind,
	enum pawl_relation relation, uint64_t number)
{
	assert_int_equal(script.comparisons[i].kind, kind);
	assert_int_equal(script.comparisons[i].option, relation);
	assert_int_equal(script.comparisons[i].number, number);
	assert_int_equal(script.comparisons[i].value_len, 0);
}

static void every_comparison_is_known(void **state)
{
	(void)state;
	parse("if k absent\nif k exists\nif k version != 1\nif k version < 2\n"
	      "if k version > 18446744073709551615\nif lock k free\nif lock k held\n"
	      "if lock k fence = 5\nif lock k holder = 0\nif k value > v\n");
	counts_are(10, 0, 0);
	for (unsigned int i = 0; i < 10; i++)
		key_is(&script.comparisons[i], "k");
	comparison_is(0, PAWL_IF_VERSION, PAWL_EQUAL, 0);
	comparison_is(1, PAWL_IF_VERSION, PAWL_NOT_EQUAL, 0);
	comparison_is(2, PAWL_IF_VERSION, PAWL_NOT_EQUAL, 1);
	comparison_is(3, PAWL_IF_VERSION, PAWL_LESS, 2);
	comparison_is(4, PAWL_IF_VERSION, PAWL_GREATER, UINT64_MAX);
	comparison_is(5, PAWL_IF_FENCE, PAWL_EQUAL, 0);
	comparison_is(6, PAWL_IF_FENCE, PAWL_NOT_EQUAL, 0);
	comparison_is(7, PAWL_IF_FENCE, PAWL_EQUAL, 5);
	comparison_is(8, PAWL_IF_HOLDER, PAWL_EQUAL, 0);
	assert_int_equal(script.comparisons[9].kind, PAWL_IF_VALUE);
	assert_int_equal(script.comparisons[9].option, PAWL_GREATER);
	bytes_are(script.comparisons[9].value, script.comparisons[9].value_len, "v", 1);
}

static void a_key_may_be_called_as_a_word_of_the_language(void **state)
{
	(void)state;
	parse("if lock absent\nif lock version = 3\nif if exists\nif lock lock free\n"
	      "put put put\nget then\n");
	counts_are(4, 2, 0);
	assert_int_equal(script.comparisons[0].kind, PAWL_IF_VERSION);
	key_is(&script.comparisons[0], "lock");
	assert_int_equal(script.comparisons[1].kind, PAWL_IF_VERSION);
	key_is(&script.comparisons[1], "lock");
	key_is(&script.comparisons[2], "if");
	assert_int_equal(script.comparisons[3].kind, PAWL_IF_FENCE);
	key_is(&script.comparisons[3], "lock");
	key_is(&script.thens[0], "put");
	key_is(&script.thens[1], "then");
}

static void quotation_marks_let_any_bytes_in(void **state)
{
	(void)state;
	parse("put \"two words\" \"a\\\"b\\\\c\\n\\r\\t\\x00\\xfF#\"\nput\t#b \"\"  \n");
	counts_are(0, 2, 0);
	key_is(&script.thens[0], "two words");
	bytes_are(script.thens[0].value, script.thens[0].value_len,
		"a\"b\\c\n\r\t\0\xff#", 11);
	key_is(&script.thens[1], "#b");
	assert_int_equal(script.thens[1].value_len, 0);
}

static void empty_lines_and_remarks_are_nothing(void **state)
{
	(void)state;
	parse("\n  # a remark \"\n\t\nget a\n\n");
	counts_are(0, 1, 0);
}

static void is_refused(const char *text, unsigned int line, const char *what)
{
	struct script other;

	if (script_parse(text, strlen(text), &other, &fault) != -EINVAL)
		fail_msg("this was taken: %s", text);
	assert_int_equal(fault.line, line);
	if (!strstr(fault.text, what))
		fail_msg("'%s' does not say '%s'", fault.text, what);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
	(void)state;
	is_refused("", 1, "neither");
	is_refused("# nothing\nthen\n", 3, "neither");
	is_refused("get a\npu b 1\n", 2, "'pu' is no operation");
	is_refused("\n\nput a", 3, "put KEY VALUE");
	is_refused("get a b", 1, "get KEY");
	is_refused("put a b c d e f", 1, "too many words");
	is_refused("get a\nif a absent", 2, "before all operations");
	is_refused("if a", 1, "write if");
	is_refused("if", 1, "write if");
	is_refused("if lock a", 1, "not 'a'");
	is_refused("if lock", 1, "write if");
	is_refused("if a b c", 1, "write if");
	is_refused("if a b c d", 1, "no relation");
	is_refused("if a gone", 1, "'gone'");
	is_refused("if lock a absent", 1, "'absent'");
	is_refused("if a version == 1", 1, "'=='");
	is_refused("if a size = 1", 1, "'size'");
	is_refused("if lock a version = 1", 1, "'version'");
	is_refused("if lock a value = 1", 1, "'value'");
	is_refused("if a version = x1", 1, "'x1' is not a number");
	is_refused("if a version = \"\"", 1, "'' is not a number");
	is_refused("if a version = 18446744073709551616", 1, "not a number");
	is_refused("get \"\"", 1, "empty");
	is_refused("if \"\" absent", 1, "empty");
	is_refused("get a\nthen", 2, "then comes once");
	is_refused("get a\nelse\nelse", 3, "else comes once");
	is_refused("else\nthen\nget a", 2, "then comes once");
	is_refused("then get a", 1, "line of their own");
	is_refused("get \"a", 1, "quotation mark");
	is_refused("get \"a\"b", 1, "blank");
	is_refused("get \"a\\q\"", 1, "backslash");
	is_refused("get \"a\\", 1, "backslash");
	is_refused("get \"\\x1\"", 1, "hexadecimal");
	is_refused("get a\nput a 1", 2, "'a' is in this branch");
}

static void a_key_may_be_in_both_branches(void **state)
{
	(void)state;
	parse("put a 1\nelse\nput a 2");
	counts_are(0, 1, 1);
}

static void there_can_be_so_many_and_no_more(void **state)
{
	static char text[PAWL_OPERATIONS_MAX * 16 + 100];
	size_t len = 0;

	(void)state;
	for (int i = 0; i < PAWL_OPERATIONS_MAX; i++)
		len += (size_t)sprintf(text + len, "get k%d\n", i);
	parse(text);
	counts_are(0, PAWL_OPERATIONS_MAX, 0);
	(void)sprintf(text + len, "get one\n");
	is_refused(text, PAWL_OPERATIONS_MAX + 1, "more than 128 operations");
	len = 0;
	for (int i = 0; i <= PAWL_OPERATIONS_MAX; i++)
		len += (size_t)sprintf(text + len, "if k exists\n");
	is_refused(text, PAWL_OPERATIONS_MAX + 1, "more than 128 comparisons");
}

static void a_long_word_is_told_in_part(void **state)
{
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	is_refused(text, 1, "xxx' is no operation");
}

#define STORY(story) cmocka_unit_test_teardown(story, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(parts_go_where_they_belong),
		STORY(operations_need_no_then),
		STORY(every_comparison_is_known),
		STORY(a_key_may_be_called_as_a_word_of_the_language),
		STORY(quotation_marks_let_any_bytes_in),
		STORY(empty_lines_and_remarks_are_nothing),
		STORY(what_is_wrong_is_told_with_its_line),
		STORY(a_key_may_be_in_both_branches),
		STORY(there_can_be_so_many_and_no_more),
		STORY(a_long_word_is_told_in_part),
	};

	return cmocka_run_group_tests_name("command_script", tests, NULL, NULL);
}
