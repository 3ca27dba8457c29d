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

/* One row and more for each range of IANA's special-purpose registries (its first and last address,
 * and what lies beside it), and for each form of IPv6 that holds an IPv4 address. */
static const struct {
    const char *address;
    bool outside;
} addresses[] = {
    {"0.0.0.0", false},
    {"0.255.255.255", false},
    {"1.0.0.0", true},
    {"9.255.255.255", true},
    {"10.0.0.0", false},
    {"10.255.255.255", false},
    {"11.0.0.0", true},
    {"100.63.255.255", true},
    {"100.64.0.0", false},
    {"100.127.255.255", false},
    {"100.128.0.0", true},
    {"126.255.255.255", true},
    {"127.0.0.1", false},
    {"127.255.255.255", false},
    {"128.0.0.0", true},
    {"169.253.255.255", true},
    {"169.254.0.0", false},
    {"169.254.169.254", false},
    {"169.254.255.255", false},
    {"169.255.0.0", true},
    {"172.15.255.255", true},
    {"172.16.0.0", false},
    {"172.31.255.255", false},
    {"172.32.0.0", true},
    {"191.255.255.255", true},
    {"192.0.0.0", false},
    {"192.0.0.8", false},
    {"192.0.0.170", false},
    {"192.0.0.255", false},
    {"192.0.1.0", true},
    {"192.0.2.0", false},
    {"192.0.2.255", false},
    {"192.0.3.0", true},
    {"192.88.98.255", true},
    {"192.88.99.0", false},
    {"192.88.99.255", false},
    {"192.88.100.0", true},
    {"192.167.255.255", true},
    {"192.168.0.0", false},
    {"192.168.255.255", false},
    {"192.169.0.0", true},
    {"198.17.255.255", true},
    {"198.18.0.0", false},
    {"198.19.255.255", false},
    {"198.20.0.0", true},
    {"198.51.99.255", true},
    {"198.51.100.0", false},
    {"198.51.100.255", false},
    {"198.51.101.0", true},
    {"203.0.112.255", true},
    {"203.0.113.0", false},
    {"203.0.113.255", false},
    {"203.0.114.0", true},
    {"223.255.255.255", true},
    {"224.0.0.0", false},
    {"239.255.255.255", false},
    {"240.0.0.0", false},
    {"255.255.255.255", false},
    {"8.8.8.8", true},
    /* IPv6 */
    {"::", false},
    {"::1", false},
    {"::2", false},
    {"64:ff9b:1::", false},
    {"64:ff9b:1:ffff:ffff:ffff:ffff:ffff", false},
    {"64:ff9b:2::1", false},
    {"100::", false},
    {"100::ffff:ffff:ffff:ffff", false},
    {"100:0:0:1::1", false},
    {"200::1", false},
    {"1fff:ffff::1", false},
    {"2000::1", true},
    {"2001::", false},
    {"2001:0:4136:e378:8000:63bf:3fff:fdd2", false}, /* Teredo */
    {"2001:1::1", false},
    {"2001:2::1", false},
    {"2001:3::1", false},
    {"2001:4:112::1", false},
    {"2001:10::1", false},
    {"2001:20::1", false},
    {"2001:30::1", false},
    {"2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", false},
    {"2001:200::1", true},
    {"2001:db7:ffff::1", true},
    {"2001:db8::", false},
    {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", false},
    {"2001:db9::1", true},
    {"2606:4700::1111", true},
    {"3ffd:ffff::1", true},
    {"3ffe::1", false},
    {"3fff::1", false},
    {"3fff:fff:ffff::1", false},
    {"3fff:1000::1", true},
    {"4000::1", false},
    {"5f00::1", false},
    {"8000::1", false},
    {"fc00::", false},
    {"fd12:3456::1", false},
    {"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
    {"fe00::1", false},
    {"fe80::1", false},
    {"febf:ffff::1", false},
    {"fec0::1", false},
    {"feff::1", false},
    {"ff00::", false},
    {"ff02::1", false},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
    /* IPv4 in IPv6: compatible, mapped, translated, NAT64, 6to4, ISATAP */
    {"::127.0.0.1", false},
    {"::8.8.8.8", false},
    {"::ffff:127.0.0.1", false},
    {"::ffff:10.0.0.1", false},
    {"::ffff:169.254.169.254", false},
    {"::ffff:8.8.8.8", true},
    {"::ffff:0:127.0.0.1", false},
    {"::ffff:0:10.0.0.1", false},
    {"::ffff:0:169.254.169.254", false},
    {"::ffff:0:192.168.1.1", false},
    {"::ffff:0:8.8.8.8", true},
    {"::ffff:1:8.8.8.8", false},
    {"64:ff9b::127.0.0.1", false},
    {"64:ff9b::10.0.0.1", false},
    {"64:ff9b::169.254.169.254", false},
    {"64:ff9b::8.8.8.8", true},
    {"64:ff9b:1::8.8.8.8", false},
    {"2002:7f00:1::", false},
    {"2002:a00:1::1", false},
    {"2002:a9fe:a9fe::1", false},
    {"2002:808:808::1", true},
    {"2606:4700::5efe:127.0.0.1", false},
    {"2606:4700::5efe:10.0.0.1", false},
    {"2606:4700::200:5efe:192.168.0.1", false},
    {"2606:4700::200:5efe:8.8.8.8", true},
    {"2606:4700::5efe:8.8.8.8", true},
    {"fe80::5efe:8.8.8.8", false},
    {"2002:808:808::5efe:10.0.0.1", false},
};

TEST(addresses_of_the_machine_and_its_network_are_refused)
{
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        if (allowed("example.com", addresses[i].address, 80) != addresses[i].outside) {
            fail_msg("%s %s be reached", addresses[i].address,
                     addresses[i].outside ? "may not" : "may");
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
