#include "app/client.h"

#include <pthread.h>
#include <string.h>

#include <curl/curl.h>

#include "app/app.h"
#include "util/buf.h"
#include "util/json.h"

enum { BODY_BYTES_MAX = 1 << 20, CONNECT_MS = 5000, SILENCE_S = 600, TOKEN_CHARS_MAX = 4096 };

struct transfer {
    const struct nima_client_call *call;
    CURL *curl;
    struct nima_buf body;
    bool stopped;
};

static void init_once(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t on_data(char *data, size_t one, size_t count, void *user)
{
    struct transfer *t = user;
    nima_str piece = {data, one * count};
    if (t->call->on_data == NULL) {
        nima_buf_add(&t->body, piece);
        return piece.len;
    }
    long status = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    t->stopped = !t->call->on_data(t->call->user, status, piece);
    return t->stopped ? 0 : piece.len;
}

static int on_progress(void *user, curl_off_t all_down, curl_off_t down, curl_off_t all_up,
                       curl_off_t up)
{
    (void)all_down, (void)down, (void)all_up, (void)up;
    struct transfer *t = user;
    t->stopped = t->stopped || (t->call->stopped != NULL && t->call->stopped());
    return t->stopped;
}

/* The host's name alone, without port and brackets. */
static nima_str host_of(nima_str url)
{
    size_t from = nima_str_find(url, NIMA_STR("://"), 0);
    nima_str rest = nima_str_sub(url, from == SIZE_MAX ? 0 : from + 3, url.len);
    if (nima_str_starts(rest, NIMA_STR("["))) {
        return nima_str_sub(rest, 1, nima_str_find(rest, NIMA_STR("]"), 0));
    }
    size_t end = 0;
    while (end < rest.len && strchr("/:?#", rest.ptr[end]) == NULL) {
        end++;
    }
    return nima_str_sub(rest, 0, end);
}

static nima_rc set_headers(struct nima_ctx *ctx, CURL *curl, const struct nima_client_call *call,
                           struct curl_slist **headers)
{
    if (call->json.ptr != NULL) {
        *headers = curl_slist_append(*headers, "Content-Type: application/json");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->json.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->json.ptr);
    }
    /* Else curl waits a second for "100 Continue" before it sends a long body. */
    *headers = curl_slist_append(*headers, "Expect:");
    if (call->token.len > 0) {
        for (size_t i = 0; i < call->token.len; i++) {
            if (call->token.ptr[i] <= ' ' || call->token.ptr[i] > '~') {
                return nima_fail(ctx, NIMA_E_INVALID, "the token holds a blank or a strange sign");
            }
        }
        nima_str line = nima_fmt(ctx, "Authorization: Bearer " NIMA_FMT, NIMA_ARG(call->token));
        *headers = curl_slist_append(*headers, nima_cstr(ctx, line));
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers);
    return NIMA_OK;
}

static void set_options(struct nima_ctx *ctx, struct transfer *t)
{
    const struct nima_client_call *call = t->call;
    CURL *curl = t->curl;
    curl_easy_setopt(curl, CURLOPT_URL, nima_cstr(ctx, call->url));
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "nima/" NIMA_VERSION);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(call->connect_ms > 0 ? call->connect_ms : CONNECT_MS));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)call->total_ms);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    if (nima_is_loopback(host_of(call->url))) {
        curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* no proxy can reach this machine's loopback */
    }
}

static nima_rc explain(struct nima_ctx *ctx, const struct transfer *t, CURLcode code)
{
    nima_str url = t->call->url;
    if (t->stopped) {
        return nima_fail(ctx, NIMA_E_CANCELLED, "stopped");
    }
    switch (code) {
    case CURLE_OK:
        return NIMA_OK;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_OPERATION_TIMEDOUT:
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, NIMA_FMT ": %s", NIMA_ARG(url),
                         curl_easy_strerror(code));
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return nima_fail(ctx, NIMA_E_INVALID, NIMA_FMT " is no address of a server", NIMA_ARG(url));
    default:
        return nima_fail(ctx, NIMA_E_MODEL, NIMA_FMT ": the connection broke (%s)", NIMA_ARG(url),
                         curl_easy_strerror(code));
    }
}

static void take_header(struct nima_ctx *ctx, const struct transfer *t)
{
    struct curl_header *found;
    const struct nima_client_call *call = t->call;
    if (call->header != NULL &&
        curl_easy_header(t->curl, call->header, 0, CURLH_HEADER, -1, &found) == CURLHE_OK) {
        *call->header_out = nima_str_copy(ctx->arena, nima_str_of(found->value));
    }
}

static nima_rc perform(struct nima_ctx *ctx, struct transfer *t, struct nima_client_reply *out)
{
    set_options(ctx, t);
    struct curl_slist *headers = NULL;
    nima_rc rc = set_headers(ctx, t->curl, t->call, &headers);
    if (rc == NIMA_OK) {
        rc = explain(ctx, t, curl_easy_perform(t->curl));
    }
    take_header(ctx, t);
    curl_slist_free_all(headers);
    NIMA_TRY(rc);
    struct nima_client_reply reply = {0};
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &reply.status);
    NIMA_TRY(nima_buf_take(ctx, &t->body, &reply.body));
    *out = reply;
    return NIMA_OK;
}

nima_rc nima_client_run(struct nima_ctx *ctx, const struct nima_client_call *call,
                        struct nima_client_reply *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_once);
    if (!nima_str_starts(call->url, NIMA_STR("http://")) &&
        !nima_str_starts(call->url, NIMA_STR("https://"))) {
        return nima_fail(ctx, NIMA_E_INVALID,
                         NIMA_FMT " is no address of a server; it looks like http://HOST:PORT",
                         NIMA_ARG(nima_utf8_prefix(call->url, 200)));
    }
    struct transfer t = {.call = call, .curl = curl_easy_init()};
    nima_assert(t.curl != NULL);
    nima_buf_init(&t.body, BODY_BYTES_MAX);
    nima_rc rc = perform(ctx, &t, out);
    nima_buf_done(&t.body);
    curl_easy_cleanup(t.curl);
    return rc;
}

nima_str nima_client_url(struct nima_ctx *ctx, nima_str host, int port)
{
    if (host.len == 0 || nima_str_eq(host, NIMA_STR("0.0.0.0"))) {
        host = NIMA_STR("127.0.0.1");
    } else if (nima_str_eq(host, NIMA_STR("::"))) {
        host = NIMA_STR("::1");
    }
    bool v6 = nima_str_find(host, NIMA_STR(":"), 0) != SIZE_MAX;
    return nima_fmt(ctx, v6 ? "http://[" NIMA_FMT "]:%d" : "http://" NIMA_FMT ":%d", NIMA_ARG(host),
                    port);
}

nima_str nima_client_error(struct nima_ctx *ctx, const struct nima_client_reply *reply)
{
    struct nima_ctx apart; /* a body that is no JSON is no error of ours */
    nima_ctx_init(&apart);
    const struct nima_json *root = NULL;
    nima_str message = {NULL, 0};
    if (nima_json_parse(&apart, reply->body, &root) == NIMA_OK) {
        message = nima_json_str(nima_json_get(nima_json_get(root, "error"), "message"));
    }
    message = nima_str_copy(ctx->arena, message);
    nima_ctx_done(&apart);
    return message.len > 0 ? message : nima_fmt(ctx, "the server said %ld", reply->status);
}
