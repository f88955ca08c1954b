#include "daemon/delivery_pool.h"

#include <stdlib.h>
#include <string.h>

#define STEP_BYTES 256 /* sizes are rounded up to this */
#define MAX_STEPS  16  /* what is larger is not kept */

/* With AddressSanitizer nothing is kept, so that it sees each use after the end. */
#ifdef __SANITIZE_ADDRESS__
#define KEPT_BYTES 0
#else
#define KEPT_BYTES (1u << 20)
#endif

struct spare {
    struct spare *next;
};

static struct spare *spares[MAX_STEPS + 1]; /* by size in STEP_BYTES */
static size_t n_kept_bytes;

static size_t steps_of(size_t size)
{
    return (size + STEP_BYTES - 1) / STEP_BYTES;
}

size_t delivery_pool_size(size_t size)
{
    return steps_of(size) * STEP_BYTES;
}

static struct spare *pop(size_t n)
{
    struct spare *spare = spares[n];

    spares[n] = spare->next;
    n_kept_bytes -= n * STEP_BYTES;
    return spare;
}

void *delivery_pool_take(size_t size)
{
    size_t n = steps_of(size);

    if (n > MAX_STEPS || !spares[n])
        return calloc(n, STEP_BYTES);
    return memset(pop(n), 0, size);
}

void delivery_pool_give(void *memory, size_t size)
{
    size_t n = steps_of(size);
    struct spare *spare = memory;

    if (n > MAX_STEPS || n_kept_bytes + n * STEP_BYTES > KEPT_BYTES) {
        free(memory);
        return;
    }
    spare->next = spares[n];
    spares[n] = spare;
    n_kept_bytes += n * STEP_BYTES;
}

void delivery_pool_clear(void)
{
    for (size_t n = 0; n <= MAX_STEPS; n++) {
        while (spares[n])
            free(pop(n));
    }
}
