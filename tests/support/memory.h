/* What a process leaves in its memory: a search for a secret in all of it, what was freed and the
 * part of the stack that is not in use included.
 *
 * So the secret must not be there for other reasons. It is made letter by letter, and whoever has
 * it in a buffer wipes that before the search. */
#ifndef TESTS_MEMORY_H
#define TESTS_MEMORY_H

#include <stddef.h>

/* In a text for memory_fill(): 42 bytes, with "c=" behind them the base64 of 32. */
#define MEMORY_SECRET "$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$"

/* Puts the secret where MEMORY_SECRET stands. */
void memory_fill(char *text);

/* How many mappings hold a part of the secret of 16 bytes; they are named in `ret_where`. */
unsigned memory_find(char *ret_where, size_t size);

#endif
