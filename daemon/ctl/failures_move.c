/* Entries are collected into chunks, and a chunk is one script, or one XDEL: atomic, so a call
 * whose answer is lost can be made again, and two who replay the same entries do not get in each
 * other's way. The script takes the bytes of the job from the entry itself; only ids, and the
 * headers of jobs that failed in part, go to Redis. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/call.h"
#include "daemon/ctl/failures.h"
#include "daemon/view/replay_header.h"
#include "daemon/view/text.h"

#define CHUNK_ENTRIES 100
#define ARENA_MAX     ((size_t)512 << 20)

struct mover {
    struct tail *tail;
    enum failures_action action;
    bool dry_run;
    struct arena arena;
    struct call call;
    size_t n_chunk, n_chunk_in_part;
    uint64_t n_taken; /* entries, up to the limit */
    uint64_t n_moved, n_in_part, n_gone, n_refused;
};

static void begin_chunk(struct mover *mover)
{
    const char *list = mover->tail->list;
    call_clear(&mover->call);
    mover->n_chunk = mover->n_chunk_in_part = 0;
    if (mover->action == FAILURES_DROP) {
        call_text(&mover->call, "XDEL");
        call_key(&mover->call, list, KEYS_FAILURES);
        return;
    }
    call_script(&mover->call, &script_replay, 5);
    call_key(&mover->call, list, KEYS_FAILURES);
    call_text(&mover->call, list);
    call_key(&mover->call, list, KEYS_RETRY);
    call_key(&mover->call, list, KEYS_RETRY_JOBS);
    call_key(&mover->call, list, KEYS_SEQ);
}

static redisReply *ask(struct mover *mover)
{
    struct link *link = &mover->tail->link;
    redisReply *reply = call_send(&mover->call, link);
    if (mover->action == FAILURES_REPLAY)
        return link_check(link, reply, "a script", "", "s");
    if (!reply || reply->type == REDIS_REPLY_INTEGER)
        return reply;
    freeReplyObject(reply);
    link_misfit(link, "XDEL");
    return NULL;
}

/* The entries that were gone, by what XDEL or the script answers. */
static size_t count_gone(const struct mover *mover, const redisReply *reply)
{
    size_t n = mover->action == FAILURES_REPLAY ? reply->elements
                                                : mover->n_chunk - (size_t)reply->integer;
    return n < mover->n_chunk ? n : mover->n_chunk;
}

static int send_chunk(struct mover *mover)
{
    size_t gone = 0;
    if (mover->n_chunk == 0)
        return CTL_DONE;
    if (!mover->dry_run) {
        redisReply *reply = ask(mover);
        if (!reply)
            return tail_fail(mover->tail);
        gone = count_gone(mover, reply);
        freeReplyObject(reply);
    }
    mover->n_moved += mover->n_chunk - gone;
    mover->n_gone += gone;
    mover->n_in_part += mover->n_chunk_in_part;
    begin_chunk(mover);
    return CTL_DONE;
}

/* Adds what the script needs to know of an entry; the job of one that cannot be replayed exactly
 * stays where it is. */
static bool add_header(struct mover *mover, const struct stream_entry *entry, char **header)
{
    char why[REPLAY_WHY_MAX];
    struct pusher_string parts = stream_field(entry, "parts");
    struct pusher_string job = stream_field(entry, "job");
    if (!job.ptr || (parts.ptr && replay_header(job, parts, &mover->arena, header, why) != 0)) {
        ctl_warn("%s stays a failure: %s", entry->id, job.ptr ? why : "it has no job");
        mover->n_refused++;
        return false;
    }
    mover->n_chunk_in_part += *header && *header[0] != '\0';
    return true;
}

static int add_entry(struct mover *mover, const struct stream_entry *entry)
{
    char *header = NULL;
    if (mover->action == FAILURES_REPLAY && !add_header(mover, entry, &header))
        return CTL_DONE;
    call_text(&mover->call, entry->id);
    if (mover->action == FAILURES_REPLAY)
        call_text(&mover->call, header ? header : "");
    free(header);
    return ++mover->n_chunk == CHUNK_ENTRIES ? send_chunk(mover) : CTL_DONE;
}

