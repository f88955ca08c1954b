/* The address of the target: what is one already is taken at once, a name is looked up, and of what
 * is found each round takes the next.
 *
 * A lookup cannot be stopped, and may take far longer than the attempt that began it. It keeps its
 * place until it is over. A second one of the same name would fare no better, so there is none;
 * other servers are not held up by it. */
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/io/redis_private.h"
#include "daemon/io/resolve.h"

static const struct addrinfo *choose(const struct addrinfo *found, unsigned n_rounds)
{
    const struct addrinfo *each = found;
    unsigned n = 1;

    for (; each->ai_next; each = each->ai_next)
        n++;
    each = found;
    for (unsigned i = n_rounds % n; i > 0; i--)
        each = each->ai_next;
    return each;
}

static void connect_to(struct redis *redis, const struct addrinfo *found)
{
    const struct addrinfo *chosen = choose(found, redis->n_rounds);
    char address[64];
    int status = getnameinfo(chosen->ai_addr, chosen->ai_addrlen, address, sizeof(address), NULL, 0,
                             NI_NUMERICHOST);

    if (status == 0)
        redis_connect_to(redis, address);
    else
        redis_fail(redis, gai_strerror(status));
}

/* ---- names */

static bool is_of_target(const struct redis_lookup *lookup)
{
    return strcmp(lookup->host, lookup->redis->target.host) == 0;
}

/* The attempt may be over, and another on its way to somebody else. */
static void on_resolved(int status, const struct addrinfo *found, void *data)
{
    struct redis_lookup *lookup = data;
    struct redis *redis = lookup->redis;
    char why[128];

    lookup->resolve = NULL;
    if (redis->state != REDIS_RESOLVING || redis->is_failing || !is_of_target(lookup))
        return;
    if (status == 0) {
        connect_to(redis, found);
        return;
    }
    (void)snprintf(why, sizeof(why), "cannot resolve %.60s: %.40s", redis->target.host,
                   gai_strerror(status));
    redis_fail(redis, why);
}

/* A free place; NULL, with the reason, if there is none for this name. */
static struct redis_lookup *find_place(struct redis *redis, const char **ret_why)
{
    struct redis_lookup *place = NULL;

    for (unsigned i = 0; i < REDIS_LOOKUPS_MAX; i++) {
        struct redis_lookup *lookup = &redis->lookups[i];

        if (lookup->resolve && is_of_target(lookup)) {
            *ret_why = "the name is still being resolved";
            return NULL;
        }
        if (!lookup->resolve && !place)
            place = lookup;
    }
    if (!place)
        *ret_why = "too many other names are still being resolved";
    return place;
}

static void resolve_name(struct redis *redis)
{
    const char *why = NULL;
    struct redis_lookup *lookup = find_place(redis, &why);

    if (!lookup) {
        redis_fail(redis, why);
        return;
    }
    lookup->redis = redis;
    memcpy(lookup->host, redis->target.host, sizeof(lookup->host));
    if (resolve_start(redis->loop, lookup->host, on_resolved, lookup, &lookup->resolve) == 0)
        redis_arm_deadline(redis, redis_now_ms() + redis->options.connect_timeout_ms);
    else
        redis_fail(redis, "cannot resolve the name");
}

void redis_look_up(struct redis *redis)
{
    static const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;

    if (getaddrinfo(redis->target.host, NULL, &hints, &found) != 0) {
        resolve_name(redis);
        return;
    }
    connect_to(redis, found);
    freeaddrinfo(found);
}

void redis_abandon_lookups(struct redis *redis)
{
    for (unsigned i = 0; i < REDIS_LOOKUPS_MAX; i++) {
        if (redis->lookups[i].resolve)
            resolve_abandon(redis->lookups[i].resolve);
        redis->lookups[i].resolve = NULL;
    }
}
