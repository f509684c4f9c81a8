#include "tests/unit/fake_command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/command/command.h"

char fake_command_line[1024];
unsigned int fake_command_lines;

void fake_command_forget(void)
{
	fake_command_line[0] = '\0';
	fake_command_lines = 0;
}

int command_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(fake_command_line, sizeof(fake_command_line), format, args);
	va_end(args);
	fake_command_lines++;
	return COMMAND_FAILURE;
}

int command_misuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(fake_command_line, sizeof(fake_command_line), format, args);
	va_end(args);
	fake_command_lines++;
	return COMMAND_USAGE;
}

bool command_number(const char *text, uint64_t min, uint64_t max, uint64_t *number_p)
{
	char *end;
	uint64_t number = strtoull(text, &end, 10);

	if (end == text || *end || number < min || number > max)
		return false;
	*number_p = number;
	return true;
}

int command_finish_output(void)
{
	return fflush(stdout) ? COMMAND_FAILURE : COMMAND_OK;
}
