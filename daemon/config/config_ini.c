/* The file. inih splits lines into keys and values, but tells its handler neither the line nor that
 * a section began, and cuts long lines and long names of sections without a word. So the lines are
 * handed to it one by one from here, counted and checked, and the headers of sections are read
 * here. Leading blanks are dropped, which also switches off inih's continued lines. */
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/config/config_file.h"
#include "daemon/config/config_loader.h"
#include "lib/utf8.h"
#include "pusher/string.h"

#define LINE_MAX_BYTES 4096

struct reader {
    struct config_loader *loader;
    const char *at; /* the next line */
    unsigned line;  /* of the last line given out */
    enum config_section section;
    struct config_draft *draft; /* NULL before the first section */
    bool failed;
};

static int fail_in(struct reader *reader, const char *section, const char *key, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

static int fail_in(struct reader *reader, const char *section, const char *key, const char *format,
                   ...)
{
    char text[480];
    struct config_where where = {
        .file = reader->loader->source->file, .line = reader->line, .section = section};
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    reader->failed = true;
    return config_fail(reader->loader->error, &where, key, "%s", text);
}

#define fail(reader, ...) fail_in(reader, NULL, NULL, __VA_ARGS__)

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct pusher_string trim(const char *from, const char *to)
{
    while (from < to && is_blank(*from))
        from++;
    while (to > from && is_blank(to[-1]))
        to--;
    return (struct pusher_string){.ptr = from, .len = (size_t)(to - from)};
}

static bool is_app_name(const char *name)
{
    size_t len = strlen(name);
    return len <= CONFIG_APP_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == len;
}

/* [app NAME] and [queue NAME] */
static int enter_named(struct reader *reader, enum config_section section, const char *name)
{
    struct config_loader *loader = reader->loader;
    const char *word = config_section_name(section);
    if (name[0] == '\0')
        return fail(reader, "[%s] needs a name: [%s NAME]", word, word);
    if (section == SECTION_APP && !is_app_name(name))
        return fail(reader, "[%s %.80s] has a bad name (allowed: 1 to %d of A-Z a-z 0-9 _ . -)",
                    word, name, CONFIG_APP_NAME_MAX);
    struct config_draft *draft = config_draft_find(loader, section, name);
    if (draft && draft->line > 0)
        return fail(reader, "[%s %.80s] stands twice, before in line %u", word, name, draft->line);
    if (!draft)
        draft = config_draft_add(loader, section, name, LAYER_FILE, reader->line);
    reader->failed = !draft;
    reader->draft = draft;
    if (!draft)
        return -1;
    draft->line = reader->line;
    return 0;
}

static int enter_section(struct reader *reader, enum config_section section, const char *name)
{
    unsigned *seen = &reader->loader->section_lines[section];
    reader->section = section;
    if (config_section_is_named(section))
        return enter_named(reader, section, name);
    const char *word = config_section_name(section);
    if (name[0] != '\0')
        return fail(reader, "[%s] takes no name", word);
    if (*seen > 0)
        return fail(reader, "[%s] stands twice, before in line %u", word, *seen);
    *seen = reader->line;
    reader->draft = &reader->loader->globals;
    return 0;
}

#define KNOWN_SECTIONS "(known: redis, app NAME, queue NAME, results, delivery, spool, status, log)"

static int fail_section(struct reader *reader, const char *word, size_t len)
{
    bool may_show = len == 0 || config_is_plain(word, len, "_-");
    for (int i = 0; i < SECTION_COUNT; i++) {
        const char *name = config_section_name((enum config_section)i);
        may_show |= strlen(name) == len && strncasecmp(name, word, len) == 0;
    }
    if (may_show)
        return fail(reader, "[%.*s] is not a section " KNOWN_SECTIONS, (int)len, word);
    return fail(reader,
                "not a section; its name is not shown, as it may be a secret " KNOWN_SECTIONS);
}

/* "[word name]", perhaps with a comment behind it. */
static int read_header(struct reader *reader, const char *start, const char *end)
{
    char name[LINE_MAX_BYTES];
    const char *close = memchr(start, ']', (size_t)(end - start));
    if (!close)
        return fail(reader, "a section without its ']'");
    struct pusher_string rest = trim(close + 1, end);
    if (rest.len > 0 && rest.ptr[0] != ';' && rest.ptr[0] != '#')
        return fail(reader, "text behind the ']' of a section");
    struct pusher_string inner = trim(start + 1, close);
    size_t word_len = 0;
    while (word_len < inner.len && !is_blank(inner.ptr[word_len]))
        word_len++;
    struct pusher_string tail = trim(inner.ptr + word_len, inner.ptr + inner.len);
    memcpy(name, tail.ptr, tail.len);
    name[tail.len] = '\0';
    enum config_section section = config_section_find(inner.ptr, word_len);
    if (section == SECTION_COUNT)
        return fail_section(reader, inner.ptr, word_len);
    return enter_section(reader, section, name);
}

static bool has_control(struct pusher_string text)
{
    for (size_t i = 0; i < text.len; i++)
        if (((unsigned char)text.ptr[i] < ' ' && text.ptr[i] != '\t') || text.ptr[i] == 0x7f)
            return true;
    return false;
}

static bool is_comment(struct pusher_string line)
{
    return line.len > 0 && (line.ptr[0] == ';' || line.ptr[0] == '#');
}

/* The next line for inih, as fgets() would give it. NULL ends the parse. */
static char *read_line(char *buf, int size, void *stream)
{
    struct reader *reader = stream;
    if (reader->failed || *reader->at == '\0')
        return NULL;
    const char *end = reader->at + strcspn(reader->at, "\n");
    bool is_crlf = end > reader->at && end[-1] == '\r';
    struct pusher_string line = trim(reader->at, is_crlf ? end - 1 : end);
    reader->at = *end == '\n' ? end + 1 : end;
    reader->line++;
    if (line.len + 3 > (size_t)size) {
        fail(reader, "the line is longer than %d bytes", size - 3);
        return NULL;
    }
    if (has_control(line)) {
        fail(reader, "a control character in the line");
        return NULL;
    }
    if (!is_comment(line) && /* names are in /metrics and in JSON */
        !pusher__utf8_valid(line.ptr, line.len)) {
        fail(reader, "the line is not UTF-8");
        return NULL;
    }
    if (line.len > 0 && line.ptr[0] == '[' &&
        read_header(reader, line.ptr, line.ptr + line.len) != 0)
        return NULL;
    memcpy(buf, line.ptr, line.len);
    memcpy(buf + line.len, "\n", 2);
    return buf;
}

/* A secret on a line of its own, with a '=' in it, comes here as the name of a key. */
static int fail_unknown(struct reader *reader, const char *name)
{
    char known[400] = "";
    size_t used = 0;
    for (size_t i = 0; i < config_n_keys && used < sizeof known; i++)
        if (config_keys[i].section == reader->section && config_keys[i].name)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s",
                                     used > 0 ? ", " : "", config_keys[i].name);
    const char *label = reader->draft->label;
    if (!label)
        label = config_section_name(reader->section);
    if (config_key_may_show(name))
        return fail_in(reader, label, name, "unknown key (known: %s)", known);
    return fail_in(reader, label, NULL,
                   "unknown key; its name is not shown, as it may be a secret (known: %s)", known);
}

