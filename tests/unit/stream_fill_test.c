/* A log is filled from another member's, which may be written meanwhile. */
#include <errno.h>

#include "hw/sim/sim.h"
#include "sequencer/stream/fill.h"
#include "tests/unit/stream_copy_rig.h"

#define NEXT (EPOCH + 1)
#define FAR UINT64_MAX

static struct stream_fill *begin(struct member *to, struct member *from, uint64_t base)
{
	struct stream_fill_config config = {.device = to->device,
		.address = shm_memory_ops.address(from->log),
		.token = TOKEN,
		.limits = &rig_limits,
		.log = &to->b.log,
		.memory = to->b.memory,
		.from = EPOCH,
		.epoch = NEXT,
		.base = base,
		.deadline_ns = FAR};
	struct stream_fill *fill;
	struct error err;

	if (stream_fill_begin(&config, &fill, &err))
		fail_msg("%s", err.text);
	return fill;
}

/* Goes on until it is over; what became of it. */
static int ended(struct stream_fill *fill)
{
	enum stream_fill_state state = STREAM_FILL_RUNNING;
	struct error err = {.text = ""};
	int rc;

	for (int i = 0; i < 100 && state == STREAM_FILL_RUNNING; i++)
		state = stream_fill_step(fill, 0);
	assert_int_not_equal(state, STREAM_FILL_RUNNING);
	rc = stream_fill_error(fill, &err);
	assert_int_equal(state == STREAM_FILL_FAILED, rc != 0);
	assert_int_equal(rc != 0, err.text[0] != '\0');
	stream_fill_end(fill);
	return rc;
}

static void steps(struct stream_fill *fill, int count)
{
	while (count-- > 0)
		assert_int_equal(stream_fill_step(fill, 0), STREAM_FILL_RUNNING);
}

struct pair {
	struct member source, own;
};

/* A lone head of epoch EPOCH that has @last positions and is sealed; and one without a log. */
static void pair_open(struct pair *p, uint64_t last)
{
	member_open(&p->source);
	member_open(&p->own);
	member_create(&p->source, 0);
	member_enter(&p->source, EPOCH, true);
	publish(&p->source, 1, last);
	assert_int_equal(seal(&p->source.b.log, EPOCH), last);
}

static void pair_close(struct pair *p)
{
	member_close(&p->source);
	member_close(&p->own);
}

static void a_log_that_may_be_kept_gets_what_is_missing(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 13);
	member_create(&p.own, 0);
	member_enter(&p.own, EPOCH, true);
	publish(&p.own, 1, 9);
	(void)seal(&p.own.b.log, EPOCH);
	assert_int_equal(ended(begin(&p.own, &p.source, 13)), 0);
	same_logs(&p.own, &p.source);
	assert_int_equal(stream_log_oldest(&p.own.b.log), 6);
	assert_int_equal(p.own.b.log.control->begin, 0); /* it was not made anew */
	assert_int_equal(p.own.b.log.control->epoch, EPOCH);
	member_enter(&p.own, NEXT, true);
	publish(&p.own, 14, 16);
	pair_close(&p);
}

static void a_log_that_has_everything_is_left_alone(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 9);
	member_create(&p.own, 0);
	member_enter(&p.own, EPOCH, true);
	publish(&p.own, 1, 9);
	(void)seal(&p.own.b.log, EPOCH);
	assert_int_equal(ended(begin(&p.own, &p.source, 9)), 0);
	same_logs(&p.own, &p.source);
	pair_close(&p);
}

static void who_has_no_log_gets_table_and_what_is_retained(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 21);
	assert_int_equal(ended(begin(&p.own, &p.source, 21)), 0);
	same_logs(&p.own, &p.source);
	assert_int_equal(stream_log_oldest(&p.own.b.log), 14);
	assert_int_equal(p.own.b.log.control->begin, 13);
	member_enter(&p.own, NEXT, true);
	publish(&p.own, 22, 24);
	pair_close(&p);
}

static void a_log_of_a_missed_epoch_is_dropped(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 7);
	member_create(&p.own, 0);
	member_enter(&p.own, EPOCH - 2, true);
	publish(&p.own, 1, 3);
	(void)seal(&p.own.b.log, EPOCH - 2);
	assert_int_equal(ended(begin(&p.own, &p.source, 7)), 0);
	same_logs(&p.own, &p.source);
	assert_int_equal(p.own.b.log.control->epoch, 0);
	pair_close(&p);
}

static void a_log_too_far_behind_is_made_anew(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 30);
	member_create(&p.own, 0);
	member_enter(&p.own, EPOCH, true);
	publish(&p.own, 1, 9);
	(void)seal(&p.own.b.log, EPOCH);
	assert_int_equal(ended(begin(&p.own, &p.source, 30)), 0);
	same_logs(&p.own, &p.source);
	assert_int_equal(p.own.b.log.control->begin, 22);
	pair_close(&p);
}

