#include "daemon/ctl/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/clock.h"

#define BAR_WIDTH   30
#define INTERVAL_MS 100

void progress_init(struct progress *progress, int input_fd)
{
    struct stat st;
    *progress = (struct progress){.active = isatty(STDERR_FILENO), .start_ms = clock_ms()};
    if (fstat(input_fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        progress->total_bytes = (uint64_t)st.st_size;
}

/* "[=====>    ]  52 %  123456 jobs  80000/s" */
static void draw(const struct progress *progress, uint64_t now, uint64_t n_bytes, uint64_t n_jobs)
{
    uint64_t ms = now > progress->start_ms ? now - progress->start_ms : 1;
    char bar[BAR_WIDTH + 1];
    fputs("\r\033[K", stderr);
    if (progress->total_bytes > 0) {
        uint64_t done = n_bytes < progress->total_bytes ? n_bytes : progress->total_bytes;
        size_t width = (size_t)(done * BAR_WIDTH / progress->total_bytes);
        memset(bar, ' ', BAR_WIDTH);
        memset(bar, '=', width);
        bar[BAR_WIDTH] = '\0';
        fprintf(stderr, "[%s] %3" PRIu64 " %%  ", bar, done * 100 / progress->total_bytes);
    }
    fprintf(stderr, "%" PRIu64 " jobs  %" PRIu64 "/s", n_jobs, n_jobs * 1000 / ms);
}

void progress_update(struct progress *progress, uint64_t n_bytes, uint64_t n_jobs)
{
    if (!progress->active)
        return;
    uint64_t now = clock_ms();
    if (now - progress->drawn_ms < INTERVAL_MS)
        return;
    progress->drawn_ms = now;
    draw(progress, now, n_bytes, n_jobs);
}

void progress_end(struct progress *progress, uint64_t n_bytes, uint64_t n_jobs)
{
    if (!progress->active)
        return;
    draw(progress, clock_ms(), n_bytes, n_jobs);
    fputc('\n', stderr);
    progress->active = false;
}
