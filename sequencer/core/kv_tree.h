/*
 * Things of a pool in an order: a balanced tree (Adelson-Velsky and Landis, 1962) whose nodes are
 * parts of the things.  One thing can be in several trees.
 *
 * The order is that of keys, all different, which the tree compares but does not know.
 */
#ifndef PAWL_CORE_KV_TREE_H
#define PAWL_CORE_KV_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/core/kv_command.h"
#include "sequencer/core/kv_pool.h"

/* A tree of 2^28 things is no higher: 1.44 x 28, and a little. */
#define KV_TREE_HEIGHT_MAX 48

struct kv_node {
	uint32_t child[2]; /* what comes before, and after */
	uint32_t height;
};

/* What a thing is looked for by; a tree uses what it needs. */
struct kv_probe {
	uint64_t number;
	uint64_t second;
	struct kv_slice name;
};

struct kv_tree {
	/* Below 0: the probe comes before the thing; 0: it is the thing's. */
	int (*compare)(
		const struct kv_tree *tree, const struct kv_probe *probe, uint32_t item);
	const struct kv_pool *pool;
	const void *context; /* compare's */
	size_t node_at;	     /* in a thing */
	uint32_t root;
	uint32_t count;
};

/* KV_NONE: there is none. */
uint32_t kv_tree_find(const struct kv_tree *tree, const struct kv_probe *probe);
/* The first one that comes after the probe; or, if it is not @beyond, has it. */
uint32_t kv_tree_first(
	const struct kv_tree *tree, const struct kv_probe *probe, bool beyond);

/* @item has the key @probe, which is in the tree no time before, and one time after. */
void kv_tree_insert(struct kv_tree *tree, const struct kv_probe *probe, uint32_t item);
void kv_tree_remove(struct kv_tree *tree, const struct kv_probe *probe);

static inline struct kv_node *kv_tree_node(const struct kv_tree *tree, uint32_t item)
{
	return (struct kv_node *)(void *)((unsigned char *)kv_pool_at(tree->pool, item) +
					  tree->node_at);
}

#endif
