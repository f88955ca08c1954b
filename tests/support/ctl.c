#include "ctl.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_WORDS 24

static const char *program(void)
{
    static char path[512];
    const char *pusherd = getenv("PUSHERD_BIN"), *pusherctl = getenv("PUSHERCTL_BIN");
    if (pusherctl) {
        return pusherctl;
    }
    cr_assert(pusherd && strrchr(pusherd, '/'), "neither PUSHERCTL_BIN nor PUSHERD_BIN is set");
    snprintf(path, sizeof(path), "%.*s/pusherctl", (int)(strrchr(pusherd, '/') - pusherd), pusherd);
    return path;
}

static void start(struct scene *scene, struct proc *ret_proc, const char *word, va_list words)
{
    const char *argv[MAX_WORDS + 4] = {program(), "--config", scene->config};
    int n = 3;
    for (; word; word = va_arg(words, const char *)) {
        cr_assert(n < MAX_WORDS + 3);
        argv[n++] = word;
    }
    proc_start(ret_proc,
               &(struct proc_options){.argv = argv, .log = scene->log, .capture_out = true});
}

/* Its output to the end, malloc'ed. */
static char *read_out(struct proc *proc)
{
    size_t used = 0, size = 65536;
    char *out = malloc(size);
    ssize_t n;
    while ((n = read(proc->out, out + used, size - used - 1)) > 0) {
        used += (size_t)n;
        if (used == size - 1) {
            out = realloc(out, size *= 2);
        }
        cr_assert(out);
    }
    out[used] = '\0';
    return out;
}

static int finish(struct proc *proc, char **ret_out)
{
    char *out = read_out(proc);
    int status = proc_wait(proc, WAIT_LONG_MS);
    proc_kill(proc);
    if (ret_out) {
        *ret_out = out;
    } else {
        free(out);
    }
    return status;
}

static json_t *finish_json(struct proc *proc, int wanted)
{
    json_error_t error;
    char *out;
    int status = finish(proc, &out);
    json_t *root = json_loads(out, JSON_DECODE_ANY, &error);
    cr_assert_eq(status, wanted, "exit status %d, not %d: %s", status, wanted, out);
    cr_assert(root, "%s: %s", error.text, out);
    free(out);
    return root;
}

int ctl_run(struct scene *scene, char **ret_out, const char *word, ...)
{
    struct proc proc;
    va_list words;
    va_start(words, word);
    start(scene, &proc, word, words);
    va_end(words);
    return finish(&proc, ret_out);
}

json_t *ctl_json(struct scene *scene, int status, const char *word, ...)
{
    struct proc proc;
    va_list words;
    va_start(words, word);
    start(scene, &proc, word, words);
    va_end(words);
    return finish_json(&proc, status);
}

void ctl_start(struct scene *scene, struct proc *ret_proc, const char *word, ...)
{
    va_list words;
    va_start(words, word);
    start(scene, ret_proc, word, words);
    va_end(words);
}

json_t *ctl_finish(struct proc *proc, int status)
{
    return finish_json(proc, status);
}

json_int_t ctl_number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    cr_assert(json_is_integer(value), "no number %s", name);
    return json_integer_value(value);
}
