/* Where the stream is now, for a subscriber that reads nobody's log in place. */
#include "client/lib/subscriber.h"
#include "hw/clock.h"

void now_close(struct pawl_subscriber *s)
{
	if (s->now.link)
		s->now.link->ops->disconnect(s->now.link);
	s->now.link = NULL;
	s->now.posted = false;
}

static int now_connect(struct pawl_subscriber *s, uint32_t member)
{
	struct pawl_stream *stream = subscriber_stream(s);
	int rc;

	if (!stream_member_want(stream, member))
		return -EAGAIN;
	rc = stream_link(
		stream, member, stream->members[member].at.words, 1, &s->now.link);
	if (rc)
		(void)error_set(&s->why, rc, "%s", s->pawl->session.why.text);
	return rc ? rc : -EAGAIN;
}

static int now_post(struct pawl_subscriber *s)
{
	struct link *link = s->now.link;
	int rc = link->ops->state(link, &s->why);

	if (!rc)
		rc = link->ops->read(link, offsetof(struct stream_words, commit),
			&s->now.commit, sizeof(s->now.commit), 0);
	s->now.posted = rc == 0;
	return rc ? rc : -EAGAIN;
}

static int now_take(struct pawl_subscriber *s)
{
	struct link *link = s->now.link;
	struct completion done;
	int count = 0;
	int rc = link->ops->poll(link, &done, 1, &count);

	if (rc || count == 0)
		return rc ? rc : -EAGAIN;
	return done.status;
}

int now_look(struct pawl_subscriber *s, uint32_t member)
{
	int rc;

	if (!s->now.link)
		rc = now_connect(s, member);
	else if (!s->now.posted)
		rc = now_post(s);
	else
		rc = now_take(s);
	if (rc == -EAGAIN)
		return rc;
	now_close(s);
	if (rc)
		return rc;
	s->options.from = PAWL_FROM_POSITION;
	s->options.position = s->now.commit + 1;
	return 0;
}
