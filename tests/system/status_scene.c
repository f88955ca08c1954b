#include "status_scene.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/port.h"

struct scene scene;
unsigned port;
char ini[512];

void open_listening(const char *address, const char *more)
{
    snprintf(ini, sizeof(ini), "[status]\nlisten = %s\n%s", address, more);
    scene_open(&scene, &(struct scene_options){.ini = ini});
}

void open_scene(void)
{
    char address[64];
    port = port_pick();
    snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    open_listening(address, "");
}

void close_scene(void)
{
    scene_close(&scene);
}

struct http_answer ask(const char *method, const char *path)
{
    struct http_answer answer;
    char url[128];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
    http_perform(&(struct http_request){.method = method, .url = url}, &answer);
    return answer;
}

long status_of(const char *method, const char *path)
{
    struct http_answer answer = ask(method, path);
    http_answer_deinit(&answer);
    return answer.status;
}

bool readyz_is(long status, const char *text)
{
    struct http_answer answer = ask("GET", "/readyz");
    bool is = answer.status == status && strstr(answer.body, text);
    if (answer.status > 0) {
        json_t *json = json_loads(answer.body, 0, NULL);
        cr_assert(json, "not JSON: %s", answer.body);
        cr_assert_eq(json_is_true(json_object_get(json, "ready")), answer.status == 200);
        json_decref(json);
    }
    http_answer_deinit(&answer);
    return is;
}

void start_ready(void)
{
    scene_start_pusherd(&scene);
    cr_assert(becomes_ready());
}

char socket_path[FOLDER_PATH_MAX + 32];

void open_unix(struct folder *folder)
{
    char address[FOLDER_PATH_MAX + 64];
    folder_make(folder);
    folder_path(folder, "status.sock", socket_path, sizeof(socket_path));
    snprintf(address, sizeof(address), "unix:%s", socket_path);
    open_listening(address, "");
}

bool answers_unix(void)
{
    struct http_answer answer;
    http_perform(&(struct http_request){.method = "GET",
                                        .url = "http://localhost/readyz",
                                        .unix_socket = socket_path},
                 &answer);
    http_answer_deinit(&answer);
    return answer.status == 200;
}
