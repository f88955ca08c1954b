#include "daemon/core/request.h"

#include <stdlib.h>

#include "lib/require.h"

static void sift_up(struct request_heap *heap, size_t index, struct request *request)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;

        if (heap->items[parent]->due_ms <= request->due_ms)
            break;
        heap->items[index] = heap->items[parent];
        index = parent;
    }
    heap->items[index] = request;
}

static void sift_down(struct request_heap *heap, size_t index, struct request *request)
{
    for (;;) {
        size_t child = 2 * index + 1;

        if (child >= heap->n_items)
            break;
        if (child + 1 < heap->n_items &&
            heap->items[child + 1]->due_ms < heap->items[child]->due_ms)
            child++;
        if (request->due_ms <= heap->items[child]->due_ms)
            break;
        heap->items[index] = heap->items[child];
        index = child;
    }
    heap->items[index] = request;
}

int request_heap_push(struct request_heap *heap, struct request *request)
{
    if (heap->n_items == heap->size) {
        size_t size = heap->size ? heap->size * 2 : 32;
        /* NOLINTNEXTLINE(bugprone-sizeof-expression) they are pointers */
        struct request **items = realloc(heap->items, size * sizeof(*items));

        if (!items)
            return -1;
        heap->items = items;
        heap->size = size;
    }
    sift_up(heap, heap->n_items++, request);
    return 0;
}

struct request *request_heap_top(const struct request_heap *heap)
{
    return heap->n_items > 0 ? heap->items[0] : NULL;
}

struct request *request_heap_pop(struct request_heap *heap)
{
    struct request *top = request_heap_top(heap);

    if (!top)
        return NULL;
    heap->n_items--;
    if (heap->n_items > 0)
        sift_down(heap, 0, heap->items[heap->n_items]);
    return top;
}

void request_heap_deinit(struct request_heap *heap)
{
    REQUIRE(heap->n_items == 0);
    free(heap->items);
    heap->items = NULL;
    heap->size = 0;
}
