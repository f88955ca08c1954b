/* What a request may hold, so that what is signed is what arrives. */
#include <string.h>

#include "lib/name.h"
#include "lib/report.h"
#include "lib/request_private.h"
#include "lib/utf8.h"
#include "pusher/request.h"

#define METHOD_MAX 16

char pusher__lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

int pusher__param_compare(struct pusher_string a, struct pusher_string b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        int diff = (unsigned char)pusher__lower(a.ptr[i]) - (unsigned char)pusher__lower(b.ptr[i]);
        if (diff != 0)
            return diff;
    }
    return (a.len > b.len) - (a.len < b.len);
}

static bool is_reserved(struct pusher_string name)
{
    static const char prefix[] = "auth_";
    struct pusher_string head = {name.ptr, sizeof(prefix) - 1};
    if (name.len >= head.len && pusher__param_compare(head, pusher_str(prefix)) == 0)
        return true;
    return pusher__param_compare(name, pusher_str("body_md5")) == 0;
}

/* Servers decode a query as UTF-8: other bytes would be signed and read differently. */
static int check_param(const struct pusher_param *param, struct pusher_error *error)
{
    char shown[PUSHER__SHOWN_MAX];
    struct pusher_string name = param->name, value = param->value;
    if (!name.ptr || name.len == 0)
        return pusher__fail(error, PUSHER_EINVAL, "a parameter has no name");
    if (!pusher__utf8_valid(name.ptr, name.len))
        return pusher__fail(error, PUSHER_EINVAL, "a parameter's name is not valid UTF-8");
    if (is_reserved(name))
        return pusher__fail(error, PUSHER_EINVAL,
                            "parameter \"%s\": the name is reserved for the signature",
                            pusher__shown(name, shown));
    if (!value.ptr || !pusher__utf8_valid(value.ptr, value.len))
        return pusher__fail(error, PUSHER_EINVAL,
                            "parameter \"%s\": the value is missing or not valid UTF-8",
                            pusher__shown(name, shown));
    return 0;
}

static int check_params(const struct pusher_param *params, size_t n, struct pusher_error *error)
{
    char shown[PUSHER__SHOWN_MAX];
    if (n > PUSHER_PARAMS_MAX)
        return pusher__fail(error, PUSHER_EINVAL, "%zu parameters, at most %d are allowed", n,
                            PUSHER_PARAMS_MAX);
    for (size_t i = 0; i < n; i++) {
        int rc = check_param(&params[i], error);
        if (rc != 0)
            return rc;
        for (size_t j = 0; j < i; j++) {
            if (pusher__param_compare(params[i].name, params[j].name) == 0)
                return pusher__fail(error, PUSHER_EINVAL,
                                    "parameter \"%s\" is there twice (case does not matter)",
                                    pusher__shown(params[i].name, shown));
        }
    }
    return 0;
}

static bool is_method(const char *method)
{
    size_t len = strlen(method);
    for (size_t i = 0; i < len; i++) {
        char c = pusher__lower(method[i]);
        if (c < 'a' || c > 'z')
            return false;
    }
    return len > 0 && len <= METHOD_MAX;
}

/* A segment of "." or "..", its dots perhaps written as %2e. */
static bool is_dot_segment(const char *segment, size_t len)
{
    size_t dots = 0;
    for (size_t i = 0; i < len; dots++) {
        if (segment[i] == '.')
            i++;
        else if (len - i >= 3 && strncasecmp(segment + i, "%2e", 3) == 0)
            i += 3;
        else
            return false;
    }
    return dots == 1 || dots == 2;
}

static bool has_dot_segment(const char *path)
{
    for (const char *c = path; *c;) {
        size_t len = strcspn(++c, "/");
        if (is_dot_segment(c, len))
            return true;
        c += len;
    }
    return false;
}

/* What can stand in a request line as it is, and what no client or proxy rewrites. */
static int check_path(const char *path, struct pusher_error *error)
{
    if (path[0] != '/')
        return pusher__fail(error, PUSHER_EINVAL, "the path must begin with a slash");
    for (const char *c = path; *c; c++) {
        if (*c == '?' || *c == '#')
            return pusher__fail(error, PUSHER_EINVAL,
                                "the path may not hold \"%c\": a query goes into the parameters",
                                *c);
        if (*c <= ' ' || *c > '~')
            return pusher__fail(error, PUSHER_EINVAL,
                                "byte %zu of the path must be percent-encoded", (size_t)(c - path));
    }
    if (has_dot_segment(path))
        return pusher__fail(error, PUSHER_EINVAL, "the path may not hold \"/./\" or \"/../\"");
    return 0;
}

int pusher_request_check(const char *method, const char *path, const struct pusher_param *params,
                         size_t n_params, struct pusher_error *ret_error)
{
    if (!is_method(method))
        return pusher__fail(ret_error, PUSHER_EINVAL, "the method must be 1 to %d letters",
                            METHOD_MAX);
    int rc = check_path(path, ret_error);
    return rc == 0 ? check_params(params, n_params, ret_error) : rc;
}
