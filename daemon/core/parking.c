#include "daemon/core/parking.h"

#include <stdlib.h>

#include "lib/require.h"

void parking_init(struct parking_app *app)
{
    *app = (struct parking_app){
        .lowest_stored = PARKING_NONE, .lowest_marked = PARKING_NONE, .n_fit = SIZE_MAX};
}

int parking_grow(struct parking_app **apps, size_t *n_apps, size_t new_n_apps)
{
    struct parking_app *grown;

    if (*apps && new_n_apps <= *n_apps)
        return 0;
    grown = reallocarray(*apps, new_n_apps ? new_n_apps : 1, sizeof(*grown));
    if (!grown)
        return -1;
    for (size_t i = *n_apps; i < new_n_apps; i++)
        parking_init(&grown[i]);
    *apps = grown;
    *n_apps = new_n_apps;
    return 0;
}

void parking_expect(struct parking_app *app)
{
    parking_init(app);
    app->lowest_stored = 0;
}

static uint64_t older(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t parking_lowest(const struct parking_app *app)
{
    return older(app->lowest_stored, app->lowest_marked);
}

bool parking_takes(const struct parking_app *app, uint64_t claim_id)
{
    return app->is_paused || claim_id >= parking_lowest(app);
}

void parking_marked(struct parking_app *app, size_t n, uint64_t lowest)
{
    REQUIRE(app->n_active >= n);
    if (n == 0)
        return;
    app->n_active -= n;
    app->n_marked += n;
    app->lowest_marked = older(app->lowest_marked, lowest);
}

void parking_added(struct parking_app *app, uint64_t claim_id, bool is_marked)
{
    app->n_active++;
    if (app->n_returned > 0)
        app->n_returned--;
    if (is_marked)
        parking_marked(app, 1, claim_id);
}

void parking_learned(struct parking_app *app, uint64_t lowest)
{
    app->lowest_marked = lowest;
    app->is_stale = false;
}

static void marked_left(struct parking_app *app, uint64_t claim_id)
{
    REQUIRE(app->n_marked > 0);
    app->n_marked--;
    if (app->n_marked == 0)
        parking_learned(app, PARKING_NONE);
    else if (claim_id == app->lowest_marked)
        app->is_stale = true;
}

void parking_left(struct parking_app *app, uint64_t claim_id, bool is_marked, bool is_over)
{
    if (!is_marked) {
        REQUIRE(app->n_active > 0);
        app->n_active--;
        return;
    }
    marked_left(app, claim_id);
    if (!is_over)
        parking_heard(app, claim_id);
}

void parking_heard(struct parking_app *app, uint64_t lowest)
{
    app->lowest_stored = older(app->lowest_stored, lowest);
}

void parking_returned(struct parking_app *app, size_t n, uint64_t lowest)
{
    app->n_returned = n;
    app->lowest_stored = lowest;
}

void parking_claimed(struct parking_app *app)
{
    app->n_returned = 0;
}

size_t parking_keeps(const struct parking_app *app, size_t n_probe)
{
    return app->is_paused ? 0 : n_probe;
}

void parking_fits(struct parking_app *app, size_t n)
{
    app->n_fit = n;
}

size_t parking_wants(const struct parking_app *app, bool gate_is_open, size_t n_busy,
                     size_t n_probe)
{
    size_t wanted = gate_is_open ? n_busy : n_probe < app->n_fit ? n_probe : app->n_fit;
    size_t coming = app->n_active + app->n_returned;

    if (app->lowest_stored == PARKING_NONE || app->lowest_marked < app->lowest_stored ||
        app->is_paused || coming >= wanted)
        return 0;
    return wanted - coming;
}
