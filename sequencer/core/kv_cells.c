#include "sequencer/core/kv_cells.h"

#include "sequencer/core/words.h"

static struct kv_cell *cell_at(const struct kv_pool *cells, uint32_t cell)
{
	return kv_pool_at(cells, cell);
}

/* Where the next byte goes. */
struct pen {
	struct kv_pool *cells;
	struct kv_cell *cell;
	size_t used;
};

static void pen_write(struct pen *pen, const struct kv_slice *slice)
{
	const unsigned char *from = slice->bytes;
	size_t left = slice->len;

	while (left > 0) {
		size_t len = least(left, KV_CELL_BYTES - pen->used);

		if (len == 0) {
			uint32_t next = kv_pool_take(pen->cells);

			pen->cell->next = next;
			pen->cell = cell_at(pen->cells, next);
			pen->used = 0;
			continue;
		}
		memcpy(pen->cell->bytes + pen->used, from, len);
		pen->used += len;
		from += len;
		left -= len;
	}
}

uint32_t kv_cells_make(struct kv_pool *cells, const struct kv_slice *first,
	const struct kv_slice *second)
{
	uint32_t chain = kv_pool_take(cells);
	struct pen pen = {.cells = cells, .cell = cell_at(cells, chain)};

	pen_write(&pen, first);
	pen_write(&pen, second);
	pen.cell->next = KV_NONE;
	return chain;
}

void kv_cells_give(struct kv_pool *cells, uint32_t chain)
{
	while (chain != KV_NONE) {
		uint32_t next = cell_at(cells, chain)->next;

		kv_pool_give(cells, chain);
		chain = next;
	}
}

void kv_cells_prefetch(const struct kv_pool *cells, uint32_t chain)
{
	__builtin_prefetch(cell_at(cells, chain), 1);
}

void kv_cells_prefetch_next(const struct kv_pool *cells, uint32_t chain)
{
	uint32_t next = cell_at(cells, chain)->next;

	if (next != KV_NONE)
		__builtin_prefetch(cell_at(cells, next), 1);
}

/* The cell in which byte @from_p is; then it is counted from that cell's begin. */
static struct kv_cell *seek(const struct kv_pool *cells, uint32_t chain, size_t *from_p)
{
	struct kv_cell *cell = cell_at(cells, chain);

	for (; *from_p > KV_CELL_BYTES; *from_p -= KV_CELL_BYTES)
		cell = cell_at(cells, cell->next);
	return cell;
}

void kv_cells_copy(
	const struct kv_pool *cells, uint32_t chain, size_t from, void *bytes, size_t len)
{
	struct kv_cell *cell = seek(cells, chain, &from);
	unsigned char *to = bytes;

	while (len > 0) {
		size_t here = least(len, KV_CELL_BYTES - from);

		memcpy(to, cell->bytes + from, here);
		to += here;
		len -= here;
		from = 0;
		if (len > 0)
			cell = cell_at(cells, cell->next);
	}
}

int kv_cells_compare(const struct kv_pool *cells, const struct kv_slice *slice,
	uint32_t chain, size_t from, size_t len)
{
	struct kv_cell *cell = seek(cells, chain, &from);
	const unsigned char *bytes = slice->bytes;
	size_t left = least(len, slice->len);

	while (left > 0) {
		size_t here = least(left, KV_CELL_BYTES - from);
		int order = here > 0 ? memcmp(bytes, cell->bytes + from, here) : 0;

		if (order != 0)
			return order;
		bytes += here;
		left -= here;
		from = 0;
		if (left > 0)
			cell = cell_at(cells, cell->next);
	}
	return slice->len < len ? -1 : slice->len > len;
}
