/* What `info` asked for, of all the events of a batch: the answer is read once. Unlike the
 * functions of pusher/reply.h these tell memory that runs out from an answer that has nothing.
 *
 *     json_t *root;
 *     if (pusher__reply_load(body, body_len, &root) != 0)
 *         ...                                     (PUSHER_ENOMEM)
 *     pusher__reply_batch_info(root, 0, &text)    and so on
 *     json_decref(root); */
#ifndef LIB_REPLY_INFO_H
#define LIB_REPLY_INFO_H

#include <jansson.h>
#include <stddef.h>

#include "pusher/error.h"

/* 0, or PUSHER_ENOMEM. *ret_root is NULL where the answer is no JSON, which the others take. */
PUSHER_MUST_CHECK int pusher__reply_load(const char *body, size_t body_len, json_t **ret_root);

/* As pusher_reply_batch_info() and pusher_reply_channels_info(): 0, and *ret_text is NULL if there
 * is nothing; or PUSHER_ENOMEM. */
PUSHER_MUST_CHECK int pusher__reply_batch_info(const json_t *root, size_t index, char **ret_text);
PUSHER_MUST_CHECK int pusher__reply_channels_info(const json_t *root, char **ret_text);

#endif
