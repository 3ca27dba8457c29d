/*
 * One request over libcurl: no proxy, no redirect, no cookie, certificates verified, an end to
 * everything.
 */
#include <curl/curl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "tasks/api/api_int.h"
#include "util/clock.h"

enum { CONNECT_TIMEOUT_MS = 10000 };

struct transfer {
    struct nima_ctx *ctx;
    const struct nima_api_call *call;
    struct nima_buf body;
    bool refused; /* the address is not one to connect to */
    bool full;
};

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;
    size_t room = transfer->body.max - transfer->body.len, given = size * count;
    transfer->full = given > room;
    nima_buf_add(&transfer->body, (nima_str){bytes, given < room ? given : room});
    return transfer->full ? 0 : given; /* 0 ends the transfer */
}

static int look_up(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct transfer *transfer = user;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return nima_ctx_stopped(transfer->ctx) != NIMA_OK;
}

/* What is connected to is what was looked at: a name's answer cannot change in between. */
static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = user;
    if (purpose != CURLSOCKTYPE_IPCXN ||
        !(transfer->call->any_address ||
          nima_address_allowed(transfer->call->hosts, &address->addr))) {
        transfer->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static nima_rc fail(struct transfer *transfer, CURLcode code)
{
    struct nima_ctx *ctx = transfer->ctx;
    nima_str host = transfer->call->url.host;
    if (transfer->refused) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN,
                         NIMA_FMT " is at an address of this machine or its network, which is not "
                                  "in tasks.api_hosts",
                         NIMA_ARG(host));
    }
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
        NIMA_TRY(nima_ctx_stopped(ctx));
        return nima_fail(ctx, NIMA_E_TIMEOUT, "no answer from " NIMA_FMT, NIMA_ARG(host));
    case CURLE_OPERATION_TIMEDOUT:
        return nima_fail(ctx, NIMA_E_TIMEOUT, "no full answer from " NIMA_FMT " in time",
                         NIMA_ARG(host));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
        return nima_fail(ctx, NIMA_E_FORBIDDEN, "the certificate of " NIMA_FMT " is not trusted",
                         NIMA_ARG(host));
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return nima_fail(ctx, NIMA_E_INVALID, NIMA_FMT ": %s", NIMA_ARG(host),
                         curl_easy_strerror(code));
    default:
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, NIMA_FMT ": %s", NIMA_ARG(host),
                         curl_easy_strerror(code));
    }
}

static long time_left(const struct nima_ctx *ctx)
{
    int64_t left = ctx->deadline_ms != 0 ? ctx->deadline_ms - nima_mono_ms() : LONG_MAX;
    return left > INT_MAX ? INT_MAX : left > 1 ? (long)left : 1;
}

static void set_up(CURL *easy, struct transfer *transfer, struct curl_slist *headers)
{
    const struct nima_api_call *call = transfer->call;
    struct nima_ctx *ctx = transfer->ctx;
    curl_easy_setopt(easy, CURLOPT_URL, nima_cstr(ctx, call->url.text));
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, time_left(ctx));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "Nima/" NIMA_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look_up);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    if (call->body.ptr != NULL) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.ptr);
    }
    if (nima_str_eq(call->method, NIMA_STR("HEAD"))) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, nima_cstr(ctx, call->method));
    }
}

static nima_str info_text(struct nima_ctx *ctx, CURL *easy, CURLINFO what)
{
    char *text = NULL;
    curl_easy_getinfo(easy, what, &text);
    nima_str copy = nima_str_copy(ctx->arena, nima_str_of(text));
    return copy.ptr != NULL && nima_utf8_valid(copy) ? copy : (nima_str){0};
}

static void keep_headers(const struct transfer *transfer, CURL *easy, struct nima_api_reply *out)
{
    const char *const *names = transfer->call->wanted;
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        struct curl_header *header;
        nima_assert(i < NIMA_API_WANTED_MAX);
        if (curl_easy_header(easy, names[i], 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
            nima_str value = nima_str_copy(transfer->ctx->arena, nima_str_of(header->value));
            out->wanted[i] = nima_utf8_valid(value) ? value : (nima_str){0};
        }
    }
}

static nima_rc perform(struct transfer *transfer, CURL *easy, struct nima_api_reply *out)
{
    struct nima_ctx *ctx = transfer->ctx;
    long status = 0;
    curl_off_t wait = 0;
    CURLcode code = curl_easy_perform(easy);
    if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && transfer->full)) {
        return fail(transfer, code);
    }
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait);
    nima_str body = nima_buf_view(&transfer->body);
    *out = (struct nima_api_reply){
        .status = (int)status,
        .retry_after_s = wait > INT_MAX ? INT_MAX : (int)wait,
        .content_type = info_text(ctx, easy, CURLINFO_CONTENT_TYPE),
        .location = info_text(ctx, easy, CURLINFO_REDIRECT_URL),
        .body = body.len > 0 ? nima_str_copy(ctx->arena, body) : NIMA_STR(""),
        .truncated = transfer->full,
    };
    keep_headers(transfer, easy, out);
    return NIMA_OK;
}

nima_rc nima_api_send(struct nima_ctx *ctx, const struct nima_api_call *call,
                      struct nima_api_reply *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    struct transfer transfer = {.ctx = ctx, .call = call};
    struct curl_slist *headers = NULL;
    for (size_t i = 0; i < call->header_count; i++) {
        headers = curl_slist_append(headers, nima_cstr(ctx, call->headers[i]));
    }
    headers = curl_slist_append(headers, "Expect:");
    CURL *easy = curl_easy_init();
    nima_assert(easy != NULL && headers != NULL);
    nima_buf_init(&transfer.body, call->body_max != 0 ? call->body_max : NIMA_API_BODY_BYTES_MAX);
    set_up(easy, &transfer, headers);
    nima_rc rc = perform(&transfer, easy, out);
    nima_buf_done(&transfer.body);
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    return rc;
}
