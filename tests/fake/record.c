#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CHANNELS 4096 /* that are remembered for the channel queries */

/* What stands in a ring; the bytes of the texts follow it. */
struct event_entry {
    uint64_t request;
    int64_t received_us;
    struct text texts[4]; /* channel, name, data, socket_id; ptr only tells whether there is one */
};

struct request_entry {
    struct request_note note;
    struct text texts[3]; /* method, path, app */
};

static size_t texts_size(const struct text *texts, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        size += texts[i].len;
    }
    return size;
}

static void write_texts(char *to, const struct text *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (texts[i].len > 0) {
            to = mempcpy(to, texts[i].ptr, texts[i].len);
        }
    }
}

static void set_texts(json_t *object, const char *const *keys, const struct text *texts, size_t n,
                      const char *bytes)
{
    for (size_t i = 0; i < n; i++) {
        json_object_set_new(object, keys[i],
                            texts[i].ptr ? json_stringn(bytes, texts[i].len) : json_null());
        bytes += texts[i].len;
    }
}

void recorder_init(struct recorder *recorder, size_t max_entries)
{
    *recorder = (struct recorder){.channels = json_object()};
    ring_init(&recorder->events, max_entries);
    ring_init(&recorder->requests, max_entries);
}

void recorder_deinit(struct recorder *recorder)
{
    ring_deinit(&recorder->events);
    ring_deinit(&recorder->requests);
    json_decref(recorder->channels);
}

void recorder_reset(struct recorder *recorder)
{
    struct recorder fresh;
    recorder_init(&fresh, recorder->events.max_entries);
    fresh.open_connections = recorder->open_connections;
    recorder_deinit(recorder);
    *recorder = fresh;
}

static void count_request(struct recorder *recorder, const struct request_note *note)
{
    recorder->n_requests++;
    recorder->by_status[note->status < 600 ? note->status : 0]++;
    recorder->n_bad_signatures += note->bad_signature;
    if (note->is_batch && note->n_events > 0) {
        size_t size = note->n_events < ANSWER_MAX_BATCH ? note->n_events : ANSWER_MAX_BATCH;
        recorder->n_batches++;
        recorder->n_batch_events += note->n_events;
        recorder->by_batch_size[size]++;
    }
}

uint64_t recorder_add_request(struct recorder *recorder, const struct request_note *note)
{
    struct text texts[] = {{note->method, strlen(note->method)},
                           {note->path, strlen(note->path)},
                           {note->app, strlen(note->app)}};
    count_request(recorder, note);
    struct request_entry *entry =
        ring_add(&recorder->requests, sizeof(*entry) + texts_size(texts, 3));
    if (entry) {
        entry->note = *note;
        memcpy(entry->texts, texts, sizeof(texts));
        write_texts((char *)(entry + 1), texts, 3);
    }
    return recorder->requests.next - 1;
}

void recorder_end_request(struct recorder *recorder, uint64_t seq, int64_t ended_us, bool sent)
{
    const struct ring *ring = &recorder->requests;
    if (seq < ring->first || seq >= ring->next) {
        return; /* dropped, or forgotten by a reset */
    }
    struct request_entry *entry = ring_get(ring, seq);
    entry->note.ended_us = ended_us;
    entry->note.sent = sent;
}

static void remember_channel(json_t *channels, const struct text *channel)
{
    if (json_object_size(channels) < MAX_CHANNELS) {
        json_object_setn_new_nocheck(channels, channel->ptr, channel->len, json_null());
    }
}

void recorder_add_event(struct recorder *recorder, uint64_t request, int64_t received_us,
                        const struct event *event)
{
    struct text texts[] = {event->channel, event->name, event->data, event->socket_id};
    remember_channel(recorder->channels, &event->channel);
    struct event_entry *entry = ring_add(&recorder->events, sizeof(*entry) + texts_size(texts, 4));
    if (entry) {
        entry->request = request;
        entry->received_us = received_us;
        memcpy(entry->texts, texts, sizeof(texts));
        write_texts((char *)(entry + 1), texts, 4);
    }
}

