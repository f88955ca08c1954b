/* Threads keep to the rules of pusher/client.h and pusher/http.h: they share one client for all
 * that does no I/O, and each has a transport of its own. Everything that comes out is compared with
 * what one thread alone gets; what is sent is verified by fake-pusher ($FAKE_PUSHER_BIN).
 *
 * A plain program, since Criterion does not run under ThreadSanitizer, with which it is built once
 * more: as test_threads_tsan. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pusher/pusher.h"

#define N_THREADS 8
#define ROUNDS    200 /* without I/O */
#define REQUESTS  15
#define UNIX_S    1353088179

#define MASTER_KEY "zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU="
#define ENCRYPTED  "private-encrypted-a"

/* Everything that a client makes of the same arguments. */
struct outputs {
    char target[PUSHER_TARGET_MAX];
    char event[512];
    char *auth, *user, *webhook; /* owned */
};

static struct pusher_client *client; /* the one that is shared */
static struct outputs expected;
static unsigned port;

static void fail(const char *what, const char *detail)
{
    fprintf(stderr, "threads: %s: %s\n", what, detail);
    exit(1);
}

#define CHECK(ok)                                                                                  \
    do {                                                                                           \
        if (!(ok))                                                                                 \
            fail(__func__, #ok);                                                                   \
    } while (0)

static struct pusher_client *make_client(void)
{
    struct pusher_config config;
    struct pusher_client *made;
    struct pusher_error error;
    pusher_config_init(&config);
    config.app_id = "app-id";
    config.key = "app-key";
    config.secret = "app-secret";
    config.host = "127.0.0.1";
    config.port = port;
    config.use_tls = false;
    config.timeout_ms = 60000;
    config.encryption_master_key_base64 = MASTER_KEY;
    if (pusher_client_new(&config, &made, &error) != 0)
        fail("pusher_client_new", error.text);
    return made;
}

/* An event with the nonce, or a random one; gives its size. */
static size_t encode(const unsigned char *nonce, char *buf, size_t size)
{
    struct pusher_event event = {.channel = pusher_str(ENCRYPTED),
                                 .name = pusher_str("e"),
                                 .data = pusher_str("{\"text\":\"\xc3\xa4\"}")};
    size_t needed;
    CHECK(pusher_event_check(client, &event, &needed, NULL) == 0 && needed < size);
    CHECK(pusher_event_encode(client, &event, nonce, buf, needed) == 0);
    buf[needed] = '\0';
    return needed;
}

static void read_webhook(char **ret_json)
{
    /* HMAC-SHA256 of the body with "app-secret" */
    static const char body[] = "{\"time_ms\":1,\"events\":[]}";
    static const char signature[] =
        "786f49f91684a7686ab05b497c091b2a12e239335563fbc11198764aee85265e";
    const struct pusher_param headers[] = {
        {pusher_str("X-Pusher-Key"), pusher_str("app-key")},
        {pusher_str("X-Pusher-Signature"), pusher_str(signature)}};
    const struct pusher_webhook webhook = {
        .headers = headers, .n_headers = 2, .body = pusher_str(body)};
    CHECK(pusher_webhook_read(client, &webhook, ret_json, NULL) == 0);
}

static void make_outputs(struct outputs *out)
{
    static const unsigned char nonce[PUSHER_NONCE_BYTES] = {1};
    struct pusher_param param = {pusher_str("info"), pusher_str("user_count")};
    CHECK(pusher_request_target(client, "POST", pusher_path_events(client), &param, 1, "{}", 2,
                                UNIX_S, out->target, sizeof(out->target)) == 0);
    encode(nonce, out->event, sizeof(out->event));
    CHECK(pusher_authorize_channel(client, pusher_str("1.2"), pusher_str(ENCRYPTED),
                                   pusher_str(NULL), &out->auth, NULL) == 0);
    CHECK(pusher_authenticate_user(client, pusher_str("1.2"), pusher_str("{\"id\":\"u\"}"),
                                   &out->user, NULL) == 0);
    read_webhook(&out->webhook);
}

static void free_outputs(struct outputs *out)
{
    free(out->auth);
    free(out->user);
    free(out->webhook);
}

/* The ciphertext under a nonce that was drawn opens again, and no two are the same. */
static void check_random_nonce(void)
{
    char one[512], other[512];
    size_t len = encode(NULL, one, sizeof(one));
    CHECK(encode(NULL, other, sizeof(other)) == len);
    CHECK(memcmp(one, other, len) != 0);
}

static void check_errors(void)
{
    struct pusher_error error;
    struct pusher_reply reply;
    CHECK(pusher_channel_check(client, pusher_str("a b"), &error) == PUSHER_ECHANNEL);
    CHECK(strstr(error.text, "a b") &&
          strcmp(pusher_error_name(error.code), "invalid_channel") == 0);
    pusher_reply_read(200, "{\"error\":\"x\",\"code\":413}", 24, &reply);
    CHECK(reply.class_ == PUSHER_REPLY_REFUSED && reply.status == 413);
    CHECK(pusher_retry_after_ms("Sun, 06 Nov 1994 08:49:47 GMT", 29, 784111777, 60000) == 10000);
}

static void work_without_io(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct outputs out;
        make_outputs(&out);
        CHECK(strcmp(out.target, expected.target) == 0 && strcmp(out.event, expected.event) == 0);
        CHECK(strcmp(out.auth, expected.auth) == 0 && strcmp(out.user, expected.user) == 0);
        CHECK(strcmp(out.webhook, expected.webhook) == 0);
        free_outputs(&out);
        check_random_nonce();
        check_errors();
    }
}

