/* To lock pages that are locked is no error and counts once, so asking again tells how it stands.
 */
#include "lib/locked.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "lib/client_private.h"
#include "lib/sealer.h"

#define CANARY 16 /* sodium_malloc() puts one before the block, on the pages that it locks */

void pusher__locked_add(struct pusher__locked *sum, void *block, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = (CANARY + size + page - 1) / page * page;
    sum->needed += bytes;
    if (!block || sodium_mlock(block, size) != 0)
        sum->missing += bytes;
}

void pusher__client_add_locked(const struct pusher_client *client, struct pusher__locked *sum)
{
    struct pusher__secrets *secrets = client->secrets;
    if (!secrets)
        return; /* its keys were forgotten */
    pusher__locked_add(sum, secrets, sizeof(*secrets) + strlen(secrets->proxy) + 1);
    pusher__sealer_add_locked(client->sealer, sum);
}
