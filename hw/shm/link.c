#include "hw/shm/link.h"

#include <errno.h>
#include <stdlib.h>

#include "hw/shm/address.h"
#include "hw/shm/copy.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

/*
 * What every operation touches comes first.  A completion is two words far apart: side by
 * side, poll would load both at once, and a load that spans two stores of a moment ago
 * waits until they have left the store buffer, which costs more than the fetch-add.
 */
struct shm_link {
	struct link link;
	unsigned char *base;
	uint64_t words; /* whole words in the memory */
	uint64_t len;	/* bytes in the memory */
	uint32_t tail;	/* completions ever produced, modulo 2^32 */
	uint32_t head;	/* completions ever polled, modulo 2^32 */
	uint32_t depth;
	uint32_t mask;	   /* slots, a power of two >= depth, minus 1 */
	uint64_t *cookies; /* of the completions between head and tail */
	struct pages pages;
	uint64_t values[]; /* of the same, followed by the cookies */
};

static inline struct shm_link *shm_link(struct link *link)
{
	return (struct shm_link *)link;
}

static int depth_check(unsigned int depth, struct error *err)
{
	if (depth >= 1 && depth <= LINK_DEPTH_MAX)
		return 0;
	return error_set(err, -EINVAL,
		"shm: link: depth of %u is not allowed; choose 1 to %d", depth,
		LINK_DEPTH_MAX);
}

static struct shm_link *link_alloc(unsigned int depth)
{
	struct shm_link *link;
	uint32_t slots = 1;

	while (slots < depth)
		slots *= 2;
	link = calloc(1, sizeof(*link) + slots * 2 * sizeof(uint64_t));
	if (!link)
		return NULL;
	link->cookies = link->values + slots;
	link->depth = depth;
	link->mask = slots - 1;
	return link;
}

/* The closed list of connect is shorter than that of pages_attach. */
static int attach_code(int rc)
{
	switch (rc) {
	case -EPERM:
		return -EACCES;
	case -EUCLEAN: /* another memory has taken the path */
		return -EADDRNOTAVAIL;
	default:
		return rc;
	}
}

int shm_connect(struct device *device, const char *text, const struct link_config *config,
	struct link **link_p, struct error *err)
{
	struct shm_address address;
	struct shm_link *link;
	int rc = shm_address_parse(text, &address, err);

	if (rc)
		return rc;
	rc = depth_check(config->depth, err);
	if (rc)
		return rc;
	link = link_alloc(config->depth);
	if (!link)
		return error_set(err, -ENOMEM, "shm: link: out of memory");
	rc = pages_attach(address.path, address.len, &link->pages, err);
	if (rc) {
		free(link);
		return attach_code(rc);
	}
	link->link = (struct link){.ops = &shm_memory_ops, .device = device};
	link->base = link->pages.base;
	link->len = address.len;
	link->words = address.len / 8;
	shm_device(device)->users++;
	*link_p = &link->link;
	return 0;
}

int shm_state(const struct link *link, struct error *err)
{
	(void)link;
	(void)err;
	return 0;
}

void shm_disconnect(struct link *link)
{
	shm_device(link->device)->users--;
	pages_unmap(&shm_link(link)->pages);
	free(link);
}

/*
 * The word's number if @offset is a word inside the memory, and something >= words if
 * not: turning the lowest three bits to the top makes any unaligned offset huge, so that
 * one comparison checks both.
 */
static inline uint64_t word_number(uint64_t offset)
{
	return offset >> 3 | offset << 61;
}

static inline bool link_is_full(const struct shm_link *link)
{
	return link->tail - link->head >= link->depth;
}

static inline void link_complete(struct shm_link *link, uint64_t cookie, uint64_t value)
{
	uint32_t slot = link->tail & link->mask;

	link->cookies[slot] = cookie;
	link->values[slot] = value;
	link->tail++;
}

/* Why word_number said no. */
static __attribute__((cold, noinline)) int word_refuse(uint64_t offset)
{
	return offset % 8 ? -EINVAL : -ERANGE;
}

