/* The wire between one daemon and Redis: a unix socket whose connections are carried to another,
 * by a thread that cuts, stalls and slows them, or loses what Redis says. */
#ifndef TESTS_CHAOS_RELAY_H
#define TESTS_CHAOS_RELAY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum relay_fault {
    RELAY_CUT,   /* all connections end at once, with what is under way */
    RELAY_DEAF,  /* what Redis says is lost, and then they are cut */
    RELAY_STALL, /* nothing gets through for a while */
    RELAY_SLOW,  /* everything takes longer for a while */
    RELAY_LATE,  /* from the next time the daemon asks to wait for a job, nothing gets through: its
                    question arrives when the while is over */
};

struct relay {
    char target[108];
    int listener;
    int wake[2]; /* a pipe: a byte in it is a reason to look at the fields below */
    pthread_t thread;
    pthread_mutex_t lock;
    bool stop;             /* under lock, as all below */
    bool cut;              /* now */
    int64_t deaf_until_ms; /* unix; 0: not */
    int64_t stalled_until_ms;
    int64_t slow_until_ms;
    int64_t slow_ms;       /* each piece so much later */
    int64_t late_until_ms; /* the stall begins with the next question until then */
    int64_t late_for_ms;
    int64_t began_ms; /* of the last fault; 0: it has not */
};

/* Listens at `path`. Aborts if it cannot. */
void relay_open(struct relay *relay, const char *path, const char *target);
void relay_close(struct relay *relay);

/* Returns at once; the fault lasts for `for_ms`, which a cut does not look at. One at a time. */
void relay_fail(struct relay *relay, enum relay_fault fault, int64_t for_ms);

/* True when the last fault is over; then *ret_began_ms is when it began, 0 if it never did. */
bool relay_is_sound(struct relay *relay, int64_t *ret_began_ms);

#endif
