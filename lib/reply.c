/* Two questions, in this order: what status does the answer really have (some servers hide an error
 * in a 200), and what does that status mean, given what the text says.
 *
 *   2xx                  DONE
 *   3xx                  FORBIDDEN: the address, the scheme or the prefix is wrong. Redirects are
 *                        never followed: a POST would lose its body and its signature
 *   400                  FORBIDDEN if the text is about the app, else REFUSED
 *   401                  CLOCK if the text is about the timestamp, else FORBIDDEN
 *   402, 403             FORBIDDEN
 *   404                  FORBIDDEN if the text is about the app, else NOT_FOUND
 *   407                  FORBIDDEN: the proxy wants other credentials, whatever is sent
 *   408 421 425 429      RETRY
 *   other 4xx            REFUSED
 *   5xx                  RETRY, all of them: 501 and 505 come from proxies in trouble, and a retry
 *                        costs less than a lost event
 *   anything else        RETRY: that was no HTTP
 *
 * The usual answer, 200 with {}, is judged without a JSON parser. */
#include "pusher/reply.h"

#include <jansson.h>
#include <string.h>

#include "lib/json_dump.h"
#include "lib/json_load.h"
#include "lib/utf8.h"

#define JSON_MAX ((size_t)1 << 20) /* a longer error is no error of Pusher's */
#define TEXT_MAX ((size_t)4096)    /* of a body that is looked at for words */

static bool contains(const char *text, const char *word)
{
    return strcasestr(text, word) != NULL;
}

static bool is_about_clock(const char *text)
{
    return contains(text, "timestamp expired") ||
           (contains(text, "timestamp") && contains(text, "too far in the future"));
}

static bool is_about_app(const char *text)
{
    return contains(text, "no matching application") || contains(text, "not in this cluster") ||
           contains(text, "unknown auth_key") || contains(text, "app_not_found") ||
           (contains(text, "app ") && contains(text, "could not be found"));
}

static enum pusher_reply_class classify_4xx(unsigned status, const char *text)
{
    switch (status) {
    case 400:
        return is_about_app(text) ? PUSHER_REPLY_FORBIDDEN : PUSHER_REPLY_REFUSED;
    case 401:
        return is_about_clock(text) ? PUSHER_REPLY_CLOCK : PUSHER_REPLY_FORBIDDEN;
    case 402:
    case 403:
    case 407:
        return PUSHER_REPLY_FORBIDDEN;
    case 404:
        return is_about_app(text) ? PUSHER_REPLY_FORBIDDEN : PUSHER_REPLY_NOT_FOUND;
    case 408:
    case 421:
    case 425:
    case 429:
        return PUSHER_REPLY_RETRY;
    default:
        return PUSHER_REPLY_REFUSED;
    }
}

static enum pusher_reply_class classify(unsigned status, const char *text)
{
    switch (status / 100) {
    case 2:
        return PUSHER_REPLY_DONE;
    case 3:
        return PUSHER_REPLY_FORBIDDEN;
    case 4:
        return classify_4xx(status, text);
    default:
        return PUSHER_REPLY_RETRY;
    }
}

/* What an error's JSON says. */
struct complaint {
    char words[256]; /* its text, as it is shown */
    char code[64];   /* its code, where that is a word: "app_not_found" */
    unsigned status; /* its code, where that is a status; 0 if it has none */
};

static unsigned status_of(const json_t *value)
{
    json_int_t n = json_integer_value(value);
    return n >= 400 && n <= 599 ? (unsigned)n : 0;
}

/* Words that stand for a status, where a server hides an error in a 200 and gives no number. */
static unsigned status_of_word(const char *code)
{
    static const struct {
        const char *code;
        unsigned status;
    } words[] = {
        {"app_not_found", 404},  {"auth_failed", 401},       {"forbidden", 403},
        {"rate_limited", 429},   {"backpressure", 503},      {"service_unavailable", 503},
        {"internal_error", 500}, {"payload_too_large", 413},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(code, words[i].code) == 0)
            return words[i].status;
    }
    return 0;
}

static bool is_nothing(const json_t *value)
{
    return !value || json_is_null(value) || json_is_false(value);
}

