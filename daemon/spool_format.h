/* The format of a spool file: frames, one behind the other.
 *
 *     length of the payload   4 bytes, little-endian
 *     checksum                16 bytes, BLAKE2b of the payload
 *     payload                 strings: 4 bytes of length, little-endian, and the bytes
 *
 * The first frame says what the file is: "pusherd-spool", the version, and whose (struct
 * spool_head). Each other one holds what was decided about one job: the arguments for settle.lua.
 *
 * A file may end anywhere, as a crash left it: what stands before the broken frame is good. No
 * I/O here. */
#ifndef DAEMON_SPOOL_FORMAT_H
#define DAEMON_SPOOL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "pusher/string.h"

#define SPOOL_VERSION    "2"
#define SPOOL_SERVER_MAX 17          /* with a NUL */
#define SPOOL_FRAME_MAX  (64u << 20) /* bytes of a payload: what is longer is damage */

/* Bytes that grow. When memory runs out they keep what they have, and say so. */
struct spool_bytes {
    char *bytes; /* owned */
    size_t len, size;
    bool out_of_memory;
};

/* Frees the bytes; nothing if it is zeroed. */
void spool_bytes_deinit(struct spool_bytes *out);

void spool_bytes_add(struct spool_bytes *out, const void *bytes, size_t len);

/* Writes a frame: begin, its strings, end. begin() gives what end() takes. */
size_t spool_frame_begin(struct spool_bytes *out);
void spool_frame_string(struct spool_bytes *out, const char *bytes, size_t len);
void spool_frame_end(struct spool_bytes *out, size_t begin);

enum { SPOOL_END = 0, SPOOL_FRAME = 1, SPOOL_DAMAGED = -1 };

/* Reads the frame at *pos, checks it whole, and moves on. SPOOL_FRAME: *ret_payload is the frame's,
 * and points into the bytes. SPOOL_END: they end here. SPOOL_DAMAGED: what follows is of no use. */
int spool_frame_next(struct pusher_string bytes, size_t *pos, struct pusher_string *ret_payload)
    __attribute__((warn_unused_result));

/* Takes the first string off a payload that spool_frame_next() gave; false at its end. */
bool spool_string_next(struct pusher_string *payload, struct pusher_string *ret_string);

/* Where the files of a queue's consumers are. */
struct spool_place {
    const char *dir;
    const char *server; /* what its Redis is called, see spool_server() */
    const char *list;
};

struct spool_head {
    struct pusher_string server, list, consumer;
};

/* The first frame of a file. */
void spool_head_write(struct spool_bytes *out, const struct spool_place *place,
                      const char *consumer);

/* Reads it: 0, or -1 if it is none, or of another version. */
int spool_head_read(struct pusher_string payload, struct spool_head *ret_head)
    __attribute__((warn_unused_result));

#endif
