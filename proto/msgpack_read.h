/* The msgpack side of reader.h. See there for what each does. */
#ifndef PROTO_MSGPACK_READ_H
#define PROTO_MSGPACK_READ_H

#include "proto/reader.h"

int msgpack_read_open(struct reader *reader, enum value_kind kind);

int msgpack_read_next(struct reader *reader, struct value *ret_key);
int msgpack_read_value(struct reader *reader, struct value *ret_value);
bool msgpack_read_at_map(const struct reader *reader);
int msgpack_read_finish(struct reader *reader);

/* A scalar, or the head of a map or array, whose members are the tokens that follow: a map has two
 * for each. Does not set raw.len. */
int msgpack_read_token(struct reader *reader, struct value *ret_token);
bool msgpack_read_is_container(const struct value *token);
uint64_t msgpack_read_n_tokens(const struct value *container);

#endif