static json_t *event_json(uint64_t seq, const void *bytes)
{
    static const char *const keys[] = {"channel", "name", "data", "socket_id"};
    const struct event_entry *entry = bytes;
    json_t *event =
        json_pack("{s:I, s:I, s:I}", "seq", (json_int_t)seq, "request", (json_int_t)entry->request,
                  "received_us", (json_int_t)entry->received_us);
    set_texts(event, keys, entry->texts, 4, (const char *)(entry + 1));
    return event;
}

static json_t *request_json(uint64_t seq, const void *bytes)
{
    static const char *const outcomes[] = {"answered", "reset",   "truncated",
                                           "hung",     "stalled", "closed"};
    static const char *const keys[] = {"method", "path", "app"};
    const struct request_entry *entry = bytes;
    const struct request_note *note = &entry->note;
    json_t *request =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:i, s:s, s:I, s:I, s:i}", "seq", (json_int_t)seq,
                  "request", (json_int_t)note->number, "received_us", (json_int_t)note->received_us,
                  "ended_us", (json_int_t)note->ended_us, "signed_s", (json_int_t)note->signed_s,
                  "sent", (int)note->sent, "status", (int)note->status, "outcome",
                  outcomes[note->outcome], "events", (json_int_t)note->n_events, "body_bytes",
                  (json_int_t)note->body_len, "client_port", (int)note->client_port);
    set_texts(request, keys, entry->texts, 3, (const char *)(entry + 1));
    return request;
}

static json_t *ring_json(const struct ring *ring, uint64_t from, size_t limit,
                         json_t *(*to_json)(uint64_t, const void *))
{
    json_t *array = json_array();
    uint64_t seq = from > ring->first ? from : ring->first;
    for (; seq < ring->next && json_array_size(array) < limit; seq++) {
        json_array_append_new(array, to_json(seq, ring_get(ring, seq)));
    }
    return array;
}

json_t *recorder_events(const struct recorder *recorder, uint64_t from, size_t limit)
{
    return ring_json(&recorder->events, from, limit, event_json);
}

json_t *recorder_requests(const struct recorder *recorder, uint64_t from, size_t limit)
{
    return ring_json(&recorder->requests, from, limit, request_json);
}

/* {"3": 17, ..} of the counts that are not zero. */
static json_t *counts_json(const uint64_t *counts, unsigned n, unsigned first)
{
    json_t *object = json_object();
    for (unsigned i = first; i < n; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%u", i);
        if (counts[i]) {
            json_object_set_new(object, key, json_integer((json_int_t)counts[i]));
        }
    }
    return object;
}

static unsigned max_batch(const struct recorder *recorder)
{
    unsigned size = ANSWER_MAX_BATCH;
    while (size > 0 && recorder->by_batch_size[size] == 0) {
        size--;
    }
    return size;
}

json_t *recorder_stats(const struct recorder *recorder)
{
    const struct recorder *r = recorder;
    double mean = r->n_batches ? (double)r->n_batch_events / (double)r->n_batches : 0;
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:f, s:i, s:o, s:o, s:I, s:I}", "requests",
        (json_int_t)r->n_requests, "batches", (json_int_t)r->n_batches, "events",
        (json_int_t)(r->events.next - 1), "events_dropped", (json_int_t)(r->events.first - 1),
        "bad_signatures", (json_int_t)r->n_bad_signatures, "mean_batch", mean, "max_batch",
        (int)max_batch(r), "by_status", counts_json(r->by_status, 600, 0), "by_batch_size",
        counts_json(r->by_batch_size, ANSWER_MAX_BATCH + 1, 1), "connections",
        (json_int_t)r->connections, "open_connections", (json_int_t)r->open_connections);
}
