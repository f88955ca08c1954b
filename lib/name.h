/* What may be written in a name: shared by events, paths and the client's own configuration. */
#ifndef LIB_NAME_H
#define LIB_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "pusher/error.h"
#include "pusher/string.h"

#define PUSHER__USER_CHANNEL_PREFIX "#server-to-user-"

bool pusher__is_alnum(char c);

/* Letters, digits and _ - = @ , . ; */
bool pusher__is_channel_char(char c);

/* Length of the part before the first byte that may not be in a channel name. */
size_t pusher__channel_span(struct pusher_string s);

/* "." and "..", which HTTP clients and servers resolve away in a path. */
bool pusher__is_dots(struct pusher_string s);

bool pusher__begins_with(struct pusher_string s, const char *prefix);
bool pusher__equals(struct pusher_string s, const char *text);

PUSHER_MUST_CHECK int pusher__event_name_check(struct pusher_string name,
                                               struct pusher_error *ret_error);

/* A list of attributes, all of them in `allowed` (ended by NULL), each at most once. */
PUSHER_MUST_CHECK int pusher__info_check(struct pusher_string info, const char *const *allowed,
                                         struct pusher_error *ret_error);

#endif
