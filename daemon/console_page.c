/* The console's page: console/console.html, which is compiled in. Its script and its style carry a
 * number of this answer alone, by which the browser knows that they are ours (status.c, POLICY). */
#include <microhttpd.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "daemon/status_private.h"
#include "proto/text_out.h"

#define NONCE "@NONCE@"

extern const char embedded_console_html[];

static void make_nonce(char ret_nonce[33])
{
    unsigned char random[16];

    randombytes_buf(random, sizeof(random));
    (void)sodium_bin2hex(ret_nonce, 33, random, sizeof(random));
}

static void write_page(FILE *out, const char *nonce)
{
    const char *at = embedded_console_html, *mark;

    while ((mark = strstr(at, NONCE)) != NULL) {
        (void)fwrite(at, 1, (size_t)(mark - at), out);
        fputs(nonce, out);
        at = mark + strlen(NONCE);
    }
    fputs(at, out);
}

void console_page(struct status_request *request)
{
    struct text_out text;
    size_t len = 0;
    FILE *out = text_out_open(&text);
    char *page;

    make_nonce(request->nonce);
    if (out)
        write_page(out, request->nonce);
    page = text_out_close(&text, &len);
    status_answer(request, MHD_HTTP_OK, STATUS_TYPE_HTML, page, len);
}
