/* What a client that encrypts much keeps: the keys of channels it has used, and nonces drawn ahead.
 * Only a client of pusher__client_keep_keys() has it. The daemon's do; other users of the library
 * share clients among threads, and theirs compute each key and draw each nonce. */
#ifndef LIB_SEALER_H
#define LIB_SEALER_H

#include "lib/locked.h"
#include "pusher/crypto.h"

#define PUSHER__SEALER_KEYS 4096 /* at most, of a client; 48 bytes each */

struct pusher__sealer;

/* From now on one thread at a time may encode events with `client`. Nothing is allocated before the
 * first event of an encrypted channel; if there is no memory then, keys are computed and nonces
 * drawn one by one. PUSHER_ENOMEM leaves the client as it was. */
PUSHER_MUST_CHECK int pusher__client_keep_keys(struct pusher_client *client);

/* Wipes all that is secret of a client which will never again sign or encrypt; what else it holds
 * can still be asked for, but not its proxy. */
void pusher__client_forget_keys(struct pusher_client *client);

/* Wipes the keys; NULL is allowed. */
void pusher__sealer_free(struct pusher__sealer *sealer);

/* Adds the memory that its keys take, made or not, to *sum; NULL takes none. */
void pusher__sealer_add_locked(const struct pusher__sealer *sealer, struct pusher__locked *sum);

/* As pusher_shared_secret(). */
PUSHER_MUST_CHECK int pusher__sealer_secret(struct pusher__sealer *sealer,
                                            const struct pusher_client *client,
                                            struct pusher_string channel,
                                            unsigned char ret_secret[PUSHER_SECRET_BYTES]);

/* A nonce that nobody had before. After a fork() the child has none of its parent's. */
void pusher__sealer_nonce(struct pusher__sealer *sealer,
                          unsigned char ret_nonce[PUSHER_NONCE_BYTES]);

#endif
