/*
 * Assertions about our own code.  They stay on in every build; a failed one is a bug in
 * Pawl and the process must not hand out another number.  Never used on bytes from
 * outside.
 */
#ifndef PAWL_CORE_PANIC_H
#define PAWL_CORE_PANIC_H

/*
 * Provided by the program around the core: reports the place and ends the process.  The
 * only function besides memcpy, memmove, memset and memcmp that core code calls.
 */
void pawl_panic(const char *file, int line, const char *claim)
	__attribute__((noreturn, cold));

#define PAWL_ASSERT(claim) ((claim) ? (void)0 : pawl_panic(__FILE__, __LINE__, #claim))

#endif
