/* The library without its transport, for programs that have a loop and an HTTP client of their own.
 *
 * Reads lines "CHANNEL EVENT DATA" from standard input, joins up to ten to a batch, and prints the
 * HTTP request that is to be sent. Here it goes to standard output; a program would give method,
 * target and body to its client, and the answer to pusher_reply_read().
 *
 *     printf 'my-channel my-event {"n":1}\n' | ./sansio */
#include <stdio.h>
#include <time.h>

#include "examples/common.h"

#define MAX_EVENTS 10

struct batch {
    struct pusher_string events[MAX_EVENTS]; /* encoded; owned */
    size_t n;
};

/* Checks one event and keeps its JSON. A bad one is told of and costs the others nothing. */
static void add_event(const struct pusher_client *client, struct batch *batch,
                      const struct pusher_event *event)
{
    struct pusher_error error;
    size_t size;
    if (pusher_event_check(client, event, &size, &error) != 0) {
        warnx("%s", error.text);
        return;
    }
    char *json = malloc(size);
    if (!json || pusher_event_encode(client, event, NULL, json, size) != 0)
        errx(1, "cannot encode");
    batch->events[batch->n++] = (struct pusher_string){json, size};
}

/* What belongs into the header Host: the port only where it is not that of the scheme. */
static struct pusher_string place_of(const struct pusher_client *client)
{
    const char *place = strstr(pusher_client_base_url(client), "://") + strlen("://");
    bool is_usual = pusher_client_port(client) == (pusher_client_use_tls(client) ? 443 : 80);
    size_t len = is_usual ? (size_t)(strrchr(place, ':') - place) : strlen(place);
    return (struct pusher_string){place, len};
}

/* The signature holds for ten minutes: it is made when the request is sent, not earlier. */
static void send_batch(const struct pusher_client *client, struct batch *batch)
{
    char target[PUSHER_TARGET_MAX];
    struct pusher_string place = place_of(client);
    size_t size = pusher_batch_size(batch->events, batch->n);
    char *body = malloc(size);
    if (!body)
        errx(1, "out of memory");
    pusher_batch_encode(batch->events, batch->n, body);
    if (pusher_request_target(client, "POST", pusher_path_batch_events(client), NULL, 0, body, size,
                              time(NULL), target, sizeof(target)) != 0)
        errx(1, "cannot sign");
    printf("POST %s HTTP/1.1\r\nHost: %.*s\r\nContent-Type: application/json\r\n"
           "Content-Length: %zu\r\n\r\n%.*s\n",
           target, (int)place.len, place.ptr, size, (int)size, body);
    free(body);
    for (size_t i = 0; i < batch->n; i++)
        free((void *)(uintptr_t)batch->events[i].ptr);
    batch->n = 0;
}

int main(void)
{
    struct pusher_client *client = client_from_environment();
    struct batch batch = {.n = 0};
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while ((len = getline(&line, &size, stdin)) > 0) {
        line[strcspn(line, "\n")] = '\0';
        char *rest = line;
        struct pusher_event event = {0};
        event.channel = pusher_str(strsep(&rest, " "));
        event.name = pusher_str(strsep(&rest, " "));
        event.data = pusher_str(rest);
        add_event(client, &batch, &event);
        if (batch.n == MAX_EVENTS)
            send_batch(client, &batch);
    }
    if (batch.n > 0)
        send_batch(client, &batch);
    free(line);
    pusher_client_free(client);
    return 0;
}
