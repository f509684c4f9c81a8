/*
 * One line of text for the person who has to act on a failure.
 *
 * Whoever first decides that something is wrong writes the text; everybody above passes
 * it on unchanged.  The form is
 *
 *     module: object: what failed: reason; what to do
 *
 * on one line, lower case, values with their units.  The text travels beside a negative
 * errno, never instead of it.
 */
#ifndef PAWL_HW_ERROR_H
#define PAWL_HW_ERROR_H

#define ERROR_TEXT_MAX 512

struct error {
	char text[ERROR_TEXT_MAX]; /* always terminated; "" when nothing failed */
};

/*
 * Writes the text (cut at ERROR_TEXT_MAX - 1 bytes, control characters replaced by '?')
 * and returns @code, so that a failing function ends in
 * `return error_set(err, -EINVAL, "...")`.  @err may be NULL.  Does not change errno.
 */
int error_set(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The system's words for 0 > @code > -4096, without its number.  Thread-safe. */
const char *error_reason(int code);

#endif
