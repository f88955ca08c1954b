#include "pusher/api.h"

#include <stdlib.h>

#include "lib/api_private.h"
#include "lib/report.h"
#include "pusher/command.h"

void pusher_result_free(struct pusher_result *result)
{
    free(result->json);
    result->json = NULL;
}

void pusher__result_init(struct pusher_result *result)
{
    *result = (struct pusher_result){.retry_after_ms = -1};
}

int pusher__send(struct pusher_http *http, const struct pusher_request *request,
                 struct pusher_result *result, struct pusher_error *error)
{
    struct pusher_answer answer;
    result->reply = (struct pusher_reply){.status = 0};
    result->retry_after_ms = -1;
    int rc = pusher_http_perform(http, request, &answer, error);
    if (rc != 0)
        return rc;
    pusher_reply_read(answer.status, answer.body, answer.len, &result->reply);
    result->retry_after_ms = answer.retry_after_ms;
    if (result->reply.class_ != PUSHER_REPLY_DONE) {
        rc =
            pusher__fail(error, PUSHER_EREFUSED, "the server answered %u%s%s", result->reply.status,
                         result->reply.text[0] ? ": " : "", result->reply.text);
    } else {
        result->json = pusher_reply_json(answer.body, answer.len);
        rc = result->json ? 0 : pusher__fail_plain(error, PUSHER_ENOMEM);
    }
    pusher_answer_free(&answer);
    return rc;
}

int pusher_api_call(struct pusher_http *http, const struct pusher_request *request,
                    struct pusher_result *ret_result, struct pusher_error *ret_error)
{
    pusher__result_init(ret_result);
    return pusher__send(http, request, ret_result, ret_error);
}

int pusher_api_send_to_user(struct pusher_http *http, struct pusher_string user_id,
                            struct pusher_string name, struct pusher_string data,
                            struct pusher_result *ret_result, struct pusher_error *ret_error)
{
    char buf[PUSHER_USER_CHANNEL_MAX];
    pusher__result_init(ret_result);
    int rc = pusher_user_id_check(user_id, ret_error);
    if (rc != 0)
        return rc;
    struct pusher_string channel = {buf, pusher_user_channel(user_id, buf)};
    struct pusher_trigger trigger = {
        .channels = &channel, .n_channels = 1, .name = name, .data = data};
    return pusher_api_trigger(http, &trigger, ret_result, ret_error);
}

int pusher_api_list_channels(struct pusher_http *http, struct pusher_string filter_by_prefix,
                             struct pusher_string info, struct pusher_result *ret_result,
                             struct pusher_error *ret_error)
{
    struct pusher_request request;
    pusher__result_init(ret_result);
    int rc = pusher_command_list_channels(pusher_http_client(http), filter_by_prefix, info,
                                          &request, ret_error);
    return rc == 0 ? pusher__send(http, &request, ret_result, ret_error) : rc;
}

int pusher_api_get_channel(struct pusher_http *http, struct pusher_string channel,
                           struct pusher_string info, struct pusher_result *ret_result,
                           struct pusher_error *ret_error)
{
    struct pusher_request request;
    pusher__result_init(ret_result);
    int rc =
        pusher_command_get_channel(pusher_http_client(http), channel, info, &request, ret_error);
    return rc == 0 ? pusher__send(http, &request, ret_result, ret_error) : rc;
}

int pusher_api_get_channel_users(struct pusher_http *http, struct pusher_string channel,
                                 struct pusher_result *ret_result, struct pusher_error *ret_error)
{
    struct pusher_request request;
    pusher__result_init(ret_result);
    int rc =
        pusher_command_get_channel_users(pusher_http_client(http), channel, &request, ret_error);
    return rc == 0 ? pusher__send(http, &request, ret_result, ret_error) : rc;
}

int pusher_api_terminate_user_connections(struct pusher_http *http, struct pusher_string user_id,
                                          struct pusher_result *ret_result,
                                          struct pusher_error *ret_error)
{
    struct pusher_request request;
    pusher__result_init(ret_result);
    int rc = pusher_command_terminate_user_connections(pusher_http_client(http), user_id, &request,
                                                       ret_error);
    return rc == 0 ? pusher__send(http, &request, ret_result, ret_error) : rc;
}

int pusher_api_get(struct pusher_http *http, struct pusher_string path,
                   const struct pusher_param *params, size_t n_params,
                   struct pusher_result *ret_result, struct pusher_error *ret_error)
{
    struct pusher_request request;
    pusher__result_init(ret_result);
    int rc =
        pusher_command_get(pusher_http_client(http), path, params, n_params, &request, ret_error);
    return rc == 0 ? pusher__send(http, &request, ret_result, ret_error) : rc;
}

int pusher_api_post(struct pusher_http *http, struct pusher_string path,
                    const struct pusher_param *params, size_t n_params, struct pusher_string body,
                    struct pusher_result *ret_result, struct pusher_error *ret_error)
{
    struct pusher_request request;
    pusher__result_init(ret_result);
    int rc = pusher_command_post(pusher_http_client(http), path, params, n_params, body, &request,
                                 ret_error);
    return rc == 0 ? pusher__send(http, &request, ret_result, ret_error) : rc;
}
