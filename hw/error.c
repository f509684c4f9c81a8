#include "hw/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, int code, const char *format, ...)
{
	int saved = errno;
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	(void)vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	for (char *c = err->text; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
	errno = saved;
	return code;
}

const char *error_reason(int code)
{
	const char *text = strerrordesc_np(-code);

	return text ? text : "unknown error";
}
