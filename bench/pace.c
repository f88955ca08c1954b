/* Latency at a fixed rate: from the moment a job should be pushed to the moment its event arrives.
 *
 *     pace REDIS_SOCKET PORT EVENTS_PER_SECOND SECONDS
 *
 * Pushes jobs to pusher:jobs by the clock, whatever became of the ones before (an open loop), and
 * is the HTTP server that gets the events. An event's latency counts from when its job was due, not
 * from when it was pushed: a pause of anything, also of this program, counts for all jobs that were
 * due meanwhile, so that nothing is left out (no coordinated omission). The first second is not
 * counted. Events are told apart by a number in their data, "@0000000042@". Fails unless each
 * arrives once, 10 s after the last was pushed at the latest. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_FDS    1024
#define BUFFER     (128 * 1024)
#define NUMBER_LEN 10
#define PATIENCE_S 10
#define REPLY      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

struct peer {
    char *bytes; /* owned; BUFFER */
    size_t len;
};

static struct {
    int epoll, listener, redis;
    struct peer *peers[MAX_FDS]; /* of HTTP, by descriptor */
    int64_t start_ns, interval_ns;
    int64_t *latency_ns; /* owned; by number; -1: not arrived */
    size_t n_events, n_pushed, n_arrived;
} pace;

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int64_t due_ns(size_t number)
{
    return pace.start_ns + (int64_t)number * pace.interval_ns;
}

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(pace.epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        err(1, "epoll");
}

/* ---- the jobs */

static void push(size_t number)
{
    char job[512], command[640];
    int job_len =
        snprintf(job, sizeof(job),
                 "{\"channel\":\"channel-%07zu\",\"event\":\"message\",\"data\":{\"text\":"
                 "\"@%0*zu@%0177d\"}}",
                 number % 1000, NUMBER_LEN, number, 0);
    int len = snprintf(command, sizeof(command),
                       "*3\r\n$5\r\nRPUSH\r\n$11\r\npusher:jobs\r\n$%d\r\n%s\r\n", job_len, job);

    if (send(pace.redis, command, (size_t)len, MSG_NOSIGNAL) != len)
        err(1, "Redis");
}

static void push_due(void)
{
    while (pace.n_pushed < pace.n_events && due_ns(pace.n_pushed) <= now_ns())
        push(pace.n_pushed++);
}

static void read_redis(void)
{
    char replies[4096];
    ssize_t n = recv(pace.redis, replies, sizeof(replies), 0);

    if (n <= 0 || memchr(replies, '-', (size_t)n))
        errx(1, "Redis does not take the jobs");
}

/* ---- the server */

static void arrived(const char *digits, int64_t at_ns)
{
    size_t number = strtoul(digits, NULL, 10);

    if (number >= pace.n_pushed || pace.latency_ns[number] >= 0)
        errx(1, "event %zu arrived twice, or was never sent", number);
    pace.latency_ns[number] = at_ns - due_ns(number);
    pace.n_arrived++;
}

static void read_events(const char *at, const char *end)
{
    int64_t now = now_ns();

    while ((at = memchr(at, '@', (size_t)(end - at))) && end - at > NUMBER_LEN + 1) {
        arrived(at + 1, now);
        at += NUMBER_LEN + 2;
    }
}

/* The length of the request at the front of the buffer; 0 while it is not whole. */
static size_t request_len(struct peer *peer, size_t *ret_body_at)
{
    const char *end, *field;

    peer->bytes[peer->len] = '\0';
    end = strstr(peer->bytes, "\r\n\r\n");
    field = strcasestr(peer->bytes, "content-length:");
    if (!end || !field || field > end)
        return 0;
    *ret_body_at = (size_t)(end + 4 - peer->bytes);
    return *ret_body_at + strtoul(field + strlen("content-length:"), NULL, 10);
}

static void answer(int fd, struct peer *peer)
{
    size_t body_at = 0, len;

    while ((len = request_len(peer, &body_at)) > 0 && len <= peer->len) {
        read_events(peer->bytes + body_at, peer->bytes + len);
        if (send(fd, REPLY, strlen(REPLY), MSG_NOSIGNAL) < 0)
            err(1, "answer");
        memmove(peer->bytes, peer->bytes + len, peer->len - len);
        peer->len -= len;
    }
    if (peer->len >= BUFFER - 1 || len >= BUFFER)
        errx(1, "a request is too large");
}

