/* Certificates for tests: an authority, and what it vouches for. */
#ifndef TESTS_SUPPORT_CERTIFICATE_H
#define TESTS_SUPPORT_CERTIFICATE_H

#include "folder.h"

#define CERTIFICATE_FOREVER_S 86400

struct certificate {
    char cert[FOLDER_PATH_MAX + 32]; /* PEM files */
    char key[FOLDER_PATH_MAX + 32];
};

/* Writes NAME.cert.pem and NAME.key.pem: for `alt_names`, such as "DNS:localhost,IP:127.0.0.1",
 * good until `until_s` seconds from now, which may be less than 0. Signed by `issuer`; NULL: an
 * authority, which signs itself. */
void certificate_make(const struct folder *folder, const char *name, const char *alt_names,
                      long until_s, const struct certificate *issuer,
                      struct certificate *ret_certificate);

#endif
