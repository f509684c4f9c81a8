/*
 * The completing half of the data path.  The completion queue yields operations in
 * posting order.  After its first failure it is never asked again: the queue pair is put
 * into its error state, and what is left is completed here.
 *
 * A device gives an operation up by itself after its retries.  One that does not, as Soft-RoCE
 * when a retry races with an answer, is not waited for: the link has failed.
 */
#include <byteswap.h>
#include <errno.h>
#include <string.h>

#include "hw/clock.h"
#include "hw/verbs/verbs_internal.h"

#define BATCH 16
#define EMPTY_POLLS 256 /* between two looks at the clock */

static int failure_of(enum ibv_wc_status status)
{
	switch (status) {
	case IBV_WC_RETRY_EXC_ERR:
	case IBV_WC_RNR_RETRY_EXC_ERR:
	case IBV_WC_RESP_TIMEOUT_ERR:
		return -ETIMEDOUT;
	case IBV_WC_REM_ACCESS_ERR:
	case IBV_WC_REM_INV_REQ_ERR:
		return -EACCES;
	default:
		return -EIO;
	}
}

/* Whatever the reason, makes sure that the queue pair sends nothing any more. */
static void link_fail(struct verbs_link *link, int failure)
{
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_ERR};

	(void)ibv_modify_qp(link->qp, &attr, IBV_QP_STATE);
	link->up = false;
	link->broken = true;
	if (!link->failure)
		link->failure = failure;
}

/* Takes the oldest operation off the ring. */
static struct verbs_op *op_retire(struct verbs_link *link)
{
	struct verbs_op *op = &link->ops[link->completed & link->mask];

	link->completed++;
	link->atomics -= op->kind == VERBS_ATOMIC;
	link->reads -= op->kind == VERBS_READ;
	link->bulk_used -= op->bulk;
	link->extra_used -= op->extra;
	return op;
}

static void op_complete(struct verbs_link *link, struct completion *done)
{
	struct verbs_op *op = op_retire(link);

	done->cookie = op->cookie;
	done->status = 0;
	done->value = 0;
	if (op->kind == VERBS_READ) {
		memcpy(op->out, op->staging, op->len);
	} else if (op->kind == VERBS_ATOMIC) {
		memcpy(&done->value, op->staging, sizeof(done->value));
		if (link->big_endian)
			done->value = bswap_64(done->value);
	}
}

static void op_fail(struct verbs_link *link, struct completion *done)
{
	done->cookie = op_retire(link)->cookie;
	done->value = 0;
	done->status = link->reported ? -ECANCELED : link->failure;
	link->reported = true;
}

/*
 * The completion queue was empty with operations in flight.  What was seen at @stuck_at can
 * only be the oldest of them: while none is in flight nobody polls.
 */
static void stall_check(struct verbs_link *link)
{
	uint64_t now;

	if (++link->empty_polls % EMPTY_POLLS != 0)
		return;
	now = clock_now_ns();
	if (link->stuck_since_ns == 0 || link->stuck_at != link->completed) {
		link->stuck_at = link->completed;
		link->stuck_since_ns = now;
	} else if (now - link->stuck_since_ns >= link->stall_ns) {
		link_fail(link, -ETIMEDOUT);
	}
}

/* Takes what the completion queue has, up to its first failure. */
static int take_batch(struct verbs_link *link, struct completion *completions, int max)
{
	struct ibv_wc wc[BATCH];
	int got = ibv_poll_cq(link->cq, max < BATCH ? max : BATCH, wc);
	int count = 0;

	if (got < 0) {
		link_fail(link, -EIO);
		return 0;
	}
	for (; count < got; count++) {
		if (wc[count].status != IBV_WC_SUCCESS ||
			wc[count].wr_id != link->completed) {
			link_fail(link, failure_of(wc[count].status));
			break;
		}
		op_complete(link, &completions[count]);
	}
	/* Its queue pair is over and its queue is empty: nothing more will come. */
	if (got == 0 && link->ended)
		link_fail(link, -EIO);
	else if (got == 0)
		stall_check(link);
	return count;
}

int verbs_poll(struct link *base, struct completion *completions, int max, int *count_p)
{
	struct verbs_link *link = verbs_link_of(base);
	int count = 0;

	if (!link->broken && link->completed != link->posted)
		count = take_batch(link, completions, max);
	while (link->broken && count < max && link->completed != link->posted)
		op_fail(link, &completions[count++]);
	*count_p = count;
	return 0;
}
