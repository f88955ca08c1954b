/* Addresses of the tests: ports that do not answer, and names that resolve as a test wants.
 *
 * getaddrinfo() is replaced in the whole program, for the libraries as well:
 *     two.test       127.0.0.2 and then 127.0.0.1
 *     dual.test      127.0.0.2, 127.0.0.1 and ::1
 *     *slow.test     127.0.0.1, but not before names_let_go()
 *     moving.test    127.0.0.2, and after names_move() 127.0.0.1
 *     *.invalid      is no name, without asking anybody
 * Addresses are left to the real one. */
#ifndef TESTS_IO_NET_H
#define TESTS_IO_NET_H

/* Lookups of *slow.test, from now on, wait again, or go on; those of this one alone go on. */
void names_hold(void);
void names_let_go(void);
void names_let_go_of(const char *name);
void names_move(void);
/* Lookups that wait just now, and all of *slow.test so far. */
unsigned names_waiting(void);
unsigned names_asked(void);

/* Waits, without turning the loop, until so many do. */
void names_await(unsigned n);

/* A port where nobody accepts: its queue of connections is full, so SYNs are dropped. */
struct wall {
    unsigned port;
    int fds[3];
};

/* `port` 0: any. */
void wall_open(struct wall *wall, const char *address, unsigned port);
void wall_close(struct wall *wall);

/* A port of the address that nobody uses. */
unsigned free_port(const char *address);

#endif
