/* Messages of the epoch machine that break a rule are refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/core/epoch.h"
#include "tests/unit/message_trip.h"

/* A message of the epoch machine, with everything that it points to. */
struct letter {
	Control__EpochMessage message;
	Control__Member sender, member;
	Control__Member *chain[1];
	Control__EpochCounter counter;
	Control__EpochCounter *counters[1];
	Control__EpochPast pasts[2];
	Control__EpochPast *history[2];
	uint64_t values[2], stands[2];
};

/* An installation of one counter; all that a message can have but values. */
static void letter_write(struct letter *l)
{
	memset(l, 0, sizeof(*l));
	control__epoch_message__init(&l->message);
	control__epoch_counter__init(&l->counter);
	l->sender = good_member(1);
	l->member = good_member(2);
	l->chain[0] = &l->member;
	l->counter.name = (char *)"orders";
	l->counter.epoch_base = 10;
	l->counter.stand = 9;
	l->counter.ceiling = 20;
	l->counters[0] = &l->counter;
	for (uint64_t i = 0; i < 2; i++) {
		control__epoch_past__init(&l->pasts[i]);
		l->pasts[i].epoch = 6 - i;
		l->pasts[i].from = 5 - i;
		l->pasts[i].stands = &l->stands[i];
		l->pasts[i].n_stands = 1;
		l->history[i] = &l->pasts[i];
	}
	l->message.kind = EPOCH_INSTALL;
	l->message.from = 1;
	l->message.from_incarnation = l->sender.incarnation;
	l->message.to = 2;
	l->message.to_incarnation = 1002;
	l->message.claim = 7;
	l->message.target = 6;
	l->message.counters_count = 1;
	l->message.sender = &l->sender;
	l->message.chain = l->chain;
	l->message.n_chain = 1;
	l->message.counters = l->counters;
	l->message.n_counters = 1;
	l->message.history = l->history;
	l->message.n_history = 2;
}

static void expect_letter(struct letter *l, int code)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Reply reply = CONTROL__REPLY__INIT;
	struct error err = {0};

	request.id = 1;
	request.body_case = CONTROL__REQUEST__BODY_EPOCH;
	request.epoch = &l->message;
	assert_int_equal(request_round_trip(&request, &err), code);
	reply.body_case = CONTROL__REPLY__BODY_EPOCH;
	reply.epoch = &l->message;
	assert_int_equal(reply_round_trip(&reply), code);
	letter_write(l);
}

static void an_epoch_message_comes_from_somebody_to_somebody(void **state)
{
	struct letter l;

	(void)state;
	letter_write(&l);
	expect_letter(&l, 0);
	l.message.sender = NULL;
	expect_letter(&l, -EBADMSG);
	l.sender.replica = 3;
	expect_letter(&l, -EBADMSG);
	l.sender.incarnation++;
	expect_letter(&l, -EBADMSG);
	l.message.to = 0;
	expect_letter(&l, -EBADMSG);
	l.message.to_incarnation = 0;
	expect_letter(&l, -EBADMSG);
	l.message.kind = EPOCH_JOIN + 1;
	expect_letter(&l, -EBADMSG);
	l.message.claim = UINT64_MAX;
	expect_letter(&l, -EBADMSG);
	l.message.target = UINT64_MAX;
	expect_letter(&l, -EBADMSG);
}

static void an_installation_is_whole_and_in_range(void **state)
{
	struct letter l;

	(void)state;
	letter_write(&l);
	l.message.counters_count = 2;
	expect_letter(&l, -EBADMSG);
	l.message.counters_count = UINT32_MAX;
	expect_letter(&l, -EBADMSG);
	l.message.n_chain = 0;
	expect_letter(&l, -EBADMSG);
	l.member.incarnation = 0;
	expect_letter(&l, -EBADMSG);
	l.counter.name = (char *)"";
	expect_letter(&l, -EBADMSG);
	l.counter.name = (char *)"a\nb";
	expect_letter(&l, -EBADMSG);
	l.counter.stand = 11;
	expect_letter(&l, -EBADMSG);
	l.counter.ceiling = 9;
	expect_letter(&l, -EBADMSG);
	l.counter.ceiling = COUNTER_LIMIT;
	expect_letter(&l, -EBADMSG);
	l.counter.reserve_max = ADDITION_MAX + 1;
	expect_letter(&l, -EBADMSG);
	l.values[0] = 1;
	l.message.values = l.values;
	l.message.n_values = 1;
	expect_letter(&l, -EBADMSG);
}

static void a_history_goes_back_in_order(void **state)
{
	struct letter l;

	(void)state;
	letter_write(&l);
	l.pasts[1].epoch = 6;
	expect_letter(&l, -EBADMSG);
	l.pasts[0].from = 6;
	expect_letter(&l, -EBADMSG);
	l.pasts[1].n_stands = 0;
	expect_letter(&l, -EBADMSG);
	l.stands[1] = COUNTER_LIMIT;
	expect_letter(&l, -EBADMSG);
}

static void a_report_has_a_value_for_each_counter(void **state)
{
	struct letter l;

	(void)state;
	for (size_t count = 0; count <= 2; count++) {
		letter_write(&l);
		l.message.kind = EPOCH_SEALED;
		l.message.n_counters = l.message.n_history = 0;
		l.message.values = l.values;
		l.message.n_values = count;
		l.values[0] = UINT64_MAX; /* the machine limits it */
		expect_letter(&l, count == 1 ? 0 : -EBADMSG);
	}
	l.message.kind = EPOCH_SEAL; /* has no counters, only their number */
	expect_letter(&l, -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_epoch_message_comes_from_somebody_to_somebody),
		cmocka_unit_test(an_installation_is_whole_and_in_range),
		cmocka_unit_test(a_history_goes_back_in_order),
		cmocka_unit_test(a_report_has_a_value_for_each_counter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