/* With the shared client, or with one of its own. */
static void send_some(const struct pusher_client *used)
{
    struct pusher_http *http;
    struct pusher_string channels[] = {pusher_str(ENCRYPTED)};
    struct pusher_trigger trigger = {
        .channels = channels, .n_channels = 1, .name = pusher_str("e"), .data = pusher_str("x")};
    CHECK(pusher_http_new(used, &http, NULL) == 0);
    for (int i = 0; i < REQUESTS; i++) {
        struct pusher_result result;
        struct pusher_error error;
        if (pusher_api_trigger(http, &trigger, &result, &error) != 0)
            fail("pusher_api_trigger", error.text);
        pusher_result_free(&result);
    }
    pusher_http_free(http);
}

static void *run(void *arg)
{
    pthread_barrier_wait(arg);
    work_without_io();
    send_some(client);
    struct pusher_client *own = make_client();
    send_some(own);
    pusher_client_free(own);
    return NULL;
}

static pid_t start_fake(int *ret_out)
{
    int ends[2];
    const char *binary = getenv("FAKE_PUSHER_BIN");
    CHECK(binary && pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(binary, binary, (char *)NULL);
        _exit(127);
    }
    CHECK(pid > 0);
    close(ends[1]);
    *ret_out = ends[0];
    return pid;
}

static void read_port(int fd)
{
    char line[64] = "";
    size_t len = 0;
    ssize_t n;
    while (len < sizeof(line) - 1 && !strchr(line, '\n') &&
           (n = read(fd, line + len, sizeof(line) - 1 - len)) > 0)
        len += (size_t)n;
    if (sscanf(line, "listening on 127.0.0.1:%u", &port) != 1)
        fail("fake-pusher does not listen", line);
}

static void run_threads(void)
{
    pthread_t threads[N_THREADS];
    pthread_barrier_t barrier;
    CHECK(pthread_barrier_init(&barrier, NULL, N_THREADS) == 0);
    for (size_t i = 0; i < N_THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, run, &barrier) == 0);
    for (size_t i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
}

int main(void)
{
    int fake_out, status;
    signal(SIGPIPE, SIG_IGN);
    pid_t fake = start_fake(&fake_out);
    read_port(fake_out);
    CHECK(pusher_init() == 0);
    client = make_client();
    make_outputs(&expected);
    run_threads();
    free_outputs(&expected);
    pusher_client_free(client);
    kill(fake, SIGTERM);
    CHECK(waitpid(fake, &status, 0) == fake && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(fake_out);
    printf("threads: %d threads, %d rounds, %d requests\n", N_THREADS, ROUNDS,
           2 * N_THREADS * REQUESTS);
    return 0;
}
