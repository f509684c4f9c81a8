/* What the parts of the pawl command need of its main program: lines of error are kept. */
#ifndef PAWL_TESTS_FAKE_COMMAND_H
#define PAWL_TESTS_FAKE_COMMAND_H

extern char fake_command_line[1024]; /* the newest; "" before the first */
extern unsigned int fake_command_lines;

void fake_command_forget(void);

#endif
