/* Memory of deliveries that have ended, for those that come: in the steady state no event
 * allocates. One pool for the process, which has one thread. */
#ifndef DAEMON_DELIVERY_POOL_H
#define DAEMON_DELIVERY_POOL_H

#include <stddef.h>

/* What a delivery of so many bytes takes up. */
size_t delivery_pool_size(size_t size);

/* `size` bytes of zeros; NULL when out of memory. */
void *delivery_pool_take(size_t size) __attribute__((warn_unused_result));

/* Gives back what was taken with the same size. */
void delivery_pool_give(void *memory, size_t size);

/* Frees what is kept. */
void delivery_pool_clear(void);

#endif
