/* Entries of results and failures, printed.
 *
 * As JSON they are what entry_json() writes. */
#ifndef DAEMON_CTL_ENTRY_PRINT_H
#define DAEMON_CTL_ENTRY_PRINT_H

#include <stdio.h>

#include "daemon/ctl/stream.h"
#include "proto/arena.h"

enum entry_style {
    ENTRY_JSON_ARRAY, /* one value */
    ENTRY_JSON_LINES,
    ENTRY_PEOPLE, /* a few lines each, cut to the width of the terminal */
};

struct entry_printer {
    FILE *out; /* borrowed */
    enum entry_style style;
    struct arena arena;
    size_t n; /* printed */
};

void entry_printer_init(struct entry_printer *printer, FILE *out, enum entry_style style);
void entry_print(struct entry_printer *printer, const struct stream_entry *entry);

/* Ends the array, and frees. The array of nothing is printed only if that is all, for it says that
 * there is none: not where reading failed. */
void entry_printer_finish(struct entry_printer *printer, bool is_all);

/* One entry whole, as a JSON object on a line. */
void entry_print_json(struct entry_printer *printer, const struct stream_entry *entry);

/* One entry whole, for people: a line for each field. */
void entry_print_whole(struct entry_printer *printer, const struct stream_entry *entry);

#endif
