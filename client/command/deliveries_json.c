/* Messages as JSON. */
#include <inttypes.h>
#include <string.h>

#include "client/command/deliveries.h"
#include "client/command/json_text.h"

void deliveries_json_put(FILE *out, const struct pawl_delivery *delivery)
{
	(void)fprintf(out, "{\"position\": %" PRIu64, delivery->position);
	if (delivery->is_void) {
		(void)fputs(", \"void\": true}\n", out);
		return;
	}
	(void)fprintf(out,
		", \"first\": %" PRIu64 ", \"publisher\": \"%016" PRIx64
		"\", \"id\": %" PRIu64 ", \"time_ns\": %" PRIu64,
		delivery->first, delivery->publisher, delivery->id, delivery->time_ns);
	(void)fputs(", ", out);
	json_bytes_put(out, "payload", "base64", delivery->bytes, delivery->len);
	(void)fputs("}\n", out);
}

void deliveries_json_lost(FILE *out, uint64_t first, uint64_t last, const char *why)
{
	(void)fprintf(out,
		"{\"lost\": {\"first\": %" PRIu64 ", \"last\": %" PRIu64 ", \"why\": ",
		first, last);
	json_text_put(out, why, strlen(why));
	(void)fputs("}}\n", out);
}
