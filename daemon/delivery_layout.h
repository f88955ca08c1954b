/* The block of memory that a delivery is: itself, its parts, and all their bytes. */
#ifndef DAEMON_DELIVERY_LAYOUT_H
#define DAEMON_DELIVERY_LAYOUT_H

#include <stddef.h>

#include "daemon/delivery.h"
#include "daemon/plan.h"

/* Takes a block from the pool, of *ret_size bytes, and places in it what the plan wants: arrays
 * that the caller fills, and copies of names, paths and parameters. It is given back with
 * delivery_pool_give(). NULL: no memory, or more than max_bytes. */
struct delivery *delivery_lay_out(const struct plan *plan, size_t max_bytes, size_t *ret_size);

#endif
