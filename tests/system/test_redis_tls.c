/* rediss://: Redis over TLS; and its refusal where the build has none, as with Debian 12's hiredis.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/tls/redis_tls.h"
#include "tests/support/audit.h"
#include "tests/support/certificate.h"
#include "tests/support/ctl.h"
#include "tests/support/port.h"
#include "tests/support/scene.h"

static struct scene scene;

#ifndef PUSHERD_REDIS_TLS

static void open_scene(void)
{
    scene_open(&scene, NULL);
    scene_point_at(&scene, "rediss://127.0.0.1:6379");
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(redis_tls, .init = open_scene, .fini = close_scene, .timeout = 60);

Test(redis_tls, is_refused_with_the_reason)
{
    const char *run[] = {"--config", scene.config, NULL};
    const char *check[] = {"--config", scene.config, "--check-config", NULL};
    cr_expect_eq(scene_run_pusherd(&scene, run, NULL), 78);
    cr_expect_eq(scene_run_pusherd(&scene, check, NULL), 78);
    cr_expect_eq(audit_log_lines(&scene, "[redis] url: rediss: this build's hiredis has no TLS"),
                 2u);
}

Test(redis_tls, is_refused_by_pusherctl_too)
{
    cr_expect_eq(ctl_run(&scene, NULL, "status", NULL), 78);
    cr_expect_eq(ctl_run(&scene, NULL, "status", "--redis", "rediss://127.0.0.1", NULL), 78);
    cr_expect_eq(audit_log_lines(&scene, "this build's hiredis has no TLS"), 2u);
}

#else

#define URL_MAX   1024
#define REFUSED   "TLS: the server's certificate is refused: "
#define LOCALHOST "DNS:localhost,IP:127.0.0.1"

static struct folder folder; /* of the certificates */
static struct certificate authority, own, client;
static unsigned port;
static char ini[URL_MAX];

static void point_at(const char *host, const char *lines)
{
    char url[2 * URL_MAX];
    snprintf(url, sizeof(url), "rediss://%s:%u%s", host, port, lines);
    scene_point_at(&scene, url);
}

/* The scene, with a Redis whose certificate is for these names, and these lines of [redis]. */
static void open_with(const char *alt_names, long until_s, const char *client_auth,
                      const char *lines)
{
    static char port_text[16];
    static const char *args[] = {"--tls-port",   port_text,
                                 "--bind",       "127.0.0.1",
                                 "-::1",         "--tls-cert-file",
                                 own.cert,       "--tls-key-file",
                                 own.key,        "--tls-ca-cert-file",
                                 authority.cert, "--tls-auth-clients",
                                 NULL,           NULL};
    certificate_make(&folder, "own", alt_names, until_s, &authority, &own);
    port = port_pick();
    snprintf(port_text, sizeof(port_text), "%u", port);
    args[12] = client_auth;
    scene_open(&scene, &(struct scene_options){.redis_args = args});
    point_at("localhost", lines);
}

static const char *trust(const char *more)
{
    snprintf(ini, sizeof(ini), "\nca_file = %s\n%s", authority.cert, more);
    return ini;
}

static void make_authority(void)
{
    folder_make(&folder);
    certificate_make(&folder, "authority", NULL, CERTIFICATE_FOREVER_S, NULL, &authority);
}

static void close_scene(void)
{
    scene_close(&scene);
    folder_remove(&folder);
}

TestSuite(redis_tls, .init = make_authority, .fini = close_scene, .timeout = 120);

/* ---- a server that can be trusted */

static void check_delivers(unsigned from, unsigned n)
{
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, from, n, 50);
    cr_assert(scene_settles(&scene, from + n, 0));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
}

Test(redis_tls, delivers_by_name_and_by_address)
{
    open_with(LOCALHOST, CERTIFICATE_FOREVER_S, "no", trust(""));
    check_delivers(0, 2000);
    point_at("127.0.0.1", trust(""));
    check_delivers(2000, 10);
}

/* A reply of many records, and commands longer than what the socket takes at once. */
Test(redis_tls, carries_large_jobs)
{
    static char data[9000];
    open_with(LOCALHOST, CERTIFICATE_FOREVER_S, "no", trust(""));
    memset(data, 'x', sizeof(data) - 1);
    for (int i = 0; i < 500; i++)
        redis_do(&scene.redis,
                 "RPUSH " JOB_LIST " {\"channel\":\"c%d\",\"event\":\"e\",\"data\":\"%s\"}", i,
                 data);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 500, 0));
}

