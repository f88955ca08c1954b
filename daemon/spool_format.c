#include "daemon/spool_format.h"
#include "lib/name.h"

#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC      "pusherd-spool"
#define FIRST_SIZE 512
#define LENGTH     4
#define CHECKSUM   crypto_generichash_BYTES_MIN /* 16 */
#define HEAD       (LENGTH + CHECKSUM)

void spool_bytes_deinit(struct spool_bytes *out)
{
    free(out->bytes);
    *out = (struct spool_bytes){0};
}

static bool reserve(struct spool_bytes *out, size_t len)
{
    size_t size = out->size ? out->size : FIRST_SIZE;
    char *larger;

    while (size < out->len + len)
        size *= 2;
    if (size == out->size)
        return true;
    larger = realloc(out->bytes, size);
    if (!larger) {
        out->out_of_memory = true;
        return false;
    }
    out->bytes = larger;
    out->size = size;
    return true;
}

void spool_bytes_add(struct spool_bytes *out, const void *bytes, size_t len)
{
    if (len == 0 || out->out_of_memory || !reserve(out, len))
        return;
    memcpy(out->bytes + out->len, bytes, len);
    out->len += len;
}

static void write_length(uint8_t bytes[LENGTH], size_t len)
{
    for (size_t i = 0; i < LENGTH; i++)
        bytes[i] = (uint8_t)(len >> (8 * i));
}

static size_t read_length(const char *bytes)
{
    size_t len = 0;

    for (size_t i = 0; i < LENGTH; i++)
        len |= (size_t)(uint8_t)bytes[i] << (8 * i);
    return len;
}

static void checksum(uint8_t sum[CHECKSUM], const char *bytes, size_t len)
{
    crypto_generichash(sum, CHECKSUM, (const uint8_t *)bytes, len, NULL, 0);
}

size_t spool_frame_begin(struct spool_bytes *out)
{
    static const uint8_t head[HEAD];
    size_t begin = out->len;

    spool_bytes_add(out, head, sizeof(head));
    return begin;
}

void spool_frame_string(struct spool_bytes *out, const char *bytes, size_t len)
{
    uint8_t length[LENGTH];

    write_length(length, len);
    spool_bytes_add(out, length, sizeof(length));
    spool_bytes_add(out, bytes, len);
}

void spool_frame_end(struct spool_bytes *out, size_t begin)
{
    uint8_t head[HEAD];
    size_t len;

    if (out->out_of_memory)
        return;
    len = out->len - begin - HEAD;
    write_length(head, len);
    checksum(head + LENGTH, out->bytes + begin + HEAD, len);
    memcpy(out->bytes + begin, head, HEAD);
}

static bool is_whole(struct pusher_string payload)
{
    struct pusher_string string;

    while (spool_string_next(&payload, &string))
        ;
    return payload.len == 0;
}

int spool_frame_next(struct pusher_string bytes, size_t *pos, struct pusher_string *ret_payload)
{
    const char *frame = bytes.ptr + *pos;
    size_t left = bytes.len - *pos, len;
    uint8_t sum[CHECKSUM];

    if (left == 0)
        return SPOOL_END;
    if (left < HEAD)
        return SPOOL_DAMAGED;
    len = read_length(frame);
    if (len > SPOOL_FRAME_MAX || len > left - HEAD)
        return SPOOL_DAMAGED;
    checksum(sum, frame + HEAD, len);
    if (memcmp(sum, frame + LENGTH, CHECKSUM) != 0 ||
        !is_whole((struct pusher_string){frame + HEAD, len}))
        return SPOOL_DAMAGED;
    *ret_payload = (struct pusher_string){frame + HEAD, len};
    *pos += HEAD + len;
    return SPOOL_FRAME;
}

bool spool_string_next(struct pusher_string *payload, struct pusher_string *ret_string)
{
    size_t len;

    if (payload->len < LENGTH)
        return false;
    len = read_length(payload->ptr);
    if (len > payload->len - LENGTH)
        return false;
    *ret_string = (struct pusher_string){payload->ptr + LENGTH, len};
    payload->ptr += LENGTH + len;
    payload->len -= LENGTH + len;
    return true;
}

void spool_head_write(struct spool_bytes *out, const struct spool_place *place,
                      const char *consumer)
{
    size_t begin = spool_frame_begin(out);

    spool_frame_string(out, MAGIC, strlen(MAGIC));
    spool_frame_string(out, SPOOL_VERSION, strlen(SPOOL_VERSION));
    spool_frame_string(out, place->server, strlen(place->server));
    spool_frame_string(out, place->list, strlen(place->list));
    spool_frame_string(out, consumer, strlen(consumer));
    spool_frame_end(out, begin);
}

int spool_head_read(struct pusher_string payload, struct spool_head *ret_head)
{
    struct pusher_string magic, version;
    struct spool_head head;

    if (!spool_string_next(&payload, &magic) || !pusher__equals(magic, MAGIC) ||
        !spool_string_next(&payload, &version) || !pusher__equals(version, SPOOL_VERSION) ||
        !spool_string_next(&payload, &head.server) || !spool_string_next(&payload, &head.list) ||
        !spool_string_next(&payload, &head.consumer))
        return -1;
    *ret_head = head;
    return 0;
}
