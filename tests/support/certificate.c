#include "certificate.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>

#define VALID_FROM_S (-7 * CERTIFICATE_FOREVER_S)

static FILE *open_file(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);
    cr_assert(file, "no %s", path);
    return file;
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    cr_assert(extension && X509_add_ext(cert, extension, -1) == 1, "extension %s", value);
    X509_EXTENSION_free(extension);
}

/* Everything but who vouches for it. */
static X509 *new_cert(const char *name, long until_s, EVP_PKEY *key)
{
    X509 *cert = X509_new();
    uint32_t serial;
    cr_assert_eq(RAND_bytes((unsigned char *)&serial, sizeof(serial)), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), (long)(serial >> 1));
    X509_set_version(cert, 2);
    X509_gmtime_adj(X509_getm_notBefore(cert), VALID_FROM_S);
    X509_gmtime_adj(X509_getm_notAfter(cert), until_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_pubkey(cert, key);
    return cert;
}

static void sign(X509 *cert, EVP_PKEY *own_key, const struct certificate *issuer)
{
    X509 *by = cert;
    EVP_PKEY *key = own_key;
    if (issuer) {
        FILE *file = open_file(issuer->cert, "re");
        by = PEM_read_X509(file, NULL, NULL, NULL);
        fclose(file);
        file = open_file(issuer->key, "re");
        key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
        fclose(file);
        cr_assert(by && key);
    }
    X509_set_issuer_name(cert, X509_get_subject_name(by));
    cr_assert_gt(X509_sign(cert, key, EVP_sha256()), 0);
    if (issuer) {
        X509_free(by);
        EVP_PKEY_free(key);
    }
}

static void write_files(const struct certificate *certificate, X509 *cert, EVP_PKEY *key)
{
    FILE *file = open_file(certificate->cert, "we");
    cr_assert_eq(PEM_write_X509(file, cert), 1);
    cr_assert_eq(fclose(file), 0);
    file = open_file(certificate->key, "we");
    cr_assert_eq(fchmod(fileno(file), 0600), 0);
    cr_assert_eq(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    cr_assert_eq(fclose(file), 0);
}

void certificate_make(const struct folder *folder, const char *name, const char *alt_names,
                      long until_s, const struct certificate *issuer,
                      struct certificate *ret_certificate)
{
    char file[64];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = new_cert(name, until_s, key);
    add_extension(cert, cert, NID_basic_constraints,
                  issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (alt_names)
        add_extension(cert, cert, NID_subject_alt_name, alt_names);
    sign(cert, key, issuer);
    snprintf(file, sizeof(file), "%s.cert.pem", name);
    folder_path(folder, file, ret_certificate->cert, sizeof(ret_certificate->cert));
    snprintf(file, sizeof(file), "%s.key.pem", name);
    folder_path(folder, file, ret_certificate->key, sizeof(ret_certificate->key));
    write_files(ret_certificate, cert, key);
    X509_free(cert);
    EVP_PKEY_free(key);
}
