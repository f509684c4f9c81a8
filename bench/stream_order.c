#include "bench/stream_order.h"

#include <errno.h>
#include <inttypes.h>

static int place_check(
	const struct stream_order *order, const struct stream_got *got, struct error *err)
{
	if (got->first > order->position && got->position >= got->first)
		return 0;
	return error_set(err, -EILSEQ,
		"bench: order: a message of positions %" PRIu64 " to %" PRIu64
		" was delivered after position %" PRIu64 "; please report this",
		got->first, got->position, order->position);
}

static int content_check(
	const struct stream_got *got, struct stream_stamp *stamp_p, struct error *err)
{
	if (stream_message_read(got->bytes, got->len, stamp_p) &&
		stamp_p->publisher < STREAM_PUBLISHERS_MAX)
		return 0;
	return error_set(err, -EILSEQ,
		"bench: order: position %" PRIu64
		": its %zu bytes are no message of this run; does somebody else publish? "
		"If not, please report this",
		got->position, got->len);
}

/* Messages of one slot have the ids 1, 2, 3, ...; a longer one takes several. */
static bool id_follows(uint64_t before, const struct stream_got *got)
{
	return got->first == got->position ? got->id == before + 1 : got->id > before;
}

static int publisher_check(const struct stream_order *order, const struct stream_got *got,
	const struct stream_stamp *stamp, struct error *err)
{
	uint64_t name = order->publishers[stamp->publisher].name;
	uint64_t id = order->publishers[stamp->publisher].id;
	uint64_t number = order->publishers[stamp->publisher].number;

	if (stamp->number != number + 1)
		return error_set(err, -EILSEQ,
			"bench: order: position %" PRIu64 ": message %" PRIu64
			" of publisher %" PRIu64 " came after message %" PRIu64
			"; please report this",
			got->position, stamp->number, stamp->publisher, number);
	if ((name == 0 || name == got->publisher) && id_follows(id, got))
		return 0;
	return error_set(err, -EILSEQ,
		"bench: order: position %" PRIu64 ": id %" PRIu64 " of publisher %" PRIx64
		" came after id %" PRIu64 " of %" PRIx64 "; please report this",
		got->position, got->id, got->publisher, id, name);
}

static void keep(struct stream_order *order, const struct stream_got *got,
	const struct stream_stamp *stamp)
{
	order->digest = stream_digest(order->digest,
		stream_word_of(got->position, got->publisher, got->id, stamp->sum));
	order->position = got->position;
	order->messages++;
	order->publishers[stamp->publisher].name = got->publisher;
	order->publishers[stamp->publisher].id = got->id;
	order->publishers[stamp->publisher].number = stamp->number;
}

int stream_order_take(struct stream_order *order, const struct stream_got *got,
	uint64_t *intended_ns_p, struct error *err)
{
	struct stream_stamp stamp;
	int rc = place_check(order, got, err);

	if (!rc)
		rc = content_check(got, &stamp, err);
	if (!rc)
		rc = publisher_check(order, got, &stamp, err);
	if (rc)
		return rc;
	keep(order, got, &stamp);
	*intended_ns_p = stamp.intended_ns;
	return 0;
}

int stream_order_expect(const struct stream_order *order, unsigned int i, uint64_t count,
	struct error *err)
{
	if (order->publishers[i].number == count)
		return 0;
	return error_set(err, -EILSEQ,
		"bench: order: %" PRIu64
		" messages of publisher %u were acknowledged, and "
		"%" PRIu64 " delivered; please report this",
		count, i, order->publishers[i].number);
}