Test(redis_tls, comes_back_when_the_server_does)
{
    open_with(LOCALHOST, CERTIFICATE_FOREVER_S, "no", trust(""));
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 10, 10);
    cr_assert(scene_settles(&scene, 10, 0));
    redis_kill(&scene.redis);
    cr_assert(audit_logs(&scene, "connection lost"));
    redis_start_again(&scene.redis);
    job_push_many(&scene.redis, JOB_JSON, 10, 10, 10);
    cr_assert(scene_settles(&scene, 10, 0)); /* nothing was saved */
}

static void write_file(const char *path, const char *from)
{
    char text[8192];
    FILE *in = fopen(from, "re"), *out = fopen(path, "we");
    cr_assert(in && out);
    fwrite(text, 1, fread(text, 1, sizeof(text), in), out);
    fclose(in);
    fclose(out);
}

Test(redis_tls, takes_new_files_when_it_is_told_to_read_again)
{
    struct certificate other;
    open_with(LOCALHOST, CERTIFICATE_FOREVER_S, "no", trust(""));
    certificate_make(&folder, "other", NULL, CERTIFICATE_FOREVER_S, NULL, &other);
    write_file(other.key, authority.cert); /* to be put back */
    write_file(authority.cert, other.cert);
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_assert(audit_logs(&scene, REFUSED));
    write_file(authority.cert, other.key);
    proc_signal(&scene.pusherd, SIGHUP);
    cr_assert(scene_settles(&scene, 1, 0));
}

Test(redis_tls, serves_pusherctl)
{
    open_with(LOCALHOST, CERTIFICATE_FOREVER_S, "no", trust(""));
    job_push_many(&scene.redis, JOB_JSON, 0, 3, 3);
    json_decref(ctl_json(&scene, 0, "status", NULL));
    char url[URL_MAX];
    snprintf(url, sizeof(url), "rediss://127.0.0.1:%u", port);
    json_decref(ctl_json(&scene, 0, "status", "--redis", url, NULL));
}

/* ---- one that cannot */

/* pusherd goes on trying and says why; the job stays where it is. */
static void check_waits(const char *why)
{
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    scene_start_pusherd(&scene);
    cr_assert(audit_logs(&scene, why), "not logged: %s", why);
    cr_assert(audit_logs(&scene, "still no connection"));
    cr_expect_eq(redis_int(&scene.redis, "LLEN " JOB_LIST), 1);
}

/* pusherctl says so, too, and ends. */
static void check_refuses(const char *why)
{
    char said[URL_MAX];
    check_waits(why);
    cr_expect_eq(ctl_run(&scene, NULL, "status", NULL), 69);
    snprintf(said, sizeof(said), ":%u: %s", port, why);
    cr_expect_eq(audit_log_lines(&scene, said), 1u, "not said: %s", said);
}

Test(redis_tls, refuses_an_authority_that_is_not_trusted)
{
    open_with(LOCALHOST, CERTIFICATE_FOREVER_S, "no", "");
    check_refuses(REFUSED);
}

Test(redis_tls, refuses_a_certificate_for_another_name)
{
    open_with("DNS:redis.example,IP:127.0.0.1", CERTIFICATE_FOREVER_S, "no", trust(""));
    check_refuses(REFUSED "hostname mismatch");
}

Test(redis_tls, refuses_a_certificate_for_another_address)
{
    open_with("DNS:localhost,IP:127.0.0.2", CERTIFICATE_FOREVER_S, "no", trust(""));
    point_at("127.0.0.1", trust(""));
    check_refuses(REFUSED "IP address mismatch");
}

Test(redis_tls, refuses_a_certificate_that_has_expired)
{
    open_with(LOCALHOST, -60, "no", trust(""));
    check_refuses(REFUSED "certificate has expired");
}

Test(redis_tls, says_that_a_server_does_not_speak_it)
{
    char plain[16];
    const char *args[] = {"--port", plain, "--bind", "127.0.0.1", NULL};
    port = port_pick();
    snprintf(plain, sizeof(plain), "%u", port);
    scene_open(&scene, &(struct scene_options){.redis_args = args});
    point_at("127.0.0.1", "");
    check_refuses("TLS: the handshake was not answered");
}

/* ---- a server that wants to know who we are */

