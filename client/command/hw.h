/* `pawl hw`: what hardware there is, where it sits, and what stands in the way. */
#ifndef PAWL_CLIENT_COMMAND_HW_H
#define PAWL_CLIENT_COMMAND_HW_H

/*
 * @argv[0] is the name of the command (and is changed), the rest its options.  Prints a
 * report on the standard output.  Returns the exit status: 0 when the report was made,
 * whatever it says; 1 when it could not be made (one line on the standard error says why)
 * or, with
 * --test, when a back end failed.  Help, and wrong usage with the status 2, end the
 * process.
 */
int command_hw(int argc, char **argv);

#endif
