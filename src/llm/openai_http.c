/*
 * The transport: a multi handle polled in short ticks, so that a client who leaves, or a deadline,
 * ends a transfer within one tick whether or not bytes flow.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "llm/openai_int.h"
#include "util/clock.h"
#include "util/json.h"

enum {
    TICK_MS = 50,
    CONNECT_TIMEOUT_MS = 10000,
    TRIES_MAX = 3,
    PAUSE_FIRST_MS = 200,
    RETRY_AFTER_MAX_S = 3, /* a longer wait is the client's to do */
    LINE_BYTES_MAX = 4 * 1024 * 1024,
    ERROR_BYTES_MAX = 64 * 1024,
    IDLE_MAX = 16, /* connections kept */
    URL_BYTES_MAX = 2048,
};

struct connection {
    CURL *easy;
    CURLM *multi; /* holds the open connection between two calls */
    struct connection *next;
};

struct nima_http_pool {
    char *base_url; /* without a slash at the end */
    char *api_key;  /* "" for none */
    bool loopback;
    int timeout_s;
    pthread_mutex_t lock; /* guards what follows */
    struct connection *idle;
    int idle_count;
};

struct transfer {
    struct nima_ctx *ctx;
    const struct nima_http_post *post;
    CURL *easy;
    struct nima_buf body; /* what is no event stream, and bodies of errors */
    struct nima_buf line; /* of the event stream, not complete yet */
    struct nima_buf data; /* of the event, not complete yet */
    nima_rc rc;           /* why we ended it ourselves */
    long status;
    bool started; /* something of a good reply was received: no second try */
    bool events;
    bool body_too_large;
    size_t received;
    int64_t last_byte_ms;
};

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool is_loopback(nima_str url)
{
    static const char *const hosts[] = {"localhost", "127.", "[::1]"};
    size_t at = nima_str_find(url, NIMA_STR("://"), 0);
    nima_str host = at == SIZE_MAX ? url : nima_str_sub(url, at + 3, url.len);
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (nima_str_starts_nocase(host, nima_str_of(hosts[i]))) {
            return true;
        }
    }
    return false;
}

struct nima_http_pool *nima_http_pool_new(nima_str base_url, nima_str api_key, int timeout_s)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    struct nima_http_pool *pool = NIMA_XNEW(struct nima_http_pool, 1);
    while (nima_str_ends(base_url, NIMA_STR("/"))) {
        base_url.len--;
    }
    pool->base_url = nima_xstrdup(base_url);
    pool->api_key = nima_xstrdup(api_key);
    pool->loopback = is_loopback(base_url);
    pool->timeout_s = timeout_s;
    pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

static void connection_free(struct connection *connection)
{
    curl_easy_cleanup(connection->easy);
    curl_multi_cleanup(connection->multi);
    free(connection);
}

void nima_http_pool_free(struct nima_http_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    while (pool->idle != NULL) {
        struct connection *next = pool->idle->next;
        connection_free(pool->idle);
        pool->idle = next;
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool->base_url);
    explicit_bzero(pool->api_key, strlen(pool->api_key));
    free(pool->api_key);
    free(pool);
}

static struct connection *pool_take(struct nima_http_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct connection *connection = pool->idle;
    if (connection != NULL) {
        pool->idle = connection->next;
        pool->idle_count--;
    }
    pthread_mutex_unlock(&pool->lock);
    if (connection == NULL) {
        connection = NIMA_XNEW(struct connection, 1);
        connection->easy = curl_easy_init();
        connection->multi = curl_multi_init();
        nima_assert(connection->easy != NULL && connection->multi != NULL);
    }
    return connection;
}

static void pool_give(struct nima_http_pool *pool, struct connection *connection)
{
    curl_easy_reset(connection->easy);
    pthread_mutex_lock(&pool->lock);
    bool keep = pool->idle_count < IDLE_MAX;
    if (keep) {
        connection->next = pool->idle;
        pool->idle = connection;
        pool->idle_count++;
    }
    pthread_mutex_unlock(&pool->lock);
    if (!keep) {
        connection_free(connection);
    }
}

