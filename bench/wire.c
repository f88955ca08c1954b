/* A network of two ends that delays each packet: for bench/run --netem where the kernel has no
 * sch_netem.
 *
 *     wire LINK LINK DELAY_US
 *
 * Makes two TUN links of these names, which the caller configures, and then carries what one sends
 * to the other, DELAY_US later and in order. Ends when it is killed; the links go with it. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define PACKETS    16384 /* on the way, in one direction */
#define PACKET_MAX 2048  /* an MTU of 1500 */

struct packet {
    int64_t due_ns;
    size_t len;
    char bytes[PACKET_MAX];
};

struct way {
    int from, to;
    struct packet *packets; /* owned; a ring of PACKETS */
    size_t first, n;
};

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int open_link(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    (void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0)
        err(1, "a TUN link %s", name);
    return fd;
}

static void take(struct way *way, int64_t delay_ns)
{
    for (;;) {
        struct packet *packet = &way->packets[(way->first + way->n) % PACKETS];
        ssize_t len;

        if (way->n == PACKETS)
            errx(1, "more than %d packets are on the way", PACKETS);
        len = read(way->from, packet->bytes, PACKET_MAX);
        if (len < 0 && errno == EAGAIN)
            return;
        if (len < 0)
            err(1, "read");
        packet->len = (size_t)len;
        packet->due_ns = now_ns() + delay_ns;
        way->n++;
    }
}

/* A link that is down, before it is configured or after, loses what it is given. */
static void deliver(struct way *way)
{
    while (way->n > 0 && way->packets[way->first].due_ns <= now_ns()) {
        const struct packet *packet = &way->packets[way->first];

        if (write(way->to, packet->bytes, packet->len) < 0 && errno != EIO)
            err(1, "write");
        way->first = (way->first + 1) % PACKETS;
        way->n--;
    }
}

/* What is due next, or a time far off. */
static int64_t next_due_ns(const struct way ways[2])
{
    int64_t due = now_ns() + INT64_C(1000000000);

    for (int i = 0; i < 2; i++) {
        if (ways[i].n > 0 && ways[i].packets[ways[i].first].due_ns < due)
            due = ways[i].packets[ways[i].first].due_ns;
    }
    return due;
}

static void run(struct way ways[2], int64_t delay_ns)
{
    struct pollfd polled[2] = {{ways[0].from, POLLIN, 0}, {ways[1].from, POLLIN, 0}};

    for (;;) {
        int64_t left = next_due_ns(ways) - now_ns();
        struct timespec timeout = {left > 0 ? left / 1000000000 : 0,
                                   left > 0 ? left % 1000000000 : 0};

        if (ppoll(polled, 2, &timeout, NULL) < 0 && errno != EINTR)
            err(1, "poll");
        for (int i = 0; i < 2; i++) {
            take(&ways[i], delay_ns);
            deliver(&ways[i]);
        }
    }
}

int main(int argc, char **argv)
{
    long delay_us = argc == 4 ? atol(argv[3]) : 0;
    struct way ways[2] = {{0}, {0}};

    if (delay_us <= 0)
        errx(64, "usage: wire LINK LINK DELAY_US");
    prctl(PR_SET_TIMERSLACK, 1);
    ways[0].from = ways[1].to = open_link(argv[1]);
    ways[1].from = ways[0].to = open_link(argv[2]);
    ways[0].packets = calloc(PACKETS, sizeof(struct packet));
    ways[1].packets = calloc(PACKETS, sizeof(struct packet));
    if (!ways[0].packets || !ways[1].packets)
        err(1, "packets");
    run(ways, delay_us * 1000);
}
