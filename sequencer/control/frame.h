/*
 * Frames of the control plane: four bytes of length, most significant first, then that
 * many bytes of one protobuf message.  What arrives is untrusted.
 */
#ifndef PAWL_CONTROL_FRAME_H
#define PAWL_CONTROL_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER_LEN 4
#define FRAME_MAX (1u << 20) /* bytes of one message */

/* Writes the header of a message of @len bytes, at most FRAME_MAX. */
void frame_header_write(uint8_t header[FRAME_HEADER_LEN], size_t len);

/*
 * Looks for one frame at the start of @bytes.  0: the message is *payload_p,
 * *payload_len_p (inside @bytes) and the frame takes *frame_len_p bytes.  -EAGAIN: more
 * bytes are needed. -EMSGSIZE: no message may be that long; the connection is beyond
 * repair.
 */
int frame_next(const uint8_t *bytes, size_t len, const uint8_t **payload_p,
	size_t *payload_len_p, size_t *frame_len_p) __attribute__((warn_unused_result));

#endif
