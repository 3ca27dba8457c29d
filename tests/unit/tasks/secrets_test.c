/* Secrets are filled in by name, and taken out of everything by value. Rules and their patterns. */
#include "tasks/tasks_int.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"
#include "util/file.h"

static char *const environment[] = {"PATH=/bin", "NIMA_SECRET_TOKEN=s3cr/t \"x\"",
                                    "NIMA_SECRET_=no", "NIMA_SECRET_EMPTY=", NULL};
static char *const plain_environment[] = {"PATH=/bin", "NIMA_SECRET_TOKEN=s3cr/t \"x\"", NULL};

TEST(a_secret_is_filled_in_as_json_and_masked_in_every_form)
{
    struct nima_ctx ctx;
    struct nima_secrets secrets = {0};
    nima_str out;
    nima_ctx_init(&ctx);
    ASSERT_RC(NIMA_E_INVALID, nima_secrets_read(&ctx, NIMA_STR(""), environment, &secrets));
    nima_secrets_done(&secrets);
    ASSERT_OK_CTX(&ctx, nima_secrets_read(&ctx, NIMA_STR(""), plain_environment, &secrets));
    nima_str json = NIMA_STR("{\"a\":\"Bearer ${secret:TOKEN}!\",\"b\":\"${secret:TOKEN}\"}");
    ASSERT_TRUE(nima_secrets_named(json));
    ASSERT_OK_CTX(&ctx, nima_secrets_fill(&ctx, &secrets, json, &out));
    ASSERT_STR_EQ(out, "{\"a\":\"Bearer s3cr/t \\\"x\\\"!\",\"b\":\"s3cr/t \\\"x\\\"\"}");
    ASSERT_RC(NIMA_E_INVALID, nima_secrets_fill(&ctx, &secrets, NIMA_STR("${secret:OTHER}"), &out));
    ASSERT_OK_CTX(&ctx, nima_secrets_fill(&ctx, &secrets, NIMA_STR("${secret:TOKEN"), &out));
    ASSERT_STR_EQ(out, "${secret:TOKEN");
    static const char *const leaks[] = {"got s3cr/t \"x\" back", "got s3cr/t \\\"x\\\" back",
                                        "got s3cr%2Ft%20%22x%22 back", "got czNjci90ICJ4Ig== back"};
    for (size_t i = 0; i < sizeof(leaks) / sizeof(leaks[0]); i++) {
        out = nima_secrets_mask(&ctx, &secrets, nima_str_of(leaks[i]));
        ASSERT_TRUE(nima_str_starts(out, NIMA_STR("got (secret TOKEN)")));
        ASSERT_TRUE(nima_str_ends(out, NIMA_STR(" back")));
    }
    ASSERT_STR_EQ(nima_secrets_cut_tail(&secrets, NIMA_STR("abc s3cr/t")), "abc ");
    ASSERT_STR_EQ(nima_secrets_cut_tail(&secrets, NIMA_STR("abc s3")), "abc ");
    ASSERT_STR_EQ(nima_secrets_cut_tail(&secrets, NIMA_STR("abc")), "abc");
    nima_secrets_done(&secrets);
    nima_ctx_done(&ctx);
}

TEST(the_file_must_be_its_owners_alone)
{
    struct nima_ctx ctx;
    struct nima_secrets secrets = {0};
    nima_str out;
    char path[] = "/tmp/nima-secrets-XXXXXX";
    nima_ctx_init(&ctx);
    close(mkstemp(path));
    ASSERT_OK_CTX(&ctx, nima_file_write(&ctx, path, NIMA_STR("# mine\nTOKEN = from file\n"), 0644));
    ASSERT_RC(NIMA_E_INVALID, nima_secrets_read(&ctx, nima_str_of(path), NULL, &secrets));
    ASSERT_INT_EQ(chmod(path, 0600), 0);
    ASSERT_OK_CTX(&ctx, nima_secrets_read(&ctx, nima_str_of(path), NULL, &secrets));
    ASSERT_OK_CTX(&ctx, nima_secrets_fill(&ctx, &secrets, NIMA_STR("${secret:TOKEN}"), &out));
    ASSERT_STR_EQ(out, "from file");
    nima_secrets_done(&secrets);
    unlink(path);
    ASSERT_RC(NIMA_E_INVALID, nima_secrets_read(&ctx, nima_str_of(path), NULL, &secrets));
    nima_ctx_done(&ctx);
}

TEST(patterns)
{
    static const struct {
        const char *pattern, *text;
        bool fits;
    } cases[] = {
        {"notes/*", "notes/a", true},
        {"notes/*", "notes/a/b", false},
        {"notes/**", "notes/a/b", true},
        {"notes/**", "notes", false},
        {"**", "a/b/c", true},
        {"**/b", "a/b", true},
        {"*.txt", "a.txt", true},
        {"*.txt", "d/a.txt", false},
        {"**.txt", "d/a.txt", true},
        {"a?c", "abc", true},
        {"a?c", "a/c", false},
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"GET api.example.com/**", "GET api.example.com/v1", true},
        {"GET api.example.com/**", "GET api.example.com.evil.org/v1", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool fits = nima_glob(nima_str_of(cases[i].pattern), nima_str_of(cases[i].text));
        if (fits != cases[i].fits) {
            fail_msg("\"%s\" and \"%s\"", cases[i].pattern, cases[i].text);
        }
    }
    char stars[200];
    memset(stars, '*', sizeof(stars) - 2);
    stars[sizeof(stars) - 2] = 'b';
    stars[sizeof(stars) - 1] = '\0';
    nima_str text = NIMA_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    ASSERT_TRUE(!nima_glob(nima_str_of(stars), text)); /* and ends */
}

TEST_MAIN
