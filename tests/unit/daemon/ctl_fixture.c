#include "tests/unit/daemon/ctl_fixture.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/redis_program.h"

#define MAX_WORDS     24
#define MAX_VARIABLES 24

static char folder[64];
static char *variables[MAX_VARIABLES + 1];
static pid_t redis_pid;
static redisContext *redis;

static const char *make_folder(void)
{
    if (folder[0] == '\0') {
        strcpy(folder, "/tmp/pusherctl-XXXXXX");
        cr_assert_not_null(mkdtemp(folder));
    }
    return folder;
}

const char *fixture_path(const char *name, const char *text)
{
    static char paths[4][128];
    static unsigned n;
    char *path = paths[n++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", make_folder(), name);
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
    return path;
}

void fixture_setenv(const char *variable)
{
    size_t name = strcspn(variable, "=") + 1, i = 0;
    while (variables[i] && strncmp(variables[i], variable, name) != 0)
        i++;
    cr_assert_lt(i, MAX_VARIABLES);
    free(variables[i]);
    variables[i] = strdup(variable);
}

void fixture_setenv_app(void)
{
    fixture_setenv("PUSHER_APP_ID=3");
    fixture_setenv("PUSHER_APP_KEY=278d425bdf160c739803");
    fixture_setenv("PUSHER_APP_SECRET=7ad3773142a6692b25b8");
    fixture_setenv("PUSHER_APP_CLUSTER=eu");
}

/* Reads what is there; false at the end. */
static bool drain(int fd, char *buf, size_t size, size_t *used)
{
    cr_assert_lt(*used, size - 1, "an output of more than %zu bytes", size);
    ssize_t n = read(fd, buf + *used, size - 1 - *used);
    if (n > 0)
        *used += (size_t)n;
    buf[*used] = '\0';
    return n > 0;
}

static void collect(struct run *run, int out, int err)
{
    size_t n_out = 0, n_err = 0;
    struct pollfd fds[] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        poll(fds, 2, -1);
        if (fds[0].revents && !drain(out, run->out, sizeof run->out, &n_out))
            fds[0].fd = -1;
        if (fds[1].revents && !drain(err, run->err, sizeof run->err, &n_err))
            fds[1].fd = -1;
        fds[0].revents = fds[1].revents = 0;
    }
}

static pid_t start(char *const argv[], int in, int out, int err)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execvpe(argv[0], argv, variables);
    _exit(127);
}

