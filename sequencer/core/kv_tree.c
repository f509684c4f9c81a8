#include "sequencer/core/kv_tree.h"

/* The way from the root down: which words say which item comes next. */
struct path {
	uint32_t *links[KV_TREE_HEIGHT_MAX];
	unsigned int len;
};

static void path_add(struct path *path, uint32_t *link)
{
	PAWL_ASSERT(path->len < KV_TREE_HEIGHT_MAX);
	path->links[path->len++] = link;
}

static uint32_t height(const struct kv_tree *tree, uint32_t item)
{
	return item == KV_NONE ? 0 : kv_tree_node(tree, item)->height;
}

static void height_set(const struct kv_tree *tree, struct kv_node *node)
{
	uint32_t before = height(tree, node->child[0]);
	uint32_t after = height(tree, node->child[1]);

	node->height = 1 + (before > after ? before : after);
}

/* The child on @side takes its parent's place, which @link says. */
static void rotate(const struct kv_tree *tree, uint32_t *link, int side)
{
	uint32_t parent = *link;
	struct kv_node *node = kv_tree_node(tree, parent), *up;

	*link = node->child[side];
	up = kv_tree_node(tree, *link);
	node->child[side] = up->child[!side];
	up->child[!side] = parent;
	height_set(tree, node);
	height_set(tree, up);
}

/* Both sides differ by 2 at most, and by 1 at most afterwards. */
static void balance(const struct kv_tree *tree, uint32_t *link)
{
	struct kv_node *node = kv_tree_node(tree, *link), *child;
	uint32_t before = height(tree, node->child[0]);
	uint32_t after = height(tree, node->child[1]);
	int side = after > before;

	if (before <= after + 1 && after <= before + 1) {
		height_set(tree, node);
		return;
	}
	child = kv_tree_node(tree, node->child[side]);
	if (height(tree, child->child[!side]) > height(tree, child->child[side]))
		rotate(tree, &node->child[side], !side);
	rotate(tree, link, side);
}

static void path_balance(const struct kv_tree *tree, struct path *path)
{
	while (path->len > 0)
		balance(tree, path->links[--path->len]);
}

uint32_t kv_tree_find(const struct kv_tree *tree, const struct kv_probe *probe)
{
	uint32_t item = tree->root;

	while (item != KV_NONE) {
		int order = tree->compare(tree, probe, item);

		if (order == 0)
			return item;
		item = kv_tree_node(tree, item)->child[order > 0];
	}
	return KV_NONE;
}

uint32_t kv_tree_first(
	const struct kv_tree *tree, const struct kv_probe *probe, bool beyond)
{
	uint32_t item = tree->root, found = KV_NONE;

	while (item != KV_NONE) {
		int order = tree->compare(tree, probe, item);
		bool after = order < 0 || (order == 0 && !beyond);

		if (after)
			found = item;
		item = kv_tree_node(tree, item)->child[!after];
	}
	return found;
}

void kv_tree_insert(struct kv_tree *tree, const struct kv_probe *probe, uint32_t item)
{
	struct path path = {.len = 0};
	uint32_t *link = &tree->root;

	while (*link != KV_NONE) {
		int order = tree->compare(tree, probe, *link);

		PAWL_ASSERT(order != 0);
		path_add(&path, link);
		link = &kv_tree_node(tree, *link)->child[order > 0];
	}
	*kv_tree_node(tree, item) = (struct kv_node){{KV_NONE, KV_NONE}, 1};
	*link = item;
	tree->count++;
	path_balance(tree, &path);
}

/* Adds the way to the thing; returns the word that says it. */
static uint32_t *path_find(
	struct kv_tree *tree, const struct kv_probe *probe, struct path *path)
{
	uint32_t *link = &tree->root;

	for (;;) {
		int order;

		PAWL_ASSERT(*link != KV_NONE);
		order = tree->compare(tree, probe, *link);
		if (order == 0)
			return link;
		path_add(path, link);
		link = &kv_tree_node(tree, *link)->child[order > 0];
	}
}

/* Takes the first thing below @link out; the way to it is added. */
static uint32_t first_take(struct kv_tree *tree, uint32_t *link, struct path *path)
{
	uint32_t first;

	while (kv_tree_node(tree, *link)->child[0] != KV_NONE) {
		path_add(path, link);
		link = &kv_tree_node(tree, *link)->child[0];
	}
	first = *link;
	*link = kv_tree_node(tree, first)->child[1];
	return first;
}

/* What @link says has things on both sides: the one that comes after it gets its place. */
static void replace(struct kv_tree *tree, uint32_t *link, struct path *path)
{
	struct kv_node *node = kv_tree_node(tree, *link), *next_node;
	unsigned int below = path->len + 1;
	uint32_t next;

	path_add(path, link);
	next = first_take(tree, &node->child[1], path);
	next_node = kv_tree_node(tree, next);
	*next_node = *node;
	*link = next;
	/* The way down led through a word of the node that is gone. */
	if (below < path->len)
		path->links[below] = &next_node->child[1];
}

void kv_tree_remove(struct kv_tree *tree, const struct kv_probe *probe)
{
	struct path path = {.len = 0};
	uint32_t *link = path_find(tree, probe, &path);
	struct kv_node *node = kv_tree_node(tree, *link);

	if (node->child[0] != KV_NONE && node->child[1] != KV_NONE)
		replace(tree, link, &path);
	else
		*link = node->child[node->child[0] == KV_NONE];
	tree->count--;
	path_balance(tree, &path);
}
