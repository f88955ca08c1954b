#include "signed_request.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "verify.h"

/* The parameters in the order they are signed in; what `params` adds begins with a later letter. */
static char *make_query(const struct signed_request *request, const char *body)
{
    char md5[33];
    char *query;
    char body_md5[64] = "";
    if (body[0]) {
        verify_md5(body, strlen(body), md5);
        snprintf(body_md5, sizeof(body_md5), "&body_md5=%s", md5);
    }
    cr_assert(asprintf(&query, "auth_key=%s&auth_timestamp=%ld&auth_version=1.0%s%s", FAKE_APP_KEY,
                       (long)time(NULL) - request->age_s, body_md5,
                       request->params ? request->params : "") > 0);
    return query;
}

static char *make_url(const struct fake_server *fake, const struct signed_request *request,
                      const char *body)
{
    char *query = make_query(request, body);
    char *text;
    char *url;
    char signature[65];
    cr_assert(asprintf(&text, "%s\n/apps/%s%s\n%s", request->method, FAKE_APP_ID, request->route,
                       query) > 0);
    verify_hmac(request->secret ? request->secret : FAKE_APP_SECRET, text, signature);
    cr_assert(asprintf(&url, "%s/apps/%s%s?%s&auth_signature=%s", fake->url, FAKE_APP_ID,
                       request->route, query, signature) > 0);
    free(query);
    free(text);
    return url;
}

void signed_perform(const struct fake_server *fake, const struct signed_request *request,
                    struct http_answer *ret_answer)
{
    const char *body = request->body ? request->body : "";
    char *url = make_url(fake, request, body);
    struct http_request http = {.method = request->method,
                                .url = url,
                                .body = request->body,
                                .body_len = strlen(body),
                                .timeout_ms = request->timeout_ms,
                                .ca_file = request->ca_file};
    http_perform(&http, ret_answer);
    free(url);
}

static long finish(struct http_answer *answer, char **ret_body)
{
    if (ret_body) {
        *ret_body = answer->body;
        answer->body = NULL;
    }
    http_answer_deinit(answer);
    return answer->status;
}

long signed_post(const struct fake_server *fake, const char *route, const char *body,
                 char **ret_body)
{
    struct http_answer answer;
    char *json = strdup(body);
    for (char *quote = json; (quote = strchr(quote, '\'')) != NULL;) {
        *quote = '"';
    }
    signed_perform(fake, &(struct signed_request){.method = "POST", .route = route, .body = json},
                   &answer);
    free(json);
    return finish(&answer, ret_body);
}

long signed_get(const struct fake_server *fake, const char *route, const char *params,
                char **ret_body)
{
    struct http_answer answer;
    signed_perform(
        fake, &(struct signed_request){.method = "GET", .route = route, .params = params}, &answer);
    return finish(&answer, ret_body);
}
