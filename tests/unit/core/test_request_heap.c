#include <criterion/criterion.h>

#include "daemon/core/backoff.h"
#include "daemon/core/request.h"

#define MANY 1000

static struct request requests[MANY];

Test(request_heap, is_empty_at_first)
{
    struct request_heap heap = {0};

    cr_expect_null(request_heap_top(&heap));
    cr_expect_null(request_heap_pop(&heap));
    request_heap_deinit(&heap);
}

Test(request_heap, gives_the_earliest_first)
{
    struct request_heap heap = {0};
    uint64_t random = 9, last = 0;

    for (int i = 0; i < MANY; i++) {
        requests[i].due_ms = backoff_random(&random) % 500;
        cr_assert_eq(request_heap_push(&heap, &requests[i]), 0);
    }
    for (int i = 0; i < MANY; i++) {
        const struct request *top = request_heap_top(&heap);

        cr_assert_eq(request_heap_pop(&heap), top);
        cr_assert_geq(top->due_ms, last);
        last = top->due_ms;
    }
    cr_expect_null(request_heap_pop(&heap));
    request_heap_deinit(&heap);
}

Test(request_heap, stays_in_order_while_some_come_and_some_go)
{
    struct request_heap heap = {0};
    uint64_t random = 11, last = 0;

    for (int i = 0; i < MANY; i++) {
        requests[i].due_ms = last + backoff_random(&random) % 100;
        cr_assert_eq(request_heap_push(&heap, &requests[i]), 0);
        if (i % 3 == 0) {
            const struct request *request = request_heap_pop(&heap);

            cr_assert_geq(request->due_ms, last);
            last = request->due_ms;
        }
    }
    while (request_heap_pop(&heap))
        ;
    request_heap_deinit(&heap);
}

Test(request_heap, gives_each_request_once)
{
    struct request_heap heap = {0};
    const struct request *request;
    unsigned n = 0;

    for (int i = 0; i < 100; i++) {
        requests[i].due_ms = 7;
        requests[i].n_parts = 0;
        cr_assert_eq(request_heap_push(&heap, &requests[i]), 0);
    }
    while ((request = request_heap_pop(&heap))) {
        cr_assert_eq(request->n_parts, 0);
        requests[request - requests].n_parts = 1;
        n++;
    }
    cr_expect_eq(n, 100);
    request_heap_deinit(&heap);
}
