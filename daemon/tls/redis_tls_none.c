/* In place of redis_tls.c where there is no libhiredis_ssl. */
#include <stdio.h>

#include "daemon/tls/redis_tls.h"

#define NONE "this build's hiredis has no TLS"

int redis_tls_new(const struct redis_tls_files *files, struct redis_tls **ret_tls,
                  const char *const **ret_file, char ret_why[REDIS_TLS_WHY_MAX])
{
    (void)files;
    (void)ret_tls;
    *ret_file = NULL;
    (void)snprintf(ret_why, REDIS_TLS_WHY_MAX, NONE);
    return -1;
}

void redis_tls_free(struct redis_tls *tls)
{
    (void)tls;
}

int redis_tls_start(const struct redis_tls *tls, redisContext *context, const char *host,
                    char ret_why[REDIS_TLS_WHY_MAX])
{
    (void)tls;
    (void)context;
    (void)host;
    (void)snprintf(ret_why, REDIS_TLS_WHY_MAX, NONE);
    return -1;
}

bool redis_tls_why(const redisContext *context, char ret_why[REDIS_TLS_WHY_MAX])
{
    (void)context;
    (void)ret_why;
    return false;
}

bool redis_tls_is_shaking_hands(const redisContext *context)
{
    (void)context;
    return false;
}

void redis_tls_before(void)
{
}

int redis_tls_peek(const redisContext *context)
{
    (void)context;
    return -1;
}

bool redis_tls_has_more(const redisContext *context)
{
    (void)context;
    return false;
}
