/* The version of the library. */
#ifndef PUSHER_VERSION_H
#define PUSHER_VERSION_H

#include "pusher/visibility.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of these headers, so of the library that a program is built for. A program that was built before
 * goes on working with every library of the same major version, whose number the soname has. */
#define PUSHER_VERSION_MAJOR 0
#define PUSHER_VERSION_MINOR 1
#define PUSHER_VERSION_PATCH 0
#define PUSHER_VERSION       "0.1.0"

/* To compare with: #if PUSHER_VERSION_NUMBER >= 100 is 0.1.0 and later. */
#define PUSHER_VERSION_NUMBER                                                                      \
    (PUSHER_VERSION_MAJOR * 10000 + PUSHER_VERSION_MINOR * 100 + PUSHER_VERSION_PATCH)

/* "0.1.0": of the library that is running, not of the headers. Static storage. */
PUSHER_EXTERN const char *pusher_version(void);

#ifdef __cplusplus
}
#endif

#endif
