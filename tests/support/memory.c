#include "memory.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOUND_LEN 16                      /* bytes: a part of the secret is a find as well */
#define CHUNK     (64u * 1024u)           /* bytes that are read at a time */
#define MAP_MAX   (256ul * 1024u * 1024u) /* larger ones are tables of AddressSanitizer's */

static volatile unsigned factor = 7; /* so that no compiler makes a constant of the secret */

static char letter(size_t i)
{
    return (char)('a' + (i * i * factor + i) % 26);
}

void memory_fill(char *text)
{
    for (size_t n = 0; *text != '\0'; text++)
        if (*text == '$')
            *text = letter(n++ % strlen(MEMORY_SECRET));
}

static bool has_secret(const char *bytes, size_t len)
{
    const char *end = bytes + len, *at = bytes;
    while (len >= FOUND_LEN && (at = memchr(at, letter(0), (size_t)(end - at)))) {
        size_t n = 1;
        while (n < FOUND_LEN && at + n < end && at[n] == letter(n))
            n++;
        if (n == FOUND_LEN)
            return true;
        at++;
    }
    return false;
}

/* Pages that cannot be read, such as guards, hold nothing. */
static bool is_in(int memory, unsigned long from, unsigned long to)
{
    static char bytes[CHUNK + FOUND_LEN];
    for (; from < to; from += CHUNK) {
        size_t want = to - from < sizeof bytes ? to - from : sizeof bytes;
        ssize_t n = pread(memory, bytes, want, (off_t)from);
        if (n > 0 && has_secret(bytes, (size_t)n))
            return true;
    }
    return false;
}

unsigned memory_find(char *ret_where, size_t size)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    unsigned finds = 0;
    char line[512];
    cr_assert(maps && memory >= 0);
    ret_where[0] = '\0';
    while (fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char mode[5];
        cr_assert_eq(sscanf(line, "%lx-%lx %4s", &from, &to, mode), 3);
        if (strncmp(mode, "rw", 2) != 0 || to - from > MAP_MAX || !is_in(memory, from, to))
            continue;
        finds++;
        snprintf(ret_where + strlen(ret_where), size - strlen(ret_where), "%s", line);
    }
    fclose(maps);
    close(memory);
    return finds;
}
