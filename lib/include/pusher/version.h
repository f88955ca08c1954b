/* The version of the library. */
#ifndef PUSHER_VERSION_H
#define PUSHER_VERSION_H

#include "pusher/visibility.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0": of the library that is running, not of the headers. Static storage. */
PUSHER_EXTERN const char *pusher_version(void);

#ifdef __cplusplus
}
#endif

#endif
