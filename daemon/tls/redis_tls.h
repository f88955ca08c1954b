/* TLS to Redis, for the daemon's connections and pusherctl's alike.
 *
 *     redis_tls_new(&files, &tls, why)              once; the files are read now
 *     redis_tls_start(tls, context, host, why)      on each connection, as soon as it is made
 *     redis_tls_why(context, why)                   what went wrong with it, before it is freed
 *     redis_tls_free(tls)                           connections that use it stay good
 *
 * The server must have a certificate that the authority vouches for and that is for `host`: a name,
 * or an address. There is no way to do without.
 *
 * It needs libhiredis_ssl, which Debian 13 has and Debian 12 has not. Without it redis_tls_new()
 * says so, and nobody calls the rest (redis_tls_none.c). */
#ifndef DAEMON_TLS_REDIS_TLS_H
#define DAEMON_TLS_REDIS_TLS_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

#define REDIS_TLS_WHY_MAX 192

/* PEM files; NULL: none. */
struct redis_tls_files {
    const char *ca_file;   /* NULL: those that the system trusts */
    const char *cert_file; /* the client's own, for servers that ask for one... */
    const char *key_file;  /* ...and its key, without a passphrase */
};

struct redis_tls;

/* Gives what redis_tls_free() frees; or -1, the reason in ret_why, and in *ret_file which of the
 * files is to blame: a pointer to its field in `files`, or NULL. */
int redis_tls_new(const struct redis_tls_files *files, struct redis_tls **ret_tls,
                  const char *const **ret_file, char ret_why[REDIS_TLS_WHY_MAX])
    __attribute__((warn_unused_result));

void redis_tls_free(struct redis_tls *tls);

/* Begins TLS on a connection that is made and that nothing was sent on. A blocking one has shaken
 * hands when this returns, one of the loop does so with what is read and written next. 0, or -1 and
 * the reason; the context is then good for nothing but to be freed. */
int redis_tls_start(const struct redis_tls *tls, redisContext *context, const char *host,
                    char ret_why[REDIS_TLS_WHY_MAX]) __attribute__((warn_unused_result));

/* The reason why TLS failed on this connection, as far as OpenSSL knows one; else false. To be
 * asked before anything else is done with OpenSSL in this thread. */
bool redis_tls_why(const redisContext *context, char ret_why[REDIS_TLS_WHY_MAX]);

/* True until the server has answered: one that does not speak TLS waits for more, as we do. */
bool redis_tls_is_shaking_hands(const redisContext *context);

/* Forgets the errors of others in this thread, which would be taken for those of this connection:
 * before hiredis reads or writes. */
void redis_tls_before(void);

/* The next byte that was sent to us, without taking it; -1 if none has come. */
int redis_tls_peek(const redisContext *context);

/* True if bytes have been decrypted and not been read: the socket will not tell of them. */
bool redis_tls_has_more(const redisContext *context);

#endif
