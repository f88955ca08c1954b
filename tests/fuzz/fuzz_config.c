/* Any bytes as the configuration file. What is read, and printed, reads back as the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config.h"
#include "daemon/config/config_keys.h"
#include "tests/fuzz/fuzz.h"

static struct config *load(const char *text, size_t len, struct config_error *ret_error)
{
    struct fuzz_file file = fuzz_file_open(text, len);
    struct config_source source = {.file = file.path, .apps_optional = true};
    struct config *config = NULL;

    if (config_load(&source, &config, ret_error) != 0) {
        MUST(!config && ret_error->text[0] != '\0');
        MUST(strnlen(ret_error->text, sizeof(ret_error->text)) < sizeof(ret_error->text));
        MUST(!strpbrk(ret_error->text, "\n\r\x1b"));
    }
    fuzz_file_close(&file);
    return config;
}

static char *dump(const struct config *config, size_t *ret_len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_len);
    MUST(out);
    config_dump(config, out);
    fclose(out);
    return text;
}

/* Puts secrets back where the mask is: a master key must be one. */
static char *unmask(const char *text, size_t *ret_len)
{
    char *out_text = NULL;
    FILE *out = open_memstream(&out_text, ret_len);
    const char *mask;
    MUST(out);
    while ((mask = strstr(text, CONFIG_MASK))) {
        const char *line = memrchr(text, '\n', (size_t)(mask - text));
        line = line ? line + 1 : text;
        fwrite(text, 1, (size_t)(mask - text), out);
        fputs(strncmp(line, "encryption", 10) == 0 ? FUZZ_MASTER_KEY : "pppppppp", out);
        text = mask + strlen(CONFIG_MASK);
    }
    fputs(text, out);
    fclose(out);
    return out_text;
}

static void check_dump(const struct config *config)
{
    struct config_error error = {.text = ""};
    size_t len, whole_len, again_len;
    char *text = dump(config, &len);
    char *whole = unmask(text, &whole_len);
    struct config *again = load(whole, whole_len, &error);

    if (!again)
        fuzz_fail(error.text, __FILE__, __LINE__);
    char *again_text = dump(again, &again_len);
    if (len != again_len || memcmp(text, again_text, len) != 0) {
        fprintf(stderr, "%s\nis read as\n%s", text, again_text);
        MUST(!"the dump reads back equal");
    }
    config_free(again);
    free(again_text);
    free(whole);
    free(text);
}

/* A secret that lost its key is taken for one, wherever it stands; the refusal does not show it. */
static void check_stray(const uint8_t *bytes, size_t len)
{
    static const char stray[] = "\nStray7Secret+/8=\n", shown[] = "Stray7";
    struct config_error error = {.text = ""};
    char *text = malloc(len + sizeof(stray));

    MUST(text);
    if (len > 0)
        memcpy(text, bytes, len);
    memcpy(text + len, stray, sizeof(stray));
    if (!memmem(bytes, len, shown, strlen(shown))) {
        MUST(!load(text, len + strlen(stray), &error));
        MUST(!strstr(error.text, shown));
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct config_error error = {.text = ""};
    struct config *config;

    /* A file would be read from the disk; a mask in a name would be unmasked. */
    if (memmem(bytes, len, "file", 4) || memmem(bytes, len, CONFIG_MASK, strlen(CONFIG_MASK)))
        return 0;
    check_stray(bytes, len);
    config = load((const char *)bytes, len, &error);
    if (!config)
        return 0;
    for (size_t i = 0; i < config->n_warnings; i++)
        MUST(fuzz_is_line(config->warnings[i].text, sizeof(config->warnings[i].text)));
    MUST(config->n_queues >= 1 && config->n_apps <= CONFIG_MAX_APPS);
    MUST(config->retry_base_ms <= config->retry_cap_ms);
    MUST(config->max_job_bytes <= config->max_claimed_bytes);
    check_dump(config);
    config_free(config);
    return 0;
}
