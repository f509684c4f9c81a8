#include "sequencer/core/kv_internal.h"
#include "sequencer/core/kv_reply_write.h"

void kv_answer_begin(struct kv *kv)
{
	kv->reply_len = 0;
	(void)kv_answer_take(kv, KV_REPLY_HEADER);
}

unsigned char *kv_answer_take(struct kv *kv, size_t len)
{
	unsigned char *at = kv->reply + kv->reply_len;

	PAWL_ASSERT(len <= kv->limits.reply_max - kv->reply_len);
	kv->reply_len += len;
	return at;
}

void kv_answer_end(struct kv *kv, size_t at, const struct kv_reply *reply)
{
	kv_reply_write(reply, (uint32_t)(kv->reply_len - at), kv->reply + at);
}
