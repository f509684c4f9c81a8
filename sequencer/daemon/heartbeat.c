#include "sequencer/daemon/heartbeat.h"

#include <errno.h>
#include <string.h>

#include "sequencer/core/region.h"

#define LINK_DEPTH 1
/* Connecting takes longer than a beat on some networks, but not longer than this. */
#define CONNECT_GRACE_NS UINT64_C(1000000000)

void heartbeat_init(struct heartbeat *heartbeat, struct device *device, uint64_t token,
	uint64_t retry_after_ns)
{
	memset(heartbeat, 0, sizeof(*heartbeat));
	heartbeat->device = device;
	heartbeat->token = token;
	heartbeat->retry_after_ns = retry_after_ns;
}

static void link_drop(struct heartbeat *heartbeat)
{
	if (heartbeat->link)
		heartbeat->link->ops->disconnect(heartbeat->link);
	heartbeat->link = NULL;
	heartbeat->reading = false;
}

void heartbeat_close(struct heartbeat *heartbeat)
{
	link_drop(heartbeat);
}

static bool can_look(const struct heartbeat *heartbeat, const struct roster_entry *entry)
{
	return heartbeat->device && entry && entry->memory[0] != '\0' &&
	       strcmp(entry->transport, heartbeat->device->ops->name) == 0;
}

bool heartbeat_aim(struct heartbeat *heartbeat, const struct roster_entry *entry)
{
	const char *memory = can_look(heartbeat, entry) ? entry->memory : "";
	uint64_t epoch = memory[0] != '\0' ? entry->memory_epoch : 0;

	if (strcmp(memory, heartbeat->memory) == 0 && epoch == heartbeat->memory_epoch)
		return false;
	link_drop(heartbeat);
	memcpy(heartbeat->memory, memory, strlen(memory) + 1);
	heartbeat->memory_epoch = epoch;
	heartbeat->known = false;
	heartbeat->failing = false;
	heartbeat->retry_ns = 0;
	heartbeat->err.text[0] = '\0';
	return true;
}

/* The owner, or its host, had an answer; no answer is -ETIMEDOUT or a link that failed. */
static bool is_refusal(int code)
{
	return code != -ETIMEDOUT && code != -ENOTCONN && code != -EIO;
}

static void link_failed(struct heartbeat *heartbeat, int code, uint64_t now_ns)
{
	heartbeat->failing = !is_refusal(code);
	heartbeat->retry_ns = now_ns + heartbeat->retry_after_ns;
	link_drop(heartbeat);
}

/* True when the link is connected. */
static bool link_ready(struct heartbeat *heartbeat, uint64_t now_ns)
{
	struct link_config config = {.depth = LINK_DEPTH, .token = heartbeat->token};
	struct device *device = heartbeat->device;
	int rc = 0;

	if (!heartbeat->link && now_ns < heartbeat->retry_ns)
		return false;
	if (!heartbeat->link) {
		heartbeat->since_ns = now_ns;
		rc = device->ops->connect(device, heartbeat->memory, &config,
			&heartbeat->link, &heartbeat->err);
	}
	if (!rc)
		rc = heartbeat->link->ops->state(heartbeat->link, &heartbeat->err);
	if (rc && rc != -EAGAIN)
		link_failed(heartbeat, rc, now_ns);
	return rc == 0;
}

/* Takes the read's answer.  True: the word is another than the one seen before. */
static bool read_finish(struct heartbeat *heartbeat, uint64_t now_ns)
{
	struct link *link = heartbeat->link;
	struct completion done;
	int count = 0;
	int rc = link->ops->poll(link, &done, 1, &count);
	bool moved;

	if (!rc && count == 0)
		return false;
	if (rc || done.status) {
		(void)error_set(&heartbeat->err, 0, "%s: link: read failed: %s",
			link->ops->name, error_reason(rc ? rc : done.status));
		link_failed(heartbeat, -ENOTCONN, now_ns);
		return false;
	}
	heartbeat->reading = false;
	heartbeat->failing = false;
	heartbeat->err.text[0] = '\0';
	moved = heartbeat->known && heartbeat->word != heartbeat->seen;
	heartbeat->seen = heartbeat->word;
	heartbeat->known = true;
	return moved;
}

static void read_start(struct heartbeat *heartbeat, uint64_t now_ns)
{
	struct link *link = heartbeat->link;
	int rc = link->ops->read(link, REGION_HEARTBEAT_OFFSET, &heartbeat->word,
		sizeof(heartbeat->word), 0);

	heartbeat->reading = rc == 0;
	if (rc && rc != -EAGAIN) {
		(void)error_set(&heartbeat->err, 0, "%s: link: no read: %s",
			link->ops->name, error_reason(rc));
		link_failed(heartbeat, rc, now_ns);
	}
}

/* What it means that there is no connected link. */
static enum heartbeat_news news_without_link(
	const struct heartbeat *heartbeat, uint64_t now_ns)
{
	bool slow = heartbeat->link && now_ns - heartbeat->since_ns > CONNECT_GRACE_NS;

	return heartbeat->failing || slow ? HEARTBEAT_STILL : HEARTBEAT_NONE;
}

enum heartbeat_news heartbeat_look(struct heartbeat *heartbeat, uint64_t now_ns)
{
	bool moved = false;

	if (heartbeat->memory[0] == '\0')
		return HEARTBEAT_NONE;
	if (!link_ready(heartbeat, now_ns))
		return news_without_link(heartbeat, now_ns);
	if (heartbeat->reading)
		moved = read_finish(heartbeat, now_ns);
	if (heartbeat->link && !heartbeat->reading)
		read_start(heartbeat, now_ns);
	/* On shared memory the answer is there already. */
	if (heartbeat->link && heartbeat->reading)
		moved |= read_finish(heartbeat, now_ns);
	return moved ? HEARTBEAT_MOVED : HEARTBEAT_STILL;
}

const char *heartbeat_why(const struct heartbeat *heartbeat)
{
	return heartbeat->err.text[0] != '\0' ? heartbeat->err.text : NULL;
}
