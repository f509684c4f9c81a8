#include "sequencer/stream/pull.h"

#include <errno.h>
#include <string.h>

#include "sequencer/core/panic.h"
#include "sequencer/core/words.h"

int stream_pull_open(struct stream_pull *pull, struct device *device, const char *address,
	uint64_t token, struct error *err)
{
	struct link_config config = {.depth = STREAM_PULL_DEPTH, .token = token};

	memset(pull, 0, sizeof(*pull));
	return device->ops->connect(device, address, &config, &pull->link, err);
}

void stream_pull_begin(struct stream_pull *pull, uint64_t offset, void *to, uint64_t len)
{
	PAWL_ASSERT(pull->flight == 0);
	pull->offset = offset;
	pull->to = to;
	pull->len = len;
	pull->posted = 0;
	pull->arrived = 0;
}

static int pieces_post(struct stream_pull *pull, struct error *err)
{
	while (pull->posted < pull->len && pull->flight < STREAM_PULL_DEPTH) {
		uint64_t len = least(pull->len - pull->posted, LINK_TRANSFER_MAX);
		int rc = pull->link->ops->read(pull->link, pull->offset + pull->posted,
			pull->to + pull->posted, len, len);

		if (rc == -EAGAIN)
			return 0;
		if (rc)
			return error_set(err, rc,
				"stream: link: reading %llu bytes at %llu: %s; the other "
				"side may be gone",
				(unsigned long long)len,
				(unsigned long long)(pull->offset + pull->posted),
				error_reason(rc));
		pull->posted += len;
		pull->flight++;
	}
	return 0;
}

static int pieces_take(struct stream_pull *pull, struct error *err)
{
	struct completion done[STREAM_PULL_DEPTH];
	int count = 0;
	int rc = pull->link->ops->poll(pull->link, done, STREAM_PULL_DEPTH, &count);

	for (int i = 0; i < count && !rc; i++) {
		rc = done[i].status;
		pull->flight--;
		pull->arrived += done[i].cookie;
	}
	if (rc)
		return error_set(err, rc,
			"stream: link: a read of another member's log: %s; it may be "
			"gone",
			error_reason(rc));
	return 0;
}

int stream_pull_step(struct stream_pull *pull, struct error *err)
{
	int rc = pull->link->ops->state(pull->link, err);

	if (!rc)
		rc = pieces_post(pull, err);
	if (!rc)
		rc = pieces_take(pull, err);
	if (!rc && pull->arrived < pull->len)
		rc = -EAGAIN;
	return rc;
}

void stream_pull_close(struct stream_pull *pull)
{
	if (pull->link)
		pull->link->ops->disconnect(pull->link);
	pull->link = NULL;
}
