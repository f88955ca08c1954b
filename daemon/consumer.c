#include "daemon/consumer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST_MAX 64

static void read_host(char host[HOST_MAX + 1])
{
    if (gethostname(host, HOST_MAX) != 0)
        (void)strcpy(host, "host");
    host[HOST_MAX] = '\0';
    for (char *c = host; *c; c++) {
        if (*c == ':' || (unsigned char)*c <= ' ')
            *c = '_';
    }
}

static void read_boot_id(char boot[9])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    (void)strcpy(boot, "unknown");
    if (fd < 0)
        return;
    if (read(fd, boot, 8) != 8)
        (void)strcpy(boot, "unknown");
    boot[8] = '\0';
    (void)close(fd);
}

static uint64_t process_namespace(void)
{
    struct stat status;

    return stat("/proc/self/ns/pid", &status) == 0 ? (uint64_t)status.st_ino : 0;
}

void consumer_name(char ret_name[CONSUMER_MAX])
{
    char host[HOST_MAX + 1], boot[9];
    uint32_t nonce = 0;

    read_host(host);
    read_boot_id(boot);
    if (getrandom(&nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
        nonce = (uint32_t)getpid();
    (void)snprintf(ret_name, CONSUMER_MAX, "%s.%s-%" PRIu64 ":%ld:%08" PRIx32, host, boot,
                   process_namespace(), (long)getpid(), nonce);
}

bool consumer_is_dead(const char *name, size_t len, const char *own)
{
    const char *colon = strchr(own, ':');
    size_t skip = colon ? (size_t)(colon - own) + 1 : 0;
    char pid_text[16] = "";
    long pid;

    if (skip == 0 || len <= skip || memcmp(name, own, skip) != 0 || strstr(own, "unknown-"))
        return false;
    memcpy(pid_text, name + skip, len - skip < 15 ? len - skip : 15);
    pid = strtol(pid_text, NULL, 10);
    if (pid <= 0)
        return false;
    if (pid == (long)getpid()) /* a name this process, or one before it with its number, gave up */
        return len != strlen(own) || memcmp(name, own, len) != 0;
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}
