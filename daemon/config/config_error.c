#include "daemon/config/config_error.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#define PLAIN_WORD_MAX   20 /* letters; enableClientMessages has as many */
#define PLAIN_NUMBER_MAX 2  /* digits */
#define PLAIN_MAX        40 /* bytes; encryption_master_key_base64_file has 33 */

/* Appends to text[] at *used; what does not fit is cut. */
static void append_va(char *text, size_t size, size_t *used, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));
static void append(char *text, size_t size, size_t *used, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void append_va(char *text, size_t size, size_t *used, const char *format, va_list args)
{
    int n = vsnprintf(text + *used, size - *used, format, args);
    if (n > 0)
        *used = *used + (size_t)n < size ? *used + (size_t)n : size - 1;
}

static void append(char *text, size_t size, size_t *used, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    append_va(text, size, used, format, args);
    va_end(args);
}

static void append_where(char *text, size_t size, size_t *used, const struct config_where *where)
{
    append(text, size, used, "%s", where->file ? where->file : "environment");
    if (where->line > 0)
        append(text, size, used, ":%u", where->line);
    append(text, size, used, ": ");
    if (where->section)
        append(text, size, used, "[%s] ", where->section);
}

int config_fail(struct config_error *ret_error, const struct config_where *where, const char *key,
                const char *format, ...)
{
    struct config_error error = {""};
    size_t used = 0;
    append_where(error.text, sizeof error.text, &used, where);
    if (key)
        append(error.text, sizeof error.text, &used, "%s: ", key);
    va_list args;
    va_start(args, format);
    append_va(error.text, sizeof error.text, &used, format, args);
    va_end(args);
    *ret_error = error;
    return -1;
}

int config_fail_memory(struct config_error *ret_error)
{
    snprintf(ret_error->text, sizeof ret_error->text,
             "out of memory while reading the "
             "configuration");
    return -1;
}

bool config_is_plain(const char *text, size_t len, const char *joiners)
{
    size_t letters = 0, digits = 0;
    for (size_t i = 0; i < len; i++) {
        bool is_letter = isascii(text[i]) && isalpha(text[i]);
        bool is_digit = isascii(text[i]) && isdigit(text[i]);
        bool is_joiner = text[i] != '\0' && strchr(joiners, text[i]) && letters + digits > 0;
        if (!is_joiner && (is_letter ? digits > 0 : !is_digit || letters > 0 || i == 0))
            return false;
        letters = is_letter ? letters + 1 : 0;
        digits = is_digit ? digits + 1 : 0;
        if (letters > PLAIN_WORD_MAX || digits > PLAIN_NUMBER_MAX)
            return false;
    }
    return letters + digits > 0 && len <= PLAIN_MAX;
}

const char *config_quote(const char *value, char ret_quoted[CONFIG_QUOTE_MAX])
{
    size_t len = strcspn(value, " \t\r\n");
    const char *end = value[len] == '\0' ? "" : " ...";
    if (len + strlen(end) >= CONFIG_QUOTE_MAX) {
        end = "...";
        len = CONFIG_QUOTE_MAX - sizeof "...";
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];
        ret_quoted[i] = value[i];
        if (c < ' ' || c >= 0x7f)
            ret_quoted[i] = '?';
    }
    strcpy(ret_quoted + len, end);
    return ret_quoted;
}
