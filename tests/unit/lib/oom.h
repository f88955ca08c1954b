/* Lets the allocations of a call fail one by one, alone or with all that follow.
 *
 * The linker puts functions of ours in the place of the C library's (--wrap, see CMakeLists.txt);
 * jansson is given them by json_set_alloc_funcs(__wrap_malloc, free). Only the thread of the test
 * is meant, not that of a server. */
#ifndef TESTS_UNIT_LIB_OOM_H
#define TESTS_UNIT_LIB_OOM_H

#include <stdbool.h>
#include <stddef.h>

#include "pusher/error.h"

/* One call: its code, and nothing left allocated. */
typedef int (*oom_operation)(struct pusher_error *error);

/* Fails the 1st, 2nd, ... allocation, until the call needs fewer: it must give PUSHER_ENOMEM, and 0
 * in the end. Gives the number of them. */
int oom_sweep(oom_operation run);

/* True if an allocation has failed in this call. */
bool oom_has_failed(void);

/* Inside an operation: nothing fails from here on, until oom_go_on() gets what this gave. */
int oom_pause(void);
void oom_go_on(int paused);

void *__wrap_malloc(size_t size);

#endif
