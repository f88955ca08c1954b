/* Child processes of a test: started with the test's life as theirs, stopped with a deadline.
 *
 * A child gets SIGKILL when the test's process dies, however that comes about. Everything here
 * fails the running test when the system refuses; a child's own failure is a result. */
#ifndef TESTS_SUPPORT_PROC_H
#define TESTS_SUPPORT_PROC_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_STILL_RUNNING (-1)

struct proc {
    pid_t pid;     /* 0: none */
    char name[32]; /* for messages */
    char log[256]; /* file with its standard error; "" if it has the test's */
    int out;       /* reading end of its standard output, or -1 */
};

struct proc_options {
    const char *const *argv;
    const char *const *env; /* NULL-terminated, the whole environment; NULL: the test's own */
    const char *log;        /* file for standard error, appended to; NULL: the test's */
    bool capture_out;       /* standard output can be read from proc.out; else it goes to `log` */
};

void proc_start(struct proc *proc, const struct proc_options *options);

/* Sends a signal; nothing if it is over. */
void proc_signal(const struct proc *proc, int signal);

/* Waits for the end. Returns the exit status, 128 + the signal that killed it, or
 * PROC_STILL_RUNNING. */
int proc_wait(struct proc *proc, unsigned timeout_ms);

/* Asks with `signal` and kills after the timeout; returns as proc_wait(), 128 + 9 if it had to be
 * killed. Nothing if it is not running. */
int proc_stop(struct proc *proc, int signal, unsigned timeout_ms);

/* SIGKILL, and the end of it. */
void proc_kill(struct proc *proc);

/* Reads a line of its captured output, without the LF; false when nothing comes for that long. */
bool proc_read_line(const struct proc *proc, char *ret_line, size_t size, unsigned timeout_ms);

bool proc_is_running(const struct proc *proc);

/* Of the running process. */
uint64_t proc_cpu_us(const struct proc *proc);
size_t proc_rss_kib(const struct proc *proc);
size_t proc_descriptors(const struct proc *proc);
size_t proc_peak_kib(const struct proc *proc); /* the most that proc_rss_kib() ever was */

/* True if its log has this text. */
bool proc_logged(const struct proc *proc, const char *text);

#endif