static void read_peer(int fd)
{
    struct peer *peer = pace.peers[fd];
    ssize_t n = recv(fd, peer->bytes + peer->len, BUFFER - 1 - peer->len, 0);

    if (n > 0) {
        peer->len += (size_t)n;
        answer(fd, peer);
        return;
    }
    close(fd);
    free(peer->bytes);
    free(peer);
    pace.peers[fd] = NULL;
}

static void take_peer(void)
{
    int fd = accept4(pace.listener, NULL, NULL, SOCK_CLOEXEC);
    struct peer *peer = calloc(1, sizeof(*peer));

    if (fd < 0 || fd >= MAX_FDS || !peer || !(peer->bytes = malloc(BUFFER)))
        errx(1, "too many connections");
    pace.peers[fd] = peer;
    watch(fd);
}

/* ---- the loop */

static void wait_until(int64_t until_ns)
{
    struct epoll_event events[64];
    int64_t left = until_ns - now_ns();
    struct timespec timeout = {left > 0 ? left / 1000000000 : 0, left > 0 ? left % 1000000000 : 0};
    int n = epoll_pwait2(pace.epoll, events, 64, &timeout, NULL);

    if (n < 0 && errno != EINTR)
        err(1, "epoll");
    for (int i = 0; i < n; i++) {
        int fd = events[i].data.fd;

        if (fd == pace.listener)
            take_peer();
        else if (fd == pace.redis)
            read_redis();
        else
            read_peer(fd);
    }
}

static void run(void)
{
    int64_t give_up_ns = due_ns(pace.n_events) + PATIENCE_S * INT64_C(1000000000);

    while (pace.n_arrived < pace.n_events) {
        push_due();
        wait_until(pace.n_pushed < pace.n_events ? due_ns(pace.n_pushed) : give_up_ns);
        if (now_ns() > give_up_ns)
            errx(1, "%zu of %zu events arrived", pace.n_arrived, pace.n_events);
    }
}

/* ---- set-up and result */

static void connect_redis(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    pace.redis = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(pace.redis, (struct sockaddr *)&address, sizeof(address)) != 0)
        err(1, "%s", path);
    watch(pace.redis);
}

static void open_server(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;

    pace.listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(pace.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(pace.listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(pace.listener, MAX_FDS) != 0)
        err(1, "port %s", port);
    watch(pace.listener);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static double at_ms(const int64_t *sorted, size_t n, double quantile)
{
    return (double)sorted[(size_t)((double)(n - 1) * quantile)] / 1e6;
}

static void report(size_t n_skipped)
{
    int64_t *counted = pace.latency_ns + n_skipped;
    size_t n = pace.n_events - n_skipped;

    qsort(counted, n, sizeof(*counted), compare);
    printf("%.3f %.3f %.3f %.3f\n", at_ms(counted, n, 0.5), at_ms(counted, n, 0.99),
           at_ms(counted, n, 0.999), at_ms(counted, n, 1));
}

int main(int argc, char **argv)
{
    long rate = argc == 5 ? atol(argv[3]) : 0, seconds = argc == 5 ? atol(argv[4]) : 0;

    if (rate <= 0 || seconds <= 0)
        errx(64, "usage: pace REDIS_SOCKET PORT EVENTS_PER_SECOND SECONDS");
    prctl(PR_SET_TIMERSLACK, 1);
    pace.epoll = epoll_create1(EPOLL_CLOEXEC);
    connect_redis(argv[1]);
    open_server(argv[2]);
    pace.n_events = (size_t)(rate * (seconds + 1));
    pace.latency_ns = malloc(pace.n_events * sizeof(*pace.latency_ns));
    if (!pace.latency_ns)
        err(1, "events");
    for (size_t i = 0; i < pace.n_events; i++)
        pace.latency_ns[i] = -1;
    pace.interval_ns = INT64_C(1000000000) / rate;
    pace.start_ns = now_ns() + INT64_C(100000000);
    run();
    report((size_t)rate);
    free(pace.latency_ns);
    return 0;
}