static nima_rc end_event(struct transfer *transfer)
{
    if (transfer->data.len == 0) {
        return NIMA_OK;
    }
    nima_str data = nima_buf_view(&transfer->data);
    nima_rc rc =
        transfer->data.overflowed
            ? nima_fail(transfer->ctx, NIMA_E_MODEL, "the model server sent too long a line")
            : transfer->post->on_event(transfer->ctx, transfer->post->user, data);
    nima_buf_clear(&transfer->data);
    return rc;
}

/* A line of an event stream: data, the blank line that ends an event, or what we do not need. */
static nima_rc take_line(struct transfer *transfer, nima_str line)
{
    if (nima_str_ends(line, NIMA_STR("\r"))) {
        line.len--;
    }
    if (line.len == 0) {
        return end_event(transfer);
    }
    if (nima_str_starts(line, NIMA_STR("data:"))) {
        line = nima_str_sub(line, 5, line.len);
        if (nima_str_starts(line, NIMA_STR(" "))) {
            line = nima_str_sub(line, 1, line.len);
        }
        if (transfer->data.len > 0) {
            nima_buf_add_char(&transfer->data, '\n');
        }
        nima_buf_add(&transfer->data, line);
    }
    return NIMA_OK;
}

static nima_rc take_events(struct transfer *transfer, nima_str bytes)
{
    while (bytes.len > 0) {
        size_t end = nima_str_find(bytes, NIMA_STR("\n"), 0);
        if (end == SIZE_MAX) {
            nima_buf_add(&transfer->line, bytes);
            break;
        }
        nima_str line = nima_str_sub(bytes, 0, end);
        if (transfer->line.len > 0) {
            nima_buf_add(&transfer->line, line);
            line = nima_buf_view(&transfer->line);
        }
        NIMA_TRY(take_line(transfer, line));
        nima_buf_clear(&transfer->line);
        bytes = nima_str_sub(bytes, end + 1, bytes.len);
    }
    if (transfer->line.overflowed) {
        return nima_fail(transfer->ctx, NIMA_E_MODEL, "the model server sent too long a line");
    }
    return NIMA_OK;
}

static void look_at_head(struct transfer *transfer)
{
    char *type = NULL;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
    curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &type);
    transfer->events = transfer->status == 200 && transfer->post->on_event != NULL &&
                       nima_str_starts_nocase(nima_str_of(type), NIMA_STR("text/event-stream"));
}

static size_t on_bytes(char *ptr, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;
    nima_str bytes = {ptr, size * count};
    if (transfer->received == 0) {
        look_at_head(transfer);
    }
    transfer->received += bytes.len;
    transfer->last_byte_ms = nima_mono_ms();
    transfer->started = transfer->started || (transfer->status == 200 && bytes.len > 0);
    if (transfer->received > transfer->post->reply_bytes_max) {
        transfer->rc =
            nima_fail(transfer->ctx, NIMA_E_MODEL, "the model server's reply has no end");
    } else if (transfer->events) {
        transfer->rc = take_events(transfer, bytes);
    } else {
        nima_buf_add(&transfer->body, bytes);
        transfer->body_too_large = transfer->body.overflowed;
    }
    return transfer->rc == NIMA_OK ? bytes.len : 0;
}

static struct curl_slist *make_headers(const struct nima_http_pool *pool)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Accept: text/event-stream, application/json");
    headers = curl_slist_append(headers, "Expect:"); /* no waiting for 100 Continue */
    if (pool->api_key[0] != '\0') {
        struct nima_buf line;
        nima_buf_init(&line, 8192);
        nima_buf_fmt(&line, "Authorization: Bearer %s", pool->api_key);
        headers = curl_slist_append(headers, line.ptr);
        explicit_bzero(line.ptr, line.len);
        nima_buf_done(&line);
    }
    return headers;
}

static void set_up(const struct nima_http_pool *pool, struct transfer *transfer,
                   struct curl_slist *headers)
{
    CURL *easy = transfer->easy;
    const struct nima_http_post *post = transfer->post;
    char url[URL_BYTES_MAX + 64];
    snprintf(url, sizeof(url), "%s%s", pool->base_url, post->path);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, post->body.ptr);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "nima/" NIMA_VERSION);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    if (pool->loopback) {
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    }
}

