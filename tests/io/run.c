#include "run.h"

#include <criterion/criterion.h>
#include <signal.h>

void run_init(struct run *run)
{
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(uv_loop_init(&run->loop), 0);
    uv_timer_init(&run->loop, &run->bound);
    uv_unref((uv_handle_t *)&run->bound);
    run->bound.data = run;
    run->is_over = false;
}

static void on_bound(uv_timer_t *timer)
{
    ((struct run *)timer->data)->is_over = true;
}

void run_start_bound(struct run *run)
{
    run->is_over = false;
    uv_update_time(&run->loop);
    uv_timer_start(&run->bound, on_bound, RUN_BOUND_MS, 0);
}

bool run_turn(struct run *run)
{
    return uv_run(&run->loop, UV_RUN_ONCE) && !run->is_over;
}

void run_wake(struct run *run)
{
    uv_stop(&run->loop);
}

void run_end(struct run *run)
{
    run_start_bound(run);
    while (uv_loop_alive(&run->loop) && run_turn(run))
        continue;
    if (run->is_over)
        uv_print_all_handles(&run->loop, stderr);
    cr_assert(!run->is_over, "handles are left open");
    uv_close((uv_handle_t *)&run->bound, NULL);
    while (uv_run(&run->loop, UV_RUN_NOWAIT))
        continue;
    cr_assert_eq(uv_loop_close(&run->loop), 0);
}
