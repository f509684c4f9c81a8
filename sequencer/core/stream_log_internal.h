/* What the parts of the log's machine share (stream_log.h). */
#ifndef PAWL_CORE_STREAM_LOG_INTERNAL_H
#define PAWL_CORE_STREAM_LOG_INTERNAL_H

#include "sequencer/core/stream_log.h"
#include "sequencer/core/words.h"

/* The slot of @p is about to be overwritten by that of p + slots (C10). */
void stream_log_oldest_move(struct stream_log *log, uint64_t p);

/* What no subscriber needs any more, as far as this replica knows (C4). */
void stream_log_released_update(struct stream_log *log);

#endif
