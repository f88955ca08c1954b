#include "tests/unit/lib/server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
    int fd;
    SSL *ssl;
};

static ssize_t receive(struct connection *c, char *buf, size_t size)
{
    return c->ssl ? SSL_read(c->ssl, buf, (int)size) : read(c->fd, buf, size);
}

static bool transmit(struct connection *c, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = c->ssl ? SSL_write(c->ssl, bytes, (int)len) : write(c->fd, bytes, len);
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* The bytes of a whole request, once `text` has its head; 0 before. */
static size_t request_size(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    if (!end)
        return 0;
    const char *length = strcasestr(text, "\r\nContent-Length: ");
    size_t body = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
    return (size_t)(end - text) + 4 + body;
}

/* One whole request, malloc'ed; NULL when the client has gone. */
static char *read_request(struct connection *c)
{
    size_t size = 4096, len = 0, need = 0;
    char *text = malloc(size);
    while (need == 0 || len < need) {
        if (len + 1 == size)
            text = realloc(text, size *= 2);
        ssize_t n = receive(c, text + len, size - len - 1);
        if (n <= 0) {
            free(text);
            return NULL;
        }
        len += (size_t)n;
        text[len] = '\0';
        need = need ? need : request_size(text);
    }
    return text;
}

static void send_filler(struct connection *c, size_t n)
{
    char block[4096];
    memset(block, 'x', sizeof(block));
    while (n > 0) {
        size_t len = n < sizeof(block) ? n : sizeof(block);
        if (!transmit(c, block, len))
            return;
        n -= len;
    }
}

/* Answers one request; false when the connection is over. */
static bool answer(struct server *server, struct connection *c)
{
    if (server->n_requests == SERVER_REQUESTS_MAX)
        return false;
    char *request = read_request(c);
    if (!request)
        return false;
    size_t at = server->n_steps > 1 ? server->n_requests : 0;
    server->requests[server->n_requests++] = request;
    if (at >= server->n_steps)
        return false;
    const struct server_step *step = &server->steps[at];
    if (!transmit(c, step->answer, strlen(step->answer)))
        return false;
    send_filler(c, step->n_filler);
    char byte;
    if (step->after == SERVER_HANG)
        while (receive(c, &byte, 1) > 0)
            continue;
    return step->after == SERVER_KEEP;
}

static void serve(struct server *server, int fd)
{
    struct connection c = {.fd = fd};
    bool open = true;
    if (server->tls) {
        c.ssl = SSL_new(server->tls);
        SSL_set_fd(c.ssl, fd);
        open = SSL_accept(c.ssl) == 1;
    }
    while (open && answer(server, &c))
        continue;
    SSL_free(c.ssl);
    close(fd);
}

static void *run(void *arg)
{
    struct server *server = arg;
    int fd;
    while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
        server->n_connections++;
        serve(server, fd);
    }
    return NULL;
}

void server_start(struct server *server, const struct server_step *steps, size_t n_steps,
                  SSL_CTX *tls)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    signal(SIGPIPE, SIG_IGN);
    *server = (struct server){.steps = steps, .n_steps = n_steps, .tls = tls};
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(server->listener, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(server->listener, 16), 0);
    cr_assert_eq(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&server->thread, NULL, run, server), 0);
}

void server_stop(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
}

void server_free(struct server *server)
{
    for (size_t i = 0; i < server->n_requests; i++)
        free(server->requests[i]);
    SSL_CTX_free(server->tls);
}

static void add_name(X509 *cert, const char *name)
{
    char text[128];
    bool is_address = name[0] >= '0' && name[0] <= '9';
    snprintf(text, sizeof(text), "%s:%s", is_address ? "IP" : "DNS", name);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
    cr_assert_not_null(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

static X509 *make_certificate(EVP_PKEY *key, const char *name)
{
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, subject);
    add_name(cert, name);
    cr_assert_gt(X509_sign(cert, key, EVP_sha256()), 0);
    return cert;
}

SSL_CTX *server_tls(const char *name, const char *pem_file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = make_certificate(key, name);
    FILE *file = fopen(pem_file, "w");
    cr_assert(file && PEM_write_X509(file, cert) == 1 && fclose(file) == 0);
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    cr_assert_eq(SSL_CTX_use_certificate(tls, cert), 1);
    cr_assert_eq(SSL_CTX_use_PrivateKey(tls, key), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
    return tls;
}
