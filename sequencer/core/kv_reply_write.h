/* How the machine writes its replies (kv_reply.h). */
#ifndef PAWL_CORE_KV_REPLY_WRITE_H
#define PAWL_CORE_KV_REPLY_WRITE_H

#include "sequencer/core/kv_reply.h"

/*
 * Writes the header of a reply of @len bytes altogether; key, value and items, of whose slices the
 * lengths count only, stand behind it already.
 */
void kv_reply_write(const struct kv_reply *reply, uint32_t len, void *bytes);

#endif
