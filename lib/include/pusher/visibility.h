/* Marks what the shared library exports; everything else is hidden. */
#ifndef PUSHER_VISIBILITY_H
#define PUSHER_VISIBILITY_H

#define PUSHER_EXTERN     __attribute__((visibility("default")))
#define PUSHER_MUST_CHECK __attribute__((warn_unused_result))

#endif
