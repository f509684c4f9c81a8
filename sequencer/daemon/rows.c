#include "sequencer/daemon/rows.h"

#include <errno.h>
#include <stdlib.h>

#include "sequencer/core/panic.h"

#define ENTRY_BITS 0xfffu /* of an incarnation, in a word of the table */

int rows_init(struct rows *rows, uint32_t count)
{
	*rows = (struct rows){.count = count};
	rows->at = calloc(count, sizeof(*rows->at));
	return rows->at ? 0 : -ENOMEM;
}

void rows_destroy(struct rows *rows)
{
	free(rows->at);
	*rows = (struct rows){.count = 0};
}

void rows_begin(struct rows *rows, uint64_t epoch, bool again, uint64_t now_ns)
{
	rows->epoch = epoch;
	if (again)
		return;
	for (uint32_t i = 0; i < rows->count; i++)
		rows->at[i] = (struct row){.token = 0};
	rows->held = 0;
	rows->grace_ns = now_ns + ROWS_GRACE_NS;
}

/* The first incarnation that does not belong to this epoch any more. */
static uint64_t incarnation_end(const struct rows *rows)
{
	uint64_t end = (rows->epoch + 1) << ROWS_SEQUENCE_BITS;

	return end < STREAM_INCARNATION_MAX ? end : STREAM_INCARNATION_MAX;
}

/* Of whoever had the row last; 0: nobody. */
static uint64_t incarnation_last(const struct row *row, const struct stream_entry *entry)
{
	uint64_t given = stream_publisher_incarnation(row->publisher);
	uint64_t shown = stream_publisher_incarnation(entry->publisher);

	return given > shown ? given : shown;
}

/* V2 */
static uint64_t incarnation_next(
	const struct rows *rows, const struct row *row, const struct stream_entry *entry)
{
	uint64_t shown = stream_publisher_incarnation(entry->publisher);
	uint64_t next = rows->epoch << ROWS_SEQUENCE_BITS;

	if (next <= incarnation_last(row, entry))
		next = incarnation_last(row, entry) + 1;
	if (entry->publisher && ((next ^ shown) & ENTRY_BITS) == 0)
		next++;
	return next;
}

static void row_hold(
	struct rows *rows, struct row *row, uint64_t token, uint64_t publisher)
{
	rows->held += row->token == 0;
	row->token = token;
	row->publisher = publisher;
	row->ended = false;
}

static void row_free(struct rows *rows, struct row *row)
{
	row->token = 0;
	row->ended = true;
	rows->held--;
}

/* V3.  0: the name is not known any more. */
static uint64_t name_keep(struct rows *rows, const struct rows_ask *ask)
{
	uint64_t incarnation = stream_publisher_incarnation(ask->publisher);
	uint32_t at = stream_publisher_row(ask->publisher);
	struct stream_entry entry;

	if (at >= rows->count || incarnation >= incarnation_end(rows))
		return 0;
	entry = ask->entry(ask->context, at);
	if (incarnation < incarnation_last(&rows->at[at], &entry))
		return 0;
	row_hold(rows, &rows->at[at], ask->token, ask->publisher);
	return ask->publisher;
}

/* The answer before was lost on its way: its name is as good as new.  0: there is none. */
static uint64_t name_again(struct rows *rows, const struct rows_ask *ask)
{
	for (uint32_t i = 0; i < rows->count; i++) {
		struct row *row = &rows->at[i];
		struct stream_entry entry;

		if (row->token != ask->token)
			continue;
		entry = ask->entry(ask->context, i);
		if (entry.publisher != row->publisher)
			return row->publisher;
		row_free(rows, row);
	}
	return 0;
}

enum rank {
	RANK_FRESH,  /* nobody ever had it */
	RANK_LEFT,   /* whoever had it is gone, or had time to say that it is not */
	RANK_SILENT, /* V4 */
	RANK_TAKEN,
};

static enum rank row_rank(const struct rows *rows, const struct row *row,
	const struct stream_entry *entry, uint64_t now_ns)
{
	if (row->token || incarnation_next(rows, row, entry) >= incarnation_end(rows))
		return RANK_TAKEN;
	if (incarnation_last(row, entry) == 0)
		return RANK_FRESH;
	return row->ended || now_ns >= rows->grace_ns ? RANK_LEFT : RANK_SILENT;
}

static int name_make(struct rows *rows, const struct rows_ask *ask, uint64_t *publisher_p)
{
	enum rank best = RANK_TAKEN;
	uint64_t oldest = UINT64_MAX, incarnation = 0;
	uint32_t found = 0;

	for (uint32_t i = 0; i < rows->count && best != RANK_FRESH; i++) {
		const struct stream_entry entry = ask->entry(ask->context, i);
		const struct row *row = &rows->at[i];
		enum rank rank = row_rank(rows, row, &entry, ask->now_ns);
		uint64_t last = incarnation_last(row, &entry);

		if (rank == RANK_TAKEN || rank > best || (rank == best && last >= oldest))
			continue;
		best = rank;
		oldest = last;
		found = i;
		incarnation = incarnation_next(rows, row, &entry);
	}
	if (best == RANK_TAKEN)
		return -EUSERS;
	PAWL_ASSERT(rows->at[found].token == 0); /* V1 */
	*publisher_p = stream_publisher_name(incarnation, found);
	row_hold(rows, &rows->at[found], ask->token, *publisher_p);
	return 0;
}

int rows_take(struct rows *rows, const struct rows_ask *ask, uint64_t *publisher_p)
{
	if (ask->publisher) {
		*publisher_p = name_keep(rows, ask);
		return 0;
	}
	*publisher_p = name_again(rows, ask);
	return *publisher_p ? 0 : name_make(rows, ask, publisher_p);
}

void rows_release(struct rows *rows, uint64_t token)
{
	for (uint32_t i = 0; i < rows->count; i++) {
		if (rows->at[i].token == token && token)
			row_free(rows, &rows->at[i]);
	}
}