Test(redis_tls, shows_its_own_certificate_to_a_server_that_asks)
{
    char lines[URL_MAX / 2];
    certificate_make(&folder, "client", NULL, CERTIFICATE_FOREVER_S, &authority, &client);
    open_with(LOCALHOST, CERTIFICATE_FOREVER_S, "yes", trust(""));
    check_waits("certificate required");
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    snprintf(lines, sizeof(lines), "cert_file = %s\nkey_file = %s\n", client.cert, client.key);
    point_at("localhost", trust(lines));
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 1, 0));
    json_decref(ctl_json(&scene, 0, "status", NULL));
}

/* ---- a cluster */

struct node {
    char port[8], bus_port[8], tls_port[8];
    const char *args[REDIS_MAX_ARGS];
};

static void make_node(struct node *node)
{
    const char *args[] = {"--port",
                          node->port,
                          "--cluster-port",
                          node->bus_port,
                          "--tls-port",
                          node->tls_port,
                          "--bind",
                          "127.0.0.1",
                          "--tls-cert-file",
                          own.cert,
                          "--tls-key-file",
                          own.key,
                          "--tls-ca-cert-file",
                          authority.cert,
                          "--tls-auth-clients",
                          "no",
                          "--cluster-enabled",
                          "yes",
                          NULL};
    char *const ports[] = {node->port, node->bus_port, node->tls_port};
    for (int i = 0; i < 3; i++)
        snprintf(ports[i], sizeof(node->port), "%u", port_pick());
    memcpy(node->args, args, sizeof(args));
}

static bool is_well(struct redis *redis)
{
    redisReply *reply = redis_cmd(redis, "CLUSTER INFO");
    bool is = strstr(reply->str, "cluster_state:ok") && strstr(reply->str, "cluster_known_nodes:2");
    freeReplyObject(reply);
    return is;
}

/* The scene's Redis has the queue; pusherd is pointed at another node, which has nothing. */
Test(redis_tls, goes_to_the_node_that_has_the_queue)
{
    static struct node owner, other;
    struct redis redis;
    certificate_make(&folder, "own", LOCALHOST, CERTIFICATE_FOREVER_S, &authority, &own);
    make_node(&owner);
    make_node(&other);
    scene_open(&scene, &(struct scene_options){.redis_args = owner.args});
    redis_start(&redis, other.args);
    redis_do(&scene.redis, "CLUSTER ADDSLOTSRANGE 0 16383");
    redis_do(&scene.redis, "CLUSTER MEET 127.0.0.1 %s %s", other.port, other.bus_port);
    cr_assert(wait_until(is_well(&scene.redis) && is_well(&redis), WAIT_LONG_MS));
    port = (unsigned)atoi(other.tls_port);
    point_at("localhost", trust(""));
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 10, 10);
    cr_expect(scene_settles(&scene, 10, 0));
    cr_expect(audit_logs(&scene, owner.tls_port));
    json_decref(ctl_json(&scene, 0, "status", NULL));
    redis_stop(&redis);
}

/* ---- the files */

static void check_config(const char *lines, const char *said)
{
    const char *check[] = {"--config", scene.config, "--check-config", NULL};
    point_at("localhost", lines);
    cr_expect_eq(scene_run_pusherd(&scene, check, NULL), 78, "accepted: %s", lines);
    cr_expect_eq(audit_log_lines(&scene, said), 1u, "not said: %s", said);
}

Test(redis_tls, refuses_files_that_are_no_good)
{
    char lines[URL_MAX];
    open_with(LOCALHOST, CERTIFICATE_FOREVER_S, "no", trust(""));
    snprintf(lines, sizeof(lines), "\nca_file = %s\n", scene.config);
    check_config(lines, "[redis] ca_file: ");
    snprintf(lines, sizeof(lines), "\ncert_file = %s\n", own.cert);
    check_config(lines, "[redis] cert_file: needs a key_file");
    snprintf(lines, sizeof(lines), "\nkey_file = %s\n", own.key);
    check_config(lines, "[redis] key_file: needs a cert_file");
    snprintf(lines, sizeof(lines), "\ncert_file = %s\nkey_file = %s\n", own.cert, authority.key);
    check_config(lines, "cannot be used as the key of the certificate: key values mismatch");
    cr_assert_eq(chmod(own.key, 0644), 0);
    snprintf(lines, sizeof(lines), "\ncert_file = %s\nkey_file = %s\n", own.cert, own.key);
    check_config(lines, "but others may read or write it");
}

#endif