/* inih's handler: nonzero means done. The section it names may be cut; ours is whole. */
static int on_key(void *user, const char *section, const char *name, const char *value)
{
    (void)section;
    struct reader *reader = user;
    if (reader->failed)
        return 0;
    if (!reader->draft) {
        fail(reader, "a key before the first [section]");
        return 0;
    }
    const struct config_key *key = config_key_find(reader->section, name);
    if (!key) {
        fail_unknown(reader, name);
        return 0;
    }
    if (reader->draft->layer == LAYER_JSON) /* the JSON form replaces [app default] whole */
        return 1;
    if (config_set(reader->loader, reader->draft, key, value, LAYER_FILE, reader->line) == 0)
        return 1;
    reader->failed = true;
    return 0;
}

static int parse(struct reader *reader)
{
#ifdef HAVE_INI_MAX_LINE
    int max_line = ini_max_line;
    ini_max_line = LINE_MAX_BYTES;
#endif
    int bad_line = ini_parse_stream(read_line, reader, on_key, reader);
#ifdef HAVE_INI_MAX_LINE
    ini_max_line = max_line;
#endif
    if (bad_line <= 0 || (reader->failed && (unsigned)bad_line == reader->line))
        return reader->failed ? -1 : 0;
    reader->line = (unsigned)bad_line;
    return fail(reader, "neither a [section], nor key = value, nor a comment");
}

static int read_folder(struct config_loader *loader)
{
    const char *slash = strrchr(loader->source->file, '/');
    loader->folder =
        slash ? strndup(loader->source->file, (size_t)(slash - loader->source->file)) : strdup(".");
    return loader->folder ? 0 : config_fail_memory(loader->error);
}

int config_read_ini(struct config_loader *loader)
{
    struct config_where where = {.file = loader->source->file};
    char why[CONFIG_FILE_WHY_MAX];
    char *text;
    size_t len;
    if (!where.file)
        return 0;
    if (read_folder(loader) != 0)
        return -1;
    if (config_file_read(where.file, CONFIG_FILE_MAX, 0, &text, &len, why) != 0)
        return config_fail(loader->error, &where, NULL, "%s", why);
    loader->exposed_file.mode = config_file_mode(where.file);
    bool has_bom = strncmp(text, "\xef\xbb\xbf", 3) == 0;
    struct reader reader = {.loader = loader, .at = has_bom ? text + 3 : text};
    int rc = parse(&reader);
    config_file_free(text, len);
    return rc;
}
