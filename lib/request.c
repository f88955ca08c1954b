/* A request's fields (auth_key, auth_timestamp, auth_version, body_md5 and the caller's parameters)
 * are put in one sorted list; from it come both the query on the wire, percent-encoded, and the
 * text that is signed, plain. Names go out in lower case: the signature is over lower-case names,
 * and not every server lowers them itself before it checks. */
#include "pusher/request.h"

#include <string.h>

#include "lib/client_private.h"
#include "lib/decimal.h"
#include "lib/name.h"
#include "lib/request_private.h"
#include "lib/sign.h"

#define MD5_BYTES 16
#define N_OWN     4 /* auth_key, auth_timestamp, auth_version, body_md5 */

struct fields {
    struct pusher_param list[N_OWN + PUSHER_PARAMS_MAX]; /* sorted by name */
    size_t n;
    char timestamp[DECIMAL_MAX + 1];
    char md5[2 * MD5_BYTES + 1];
};

struct writer {
    char *pos, *end;
    bool full;
};

static void put(struct writer *w, const char *bytes, size_t len)
{
    if ((size_t)(w->end - w->pos) < len) {
        w->full = true;
        return;
    }
    memcpy(w->pos, bytes, len);
    w->pos += len;
}

static bool is_unreserved(char c)
{
    return pusher__is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~'; /* RFC 3986, 2.3 */
}

static void put_encoded(struct writer *w, struct pusher_string s)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (is_unreserved(s.ptr[i])) {
            put(w, s.ptr + i, 1);
        } else {
            const char encoded[] = {'%', digits[c >> 4], digits[c & 15]};
            put(w, encoded, sizeof(encoded));
        }
    }
}

/* By insertion: there are few, and pusher_request_check() has seen to it that all names differ. */
static void insert_field(struct fields *fields, struct pusher_param field)
{
    size_t at = fields->n++;
    for (; at > 0 && pusher__param_compare(fields->list[at - 1].name, field.name) > 0; at--)
        fields->list[at] = fields->list[at - 1];
    fields->list[at] = field;
}

static void add_own(struct fields *fields, const char *name, const char *value)
{
    insert_field(fields, (struct pusher_param){pusher_str(name), pusher_str(value)});
}

static int digest_body(const struct pusher_client *client, const void *body, size_t len,
                       char ret_hex[2 * MD5_BYTES + 1])
{
    unsigned char md5[EVP_MAX_MD_SIZE];
    unsigned int md5_len = 0;
    if (!client->md5)
        return PUSHER_ECRYPTO;
    if (EVP_Digest(body, len, md5, &md5_len, client->md5, NULL) != 1 || md5_len != MD5_BYTES)
        return PUSHER_ENOMEM;
    sodium_bin2hex(ret_hex, 2 * MD5_BYTES + 1, md5, md5_len);
    return 0;
}

static int list_fields(const struct pusher_client *client, const struct pusher_param *params,
                       size_t n_params, const void *body, size_t body_len, int64_t unix_s,
                       struct fields *ret_fields)
{
    ret_fields->n = 0;
    ret_fields->timestamp[decimal_write(ret_fields->timestamp, (uint64_t)unix_s)] = '\0';
    add_own(ret_fields, "auth_key", client->key);
    add_own(ret_fields, "auth_timestamp", ret_fields->timestamp);
    add_own(ret_fields, "auth_version", "1.0");
    if (body_len > 0) {
        int rc = digest_body(client, body, body_len, ret_fields->md5);
        if (rc != 0)
            return rc;
        add_own(ret_fields, "body_md5", ret_fields->md5);
    }
    for (size_t i = 0; i < n_params; i++)
        insert_field(ret_fields, params[i]);
    return 0;
}

static void sign_lower(struct pusher__signer *signer, struct pusher_string name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = pusher__lower(name.ptr[i]);
        pusher__signer_add(signer, (struct pusher_string){&c, 1});
    }
}

static void sign_upper(struct pusher__signer *signer, const char *method)
{
    for (; *method; method++) {
        char c = *method >= 'a' && *method <= 'z' ? (char)(*method - ('a' - 'A')) : *method;
        pusher__signer_add(signer, (struct pusher_string){&c, 1});
    }
}

static void put_lower(struct writer *w, struct pusher_string name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = pusher__lower(name.ptr[i]);
        put_encoded(w, (struct pusher_string){&c, 1});
    }
}

/* Writes the query and signs as it goes: METHOD \n PATH \n name=value&name=value. */
static void write_query(const struct pusher_client *client, const char *method, const char *path,
                        const struct fields *fields, struct writer *w)
{
    struct pusher__signer signer;
    char signature[PUSHER__HEX_BYTES];
    pusher__signer_init(&signer, client);
    sign_upper(&signer, method);
    pusher__signer_add(&signer, pusher_str("\n"));
    if (client->sign_prefix)
        pusher__signer_add(&signer, pusher_str(client->path_prefix));
    pusher__signer_add(&signer, pusher_str(path));
    for (size_t i = 0; i < fields->n; i++) {
        const struct pusher_param *field = &fields->list[i];
        pusher__signer_add(&signer, pusher_str(i == 0 ? "\n" : "&"));
        sign_lower(&signer, field->name);
        pusher__signer_add(&signer, pusher_str("="));
        pusher__signer_add(&signer, field->value);
        put_lower(w, field->name);
        put(w, "=", 1);
        put_encoded(w, field->value);
        put(w, "&", 1);
    }
    pusher__signer_finish(&signer, signature);
    put(w, "auth_signature=", strlen("auth_signature="));
    put(w, signature, sizeof(signature));
}

static int write_request(const struct pusher_client *client, const char *method, const char *path,
                         const struct pusher_param *params, size_t n_params, const void *body,
                         size_t body_len, int64_t unix_s, struct writer *w)
{
    struct fields fields;
    int rc =
        unix_s < 0 ? PUSHER_EINVAL : pusher_request_check(method, path, params, n_params, NULL);
    if (rc == 0)
        rc = list_fields(client, params, n_params, body, body_len, unix_s, &fields);
    if (rc != 0)
        return rc;
    write_query(client, method, path, &fields, w);
    put(w, "", 1);
    return w->full ? PUSHER_ETOOSMALL : 0;
}

int pusher_request_target(const struct pusher_client *client, const char *method, const char *path,
                          const struct pusher_param *params, size_t n_params, const void *body,
                          size_t body_len, int64_t unix_s, char *buf, size_t size)
{
    struct writer w = {buf, buf + size, false};
    put(&w, client->path_prefix, strlen(client->path_prefix));
    put(&w, path, strlen(path));
    put(&w, "?", 1);
    return write_request(client, method, path, params, n_params, body, body_len, unix_s, &w);
}

int pusher_request_query(const struct pusher_client *client, const char *method, const char *path,
                         const struct pusher_param *params, size_t n_params, const void *body,
                         size_t body_len, int64_t unix_s, char *buf, size_t size)
{
    struct writer w = {buf, buf + size, false};
    return write_request(client, method, path, params, n_params, body, body_len, unix_s, &w);
}

int pusher_request_sign(const struct pusher_client *client, const struct pusher_request *request,
                        int64_t unix_s, char *buf, size_t size)
{
    return pusher_request_target(client, request->method, request->path, request->params,
                                 request->n_params, request->body.ptr, request->body.len, unix_s,
                                 buf, size);
}
