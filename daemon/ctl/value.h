/* Values of options that stand elsewhere: @FILE, @- for standard input, @@TEXT for "@TEXT". */
#ifndef DAEMON_CTL_VALUE_H
#define DAEMON_CTL_VALUE_H

#include <stddef.h>

#define VALUE_WHY_MAX 256

/* Gives the bytes, exactly, as a malloc'ed string. `value` begins with '@'. -1 and the reason if
 * they cannot be read, hold a NUL, or are more than max_bytes. */
int value_read(const char *value, size_t max_bytes, char **ret_text, char ret_why[VALUE_WHY_MAX]);

#endif
