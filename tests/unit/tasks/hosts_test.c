/* Which hosts may be reached: by name, and by the address that a name turns out to be. */
#include "tasks/api/api_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "support/test.h"

static bool allowed(const char *list, const char *address, int port)
{
    struct sockaddr_in six_not = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, address, &six_not.sin_addr) == 1) {
        return nima_address_allowed(nima_str_of(list), (const void *)&six_not);
    }
    assert_int_equal(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
    return nima_address_allowed(nima_str_of(list), (const void *)&six);
}

TEST(addresses_of_the_machine_and_its_network_are_refused)
{
    static const char *const inside[] = {
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.8",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::1",
        "2001::1",
        "fec0::1",
        "::127.0.0.1",
    };
    static const char *const outside[] = {"1.1.1.1",         "172.32.0.1",     "100.128.0.1",
                                          "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"};
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        if (allowed("example.com", inside[i], 80)) {
            fail_msg("%s may be reached", inside[i]);
        }
    }
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        if (!allowed("example.com", outside[i], 80)) {
            fail_msg("%s may not be reached", outside[i]);
        }
    }
}

TEST(what_is_listed_as_an_address_may_be_reached)
{
    ASSERT_TRUE(allowed("127.0.0.1", "127.0.0.1", 9000));
    ASSERT_TRUE(allowed("a.example, 127.0.0.1:9000", "127.0.0.1", 9000));
    ASSERT_TRUE(!allowed("127.0.0.1:9001", "127.0.0.1", 9000));
    ASSERT_TRUE(!allowed("127.0.0.1", "127.0.0.2", 9000));
    ASSERT_TRUE(allowed("localhost:9000", "127.0.0.1", 9000));
    ASSERT_TRUE(allowed("localhost", "::1", 9000));
    ASSERT_TRUE(!allowed("localhost", "10.0.0.1", 9000));
    ASSERT_TRUE(allowed("[::1]:9000", "::1", 9000));
    ASSERT_TRUE(allowed("::1", "::1", 9000));
    ASSERT_TRUE(!allowed("", "127.0.0.1", 80));
}

static bool listed(const char *list, const char *host, int port)
{
    return nima_host_listed(nima_str_of(list), nima_str_of(host), port);
}

TEST(a_host_is_listed_by_its_whole_name)
{
    ASSERT_TRUE(listed("api.example.com", "api.example.com", 443));
    ASSERT_TRUE(listed(" API.example.com. ,x", "api.example.com", 443));
    ASSERT_TRUE(listed("example.com:8443", "example.com", 8443));
    ASSERT_TRUE(!listed("example.com:8443", "example.com", 443));
    ASSERT_TRUE(!listed("example.com", "api.example.com", 443));
    ASSERT_TRUE(!listed("example.com", "example.com.evil.org", 443));
    ASSERT_TRUE(!listed("example.com", "notexample.com", 443));
    ASSERT_TRUE(!listed("example.com:0", "example.com", 80));
    ASSERT_TRUE(!listed("", "", 80));
    ASSERT_TRUE(!listed(",,", "", 80));
}

TEST(urls_that_hide_where_they_lead_are_refused)
{
    static const char *const bad[] = {
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "http://user:pw@example.com/",
        "http://example.com@evil.org/",
        "http://",
        "example.com",
        "//example.com/",
        "http://exa mple.com/",
        "http://example.com\\@evil.org/",
        "http://\xc3\xa4.example/",

        "http://example.com:99999/",
        "javascript:alert(1)",
        "http://example.com\r\nX: y",
        "dict://127.0.0.1:11211/",
        "http://[::1/",
        "",
    };
    struct nima_ctx ctx;
    struct nima_url url;
    nima_ctx_init(&ctx);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (nima_url_read(&ctx, nima_str_of(bad[i]), &url) != NIMA_E_INVALID) {
            fail_msg("%s is taken", bad[i]);
        }
    }
    nima_ctx_done(&ctx);
}

TEST(addresses_in_disguise_are_seen_as_what_they_are)
{
    static const char *const disguises[] = {"http://0x7f000001/", "http://2130706433/",
                                            "http://0177.0.0.1/", "http://127.1/",
                                            "HTTP://127.0.0.1:80/x"};
    struct nima_ctx ctx;
    struct nima_url url;
    nima_ctx_init(&ctx);
    for (size_t i = 0; i < sizeof(disguises) / sizeof(disguises[0]); i++) {
        ASSERT_OK_CTX(&ctx, nima_url_read(&ctx, nima_str_of(disguises[i]), &url));
        ASSERT_STR_EQ(url.host, "127.0.0.1");
        ASSERT_INT_EQ(url.port, 80);
    }
    ASSERT_OK_CTX(&ctx, nima_url_read(&ctx, NIMA_STR("https://[2001:DB8::1]:8443/a/b?c#d"), &url));
    ASSERT_STR_EQ(url.host, "2001:db8::1");
    ASSERT_STR_EQ(url.path, "/a/b");
    ASSERT_INT_EQ(url.port, 8443);
    nima_ctx_done(&ctx);
}

TEST_MAIN
