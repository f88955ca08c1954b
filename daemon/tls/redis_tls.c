/* hiredis moves the bytes, and OpenSSL is set up here: hiredis's own way to set it up checks no
 * host name. Of a connection the SSL object is kept in privdata of its context, which is the
 * user's.
 *
 * redisInitiateSSL() has replaced the functions of the context when it fails, but not what they
 * work on: they are put back, as hiredis goes on with the context once more. */
#include "daemon/tls/redis_tls.h"

#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct redis_tls {
    SSL_CTX *context; /* owned; each connection has a reference of its own */
};

/* ---- reasons */

static const char *reason(unsigned long code)
{
    const char *text =
        ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);

    return text ? text : "unknown error";
}

static int fail(char why[REDIS_TLS_WHY_MAX], const char *what)
{
    (void)snprintf(why, REDIS_TLS_WHY_MAX, "%s: %s", what, reason(ERR_peek_last_error()));
    ERR_clear_error();
    return -1;
}

static bool explain(const SSL *ssl, char why[REDIS_TLS_WHY_MAX])
{
    long verdict = SSL_get_verify_result(ssl);
    unsigned long code = ERR_peek_last_error();

    if (verdict != X509_V_OK)
        (void)snprintf(why, REDIS_TLS_WHY_MAX, "TLS: the server's certificate is refused: %s",
                       X509_verify_cert_error_string(verdict));
    else if (code != 0)
        (void)snprintf(why, REDIS_TLS_WHY_MAX, "TLS: %s", reason(code));
    else if (!SSL_is_init_finished(ssl))
        (void)snprintf(why, REDIS_TLS_WHY_MAX, "TLS: the handshake was not answered");
    else
        return false;
    return true;
}

bool redis_tls_why(const redisContext *context, char ret_why[REDIS_TLS_WHY_MAX])
{
    return context->privdata && explain(context->privdata, ret_why);
}

/* ---- setting up */

static int load_files(SSL_CTX *context, const struct redis_tls_files *files,
                      const char *const **ret_file, char why[REDIS_TLS_WHY_MAX])
{
    *ret_file = &files->ca_file;
    if (files->ca_file && SSL_CTX_load_verify_file(context, files->ca_file) != 1)
        return fail(why, "holds no certificate that can be used");
    *ret_file = &files->cert_file;
    if (files->cert_file && SSL_CTX_use_certificate_chain_file(context, files->cert_file) != 1)
        return fail(why, "holds no certificate that can be used");
    *ret_file = &files->key_file;
    if (files->key_file &&
        SSL_CTX_use_PrivateKey_file(context, files->key_file, SSL_FILETYPE_PEM) != 1)
        return fail(why, "cannot be used as the key of the certificate");
    *ret_file = NULL;
    if (!files->ca_file && SSL_CTX_set_default_verify_paths(context) != 1)
        return fail(why, "no certificate authorities of the system");
    return 0;
}

/* Nobody is at the terminal of a daemon. */
static int no_passphrase(char *buf, int size, int is_write, void *data)
{
    (void)buf;
    (void)size;
    (void)is_write;
    (void)data;
    return -1;
}

/* hiredis may move its buffer between two attempts to write it. That a server goes without saying
 * good-bye is an end like any other: each reply has its length. */
static void set_up(SSL_CTX *context)
{
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    (void)SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
}

int redis_tls_new(const struct redis_tls_files *files, struct redis_tls **ret_tls,
                  const char *const **ret_file, char ret_why[REDIS_TLS_WHY_MAX])
{
    struct redis_tls *tls = malloc(sizeof(*tls));

    *ret_file = NULL;
    ERR_clear_error();
    if (!tls || !(tls->context = SSL_CTX_new(TLS_client_method()))) {
        free(tls);
        return fail(ret_why, "OpenSSL cannot be set up");
    }
    set_up(tls->context);
    if (load_files(tls->context, files, ret_file, ret_why) != 0) {
        redis_tls_free(tls);
        return -1;
    }
    *ret_tls = tls;
    return 0;
}

void redis_tls_free(struct redis_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

/* ---- one connection */

/* An address stands in a certificate as such, and is not a name to ask for. */
static bool expect_host(SSL *ssl, const char *host)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
        return true;
    ERR_clear_error();
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

int redis_tls_start(const struct redis_tls *tls, redisContext *context, const char *host,
                    char ret_why[REDIS_TLS_WHY_MAX])
{
    const redisContextFuncs *functions = context->funcs;
    SSL *ssl;

    ERR_clear_error();
    ssl = SSL_new(tls->context);
    if (!ssl || !expect_host(ssl, host)) {
        SSL_free(ssl);
        return fail(ret_why, "OpenSSL cannot be set up");
    }
    if (redisInitiateSSL(context, ssl) != REDIS_OK) {
        if (!explain(ssl, ret_why))
            (void)snprintf(ret_why, REDIS_TLS_WHY_MAX, "%s", context->errstr);
        context->funcs = functions;
        SSL_free(ssl);
        return -1;
    }
    context->privdata = ssl;
    return 0;
}

bool redis_tls_is_shaking_hands(const redisContext *context)
{
    return context->privdata && !SSL_is_init_finished(context->privdata);
}

void redis_tls_before(void)
{
    ERR_clear_error();
}

int redis_tls_peek(const redisContext *context)
{
    SSL *ssl = context->privdata;
    unsigned char byte;

    ERR_clear_error();
    return ssl && SSL_peek(ssl, &byte, 1) == 1 ? byte : -1;
}

bool redis_tls_has_more(const redisContext *context)
{
    return context->privdata && SSL_pending(context->privdata) > 0;
}
