#include "daemon/view/job_view.h"

#include <sodium.h>
#include <string.h>

#include "lib/utf8.h"
#include "proto/reader.h"

/* The whole of the bytes as one map in this format. */
static bool read_map(struct pusher_string bytes, enum reader_format format, struct value *ret_map)
{
    struct reader reader;
    reader_init(&reader, format, bytes.ptr, bytes.len);
    return reader_value(&reader, ret_map) == 0 && reader_finish(&reader) == 0 &&
           ret_map->kind == VALUE_MAP && !ret_map->flaw.at;
}

static int view_base64(struct pusher_string bytes, struct arena *arena, struct job_view *ret_view)
{
    size_t size = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(arena, size);
    if (!text)
        return -1;
    sodium_bin2base64(text, size, (const unsigned char *)bytes.ptr, bytes.len,
                      sodium_base64_VARIANT_ORIGINAL);
    *ret_view = (struct job_view){JOB_VIEW_RAW, pusher_str(text)};
    return 0;
}

int job_view(struct pusher_string bytes, struct arena *arena, struct job_view *ret_view)
{
    struct value map;
    struct value_flaw flaw;
    struct pusher_string json;
    if (read_map(bytes, READER_JSON, &map)) {
        *ret_view = (struct job_view){JOB_VIEW_JSON, bytes};
        return 0;
    }
    if (read_map(bytes, READER_MSGPACK, &map)) {
        int rc = value_json(&map, arena, &json, &flaw);
        if (rc == 0)
            *ret_view = (struct job_view){JOB_VIEW_MSGPACK, json};
        if (rc == 0 || rc == VALUE_NO_MEMORY)
            return rc == 0 ? 0 : -1;
    }
    if (pusher__utf8_valid(bytes.ptr, bytes.len)) {
        *ret_view = (struct job_view){JOB_VIEW_TEXT, bytes};
        return 0;
    }
    return view_base64(bytes, arena, ret_view);
}

const char *job_view_format_name(enum job_view_format format)
{
    static const char *const names[] = {
        [JOB_VIEW_JSON] = "json",
        [JOB_VIEW_MSGPACK] = "msgpack",
        [JOB_VIEW_TEXT] = "text",
        [JOB_VIEW_RAW] = "raw",
    };
    return names[format];
}
