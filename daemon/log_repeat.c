#include "daemon/log_repeat.h"

#include <string.h>

#include "lib/utf8.h"

static struct pusher_string subject_of(const struct log_field *fields)
{
    struct pusher_string subject = fields->text;

    if (!fields->key || !subject.ptr)
        return (struct pusher_string){"", 0};
    subject.len = pusher__utf8_cut(subject.ptr, subject.len, LOG_SUBJECT_MAX - 1);
    return subject;
}

static bool is_kind(const struct log_kind *kind, const char *tag, const char *message,
                    struct pusher_string subject)
{
    return kind->message && strcmp(kind->message, message) == 0 && strcmp(kind->tag, tag) == 0 &&
           strlen(kind->subject) == subject.len &&
           memcmp(kind->subject, subject.ptr, subject.len) == 0;
}

static void tell(struct log_kind *kind, log_more_cb more_cb)
{
    if (kind->n_more > 0)
        more_cb(kind);
    kind->n_lines = kind->n_more = 0;
}

/* The kind, or the place of one that was silent for longest. */
static struct log_kind *find(struct log_kinds *kinds, const char *tag, const char *message,
                             struct pusher_string subject)
{
    struct log_kind *oldest = &kinds->kinds[0];

    for (int i = 0; i < LOG_KINDS; i++) {
        struct log_kind *kind = &kinds->kinds[i];

        if (is_kind(kind, tag, message, subject))
            return kind;
        if (!kind->message || (oldest->message && kind->second < oldest->second))
            oldest = kind;
    }
    return oldest;
}

bool log_kinds_take(struct log_kinds *kinds, int level, const char *tag, const char *message,
                    const struct log_field *fields, uint64_t second, log_more_cb more_cb)
{
    struct pusher_string subject = subject_of(fields);
    struct log_kind *kind = find(kinds, tag, message, subject);
    bool is_other = !is_kind(kind, tag, message, subject);

    if (is_other || kind->second != second)
        tell(kind, more_cb);
    if (is_other) {
        *kind = (struct log_kind){.tag = tag, .message = message, .level = level};
        kind->subject_key = subject.len > 0 ? fields->key : NULL;
        memcpy(kind->subject, subject.ptr, subject.len);
    }
    kind->second = second;
    if (kind->n_lines < LOG_SAME_PER_S) {
        kind->n_lines++;
        return true;
    }
    kind->n_more++;
    return false;
}

void log_kinds_flush(struct log_kinds *kinds, uint64_t second, log_more_cb more_cb)
{
    for (int i = 0; i < LOG_KINDS; i++) {
        if (kinds->kinds[i].second < second)
            tell(&kinds->kinds[i], more_cb);
    }
}

bool log_kinds_have_more(const struct log_kinds *kinds)
{
    for (int i = 0; i < LOG_KINDS; i++) {
        if (kinds->kinds[i].n_more > 0)
            return true;
    }
    return false;
}