static inline int transfer_check(const struct shm_link *link, uint64_t offset, size_t len)
{
	if (unlikely(len == 0 || len > LINK_TRANSFER_MAX))
		return -EINVAL;
	if (unlikely(offset > link->len || len > link->len - offset))
		return -ERANGE;
	if (unlikely(link_is_full(link)))
		return -EAGAIN;
	return 0;
}

int shm_fetch_add(struct link *base, uint64_t offset, uint64_t n, uint64_t cookie)
{
	struct shm_link *link = shm_link(base);

	if (unlikely(word_number(offset) >= link->words))
		return word_refuse(offset);
	if (unlikely(link_is_full(link)))
		return -EAGAIN;
	link_complete(link, cookie, copy_word_add(link->base + offset, n));
	return 0;
}

_Atomic uint64_t *shm_word(struct link *base, uint64_t offset)
{
	struct shm_link *link = shm_link(base);

	if (word_number(offset) >= link->words)
		return NULL;
	return (_Atomic uint64_t *)(void *)(link->base + offset);
}

int shm_compare_swap(struct link *base, uint64_t offset, uint64_t expected,
	uint64_t desired, uint64_t cookie)
{
	struct shm_link *link = shm_link(base);

	if (unlikely(word_number(offset) >= link->words))
		return word_refuse(offset);
	if (unlikely(link_is_full(link)))
		return -EAGAIN;
	link_complete(
		link, cookie, copy_word_swap(link->base + offset, expected, desired));
	return 0;
}

int shm_write(struct link *base, uint64_t offset, const void *bytes, size_t len,
	uint64_t cookie)
{
	struct shm_link *link = shm_link(base);
	int rc = transfer_check(link, offset, len);

	if (unlikely(rc))
		return rc;
	copy_in(link->base + offset, bytes, len);
	link_complete(link, cookie, 0);
	return 0;
}

int shm_read(struct link *base, uint64_t offset, void *bytes, size_t len, uint64_t cookie)
{
	struct shm_link *link = shm_link(base);
	int rc = transfer_check(link, offset, len);

	if (unlikely(rc))
		return rc;
	copy_out(bytes, link->base + offset, len);
	link_complete(link, cookie, 0);
	return 0;
}

int shm_write_read(struct link *base, uint64_t write_offset, uint64_t word,
	uint64_t read_offset, void *bytes, uint64_t cookie)
{
	struct shm_link *link = shm_link(base);

	if (unlikely(word_number(write_offset) >= link->words))
		return word_refuse(write_offset | read_offset);
	if (unlikely(word_number(read_offset) >= link->words))
		return word_refuse(read_offset);
	if (unlikely(link_is_full(link)))
		return -EAGAIN;
	copy_in(link->base + write_offset, &word, sizeof(word));
	copy_out(bytes, link->base + read_offset, sizeof(word));
	link_complete(link, cookie, 0);
	return 0;
}

int shm_put(struct link *base, uint64_t offset, const struct memory *source,
	uint64_t source_offset, size_t len, uint64_t cookie)
{
	struct shm_link *link = shm_link(base);
	const unsigned char *from;
	int rc = memory_source_check(source, base, source_offset, len);

	if (unlikely(rc))
		return rc;
	if (unlikely(offset > link->len || len > link->len - offset))
		return -ERANGE;
	if (unlikely(link_is_full(link)))
		return -EAGAIN;
	from = shm_memory(source)->pages.base;
	copy_run(link->base + offset, from + source_offset, len);
	link_complete(link, cookie, 0);
	return 0;
}

int shm_poll(struct link *base, struct completion *completions, int max, int *count_p)
{
	struct shm_link *link = shm_link(base);
	int count = 0;

	while (count < max && link->head != link->tail) {
		uint32_t slot = link->head++ & link->mask;

		completions[count++] = (struct completion){
			.cookie = link->cookies[slot], .value = link->values[slot]};
	}
	*count_p = count;
	return 0;
}
