/* Many keys on their way into a store, which does what the test wants. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/command/command.h"
#include "client/command/kv.h"
#include "tests/unit/fake_command.h"

#define SENT_MAX 1000
#define IN_FLIGHT_MAX 100

/* The store: what was submitted, each time, and how it answers. */
static struct {
	struct {
		char text[40]; /* key, '=' and value */
		uint64_t cookie;
	} at[SENT_MAX];
	unsigned int submitted;
	unsigned int decided; /* in the order of submission */
	uint64_t version;
	unsigned int forgets_at; /* so many submissions; then it has lost the publisher */
	bool forgotten;
	unsigned int refuses_at;  /* a submission that can not be */
	unsigned int silent_from; /* submissions that are not answered, */
	unsigned int in_log;	  /*   but up to this one are in the log */
	uint64_t status_cookie;	  /* the line with another outcome, */
	int status;		  /*   and which */
	pawl_store_outcome_fn on_outcome;
	void *context;
	bool existing;
} store;

static char printed[4096];
static const char *words[1];
static struct kvcmd_arguments arguments;
static struct kvcmd kv;

int target_fail(const struct target *t)
{
	return command_fail("%s: the store has failed", t->text);
}

const char *pawl_errmsg(const struct pawl *pawl)
{
	(void)pawl;
	return "a reason";
}

void pawl_store_limits_get(const struct pawl_store *s, struct pawl_store_limits *limits_p)
{
	(void)s;
	*limits_p = (struct pawl_store_limits){.key_max = 10, .value_max = 20};
}

int kvcmd_open(struct kvcmd *k, const struct pawl_store_options *options, bool existing)
{
	(void)k;
	store.on_outcome = options->on_outcome;
	store.context = options->outcome_context;
	store.existing = existing;
	return COMMAND_OK;
}

void kvcmd_item_print(const struct kvcmd *k, const struct kvcmd_item *item)
{
	size_t len = strlen(printed);

	(void)k;
	(void)snprintf(printed + len, sizeof(printed) - len, "%lu %.*s,",
		(unsigned long)item->reply->version, (int)item->key_len,
		(const char *)item->key);
}

static void tell(unsigned int i, int status)
{
	struct pawl_store_outcome o = {.cookie = store.at[i].cookie, .status = status};

	if (status == 0 && o.cookie == store.status_cookie)
		o.status = store.status;
	if (o.status == 0)
		o.reply.version = ++store.version;
	store.on_outcome(store.context, &o);
}

int pawl_store_submit(
	struct pawl_store *s, const struct pawl_command *command, uint64_t cookie)
{
	(void)s;
	if (store.forgotten ||
		(store.forgets_at && store.submitted == store.forgets_at)) {
		store.forgotten = true;
		return -ESTALE;
	}
	if (store.refuses_at && store.submitted + 1 == store.refuses_at)
		return -EINVAL;
	if (store.submitted - store.decided == IN_FLIGHT_MAX)
		return -EAGAIN;
	assert_true(store.submitted < SENT_MAX);
	store.at[store.submitted].cookie = cookie;
	(void)snprintf(store.at[store.submitted++].text, sizeof(store.at[0].text),
		"%.*s=%.*s", (int)command->key_len, (const char *)command->key,
		(int)command->value_len,
		command->value ? (const char *)command->value : "");
	return 0;
}

int pawl_store_poll(struct pawl_store *s, int max, int *count_p)
{
	(void)s;
	*count_p = 0;
	while (!store.forgotten && store.decided < store.submitted && *count_p < max &&
		(!store.silent_from || store.decided + 1 < store.silent_from)) {
		tell(store.decided++, 0);
		(*count_p)++;
	}
	return 0;
}

/* What is in the log is told, and of all else that it never will be. */
int pawl_store_sync(struct pawl_store *s)
{
	(void)s;
	while (store.decided < store.submitted) {
		unsigned int i = store.decided++;

		tell(i, i < store.in_log ? 0 : -ECANCELED);
	}
	store.forgotten = false;
	store.forgets_at = 0;
	store.silent_from = 0;
	return 0;
}

static void input_is(const char *text)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fflush(file), 0);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	assert_int_equal(dup2(fileno(file), STDIN_FILENO), STDIN_FILENO);
	(void)fclose(file);
}

static int set_up(void **state)
{
	(void)state;
	memset(&store, 0, sizeof(store));
	printed[0] = '\0';
	words[0] = "me";
	arguments = (struct kvcmd_arguments){
		.action = "put", .lines = true, .words = words};
	kv = (struct kvcmd){.a = &arguments,
		.target = {.text = "desk/s"},
		.timeout_ns = UINT64_C(2000000000),
		.refused = 7};
	fake_command_forget();
	return 0;
}

static void sent_are(const char *const *wanted, unsigned int count)
{
	assert_int_equal(store.submitted, count);
	for (unsigned int i = 0; i < count; i++)
		assert_string_equal(store.at[i].text, wanted[i]);
}

static void all_lines_go_out_in_order(void **state)
{
	static const char *const wanted[] = {"a=1", "b=", "c=3 4"};

	(void)state;
	input_is("a\t1\nb\t\nc\t3 4");
	assert_int_equal(kvcmd_load(&kv, PAWL_PUT), COMMAND_OK);
	sent_are(wanted, 3);
	assert_string_equal(printed, "1 a,2 b,3 c,");
	assert_int_equal(fake_command_lines, 0);
	assert_false(store.existing);
}

