/* From msgpack to JSON. */
#ifndef PROTO_MSGPACK_JSON_H
#define PROTO_MSGPACK_JSON_H

#include "proto/reader.h"

/* A value of msgpack that was read before, as the shortest JSON text that reads back equal: no
 * white space, integers with all their digits, doubles with as few as tell them apart. Codes are
 * those of value_json(): flaws are extension types, binary data, numbers that are not finite, keys
 * that are not strings, and text that is not UTF-8. */
int msgpack_json(const struct value *value, struct arena *arena, struct pusher_string *ret_json,
                 struct value_flaw *ret_flaw);

#endif