static void an_empty_log_behind_a_base_is_a_source(void **state)
{
	struct pair p;

	(void)state;
	member_open(&p.source);
	member_open(&p.own);
	member_create(&p.source, 1000);
	member_enter(&p.source, EPOCH, true);
	(void)seal(&p.source.b.log, EPOCH);
	assert_int_equal(ended(begin(&p.own, &p.source, 1000)), 0);
	assert_int_equal(stream_log_end(&p.own.b.log), 1000);
	assert_int_equal(stream_log_oldest(&p.own.b.log), 1001);
	pair_close(&p);
}

static void who_is_prepared_already_is_a_source(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 12);
	p.source.b.log.control->epoch = 0; /* it was made anew itself */
	stream_log_prepare(&p.source.b.log, NEXT, p.source.b.words, p.source.b.fed);
	assert_int_equal(ended(begin(&p.own, &p.source, 12)), 0);
	same_logs(&p.own, &p.source);
	pair_close(&p);
}

static void a_source_that_ends_elsewhere_is_refused(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 12);
	assert_int_equal(ended(begin(&p.own, &p.source, 11)), -ESTALE);
	assert_int_equal(ended(begin(&p.own, &p.source, 13)), -ESTALE);
	assert_null(p.own.b.log.control); /* nothing was touched */
	pair_close(&p);
}

static void a_source_of_other_epochs_is_refused(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 12);
	p.source.b.log.control->epoch = EPOCH - 1;
	p.source.b.log.control->prepared = EPOCH - 1;
	assert_int_equal(ended(begin(&p.own, &p.source, 12)), -ESTALE);
	p.source.b.log.control->epoch = NEXT + 1;
	assert_int_equal(ended(begin(&p.own, &p.source, 12)), -ESTALE);
	pair_close(&p);
}

static void a_zombie_that_goes_on_before_its_table_is_read_is_refused(void **state)
{
	struct pair p;
	struct stream_fill *fill;

	(void)state;
	pair_open(&p, 12);
	p.source.b.log.phase = STREAM_OPEN; /* it has not heard that it is over */
	fill = begin(&p.own, &p.source, 12);
	steps(fill, 1);
	publish(&p.source, 13, 13);
	assert_int_equal(ended(fill), -ESTALE);
	assert_null(p.own.b.log.control);
	pair_close(&p);
}

static void a_zombie_that_goes_on_afterwards_does_no_harm(void **state)
{
	struct pair p;
	struct member truth;
	struct stream_fill *fill;

	(void)state;
	pair_open(&p, 12);
	member_open(&truth);
	assert_int_equal(ended(begin(&truth, &p.source, 12)), 0);
	p.source.b.log.phase = STREAM_OPEN;
	p.source.b.log.control->oldest = 7; /* so that there is room for two more */
	fill = begin(&p.own, &p.source, 12);
	steps(fill, 3);
	publish(&p.source, 13, 14);
	assert_int_equal(ended(fill), 0);
	same_logs(&p.own, &truth);
	member_close(&truth);
	pair_close(&p);
}

static void a_source_that_overwrites_what_is_read_is_tried_again(void **state)
{
	struct pair p;
	struct stream_fill *fill;

	(void)state;
	pair_open(&p, 12);
	p.source.b.log.phase = STREAM_OPEN;
	fill = begin(&p.own, &p.source, 12);
	steps(fill, 3);
	publish(&p.source, 13, 16);
	assert_int_equal(ended(fill), -EAGAIN);
	assert_int_equal(p.own.b.log.control->epoch, 0);
	assert_false(stream_log_keeps(&p.own.b.log, EPOCH, 12));
	pair_close(&p);
}

static void a_source_that_is_made_anew_meanwhile_is_found_out(void **state)
{
	(void)state;
	for (int at = 1; at <= 4; at++) {
		struct pair p;
		struct stream_fill *fill;

		pair_open(&p, 12);
		fill = begin(&p.own, &p.source, 12);
		steps(fill, at);
		member_create(&p.source, 4);
		member_enter(&p.source, NEXT + 1, true);
		publish(&p.source, 5, 12);
		assert_int_equal(ended(fill), -EAGAIN);
		pair_close(&p);
	}
}

static void a_torn_control_is_not_believed(void **state)
{
	struct pair p;
	struct stream_control *control;

	(void)state;
	pair_open(&p, 12);
	control = p.source.b.log.control;
	control->oldest = 14; /* newer than the end beside it */
	assert_int_equal(ended(begin(&p.own, &p.source, 12)), -EAGAIN);
	control->oldest = 0;
	assert_int_equal(ended(begin(&p.own, &p.source, 12)), -EAGAIN);
	control->oldest = 5;
	control->rows++;
	assert_int_equal(ended(begin(&p.own, &p.source, 12)), -EPROTO);
	control->rows--;
	control->magic = 0;
	assert_int_equal(ended(begin(&p.own, &p.source, 12)), -EPROTO);
	control->magic = STREAM_MAGIC;
	assert_int_equal(ended(begin(&p.own, &p.source, 12)), 0);
	pair_close(&p);
}

