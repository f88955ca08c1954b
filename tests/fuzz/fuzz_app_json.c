/* Any bytes as the JSON form of an app. */
#include <string.h>

#include "daemon/config/config.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fuzz_file file = fuzz_file_open(bytes, len);
    struct config_source source = {.app_json_file = file.path};
    struct config_error error = {.text = ""};
    struct config *config = NULL;

    if (config_load(&source, &config, &error) == 0) {
        MUST(config->n_apps == 1 && strcmp(config->apps[0].name, "default") == 0);
        MUST(pusher_client_port(config->apps[0].client) > 0);
        config_free(config);
    } else {
        MUST(!config && error.text[0] != '\0' && !strpbrk(error.text, "\n\r\t\x1b"));
    }
    fuzz_file_close(&file);
    return 0;
}
