#include "net.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef int (*lookup)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned n_waiting, n_asked;
static bool is_held = true, has_moved;
static const char *free_name; /* not held */

static void set_held(bool held)
{
    pthread_mutex_lock(&mutex);
    is_held = held;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

void names_hold(void)
{
    set_held(true);
}

void names_let_go(void)
{
    set_held(false);
}

void names_let_go_of(const char *name)
{
    pthread_mutex_lock(&mutex);
    free_name = name;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

void names_move(void)
{
    pthread_mutex_lock(&mutex);
    has_moved = true;
    pthread_mutex_unlock(&mutex);
}

static const char *moving_address(void)
{
    pthread_mutex_lock(&mutex);
    const char *address = has_moved ? "127.0.0.1" : "127.0.0.2";
    pthread_mutex_unlock(&mutex);
    return address;
}

static unsigned read_count(const unsigned *count)
{
    pthread_mutex_lock(&mutex);
    unsigned n = *count;
    pthread_mutex_unlock(&mutex);
    return n;
}

unsigned names_waiting(void)
{
    return read_count(&n_waiting);
}

unsigned names_asked(void)
{
    return read_count(&n_asked);
}

void names_await(unsigned n)
{
    struct timespec end;
    int status = 0;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 30;
    pthread_mutex_lock(&mutex);
    while (n_waiting < n && status == 0)
        status = pthread_cond_timedwait(&changed, &mutex, &end);
    pthread_mutex_unlock(&mutex);
    cr_assert_eq(status, 0, "nobody asks for names");
}

static bool must_wait(const char *name)
{
    return is_held && !(free_name && strcmp(free_name, name) == 0);
}

static void wait_here(const char *name)
{
    pthread_mutex_lock(&mutex);
    n_waiting++;
    n_asked++;
    pthread_cond_broadcast(&changed);
    while (must_wait(name))
        pthread_cond_wait(&changed, &mutex);
    n_waiting--;
    pthread_mutex_unlock(&mutex);
}

static int look_up(const char *node, const char *service, const struct addrinfo *hints,
                   struct addrinfo **ret)
{
    static lookup real;
    if (!real)
        real = (lookup)dlsym(RTLD_NEXT, "getaddrinfo");
    return real(node, service, hints, ret);
}

/* One list of the addresses, in that order. */
static int look_up_all(const char *const *addresses, const char *service,
                       const struct addrinfo *hints, struct addrinfo **ret)
{
    struct addrinfo *list = NULL, **end = &list;
    for (; *addresses; addresses++) {
        int status = look_up(*addresses, service, hints, end);
        if (status != 0) {
            if (list)
                freeaddrinfo(list);
            return status;
        }
        while (*end)
            end = &(*end)->ai_next;
    }
    *ret = list;
    return 0;
}

static bool ends_with(const char *node, const char *end)
{
    size_t len = node ? strlen(node) : 0, end_len = strlen(end);
    return len >= end_len && strcmp(node + len - end_len, end) == 0;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    static const char *const two[] = {"127.0.0.2", "127.0.0.1", NULL};
    static const char *const dual[] = {"127.0.0.2", "127.0.0.1", "::1", NULL};
    if (hints && (hints->ai_flags & AI_NUMERICHOST))
        return look_up(node, service, hints, ret);
    if (ends_with(node, ".invalid"))
        return EAI_NONAME;
    if (node && strcmp(node, "two.test") == 0)
        return look_up_all(two, service, hints, ret);
    if (node && strcmp(node, "dual.test") == 0)
        return look_up_all(dual, service, hints, ret);
    if (node && strcmp(node, "moving.test") == 0)
        return look_up(moving_address(), service, hints, ret);
    if (ends_with(node, "slow.test")) {
        wait_here(node);
        node = "127.0.0.1";
    }
    return look_up(node, service, hints, ret);
}

static int bind_to(const char *text, struct sockaddr_in *address)
{
    socklen_t len = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address->sin_family = AF_INET;
    inet_pton(AF_INET, text, &address->sin_addr);
    cr_assert_eq(bind(fd, (struct sockaddr *)address, len), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

void wall_open(struct wall *wall, const char *text, unsigned port)
{
    struct sockaddr_in address = {.sin_port = htons((in_port_t)port)};
    wall->fds[0] = bind_to(text, &address);
    wall->port = ntohs(address.sin_port);
    cr_assert_eq(listen(wall->fds[0], 0), 0);
    for (int i = 1; i < 3; i++) {
        wall->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(wall->fds[i], (struct sockaddr *)&address, sizeof(address));
    }
}

void wall_close(struct wall *wall)
{
    for (int i = 0; i < 3; i++)
        close(wall->fds[i]);
}

/* Below the range that connect() takes its own ports from: it could connect to itself. */
unsigned free_port(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    inet_pton(AF_INET, text, &address.sin_addr);
    for (unsigned i = 0; i < 10000; i++) {
        unsigned port = 20000 + ((unsigned)getpid() * 10 + i) % 12000;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        address.sin_port = htons((in_port_t)port);
        bool is_free = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
        close(fd);
        if (is_free)
            return port;
    }
    cr_assert_fail("no port is free");
    return 0;
}
