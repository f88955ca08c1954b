#include "daemon/core/parking.h"

#include <stdlib.h>

#include "lib/require.h"

int parking_grow(struct parking_app **apps, size_t *n_apps, size_t new_n_apps)
{
    struct parking_app *grown;

    if (*apps && new_n_apps <= *n_apps)
        return 0;
    grown = reallocarray(*apps, new_n_apps ? new_n_apps : 1, sizeof(*grown));
    if (!grown)
        return -1;
    for (size_t i = *n_apps; i < new_n_apps; i++)
        grown[i] = (struct parking_app){.lowest = PARKING_NONE};
    *apps = grown;
    *n_apps = new_n_apps;
    return 0;
}

void parking_expect(struct parking_app *app)
{
    *app = (struct parking_app){.lowest = 0};
}

bool parking_takes(const struct parking_app *app, uint64_t claim_id)
{
    return app->is_paused || claim_id >= app->lowest;
}

static uint64_t older(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void parking_marked(struct parking_app *app, size_t n, uint64_t lowest)
{
    REQUIRE(app->n_active >= n);
    if (n == 0)
        return;
    app->n_active -= n;
    app->lowest_pending = app->n_pending > 0 ? older(app->lowest_pending, lowest) : lowest;
    app->n_pending += n;
    app->lowest = older(app->lowest, lowest);
}

void parking_added(struct parking_app *app, uint64_t claim_id, bool is_marked)
{
    app->n_active++;
    if (app->n_returned > 0)
        app->n_returned--;
    if (is_marked)
        parking_marked(app, 1, claim_id);
}

void parking_left(struct parking_app *app, bool is_marked)
{
    size_t *n = is_marked ? &app->n_pending : &app->n_active;

    REQUIRE(*n > 0);
    (*n)--;
}

void parking_heard(struct parking_app *app, uint64_t lowest)
{
    app->lowest = older(app->lowest, lowest);
}

/* What Redis has left need not be all: some may be on their way to it. */
void parking_returned(struct parking_app *app, size_t n, uint64_t lowest)
{
    app->n_returned = n;
    app->lowest = app->n_pending > 0 ? older(lowest, app->lowest_pending) : lowest;
}

void parking_claimed(struct parking_app *app)
{
    app->n_returned = 0;
}

size_t parking_keeps(const struct parking_app *app, size_t n_probe)
{
    return app->is_paused ? 0 : n_probe;
}

size_t parking_wants(const struct parking_app *app, bool gate_is_open, size_t n_busy,
                     size_t n_probe)
{
    size_t wanted = gate_is_open ? n_busy : n_probe;
    size_t coming = app->n_active + app->n_returned;

    if (app->lowest == PARKING_NONE || app->is_paused || coming >= wanted)
        return 0;
    return wanted - coming;
}