/* Where the own log begins is the second look's, which may be as torn as the first. */
static void a_control_that_is_torn_at_the_second_look_is_not_believed(void **state)
{
	static const uint64_t oldest[] = {0, 14, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(oldest) / sizeof(oldest[0]); i++) {
		struct pair p;
		struct stream_fill *fill;

		pair_open(&p, 12);
		fill = begin(&p.own, &p.source, 12);
		steps(fill, 2);
		p.source.b.log.control->oldest = oldest[i];
		assert_int_equal(ended(fill), -EAGAIN);
		assert_null(p.own.b.log.control);
		pair_close(&p);
	}
}

static void a_damaged_slot_is_not_believed(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 12);
	stream_ring_at(&p.source.b.log.ring, 9)[STREAM_SLOT_HEADER] ^= 1;
	assert_int_equal(ended(begin(&p.own, &p.source, 12)), -EPROTO);
	assert_int_equal(stream_log_end(&p.own.b.log), 8);
	assert_false(stream_log_keeps(&p.own.b.log, EPOCH, 12));
	pair_close(&p);
}

/* A source that died between a slot's end and its entry: the slot makes the entry anew. */
static void the_newest_entry_may_be_missing(void **state)
{
	struct pair p;
	struct stream_entry *entry;

	(void)state;
	pair_open(&p, 12);
	entry = &p.source.b.log.table.entries[12 % 3];
	entry->id--;
	assert_int_equal(ended(begin(&p.own, &p.source, 12)), 0);
	entry->id++;
	same_logs(&p.own, &p.source);
	pair_close(&p);
}

/* Nobody at the other side lets the link in, in simulated time. */
static void a_dead_source_is_given_up_at_the_deadline(void **state)
{
	struct memory_config memory = {.pages = {.len = 4096}};
	struct device *owner, *device;
	struct memory *exposed_log;
	struct sim_config config;
	struct sim_world *world;
	struct member own;
	struct stream_fill *fill;
	struct error err;
	struct stream_fill_config asked = {.token = TOKEN,
		.limits = &rig_limits,
		.from = EPOCH,
		.epoch = NEXT,
		.base = 12,
		.deadline_ns = 500000};

	(void)state;
	sim_config_default(&config, 1);
	assert_int_equal(sim_world_open(&config, &world, NULL), 0);
	assert_int_equal(sim_device_open(world, 0, &device), 0);
	assert_int_equal(sim_device_open(world, 1, &owner), 0);
	assert_int_equal(owner->ops->expose(owner, &memory, &exposed_log, NULL), 0);
	member_open(&own);
	asked.device = device;
	asked.address = owner->ops->address(exposed_log);
	asked.log = &own.b.log;
	asked.memory = own.b.memory;
	assert_int_equal(stream_fill_begin(&asked, &fill, &err), 0);
	for (uint64_t now = 0; now < 500000; now += 1000)
		assert_int_equal(stream_fill_step(fill, now), STREAM_FILL_RUNNING);
	assert_int_equal(stream_fill_step(fill, 500000), STREAM_FILL_FAILED);
	assert_int_equal(stream_fill_error(fill, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "not read in time"));
	stream_fill_end(fill);
	member_close(&own);
	owner->ops->withdraw(exposed_log);
	owner->ops->close(owner);
	device->ops->close(device);
	sim_world_close(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_log_that_may_be_kept_gets_what_is_missing),
		cmocka_unit_test(a_log_that_has_everything_is_left_alone),
		cmocka_unit_test(who_has_no_log_gets_table_and_what_is_retained),
		cmocka_unit_test(a_log_of_a_missed_epoch_is_dropped),
		cmocka_unit_test(a_log_too_far_behind_is_made_anew),
		cmocka_unit_test(an_empty_log_behind_a_base_is_a_source),
		cmocka_unit_test(who_is_prepared_already_is_a_source),
		cmocka_unit_test(a_source_that_ends_elsewhere_is_refused),
		cmocka_unit_test(a_source_of_other_epochs_is_refused),
		cmocka_unit_test(
			a_zombie_that_goes_on_before_its_table_is_read_is_refused),
		cmocka_unit_test(a_zombie_that_goes_on_afterwards_does_no_harm),
		cmocka_unit_test(a_source_that_overwrites_what_is_read_is_tried_again),
		cmocka_unit_test(a_source_that_is_made_anew_meanwhile_is_found_out),
		cmocka_unit_test(a_torn_control_is_not_believed),
		cmocka_unit_test(
			a_control_that_is_torn_at_the_second_look_is_not_believed),
		cmocka_unit_test(a_damaged_slot_is_not_believed),
		cmocka_unit_test(the_newest_entry_may_be_missing),
		cmocka_unit_test(a_dead_source_is_given_up_at_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