static void a_claim_has_one_value_for_all_and_what_is_taken_is_counted(void **state)
{
	static const char *const wanted[] = {"a=me", "b=me"};

	(void)state;
	arguments.words_count = 1;
	store.status_cookie = 1;
	store.status = -EEXIST;
	input_is("a\nb\n");
	assert_int_equal(kvcmd_load(&kv, PAWL_CLAIM), 7);
	sent_are(wanted, 2);
	assert_string_equal(printed, "1 b,");
	assert_int_equal(fake_command_lines, 0);
}

static void what_is_removed_makes_no_store(void **state)
{
	static const char *const wanted[] = {"a="};

	(void)state;
	arguments.quiet = true;
	input_is("a\n");
	assert_int_equal(kvcmd_load(&kv, PAWL_DELETE), COMMAND_OK);
	sent_are(wanted, 1);
	assert_true(store.existing);
	assert_string_equal(printed, "");
}

static void what_is_not_in_the_log_is_sent_again_in_order(void **state)
{
	static const char *const wanted[] = {"a=1", "b=2", "c=3", "b=2", "c=3", "a=4"};

	(void)state;
	store.forgets_at = 3; /* before the last line can be sent */
	store.in_log = 1;
	input_is("a\t1\nb\t2\nc\t3\na\t4\n");
	assert_int_equal(kvcmd_load(&kv, PAWL_PUT), COMMAND_OK);
	sent_are(wanted, 6);
	assert_string_equal(printed, "1 a,2 b,3 c,4 a,");
}

static void the_log_is_looked_at_when_nothing_comes_back(void **state)
{
	static const char *const wanted[] = {"a=1", "b=2", "c=3", "c=3"};

	(void)state;
	store.silent_from = 2;
	store.in_log = 2;
	input_is("a\t1\nb\t2\nc\t3\n");
	assert_int_equal(kvcmd_load(&kv, PAWL_PUT), COMMAND_OK);
	sent_are(wanted, 4);
	assert_string_equal(printed, "1 a,2 b,3 c,");
}

static void more_than_may_be_in_flight_waits_for_room(void **state)
{
	static char lines[SENT_MAX * 8];
	size_t len = 0;

	(void)state;
	arguments.quiet = true;
	for (int i = 0; i < SENT_MAX; i++)
		len += (size_t)sprintf(lines + len, "k%d\t\n", i);
	input_is(lines);
	assert_int_equal(kvcmd_load(&kv, PAWL_PUT), COMMAND_OK);
	assert_int_equal(store.submitted, SENT_MAX);
	assert_string_equal(store.at[SENT_MAX - 1].text, "k999=");
}

static void a_line_that_is_none_ends_it_behind_the_others(void **state)
{
	(void)state;
	input_is("a\t1\nb\nc\t3\n");
	assert_int_equal(kvcmd_load(&kv, PAWL_PUT), COMMAND_FAILURE);
	assert_int_equal(store.decided, 1);
	assert_int_equal(fake_command_lines, 1);
	assert_non_null(strstr(fake_command_line, "line 2 has no tab"));
}

static void a_line_without_a_key_is_none(void **state)
{
	(void)state;
	input_is("\tx\n");
	assert_int_equal(kvcmd_load(&kv, PAWL_PUT), COMMAND_FAILURE);
	assert_non_null(strstr(fake_command_line, "line 1 has no key"));
}

static void a_line_that_can_not_be_sent_is_told_once(void **state)
{
	(void)state;
	store.refuses_at = 2;
	input_is("a\t1\nb\t2\nc\t3\n");
	assert_int_equal(kvcmd_load(&kv, PAWL_PUT), COMMAND_FAILURE);
	assert_int_equal(store.decided, 1);
	assert_string_equal(printed, "1 a,");
	assert_int_equal(fake_command_lines, 1);
}

static void a_limit_is_told_with_its_line(void **state)
{
	(void)state;
	store.status_cookie = 2;
	store.status = -ENOSPC;
	input_is("a\t1\nb\t2\nc\t3\n");
	assert_int_equal(kvcmd_load(&kv, PAWL_PUT), COMMAND_FAILURE);
	assert_string_equal(printed, "1 a,2 c,");
	assert_int_equal(fake_command_lines, 1);
	assert_non_null(strstr(fake_command_line, "line 2: a reason"));
}

static void nothing_for_too_long_ends_it_and_is_told_once(void **state)
{
	(void)state;
	kv.timeout_ns = UINT64_C(100000000);
	store.silent_from = 2;
	input_is("a\t1\nb\t2\n");
	assert_int_equal(kvcmd_load(&kv, PAWL_PUT), COMMAND_FAILURE);
	assert_int_equal(fake_command_lines, 1);
	assert_non_null(strstr(fake_command_line, "nothing came back"));
}

#define STORY(story) cmocka_unit_test_setup(story, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(all_lines_go_out_in_order),
		STORY(a_claim_has_one_value_for_all_and_what_is_taken_is_counted),
		STORY(what_is_removed_makes_no_store),
		STORY(what_is_not_in_the_log_is_sent_again_in_order),
		STORY(the_log_is_looked_at_when_nothing_comes_back),
		STORY(more_than_may_be_in_flight_waits_for_room),
		STORY(a_line_that_is_none_ends_it_behind_the_others),
		STORY(a_line_without_a_key_is_none),
		STORY(a_line_that_can_not_be_sent_is_told_once),
		STORY(a_limit_is_told_with_its_line),
		STORY(nothing_for_too_long_ends_it_and_is_told_once),
	};

	return cmocka_run_group_tests_name("command_load", tests, NULL, NULL);
}
