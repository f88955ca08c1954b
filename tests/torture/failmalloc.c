/* For LD_PRELOAD: the n-th allocation of the process fails, and so many after it.
 *
 *   FAIL_AT=n FAIL_FOR=k     k is 1 by default; without FAIL_AT none fails
 *   FAIL_OVER=bytes          only those of so many bytes or more are counted, and fail; default 0
 *   FAIL_COUNT=file          how many there were is written to it at the end
 *
 * What fails says so on standard error: by number, and from where it was asked for. If the process
 * falls afterwards, it says in which program or library. glibc only. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static atomic_ulong n_allocations;
static unsigned long fail_at, fail_until, fail_over;

/* libc is not to blame for what it is given. */
static void on_fall(int signal)
{
    void *frames[32];
    int n = backtrace(frames, 32);
    Dl_info info;
    for (int i = 2; i < n; i++) { /* behind this function and the signal's own frame */
        if (dladdr(frames[i], &info) && info.dli_fname && !strstr(info.dli_fname, "/libc.so")) {
            dprintf(STDERR_FILENO, "failmalloc: fell in %s\n", info.dli_fname);
            break;
        }
    }
    backtrace_symbols_fd(frames, n, STDERR_FILENO);
    raise(signal); /* by default it ends the process */
}

static void watch_for_falls(void)
{
    struct sigaction action = {.sa_handler = on_fall, .sa_flags = SA_RESETHAND | SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

__attribute__((constructor)) static void read_environment(void)
{
    const char *at = getenv("FAIL_AT"), *n = getenv("FAIL_FOR"), *over = getenv("FAIL_OVER");
    void *frame;
    (void)backtrace(&frame, 1); /* the first time it allocates */
    fail_at = at ? strtoul(at, NULL, 10) : 0;
    fail_until = fail_at + (n ? strtoul(n, NULL, 10) : 1);
    fail_over = over ? strtoul(over, NULL, 10) : 0;
    watch_for_falls();
}

__attribute__((destructor)) static void write_count(void)
{
    const char *path = getenv("FAIL_COUNT");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (fd >= 0) {
        dprintf(fd, "%lu\n", atomic_load(&n_allocations));
        close(fd);
    }
}

/* Without stdio, which allocates. */
static void say(unsigned long number)
{
    void *frames[16];
    char text[64] = "failmalloc: allocation ", digits[24];
    size_t at = sizeof(digits), len = strlen(text);
    do {
        digits[--at] = (char)('0' + number % 10);
    } while (number /= 10);
    memcpy(text + len, digits + at, sizeof(digits) - at);
    len += sizeof(digits) - at;
    text[len++] = '\n';
    (void)!write(STDERR_FILENO, text, len);
    backtrace_symbols_fd(frames, backtrace(frames, 16), STDERR_FILENO);
}

static bool fails(size_t size)
{
    if (size < fail_over)
        return false;
    unsigned long number = atomic_fetch_add(&n_allocations, 1) + 1;
    if (fail_at == 0 || number < fail_at || number >= fail_until)
        return false;
    say(number);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *memory, size_t size);

void *malloc(size_t size)
{
    return fails(size) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails(n * size) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *memory, size_t size)
{
    return fails(size) ? NULL : __libc_realloc(memory, size);
}
