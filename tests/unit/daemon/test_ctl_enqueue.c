/* enqueue of a producer that is slow, or does not come to an end: what it has written is on the
 * list, and what Redis says of it is heard, while its input stays open. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/support/wait.h"
#include "tests/unit/daemon/ctl_fixture.h"

static void begin(void)
{
    fixture_redis();
}

TestSuite(ctl_enqueue, .init = begin, .fini = fixture_end, .timeout = 120);

static struct child child;
static struct run run;

static bool has_jobs(long long n)
{
    return wait_until(fixture_redis_integer("LLEN pusher:jobs") == n, WAIT_LONG_MS);
}

#define expect(wanted_status, wanted_out, text)                                                    \
    do {                                                                                           \
        fixture_finish(&child, &run);                                                              \
        cr_expect_eq(run.status, wanted_status, "status %d: %s", run.status, run.err);             \
        cr_expect_str_eq(run.out, wanted_out);                                                     \
        cr_expect(strstr(run.err, text), "%s", run.err);                                           \
    } while (0)

Test(ctl_enqueue, holds_no_job_back)
{
    fixture_start(&child, "enqueue", NULL);
    for (long long n = 1; n <= 6; n++) {
        fixture_write(&child, "{\"channel\":\"c\"}\n");
        cr_assert(has_jobs(n), "job %lld is not on the list", n);
    }
    fixture_write(&child, "{\"channel\":\"d\"}"); /* the end of the input ends the line */
    fixture_end_input(&child);
    expect(0, "{\"enqueued\":7}\n", "");
}

Test(ctl_enqueue, sends_what_stands_before_a_line_that_is_not_whole_yet)
{
    fixture_start(&child, "enqueue", "--format", "msgpack", NULL);
    fixture_write(&child, "{\"a\":1}\n{\"b\":");
    cr_assert(has_jobs(1));
    fixture_write(&child, "2}\n{");
    cr_assert(has_jobs(2));
    kill(child.pid, SIGTERM);
    expect(1, "{\"enqueued\":2}\n", "ended by a signal; nothing behind line 2 was sent");
}

Test(ctl_enqueue, keeps_and_counts_all_that_it_has_taken_when_a_signal_ends_it)
{
    char lines[5000 * 9 + 1] = "";
    for (size_t i = 0; i < 5000; i++)
        memcpy(lines + i * 9, "{\"a\":12}\n", 10);
    fixture_start(&child, "enqueue", NULL);
    fixture_write(&child, lines);
    cr_assert(has_jobs(5000));
    kill(child.pid, SIGINT);
    expect(1, "{\"enqueued\":5000}\n", "ended by a signal; nothing behind line 5000 was sent");
}

Test(ctl_enqueue, ends_at_once_at_the_second_signal)
{
    int status;
    fixture_start(&child, "enqueue", NULL);
    fixture_write(&child, "{\"a\":1}\n");
    cr_assert(has_jobs(1));
    fixture_redis_string("CLIENT PAUSE 600000 WRITE");
    fixture_write(&child, "{\"a\":2}\n");
    cr_assert(wait_until(strstr(fixture_redis_string("CLIENT LIST"), "flags=b"), WAIT_LONG_MS));
    cr_assert(wait_until((kill(child.pid, SIGINT), waitpid(child.pid, &status, WNOHANG)) != 0,
                         WAIT_LONG_MS));
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    fixture_redis_string("CLIENT UNPAUSE");
}

Test(ctl_enqueue, ends_when_redis_refuses_a_job)
{
    fixture_redis_string("SET pusher:jobs x");
    fixture_start(&child, "enqueue", NULL);
    fixture_write(&child, "{\"a\":1}\n");
    expect(1, "{\"enqueued\":0}\n", "lines 1 to 1 are not on the list: WRONGTYPE");
}

Test(ctl_enqueue, ends_when_the_connection_is_lost)
{
    fixture_start(&child, "enqueue", NULL);
    fixture_write(&child, "{\"a\":1}\n");
    cr_assert(has_jobs(1));
    fixture_redis_integer("CLIENT KILL TYPE normal SKIPME yes");
    expect(69, "{\"enqueued\":1}\n", "the server closed the connection");
}
