/* A port of 127.0.0.1 that is free now, and so will be for a while: each call gives another one. */
#ifndef TESTS_SUPPORT_PORT_H
#define TESTS_SUPPORT_PORT_H

unsigned port_pick(void);

#endif
