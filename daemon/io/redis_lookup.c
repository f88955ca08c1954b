/* The address of the target: what is one already is taken at once, a name is looked up, and of what
 * is found each round takes the next.
 *
 * A lookup cannot be stopped, and may take far longer than the attempt that began it. It keeps its
 * place until it is over. A second one of the same name would fare no better, so there is none: the
 * next attempt waits for the same one, or passes the turn on if there are other servers. An answer
 * that nobody waits for is kept for the next attempt at its name, which else would begin anew, and
 * never be in time where a lookup takes longer than an attempt may. */
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

/* As text. 0 or an EAI_ code. */
static int write_address(const struct redis *redis, const struct addrinfo *found, char *ret_text)
{
    const struct addrinfo *chosen = choose(found, redis->n_rounds);

    return getnameinfo(chosen->ai_addr, chosen->ai_addrlen, ret_text, REDIS_ADDRESS_MAX, NULL, 0,
                       NI_NUMERICHOST);
}

static void connect_to(struct redis *redis, const struct addrinfo *found)
{
    char address[REDIS_ADDRESS_MAX];
    int status = write_address(redis, found, address);

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

static bool is_awaited(const struct redis_lookup *lookup)
{
    const struct redis *redis = lookup->redis;

    return redis->state == REDIS_RESOLVING && !redis->is_failing && is_of_target(lookup);
}

static void keep(struct redis_lookup *lookup, const struct addrinfo *found)
{
    if (lookup->redis->state == REDIS_UP ||
        write_address(lookup->redis, found, lookup->address) != 0)
        lookup->address[0] = '\0';
}

/* The attempt may be over, and another on its way to somebody else. */
static void on_resolved(int status, const struct addrinfo *found, void *data)
{
    struct redis_lookup *lookup = data;
    struct redis *redis = lookup->redis;
    char why[128];

    lookup->resolve = NULL;
    if (!is_awaited(lookup)) {
        if (status == 0)
            keep(lookup, found);
        return;
    }
    if (status == 0) {
        connect_to(redis, found);
        return;
    }
    (void)snprintf(why, sizeof(why), "cannot resolve %.60s: %.40s", redis->target.host,
                   gai_strerror(status));
    redis_fail(redis, why);
}

/* That of the target's name: under way, or answered. */
static struct redis_lookup *find_lookup(struct redis *redis)
{
    for (unsigned i = 0; i < REDIS_LOOKUPS_MAX; i++) {
        struct redis_lookup *lookup = &redis->lookups[i];

        if ((lookup->resolve || lookup->address[0]) && is_of_target(lookup))
            return lookup;
    }
    return NULL;
}

/* A free one, at the cost of an answer only if there is no other. */
static struct redis_lookup *find_place(struct redis *redis)
{
    struct redis_lookup *place = NULL;

    for (unsigned i = 0; i < REDIS_LOOKUPS_MAX; i++) {
        struct redis_lookup *lookup = &redis->lookups[i];

        if (!lookup->resolve && (!place || place->address[0]))
            place = lookup;
    }
    return place;
}

/* False, and the attempt has failed, if it cannot begin. */
static bool start_lookup(struct redis *redis)
{
    struct redis_lookup *lookup = find_place(redis);

    if (!lookup) {
        redis_fail(redis, "too many other names are still being resolved");
        return false;
    }
    lookup->redis = redis;
    lookup->address[0] = '\0';
    memcpy(lookup->host, redis->target.host, sizeof(lookup->host));
    if (resolve_start(redis->loop, lookup->host, on_resolved, lookup, &lookup->resolve) == 0)
        return true;
    redis_fail(redis, "cannot resolve the name");
    return false;
}

static void resolve_name(struct redis *redis)
{
    struct redis_lookup *lookup = find_lookup(redis);

    if (lookup && !lookup->resolve) {
        redis_connect_to(redis, lookup->address);
        lookup->address[0] = '\0'; /* once: it may be another by now */
    } else if (lookup && redis->n_servers > 1) {
        redis_fail(redis, "the name is still being resolved");
    } else if (lookup || start_lookup(redis)) {
        redis_arm_deadline(redis, redis_now_ms() + redis->options.connect_timeout_ms);
    }
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

void redis_forget_answers(struct redis *redis)
{
    for (unsigned i = 0; i < REDIS_LOOKUPS_MAX; i++)
        redis->lookups[i].address[0] = '\0';
}

void redis_abandon_lookups(struct redis *redis)
{
    for (unsigned i = 0; i < REDIS_LOOKUPS_MAX; i++) {
        if (redis->lookups[i].resolve)
            resolve_abandon(redis->lookups[i].resolve);
        redis->lookups[i].resolve = NULL;
    }
}
