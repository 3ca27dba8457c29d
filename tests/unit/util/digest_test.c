#include <string.h>

#include "support/test.h"
#include "util/digest.h"

static void assert_sha256(nima_str data, const char *expected)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    ASSERT_STR_EQ(nima_sha256_hex(&ctx, data), expected);
    nima_ctx_done(&ctx);
}

/* FIPS 180-4's own examples, and the empty text. */
TEST(the_vectors_of_the_standard)
{
    const char *empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_sha256(NIMA_STR(""), empty);
    assert_sha256((nima_str){NULL, 0}, empty);
    assert_sha256(NIMA_STR("abc"),
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_sha256(NIMA_STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(a_million_letters)
{
    static char million[1000000];
    memset(million, 'a', sizeof(million));
    assert_sha256((nima_str){million, sizeof(million)},
                  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(raw_bytes_and_hex_agree_on_a_text_with_a_nul)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    unsigned char raw[NIMA_SHA256_BYTES];
    nima_sha256(NIMA_STR("a\0b"), raw);
    nima_str hex = nima_sha256_hex(&ctx, NIMA_STR("a\0b"));
    assert_int_equal(hex.len, NIMA_SHA256_HEX);
    ASSERT_STR_EQ(nima_str_sub(hex, 0, 2), nima_fmt(&ctx, "%02x", raw[0]).ptr);
    ASSERT_STR_EQ(nima_str_sub(hex, 62, 64), nima_fmt(&ctx, "%02x", raw[31]).ptr);
    nima_ctx_done(&ctx);
}

/* RFC 4231, case 2. */
TEST(hmac_is_that_of_the_standard)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    ASSERT_STR_EQ(
        nima_hmac_sha256_hex(&ctx, NIMA_STR("Jefe"), NIMA_STR("what do ya want for nothing?")),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    nima_ctx_done(&ctx);
}

TEST(pieces_and_many_texts_give_the_same_digests)
{
    unsigned char whole[NIMA_SHA256_BYTES], made[NIMA_SHA256_BYTES];
    struct nima_sha256 *sha = nima_sha256_new();
    nima_sha256(NIMA_STR("one text"), whole);
    for (int i = 0; i < 3; i++) {
        nima_sha256_add(sha, NIMA_STR("one "));
        nima_sha256_add(sha, (nima_str){NULL, 0});
        nima_sha256_add(sha, NIMA_STR("text"));
        nima_sha256_end(sha, made);
        assert_memory_equal(made, whole, sizeof(whole));
    }
    nima_sha256_free(sha);
}

TEST_MAIN
