/* What a daemon says of itself (daemon/report.h), as it stands in Redis. */
#ifndef DAEMON_CTL_REPORT_READ_H
#define DAEMON_CTL_REPORT_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Rates are per second. */
struct report_view {
    uint64_t at_ms; /* of Redis's clock */
    double events, jobs, failed;
    double fill;              /* events in a batch, on average; negative if none was sent */
    double p50_ms, p99_ms;    /* of requests; negative if none was answered */
    uint64_t held, in_flight; /* jobs, of this queue; requests, of the daemon */
    uint64_t oldest_ms;       /* since the claim of the oldest job that is held */
    const json_t *gates;      /* borrowed of the report: [{"app","cause","text"}] */
    uint64_t more_gates;
};

/* What is missing, or of a wrong type, counts as nothing. */
void report_read(const json_t *report, struct report_view *ret_view);

#endif
