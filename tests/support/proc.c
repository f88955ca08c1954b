#include "proc.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wait.h"

#define MAX_LOG_BYTES (64u << 20)

static int open_log(const struct proc_options *options)
{
    return options->log ? open(options->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : 2;
}

static void __attribute__((noreturn))
run_child(const struct proc_options *options, pid_t parent, int out)
{
    int log = open_log(options);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || log < 0) {
        _exit(126);
    }
    dup2(out >= 0 ? out : log, 1);
    dup2(log, 2);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* exec takes pointers to non-const for reasons of history and writes to none of them */
    union {
        const char *const *from;
        char *const *to;
    } argv = {options->argv}, env = {options->env};
    if (options->env) {
        execve(argv.to[0], argv.to, env.to);
    } else {
        execvp(argv.to[0], argv.to);
    }
    dprintf(2, "cannot run %s: %s\n", argv.to[0], strerror(errno));
    _exit(127);
}

void proc_start(struct proc *proc, const struct proc_options *options)
{
    int out[2] = {-1, -1};
    const char *slash = strrchr(options->argv[0], '/');
    *proc = (struct proc){.out = -1};
    snprintf(proc->name, sizeof(proc->name), "%s", slash ? slash + 1 : options->argv[0]);
    snprintf(proc->log, sizeof(proc->log), "%s", options->log ? options->log : "");
    if (options->capture_out && pipe2(out, O_CLOEXEC)) {
        cr_assert_fail("pipe: %s", strerror(errno));
    }
    pid_t parent = getpid();
    proc->pid = fork();
    if (proc->pid == 0) {
        run_child(options, parent, out[1]);
    }
    cr_assert(proc->pid > 0, "fork: %s", strerror(errno));
    if (options->capture_out) {
        close(out[1]);
        proc->out = out[0];
    }
}

void proc_signal(const struct proc *proc, int signal)
{
    if (proc->pid > 0) {
        kill(proc->pid, signal);
    }
}

static void forget(struct proc *proc)
{
    if (proc->out >= 0) {
        close(proc->out);
    }
    proc->out = -1;
    proc->pid = 0;
}

int proc_wait(struct proc *proc, unsigned timeout_ms)
{
    int status;
    if (proc->pid <= 0 ||
        !wait_until(waitpid(proc->pid, &status, WNOHANG) == proc->pid, timeout_ms)) {
        return PROC_STILL_RUNNING;
    }
    forget(proc);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Why it did not end well, for whoever reads the failure. */
static void show_log(const struct proc *proc)
{
    char line[1024];
    FILE *log = proc->log[0] ? fopen(proc->log, "r") : NULL;
    if (!log) {
        return;
    }
    while (fgets(line, sizeof(line), log)) {
        fputs(line, stderr);
    }
    fclose(log);
}

int proc_stop(struct proc *proc, int signal, unsigned timeout_ms)
{
    if (proc->pid <= 0) {
        return 0;
    }
    proc_signal(proc, signal);
    int status = proc_wait(proc, timeout_ms);
    if (status == PROC_STILL_RUNNING) {
        proc_kill(proc);
        status = 128 + SIGKILL;
    }
    if (status != 0)
        show_log(proc);
    return status;
}

void proc_kill(struct proc *proc)
{
    if (proc->pid > 0) {
        kill(proc->pid, SIGKILL);
        waitpid(proc->pid, NULL, 0);
        forget(proc);
    }
}

bool proc_read_line(const struct proc *proc, char *ret_line, size_t size, unsigned timeout_ms)
{
    struct pollfd poller = {.fd = proc->out, .events = POLLIN};
    for (size_t len = 0; len + 1 < size;) {
        if (poll(&poller, 1, (int)(timeout_ms * wait_patience())) <= 0 ||
            read(proc->out, ret_line + len, 1) != 1) {
            return false;
        }
        if (ret_line[len] == '\n') {
            ret_line[len] = '\0';
            return true;
        }
        len++;
    }
    return false;
}

bool proc_is_running(const struct proc *proc)
{
    siginfo_t info = {0};
    return proc->pid > 0 &&
           waitid(P_PID, (id_t)proc->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

static FILE *open_proc_file(const struct proc *proc, const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)proc->pid, name);
    FILE *file = fopen(path, "re");
    cr_assert(file, "%s is not running", proc->name);
    return file;
}

uint64_t proc_cpu_us(const struct proc *proc)
{
    unsigned long user = 0;
    unsigned long kernel = 0;
    FILE *file = open_proc_file(proc, "stat");
    int n = fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                   &kernel);
    fclose(file);
    cr_assert_eq(n, 2);
    return (user + kernel) * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
}

size_t proc_rss_kib(const struct proc *proc)
{
    size_t pages = 0;
    FILE *file = open_proc_file(proc, "statm");
    int n = fscanf(file, "%*u %zu", &pages);
    fclose(file);
    cr_assert_eq(n, 1);
    return pages * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

size_t proc_descriptors(const struct proc *proc)
{
    char path[64];
    size_t n = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)proc->pid);
    DIR *folder = opendir(path);
    cr_assert(folder, "%s is not running", proc->name);
    for (const struct dirent *entry; (entry = readdir(folder));)
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n;
}

size_t proc_peak_kib(const struct proc *proc)
{
    char line[128];
    size_t kib = 0;
    FILE *file = open_proc_file(proc, "status");
    while (fgets(line, sizeof(line), file) && sscanf(line, "VmHWM: %zu", &kib) != 1) {
    }
    fclose(file);
    cr_assert_gt(kib, 0u);
    return kib;
}

bool proc_logged(const struct proc *proc, const char *text)
{
    FILE *file = fopen(proc->log, "re");
    if (!file) {
        return false;
    }
    char *content = calloc(1, MAX_LOG_BYTES + 1);
    size_t len = fread(content, 1, MAX_LOG_BYTES, file);
    bool found = memmem(content, len, text, strlen(text)) != NULL;
    free(content);
    fclose(file);
    return found;
}