/* Why the transfer must end though curl would go on. */
static nima_rc check_transfer(const struct nima_http_pool *pool, struct transfer *transfer)
{
    NIMA_TRY(nima_ctx_stopped(transfer->ctx));
    if (nima_mono_ms() - transfer->last_byte_ms > (int64_t)pool->timeout_s * 1000) {
        return nima_fail(transfer->ctx, NIMA_E_TIMEOUT, "the model server said nothing for %d s",
                         pool->timeout_s);
    }
    return NIMA_OK;
}

/* Runs it to its end. *code_out is curl's result; the return value is ours, when we ended it. */
static nima_rc perform(const struct nima_http_pool *pool, struct connection *connection,
                       struct transfer *transfer, CURLcode *code_out)
{
    int running = 1, left;
    nima_rc rc = NIMA_OK;
    CURLMcode multi_code = curl_multi_add_handle(connection->multi, connection->easy);
    while (multi_code == CURLM_OK && rc == NIMA_OK) {
        multi_code = curl_multi_perform(connection->multi, &running);
        if (running == 0 || multi_code != CURLM_OK) {
            break;
        }
        multi_code = curl_multi_poll(connection->multi, NULL, 0, TICK_MS, NULL);
        rc = check_transfer(pool, transfer);
    }
    *code_out = multi_code == CURLM_OK && running == 0 ? CURLE_OK : CURLE_ABORTED_BY_CALLBACK;
    CURLMsg *message = curl_multi_info_read(connection->multi, &left);
    if (message != NULL && message->msg == CURLMSG_DONE) {
        *code_out = message->data.result;
    }
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
    return transfer->rc != NIMA_OK ? transfer->rc : rc;
}

/* The upstream's own words, on one line, without the key. */
static nima_str upstream_message(struct nima_ctx *ctx, const struct nima_http_pool *pool,
                                 nima_str body)
{
    struct nima_ctx probe = {.arena = ctx->arena};
    const struct nima_json *root = NULL;
    nima_str text = {0};
    if (nima_json_parse(&probe, body, &root) == NIMA_OK) {
        const struct nima_json *error = nima_json_get(root, "error");
        text = nima_json_str(nima_json_get(error, "message"));
        text = text.ptr != NULL ? text : nima_json_str(error);
        text = text.ptr != NULL ? text : nima_json_str(nima_json_get(root, "message"));
        text = text.ptr != NULL ? text : nima_json_str(nima_json_get(root, "detail"));
    }
    text = nima_utf8_prefix(text.ptr != NULL ? text : NIMA_STR("no reason given"), 300);
    char *clean = nima_cstr(ctx, text);
    for (size_t i = 0; i < text.len; i++) {
        clean[i] = (unsigned char)clean[i] < ' ' ? ' ' : clean[i];
    }
    size_t key_len = strlen(pool->api_key);
    char *at = key_len > 0 ? clean : NULL;
    while (at != NULL && (at = strstr(at, pool->api_key)) != NULL) {
        memset(at, '*', key_len);
    }
    return nima_str_of(clean);
}

static int retry_after(const struct transfer *transfer)
{
    curl_off_t seconds = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &seconds);
    return seconds > 0 && seconds < 86400 ? (int)seconds : 0;
}

static nima_rc status_error(const struct nima_http_pool *pool, const struct transfer *transfer)
{
    struct nima_ctx *ctx = transfer->ctx;
    nima_str words = upstream_message(ctx, pool, nima_buf_view(&transfer->body));
    long status = transfer->status;
    if (status == 401 || status == 403) {
        return nima_fail(ctx, NIMA_E_MODEL,
                         "the model server refused the key (%ld: " NIMA_FMT
                         "): check NIMA_LLM_API_KEY",
                         status, NIMA_ARG(words));
    }
    if (status >= 300 && status < 400) {
        return nima_fail(ctx, NIMA_E_MODEL,
                         "%s sent us elsewhere (%ld): put the final address in NIMA_LLM",
                         pool->base_url, status);
    }
    nima_rc rc = status == 429 ? NIMA_E_RATE : status == 503 ? NIMA_E_BUSY : NIMA_E_MODEL;
    nima_fail(ctx, rc, "the model server answered %ld: " NIMA_FMT, status, NIMA_ARG(words));
    if (rc != NIMA_E_MODEL) {
        int seconds = retry_after(transfer);
        ctx->error.retry_after_s = seconds > 0 ? seconds : 1;
    }
    return rc;
}

