/* What the files of the process share: pusherd.c sets it up, pusherd_turn.c runs it. */
#ifndef DAEMON_PUSHERD_PRIVATE_H
#define DAEMON_PUSHERD_PRIVATE_H

#include "daemon/pusherd.h"

/* Callbacks of pusherd->turn and ->signals, whose data is the struct pusherd. */
void pusherd_on_turn(uv_prepare_t *turn);
void pusherd_on_signal(uv_signal_t *handle, int number);

#endif
