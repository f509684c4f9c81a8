/* A region in the next life of its replica: what it still tells, and when it is refused. */
#include "tests/unit/owner_rig.h"

static int adopt(struct bed *bed, const struct owner_identity *who, struct error *err)
{
	struct owner second;
	int rc = owner_adopt(&second, bed->device, bed->path, who, &pages, err);

	if (!rc) {
		assert_int_equal(second.counters_count, bed->owner.counters_count);
		owner_close(&second, false);
	}
	return rc;
}

static void a_region_outlives_its_owner(void **state)
{
	struct bed *bed = *state;
	struct error err = {0};

	life_end(bed);
	install(bed, 2, "orders", 5);
	assert_int_equal(adopt(bed, &identity, &err), 0);
}

/* In its next life the replica learns from the record what its region was. */
static void live_again(struct bed *bed, struct owner *second)
{
	struct owner_identity next = identity;
	struct error err = {0};

	life_end(bed);
	next.incarnation = 77;
	next.head = false;
	assert_int_equal(
		owner_adopt(second, bed->device, bed->path, &next, &pages, &err), 0);
	assert_int_equal(second->header.incarnation, identity.incarnation);
}

static void a_head_sealed_in_its_next_life_gives_its_exact_value(void **state)
{
	struct bed *bed = *state;
	struct owner second;
	struct error err = {0};
	uint64_t value = 0;

	install(bed, 0, "orders", 5);
	owner_activate(&bed->owner);
	*word(bed, region_counter_offset(0)) += 4;
	live_again(bed, &second);
	assert_true(owner_is_open(&second));
	assert_int_equal(owner_seal(&second, 1, &value, &err), 0);
	assert_int_equal(value, 9);
	assert_false(owner_is_open(&bed->owner));
	owner_close(&second, false);
}

static void a_backup_sealed_in_its_next_life_reports_its_marks(void **state)
{
	struct bed *bed = *state;
	struct owner second;
	uint64_t value = 0;

	install(bed, 0, "orders", 5);
	owner_activate(&bed->owner);
	*mark(bed, 3, 0) = 8;
	live_again(bed, &second);
	owner_seal_backup(&second, 1, &value);
	assert_int_equal(value, 8);
	assert_false(owner_is_open(&bed->owner));
	owner_close(&second, false);
}

/* O4 */
static void a_living_owners_region_is_not_taken_over(void **state)
{
	struct bed *bed = *state;
	struct error err = {0};

	assert_int_equal(adopt(bed, &identity, &err), -EBUSY);
	assert_non_null(strstr(err.text, "same id"));
	life_end(bed);
	assert_int_equal(adopt(bed, &identity, &err), 0);
}

static void another_epochs_region_is_not_taken_over(void **state)
{
	struct bed *bed = *state;
	struct owner_identity other = identity;
	struct error err = {0};

	life_end(bed);
	other.epoch = 5;
	assert_int_equal(adopt(bed, &other, &err), -EUCLEAN);
	other = identity;
	other.instance = 9;
	assert_int_equal(adopt(bed, &other, &err), -EUCLEAN);
	other = identity;
	other.replica = 9;
	assert_int_equal(adopt(bed, &other, &err), -EUCLEAN);
}

static void a_truncated_region_is_not_taken_over(void **state)
{
	struct bed *bed = *state;
	struct error err = {0};

	life_end(bed);
	assert_int_equal(truncate(bed->path, 4096), 0);
	assert_int_equal(adopt(bed, &identity, &err), -EUCLEAN);
	assert_int_equal(truncate(bed->path, 10), 0);
	assert_int_equal(adopt(bed, &identity, &err), -EUCLEAN);
	assert_non_null(strstr(err.text, bed->path));
}

static void counters_that_were_on_the_card_are_gone(void **state)
{
	struct bed *bed = *state;
	struct region_header header = bed->owner.header;
	struct error err = {0};

	life_end(bed);
	header.flags |= REGION_FLAG_COUNTERS_ON_CARD;
	region_header_seal(&header, &bed->owner.layout);
	memcpy(word(bed, 0), &header, sizeof(header));
	assert_int_equal(adopt(bed, &identity, &err), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HEAD_TEST(a_region_outlives_its_owner),
		HEAD_TEST(a_head_sealed_in_its_next_life_gives_its_exact_value),
		BACKUP_TEST(a_backup_sealed_in_its_next_life_reports_its_marks),
		HEAD_TEST(a_living_owners_region_is_not_taken_over),
		HEAD_TEST(another_epochs_region_is_not_taken_over),
		HEAD_TEST(a_truncated_region_is_not_taken_over),
		HEAD_TEST(counters_that_were_on_the_card_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