static nima_rc curl_error(const struct nima_http_pool *pool, const struct transfer *transfer,
                          CURLcode code)
{
    struct nima_ctx *ctx = transfer->ctx;
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "cannot reach %s: is the server running?",
                         pool->base_url);
    case CURLE_OPERATION_TIMEDOUT:
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "cannot reach %s within %d s", pool->base_url,
                         CONNECT_TIMEOUT_MS / 1000);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "no safe connection to %s: %s", pool->base_url,
                         curl_easy_strerror(code));
    default:
        return nima_fail(ctx, NIMA_E_MODEL, "the connection to the model server broke off: %s",
                         curl_easy_strerror(code));
    }
}

/* One try. *again: nothing was received, and it may go better the next time. */
static nima_rc try_once(struct nima_ctx *ctx, struct nima_http_pool *pool,
                        const struct nima_http_post *post, nima_str *out, bool *again)
{
    struct connection *connection = pool_take(pool);
    struct transfer transfer = {
        .ctx = ctx, .post = post, .easy = connection->easy, .last_byte_ms = nima_mono_ms()};
    nima_buf_init(&transfer.body, post->reply_bytes_max);
    nima_buf_init(&transfer.line, LINE_BYTES_MAX);
    nima_buf_init(&transfer.data, LINE_BYTES_MAX);
    struct curl_slist *headers = make_headers(pool);
    set_up(pool, &transfer, headers);
    CURLcode code;
    *again = false;
    nima_rc rc = perform(pool, connection, &transfer, &code);
    if (rc == NIMA_OK && code != CURLE_OK) {
        *again = !transfer.started && code != CURLE_PEER_FAILED_VERIFICATION;
        rc = curl_error(pool, &transfer, code);
    } else if (rc == NIMA_OK && transfer.status != 200) {
        *again = (transfer.status == 429 || transfer.status >= 500) &&
                 retry_after(&transfer) <= RETRY_AFTER_MAX_S;
        rc = status_error(pool, &transfer);
    } else if (rc == NIMA_OK && transfer.events) {
        rc = end_event(&transfer);
    }
    if (rc == NIMA_OK) {
        rc = nima_buf_take(ctx, &transfer.body, out);
    }
    curl_multi_remove_handle(connection->multi, connection->easy);
    pool_give(pool, connection);
    curl_slist_free_all(headers);
    nima_buf_done(&transfer.body);
    nima_buf_done(&transfer.line);
    nima_buf_done(&transfer.data);
    return rc;
}

static nima_rc pause_for(struct nima_ctx *ctx, int64_t ms)
{
    int64_t until = nima_mono_ms() + ms;
    while (nima_mono_ms() < until) {
        NIMA_TRY(nima_ctx_stopped(ctx));
        struct timespec tick = {.tv_nsec = 10 * 1000000L};
        nanosleep(&tick, NULL);
    }
    return nima_ctx_stopped(ctx);
}

nima_rc nima_http_post(struct nima_ctx *ctx, struct nima_http_pool *pool,
                       const struct nima_http_post *post, nima_str *out)
{
    for (int tries = 1;; tries++) {
        bool again;
        nima_rc rc = try_once(ctx, pool, post, out, &again);
        if (rc == NIMA_OK || !again || tries == TRIES_MAX) {
            return rc;
        }
        struct nima_error error = ctx->error;
        /* Spread by up to a half, so that many callers do not come back at the same moment. */
        int64_t ms = (int64_t)PAUSE_FIRST_MS << (tries - 1);
        ms += nima_mono_us() % (ms / 2);
        int64_t asked = (int64_t)error.retry_after_s * 1000;
        ms = rc == NIMA_E_RATE && asked > ms ? asked : ms;
        NIMA_TRY(pause_for(ctx, ms));
    }
}
