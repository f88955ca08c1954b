/* How the names of parameters compare, shared by the check of a request and its signing. */
#ifndef LIB_REQUEST_PRIVATE_H
#define LIB_REQUEST_PRIVATE_H

#include "pusher/string.h"

/* ASCII only, whatever the locale is. */
char pusher__lower(char c);

/* <0, 0, >0: by bytes of the lower-case names. */
int pusher__param_compare(struct pusher_string a, struct pusher_string b);

#endif
