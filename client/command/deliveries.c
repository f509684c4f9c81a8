#include "client/command/deliveries.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "client/command/command.h"
#include "client/command/output.h"

#define BUFFER_LEN (1u << 18)

error_t deliveries_option(int key, char *arg, struct deliveries_arguments *a)
{
	switch (key) {
	case DELIVERIES_OPTION_COUNT:
		a->count = arg;
		return 0;
	case DELIVERIES_OPTION_UNTIL:
		a->until = arg;
		return 0;
	case DELIVERIES_OPTION_VOIDS:
		a->voids = true;
		return 0;
	case DELIVERIES_OPTION_NUMBERED:
		a->numbered = true;
		return 0;
	case DELIVERIES_OPTION_JSON:
		a->json = true;
		return 0;
	case DELIVERIES_OPTION_FRAMED:
		a->framed = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static enum deliveries_form form_of(const struct deliveries_arguments *a)
{
	if (a->numbered)
		return DELIVERIES_NUMBERED;
	if (a->json)
		return DELIVERIES_JSON;
	return a->framed ? DELIVERIES_FRAMED : DELIVERIES_PAYLOAD;
}

int deliveries_begin(const struct deliveries_arguments *a, const char *command,
	const char *text, struct deliveries *d)
{
	static char buffer[BUFFER_LEN];

	*d = (struct deliveries){.command = command,
		.text = text,
		.out = stdout,
		.form = form_of(a),
		.voids = a->voids,
		.count_max = UINT64_MAX,
		.until = UINT64_MAX};
	if (a->numbered + a->json + a->framed > 1)
		return command_misuse(
			"%s: --numbered, --json and --framed: use one of them", command);
	if (a->voids && !a->numbered && !a->json)
		return command_misuse(
			"%s: --voids: a void has no bytes to write; use --numbered or "
			"--json as well",
			command);
	if (a->count && !command_number(a->count, 1, UINT64_MAX, &d->count_max))
		return command_misuse(
			"%s: --count=%s: not a count; use 1 or more", command, a->count);
	(void)setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	return COMMAND_OK;
}

static void frame_put(FILE *out, const struct pawl_delivery *delivery)
{
	uint32_t len = (uint32_t)delivery->len;
	unsigned char head[4] = {(unsigned char)(len >> 24), (unsigned char)(len >> 16),
		(unsigned char)(len >> 8), (unsigned char)len};

	(void)fwrite(head, 1, sizeof(head), out);
	(void)fwrite(delivery->bytes, 1, delivery->len, out);
}

static void line_put(FILE *out, const struct pawl_delivery *delivery)
{
	if (!delivery->is_void)
		(void)fwrite(delivery->bytes, 1, delivery->len, out);
	(void)putc('\n', out);
}

static void form_put(struct deliveries *d, const struct pawl_delivery *delivery)
{
	switch (d->form) {
	case DELIVERIES_FRAMED:
		frame_put(d->out, delivery);
		return;
	case DELIVERIES_JSON:
		deliveries_json_put(d->out, delivery);
		return;
	case DELIVERIES_NUMBERED:
		(void)fprintf(d->out, "%" PRIu64 "\t%016" PRIx64 "\t%" PRIu64 "\t",
			delivery->position, delivery->publisher, delivery->id);
		line_put(d->out, delivery);
		return;
	case DELIVERIES_PAYLOAD:
		line_put(d->out, delivery);
		return;
	}
}

/* Notes why the output failed, the first time. */
static void failure_note(struct deliveries *d)
{
	if (d->failure || d->abandoned || !ferror(d->out))
		return;
	d->abandoned = errno == EPIPE;
	d->failure = d->abandoned ? 0 : errno;
}

void deliveries_put(struct deliveries *d, const struct pawl_delivery *delivery)
{
	if (delivery->position > d->until || d->written == d->count_max)
		return;
	if (delivery->is_void && !d->voids)
		return;
	errno = 0;
	form_put(d, delivery);
	d->written++;
	failure_note(d);
}

void deliveries_lost(struct deliveries *d, uint64_t first, uint64_t last, const char *why)
{
	if (first > d->until)
		return;
	d->lost += last - first + 1;
	if (d->form == DELIVERIES_JSON)
		deliveries_json_lost(d->out, first, last, why);
	deliveries_flush(d);
	(void)command_fail("%s: %s: positions %" PRIu64 " to %" PRIu64 " are lost: %s",
		d->command, d->text, first, last, why);
}

bool deliveries_done(struct deliveries *d, uint64_t position)
{
	return d->written >= d->count_max || position >= d->until || d->abandoned ||
	       d->failure != 0;
}

int deliveries_room(const struct deliveries *d, int batch)
{
	uint64_t left = d->count_max - d->written;

	return left < (uint64_t)batch ? (int)left : batch;
}

void deliveries_flush(struct deliveries *d)
{
	errno = 0;
	(void)fflush(d->out);
	failure_note(d);
	if (!output_is_read(d->out))
		d->abandoned = true;
}

int deliveries_end(struct deliveries *d, int rc)
{
	deliveries_flush(d);
	if (d->failure)
		return command_fail("%s: standard output: not written: %s; the messages "
				    "above may be cut short",
			d->command, strerror(d->failure));
	if (rc)
		return rc;
	return d->lost ? COMMAND_LOST : COMMAND_OK;
}
