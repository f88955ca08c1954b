#include "fake_redis.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/scripts.h"

#define TICK_MS 50

/* ---- answers */

static const char *name_of(const redisReply *request)
{
    const char *command = request->element[0]->str;
    const char *what = request->elements > 1 ? request->element[1]->str : "";
    for (size_t i = 0; strncmp(command, "EVAL", 4) == 0 && i < N_SCRIPTS; i++) {
        if (strcmp(what, all_scripts[i]->sha1) == 0 || strcmp(what, all_scripts[i]->text) == 0)
            return all_scripts[i]->name;
    }
    return command;
}

static const struct fake_redis_answer *find(const struct fake_redis_answer *table, const char *name)
{
    while (table && table->name && strcmp(table->name, name) != 0) {
        table++;
    }
    return table && table->name ? table : NULL;
}

/* Until the other end has had enough. */
static void flood(const struct fake_redis *fake, int fd)
{
    static const char bytes[65536];
    size_t sent = 0;
    while (sent < FAKE_REDIS_FLOOD && !fake->is_ending) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
        ssize_t n = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN)
            return;
        if (n > 0)
            sent += (size_t)n;
        else
            poll(&poll_fd, 1, TICK_MS);
    }
}

static void answer(struct fake_redis *fake, int fd, const redisReply *request)
{
    static const struct fake_redis_answer ok = {"", "+OK\r\n"};
    const char *name = name_of(request);
    const struct fake_redis_answer *found = find(fake->before, name);
    if (!found)
        found = find(fake->usual, name);
    const char *text = found ? found->text : ok.text;
    if (text)
        (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
    if (fake->endless && strcmp(fake->endless, name) == 0)
        flood(fake, fd);
}

/* ---- connections */

static void end_peer(struct fake_redis *fake, size_t i)
{
    close(fake->fds[i].fd);
    fake->fds[i].fd = -1;
    redisReaderFree(fake->readers[i]);
    fake->readers[i] = NULL;
}

static void take(struct fake_redis *fake)
{
    int fd = accept4(fake->fds[0].fd, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = 1; fd >= 0 && i <= FAKE_REDIS_PEERS; i++) {
        if (fake->fds[i].fd >= 0)
            continue;
        fake->fds[i].fd = fd;
        fake->readers[i] = redisReaderCreate();
        return;
    }
    if (fd >= 0)
        close(fd);
}

static void serve(struct fake_redis *fake, size_t i)
{
    char bytes[65536];
    ssize_t n = recv(fake->fds[i].fd, bytes, sizeof(bytes), 0);
    void *request = NULL;
    if (n <= 0) {
        end_peer(fake, i);
        return;
    }
    redisReaderFeed(fake->readers[i], bytes, (size_t)n);
    while (redisReaderGetReply(fake->readers[i], &request) == REDIS_OK && request) {
        answer(fake, fake->fds[i].fd, request);
        freeReplyObject(request);
    }
}

static void *run(void *data)
{
    struct fake_redis *fake = data;
    while (!fake->is_ending) {
        if (poll(fake->fds, 1 + FAKE_REDIS_PEERS, TICK_MS) <= 0)
            continue;
        for (size_t i = 1; i <= FAKE_REDIS_PEERS; i++) {
            if (fake->fds[i].fd >= 0 && fake->fds[i].revents)
                serve(fake, i);
        }
        if (fake->fds[0].revents)
            take(fake);
    }
    return NULL;
}

static int listen_tcp(unsigned *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_lt(strlen(path), sizeof(address.sun_path));
    strcpy(address.sun_path, path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

void fake_redis_start(struct fake_redis *fake, const char *path,
                      const struct fake_redis_answer *usual)
{
    memset(fake, 0, sizeof(*fake));
    int fd = path ? listen_unix(path) : listen_tcp(&fake->port);
    cr_assert_eq(listen(fd, 16), 0);
    fake->is_running = true;
    fake->usual = usual;
    for (size_t i = 0; i <= FAKE_REDIS_PEERS; i++) {
        fake->fds[i] = (struct pollfd){.fd = i == 0 ? fd : -1, .events = POLLIN};
    }
    cr_assert_eq(pthread_create(&fake->thread, NULL, run, fake), 0);
}

void fake_redis_stop(struct fake_redis *fake)
{
    if (!fake->is_running)
        return;
    fake->is_ending = true;
    pthread_join(fake->thread, NULL);
    for (size_t i = 1; i <= FAKE_REDIS_PEERS; i++) {
        if (fake->fds[i].fd >= 0)
            end_peer(fake, i);
    }
    close(fake->fds[0].fd);
    fake->is_running = false;
}