/* Takes `in`, and closes it. */
static void start_words(struct child *child, int in, const char *word, va_list words)
{
    char *argv[MAX_WORDS + 2] = {(char[]){PUSHERCTL}};
    int out[2], err[2], argc = 1;
    for (; word && argc <= MAX_WORDS; word = va_arg(words, const char *))
        argv[argc++] = strdup(word);
    cr_assert(in >= 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
    *child = (struct child){.in = -1, .out = out[0], .err = err[0]};
    child->pid = start(argv, in, out[1], err[1]);
    close(in);
    close(out[1]);
    close(err[1]);
    while (argc > 1)
        free(argv[--argc]);
}

void fixture_start(struct child *child, const char *word, ...)
{
    int in[2];
    va_list words;
    cr_assert_eq(pipe2(in, O_CLOEXEC), 0);
    va_start(words, word);
    start_words(child, in[0], word, words);
    va_end(words);
    child->in = in[1];
}

void fixture_write(const struct child *child, const char *text)
{
    cr_assert_eq(write(child->in, text, strlen(text)), (ssize_t)strlen(text));
}

void fixture_end_input(struct child *child)
{
    if (child->in >= 0)
        close(child->in);
    child->in = -1;
}

void fixture_finish(struct child *child, struct run *run)
{
    int status;
    *run = (struct run){.status = -1};
    collect(run, child->out, child->err);
    close(child->out);
    close(child->err);
    cr_assert_eq(waitpid(child->pid, &status, 0), child->pid);
    run->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    fixture_end_input(child);
}

void fixture_run(struct run *run, const char *input, const char *word, ...)
{
    struct child child;
    va_list words;
    va_start(words, word);
    start_words(&child,
                open(input ? fixture_path("input", input) : "/dev/null", O_RDONLY | O_CLOEXEC),
                word, words);
    va_end(words);
    fixture_finish(&child, run);
}

/* Waits until the server says that it is ready, or until it ends. */
static void await_ready(int log)
{
    char text[16384] = "";
    size_t used = 0;
    while (!strstr(text, "eady to accept connections") && drain(log, text, sizeof text, &used))
        continue;
    cr_assert(strstr(text, "eady to accept connections"), "redis-server: %s", text);
}

const char *fixture_redis_socket(void)
{
    static char path[96];
    snprintf(path, sizeof path, "%s/redis.sock", make_folder());
    return path;
}

void fixture_redis(void)
{
    char socket[96], url[128];
    char program[128];
    char *argv[] = {program,       (char[]){"--port"},
                    (char[]){"0"}, (char[]){"--save"},
                    (char[]){""},  (char[]){"--dir"},
                    folder,        (char[]){"--unixsocket"},
                    socket,        NULL};
    int log[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    strcpy(socket, fixture_redis_socket());
    snprintf(program, sizeof program, "%s", redis_program());
    cr_assert_eq(pipe2(log, O_CLOEXEC), 0);
    fixture_setenv("PATH=/usr/local/bin:/usr/bin:/bin");
    redis_pid = start(argv, null, log[1], log[1]);
    close(null);
    close(log[1]);
    await_ready(log[0]);
    redis = redisConnectUnix(socket);
    cr_assert(redis && !redis->err, "%s", redis ? redis->errstr : "");
    snprintf(url, sizeof url, "REDIS_URL=unix://%s", socket);
    fixture_setenv(url); /* the pipe stays open: the server logs to it */
}

long long fixture_redis_integer(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(redis, format, args);
    va_end(args);
    cr_assert(reply && reply->type == REDIS_REPLY_INTEGER, "%s", reply ? reply->str : "no reply");
    long long n = reply->integer;
    freeReplyObject(reply);
    return n;
}

const char *fixture_redis_string(const char *format, ...)
{
    static char text[4096];
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(redis, format, args);
    va_end(args);
    cr_assert(reply && reply->str, "no string");
    snprintf(text, sizeof text, "%s", reply->str);
    freeReplyObject(reply);
    return text;
}

static struct {
    int fd;
    char answer[1024], request[16384];
    pthread_t thread;
} api;

/* Bytes of the body that the head announces. */
static size_t content_length(const char *request)
{
    const char *at = strcasestr(request, "\r\nContent-Length:");
    return at ? strtoul(at + 17, NULL, 10) : 0;
}

static void *serve_api(void *arg)
{
    (void)arg;
    size_t used = 0;
    const char *end = NULL;
    int fd = accept(api.fd, NULL, NULL);
    while (!end || strlen(end + 4) < content_length(api.request)) {
        if (!drain(fd, api.request, sizeof api.request, &used))
            break;
        end = strstr(api.request, "\r\n\r\n");
    }
    if (write(fd, api.answer, strlen(api.answer)) < 0)
        api.request[0] = '\0';
    close(fd);
    return NULL;
}

void fixture_api(const char *status_line, const char *body)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    char port[32];
    api.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(api.fd, (struct sockaddr *)&address, len) == 0 && listen(api.fd, 1) == 0);
    cr_assert_eq(getsockname(api.fd, (struct sockaddr *)&address, &len), 0);
    snprintf(api.answer, sizeof api.answer,
             "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status_line,
             strlen(body), body);
    snprintf(port, sizeof port, "PUSHER_PORT=%d", ntohs(address.sin_port));
    fixture_setenv("PUSHER_HOST=127.0.0.1");
    fixture_setenv("PUSHER_SCHEME=http");
    fixture_setenv(port);
    cr_assert_eq(pthread_create(&api.thread, NULL, serve_api, NULL), 0);
}

const char *fixture_api_request(void)
{
    shutdown(api.fd, SHUT_RDWR); /* ends the thread where no request came */
    pthread_join(api.thread, NULL);
    close(api.fd);
    return api.request;
}

static struct {
    const char *list, *outcome;
    redisContext *redis;
    char job[4096];
    pthread_t thread;
} worker;

static void *work(void *arg)
{
    (void)arg;
    redisReply *reply = redisCommand(worker.redis, "BLPOP %s 30", worker.list);
    if (!reply || reply->type != REDIS_REPLY_ARRAY)
        return NULL;
    snprintf(worker.job, sizeof worker.job, "%s", reply->element[1]->str);
    freeReplyObject(reply);
    json_t *job = json_loads(worker.job, 0, NULL);
    freeReplyObject(redisCommand(worker.redis, "RPUSH %s %s",
                                 json_string_value(json_object_get(job, "replyTo")),
                                 worker.outcome));
    json_decref(job);
    return NULL;
}

void fixture_worker(const char *list, const char *outcome)
{
    worker.list = list;
    worker.outcome = outcome;
    worker.redis = redisConnectUnix(fixture_redis_socket());
    cr_assert(worker.redis && !worker.redis->err);
    cr_assert_eq(pthread_create(&worker.thread, NULL, work, NULL), 0);
}

const char *fixture_worker_job(void)
{
    pthread_join(worker.thread, NULL);
    redisFree(worker.redis);
    return worker.job;
}

static int on_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void fixture_end(void)
{
    if (redis)
        redisFree(redis);
    if (redis_pid > 0) {
        kill(redis_pid, SIGTERM);
        waitpid(redis_pid, NULL, 0);
    }
    for (size_t i = 0; i < MAX_VARIABLES; i++)
        free(variables[i]);
    if (folder[0] != '\0')
        nftw(folder, on_entry, 4, FTW_DEPTH | FTW_PHYS);
}
