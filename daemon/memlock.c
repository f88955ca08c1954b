/* Channels' keys get their memory with an app's first encrypted event. Whether it can be locked
 * then is tried now, with as much of other memory. */
#include "daemon/memlock.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/log.h"
#include "lib/locked.h"

/* Pages that are only read are all the one of zeros: they count, and take no memory. The system
 * call itself, as sanitizers put a function in front that locks nothing. */
static bool can_lock(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool can;

    if (pages == MAP_FAILED)
        return true; /* nothing is known */
    can = syscall(SYS_mlock, pages, bytes) == 0;
    (void)munmap(pages, bytes);
    return can;
}

static long long limit_bytes(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return -1;
    return (long long)limit.rlim_cur;
}

void memlock_check(bool *is_told, const struct config *config)
{
    struct pusher__locked locked = {0};
    bool was_told = *is_told;

    for (size_t i = 0; i < config->n_apps; i++)
        pusher__client_add_locked(config->apps[i].client, &locked);
    *is_told = locked.missing > 0 && !can_lock(locked.missing);
    if (*is_told && !was_told)
        log_event(LOG_WARNING, "start",
                  "keys of apps cannot all be locked in memory and may be swapped: raise "
                  "LimitMEMLOCK= of the unit, ulimit -l, or Docker's --ulimit memlock",
                  LOG_NUMBER("needed_bytes", locked.needed),
                  LOG_NUMBER("limit_bytes", limit_bytes()));
}
