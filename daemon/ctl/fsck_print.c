#include <inttypes.h>

#include "daemon/ctl/fsck.h"
#include "daemon/view/text.h"

static const char *const kind_name[] = {
#define NAME(name, json, text) json,
    FSCK_KINDS(NAME)
#undef NAME
};

static const char *const kind_text[] = {
#define TEXT(name, json, text) text,
    FSCK_KINDS(TEXT)
#undef TEXT
};

/* A consumer that is gone, with nothing left of it, is not worth a line. */
static bool is_there(const struct fsck_consumer *consumer)
{
    return consumer->has_lease || consumer->held > 0;
}

static void json_consumers(const struct fsck *fsck, FILE *out)
{
    const char *comma = "";
    fputs(",\"consumers\":[", out);
    for (size_t i = 0; i < fsck->consumers.n; i++) {
        const struct fsck_consumer *consumer = &fsck->consumer_counts[i];
        if (!is_there(consumer))
            continue;
        fprintf(out, "%s{\"name\":", comma);
        text_json(out, pusher_str(consumer->name));
        fputs(",\"lease_ms\":", out);
        if (consumer->has_lease)
            fprintf(out, "%" PRId64, consumer->lease_ms);
        else
            fputs("null", out);
        fprintf(out, ",\"in_flight\":%" PRIu64 "}", consumer->held);
        comma = ",";
    }
    fputs("],\"parked\":[", out);
    comma = "";
    for (size_t i = 0; i < fsck->parked_apps.n; i++) {
        if (fsck->parked_counts[i] == 0)
            continue;
        fprintf(out, "%s{\"app\":", comma);
        comma = ",";
        text_json(out, pusher_str(fsck->parked_apps.items[i]));
        fprintf(out, ",\"jobs\":%" PRIu64 "}", fsck->parked_counts[i]);
    }
    fputc(']', out);
}

static void json_finding(const struct fsck_finding *finding, const char *name, FILE *out)
{
    fprintf(out, "{\"kind\":\"%s\",\"found\":%" PRIu64 ",\"repaired\":%" PRIu64 ",\"examples\":[",
            name, finding->found, finding->mended);
    for (size_t i = 0; i < finding->examples.n; i++) {
        fputs(i > 0 ? "," : "", out);
        text_json(out, pusher_str(finding->examples.items[i]));
    }
    fputs("]}", out);
}

void fsck_print_json(const struct fsck *fsck, FILE *out)
{
    const char *comma = "";
    fputs("{\"list\":", out);
    text_json(out, pusher_str(fsck->list));
    fprintf(out,
            ",\"clean\":%s,\"jobs\":{\"total\":%" PRIu64 ",\"list\":%" PRIu64
            ",\"in_flight\":%" PRIu64 ",\"retry\":%" PRIu64 ",\"parked\":%" PRIu64 "}",
            fsck_is_clean(fsck) ? "true" : "false", fsck->total, fsck->backlog, fsck->held,
            fsck->retry, fsck->parked);
    json_consumers(fsck, out);
    fputs(",\"findings\":[", out);
    for (size_t i = 0; i < FSCK_N_KINDS; i++) {
        if (fsck->findings[i].found == 0)
            continue;
        fputs(comma, out);
        json_finding(&fsck->findings[i], kind_name[i], out);
        comma = ",";
    }
    fputs("]}", out);
}

static void print_consumer(const struct fsck_consumer *consumer, FILE *out)
{
    char left[TEXT_TIME_MAX];
    int64_t ms = consumer->lease_ms;
    fputs("  consumer ", out);
    text_clean(out, pusher_str(consumer->name), 60);
    fprintf(out, "  %" PRIu64 " held, ", consumer->held);
    text_duration((uint64_t)(ms < 0 ? -ms : ms), left);
    if (!consumer->has_lease)
        fputs("no lease\n", out);
    else
        fprintf(out, ms < 0 ? "lease ran out %s ago\n" : "lease for %s\n", left);
}

static void print_finding(const struct fsck_finding *finding, const char *text, FILE *out)
{
    fprintf(out, "  %" PRIu64 " %s", finding->found, text);
    if (finding->mended > 0)
        fprintf(out, " (%" PRIu64 " repaired)", finding->mended);
    fputs(":\n", out);
    for (size_t i = 0; i < finding->examples.n; i++) {
        fputs("    ", out);
        text_clean(out, pusher_str(finding->examples.items[i]), 200);
        fputc('\n', out);
    }
    if (finding->found > finding->examples.n)
        fputs("    ...\n", out);
}

void fsck_print(const struct fsck *fsck, FILE *out)
{
    fprintf(out,
            "%s: %s\n  %" PRIu64 " jobs: %" PRIu64 " on the list, %" PRIu64 " held, %" PRIu64
            " retry, %" PRIu64 " parked\n",
            fsck->list, fsck_is_clean(fsck) ? "clean" : "NOT CLEAN", fsck->total, fsck->backlog,
            fsck->held, fsck->retry, fsck->parked);
    for (size_t i = 0; i < fsck->consumers.n; i++)
        if (is_there(&fsck->consumer_counts[i]))
            print_consumer(&fsck->consumer_counts[i], out);
    for (size_t i = 0; i < fsck->parked_apps.n; i++) {
        if (fsck->parked_counts[i] == 0)
            continue;
        fputs("  app ", out);
        text_clean(out, pusher_str(fsck->parked_apps.items[i]), 60);
        fprintf(out, "  %" PRIu64 " parked\n", fsck->parked_counts[i]);
    }
    for (size_t i = 0; i < FSCK_N_KINDS; i++)
        if (fsck->findings[i].found > 0)
            print_finding(&fsck->findings[i], kind_text[i], out);
}
