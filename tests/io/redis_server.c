#include "redis_server.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net.h"
#include "tests/support/redis_program.h"
#include "tests/support/wait.h"

void server_prepare(struct redis_server *server)
{
    *server = (struct redis_server){.port = free_port("127.0.0.1")};
    folder_make(&server->folder);
    folder_path(&server->folder, "socket", server->socket, sizeof(server->socket));
}

static bool listens(const struct redis_server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", server->socket);
    bool connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return connected;
}

void server_run(struct redis_server *server)
{
    char port[16], log[FOLDER_PATH_MAX + 16];
    const char *argv[16 + SERVER_ARGS_MAX] = {
        redis_program(),     "--port", port, "--unixsocket", server->socket, "--dir",
        server->folder.path, "--save", "",   "--bind",       "127.0.0.1",    "-::1"};
    for (size_t i = 0; server->args[i]; i++)
        argv[12 + i] = server->args[i];
    snprintf(port, sizeof(port), "%u", server->port);
    folder_path(&server->folder, "log", log, sizeof(log));
    proc_start(&server->proc, &(struct proc_options){.argv = argv, .log = log});
    cr_assert(wait_until(listens(server), WAIT_LONG_MS), "redis-server does not listen");
}

void server_kill(struct redis_server *server)
{
    proc_kill(&server->proc);
}

void server_end(struct redis_server *server)
{
    proc_kill(&server->proc);
    folder_remove(&server->folder);
}

static redisReply *ask(struct redis_server *server, const char *format, va_list args)
{
    redisContext *context = redisConnectUnix(server->socket);
    redisReply *reply = redisvCommand(context, format, args);
    cr_assert(reply, "%s: %s", format, context->errstr);
    cr_assert_neq(reply->type, REDIS_REPLY_ERROR, "%s: %s", format, reply->str);
    redisFree(context);
    return reply;
}

static redisReply *server_ask(struct redis_server *server, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = ask(server, format, args);
    va_end(args);
    return reply;
}

long long server_do(struct redis_server *server, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = ask(server, format, args);
    va_end(args);
    long long integer = reply->integer;
    freeReplyObject(reply);
    return integer;
}

/* CLIENT LIST: "id=ID addr=... name=NAME ...", a line each. */
long long server_client_id(struct redis_server *server, const char *name)
{
    redisReply *reply = server_ask(server, "CLIENT LIST");
    char field[64];
    snprintf(field, sizeof(field), " name=%s ", name);
    const char *at = strstr(reply->str, field);
    cr_assert(at, "no %s in %s", name, reply->str);
    while (at > reply->str && at[-1] != '\n')
        at--;
    cr_assert_eq(strncmp(at, "id=", 3), 0, "%s", at);
    long long id = strtoll(at + 3, NULL, 10);
    freeReplyObject(reply);
    return id;
}