/* False when out of memory. */
static bool copy_words(const json_t *value, char *buf, size_t size)
{
    if (json_is_string(value)) {
        pusher__utf8_line(json_string_value(value), json_string_length(value), buf, size);
        return true;
    }
    char *text = pusher__json_dump(value);
    if (text)
        pusher__utf8_line(text, strlen(text), buf, size);
    free(text);
    return text != NULL;
}

enum { COMPLAINT_NONE, COMPLAINT_FOUND, COMPLAINT_UNREAD /* for want of memory */ };

static int read_error(const json_t *object, const json_t *error, struct complaint *ret)
{
    const json_t *message = json_object_get(error, "message");
    const json_t *code = json_object_get(object, "code");
    if (!copy_words(message ? message : error, ret->words, sizeof(ret->words)) ||
        (json_is_string(code) && !copy_words(code, ret->code, sizeof(ret->code))))
        return COMPLAINT_UNREAD;
    ret->status = status_of(code);
    if (ret->status == 0)
        ret->status = status_of(json_object_get(object, "status"));
    if (ret->status == 0)
        ret->status = status_of_word(ret->code);
    return COMPLAINT_FOUND;
}

/* Found, if the body is an object with an error in it. */
static int read_complaint(const char *body, size_t body_len, struct complaint *ret)
{
    json_t *object = NULL;
    *ret = (struct complaint){.status = 0};
    if (body_len > JSON_MAX || !memmem(body, body_len, "\"error\"", 7))
        return COMPLAINT_NONE;
    if (pusher__json_load(body, body_len, 0, &object, NULL) == PUSHER_ENOMEM)
        return COMPLAINT_UNREAD;
    const json_t *error = json_object_get(object, "error");
    int found = is_nothing(error) ? COMPLAINT_NONE : read_error(object, error, ret);
    json_decref(object);
    return found;
}

static void judge_complaint(unsigned status, const struct complaint *complaint,
                            struct pusher_reply *ret_reply)
{
    char text[sizeof(complaint->words) + sizeof(complaint->code)];
    bool hidden = status / 100 == 2;
    snprintf(text, sizeof(text), "%s %s", complaint->words, complaint->code);
    ret_reply->status = hidden && complaint->status ? complaint->status : status;
    ret_reply->class_ =
        hidden && !complaint->status ? PUSHER_REPLY_REFUSED : classify(ret_reply->status, text);
    memcpy(ret_reply->text, complaint->words, sizeof(ret_reply->text));
}

static void judge_text(unsigned status, const char *body, size_t body_len,
                       struct pusher_reply *ret_reply)
{
    char text[TEXT_MAX];
    pusher__utf8_line(body, body_len, text, sizeof(text));
    ret_reply->status = status;
    ret_reply->class_ = classify(status, text);
    ret_reply->text[0] = '\0';
    if (ret_reply->class_ != PUSHER_REPLY_DONE)
        pusher__utf8_line(text, strlen(text), ret_reply->text, sizeof(ret_reply->text));
}

/* An accepted request, or not: it is sent again rather than lost. */
static void judge_unread(unsigned status, struct pusher_reply *ret_reply)
{
    *ret_reply = (struct pusher_reply){.class_ = PUSHER_REPLY_RETRY, .status = status};
    strcpy(ret_reply->text, "no memory to read the answer");
}

static bool is_empty_object(const char *body, size_t len)
{
    while (len > 0 && (body[len - 1] == '\n' || body[len - 1] == '\r'))
        len--;
    return len == 0 || (len == 2 && body[0] == '{' && body[1] == '}');
}

void pusher_reply_read(unsigned status, const char *body, size_t body_len,
                       struct pusher_reply *ret_reply)
{
    struct complaint complaint;
    if (!body)
        body_len = 0;
    if (status / 100 == 2 && is_empty_object(body, body_len)) {
        ret_reply->class_ = PUSHER_REPLY_DONE;
        ret_reply->status = status;
        ret_reply->text[0] = '\0';
        return;
    }
    int found = body_len > 0 ? read_complaint(body, body_len, &complaint) : COMPLAINT_NONE;
    if (found == COMPLAINT_FOUND)
        judge_complaint(status, &complaint, ret_reply);
    else if (found == COMPLAINT_UNREAD && status / 100 == 2)
        judge_unread(status, ret_reply);
    else
        judge_text(status, body_len > 0 ? body : "", body_len, ret_reply);
}
