/* The JSON side of reader.h: RFC 8259, strictly. See there for what each does. */
#ifndef PROTO_JSON_READ_H
#define PROTO_JSON_READ_H

#include "proto/reader.h"

int json_read_open(struct reader *reader, enum value_kind kind);

int json_read_next(struct reader *reader, struct value *ret_key);
int json_read_value(struct reader *reader, struct value *ret_value);
bool json_read_at_map(const struct reader *reader);
int json_read_finish(struct reader *reader);

#endif
