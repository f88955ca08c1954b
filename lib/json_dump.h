/* Writes jansson's values as JSON. In place of json_dumps(), which (in 2.14) leaves out what it has
 * no memory for in a key, and reports success. */
#ifndef LIB_JSON_DUMP_H
#define LIB_JSON_DUMP_H

#include <jansson.h>

/* The shortest text of any value, malloc'ed; NULL when out of memory, or without a value. */
char *pusher__json_dump(const json_t *value);

#endif