/* A chunk ends with its page at the latest, which has a bounded weight. */
static int move_matching(struct mover *mover)
{
    struct tail *tail = mover->tail;
    struct stream_walk walk;
    struct stream_entry entry;
    int rc = STREAM_ENTRY, status = CTL_DONE;
    stream_walk_init(&walk, &tail->link, tail->key, &tail->filter, STREAM_OLDEST_FIRST);
    for (; status == CTL_DONE && mover->n_taken < tail->limit; mover->n_taken++) {
        if (stream_walk_is_dry(&walk))
            status = send_chunk(mover);
        rc = status == CTL_DONE ? stream_walk_next(&walk, &entry) : STREAM_END;
        if (rc != STREAM_ENTRY)
            break;
        status = add_entry(mover, &entry);
    }
    stream_walk_deinit(&walk);
    return rc == STREAM_FAILED ? tail_fail(tail) : status;
}

/* Entries that come from now on, such as those of jobs that fail again, are not meant, however late
 * --until is: it means all of its millisecond. */
static int move_filtered(struct mover *mover)
{
    struct tail *tail = mover->tail;
    char newest[STREAM_ID_MAX], *until = tail->filter.last;
    if (stream_newest(&tail->link, tail->key, newest) != 0)
        return tail_fail(tail);
    if (until[0] == '\0' || strtoull(until, NULL, 10) >= strtoull(newest, NULL, 10))
        strcpy(until, newest);
    return move_matching(mover);
}

static int move_one(struct mover *mover, const char *id)
{
    struct stream_filter *filter = &mover->tail->filter;
    uint64_t before = mover->n_taken;
    if (!stream_id_read(id, filter->first))
        return ctl_fail(CTL_USAGE, "%.60s is no id of a stream's entry", id);
    if (before >= mover->tail->limit)
        return CTL_DONE;
    strcpy(filter->last, filter->first);
    int status = move_matching(mover);
    if (status == CTL_DONE && before == mover->n_taken) {
        ctl_warn("the failures of %s have no entry %s", mover->tail->list, filter->first);
        mover->n_gone++;
    }
    return status;
}

static void report(const struct mover *mover)
{
    FILE *out = mover->tail->ctl->out;
    bool replays = mover->action == FAILURES_REPLAY;
    const char *would = mover->dry_run ? "would be " : "";
    if (text_for_people(out, command_value(mover->tail->args, "json") != NULL)) {
        fprintf(out, "%" PRIu64 " %s%s", mover->n_moved, would, replays ? "replayed" : "dropped");
        if (mover->n_in_part > 0)
            fprintf(out, ", %" PRIu64 " of them only in the parts that failed", mover->n_in_part);
        if (mover->n_gone > 0)
            fprintf(out, "; %" PRIu64 " were not there any more", mover->n_gone);
        if (mover->n_refused > 0)
            fprintf(out, "; %" PRIu64 " stay", mover->n_refused);
        fputc('\n', out);
        return;
    }
    fprintf(out, "{\"%s\":%" PRIu64, replays ? "replayed" : "dropped", mover->n_moved);
    if (replays)
        fprintf(out, ",\"in_part\":%" PRIu64 ",\"refused\":%" PRIu64, mover->n_in_part,
                mover->n_refused);
    fprintf(out, ",\"gone\":%" PRIu64 ",\"dry_run\":%s}\n", mover->n_gone,
            mover->dry_run ? "true" : "false");
}

static int move_all(struct mover *mover, char *const *ids, int n_ids)
{
    int status = n_ids == 0 ? move_filtered(mover) : CTL_DONE;
    for (int i = 0; i < n_ids && status == CTL_DONE; i++)
        status = move_one(mover, ids[i]);
    return status == CTL_DONE ? send_chunk(mover) : status;
}

int failures_move(struct tail *tail, enum failures_action action, char *const *ids, int n_ids)
{
    struct mover mover = {
        .tail = tail,
        .action = action,
        .dry_run = command_value(tail->args, "dry-run") != NULL,
    };
    arena_init(&mover.arena, ARENA_MAX);
    begin_chunk(&mover);
    int status = move_all(&mover, ids, n_ids);
    if (status != CTL_USAGE)
        report(&mover);
    call_clear(&mover.call);
    arena_deinit(&mover.arena);
    if (status == CTL_DONE && (mover.n_refused > 0 || (n_ids > 0 && mover.n_gone > 0)))
        return CTL_FAILED;
    return status;
}
