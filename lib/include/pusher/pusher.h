/* libpusher: the server side of the Pusher Channels protocol. Includes every header of the library.
 */
#ifndef PUSHER_PUSHER_H
#define PUSHER_PUSHER_H

#include "pusher/api.h"
#include "pusher/auth.h"
#include "pusher/client.h"
#include "pusher/command.h"
#include "pusher/crypto.h"
#include "pusher/error.h"
#include "pusher/event.h"
#include "pusher/http.h"
#include "pusher/reply.h"
#include "pusher/request.h"
#include "pusher/string.h"
#include "pusher/version.h"
#include "pusher/webhook.h"

#endif
