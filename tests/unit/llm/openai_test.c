/* Against a small HTTP server of the test's own, on loopback: what servers do when they are well,
 * and what they do when they are not. */
#include "llm/support_llm.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/json.h"

struct server;
/* Answers one request; `tries` counts them from 1. */
typedef void (*answer_fn)(int fd, int tries);

struct server {
    int listener, port;
    _Atomic(answer_fn) answer;
    pthread_t thread;
    atomic_int tries;
    atomic_bool closing;
    char request[65536]; /* the last one */
};

/* False: the client has gone. */
static bool put(int fd, const char *text)
{
    for (size_t at = 0, len = strlen(text); at < len;) {
        ssize_t sent = send(fd, text + at, len - at, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        at += (size_t)sent;
    }
    return true;
}

static void pause_ms(int ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&pause, NULL);
}

/* Head and body of one request; false when the client has gone. */
static bool read_request(int fd, char *out, size_t room)
{
    size_t len = 0, need = SIZE_MAX;
    while (len < room - 1 && len < need) {
        ssize_t got = recv(fd, out + len, room - 1 - len, 0);
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        out[len] = '\0';
        const char *end = strstr(out, "\r\n\r\n"), *length = strstr(out, "Content-Length: ");
        if (end != NULL) {
            need = (size_t)(end - out) + 4 + (length != NULL ? strtoul(length + 16, NULL, 10) : 0);
        }
    }
    return true;
}

static void *serve(void *user)
{
    struct server *s = user;
    while (!atomic_load(&s->closing)) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0) {
            break;
        }
        if (read_request(fd, s->request, sizeof(s->request))) {
            s->answer(fd, atomic_fetch_add(&s->tries, 1) + 1);
        }
        shutdown(fd, SHUT_RDWR);
        close(fd);
    }
    return NULL;
}

static void server_open(struct server *s, answer_fn answer)
{
    *s = (struct server){0};
    atomic_store(&s->answer, answer);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_INT_EQ(bind(s->listener, (struct sockaddr *)&address, len), 0);
    ASSERT_INT_EQ(listen(s->listener, 16), 0);
    ASSERT_INT_EQ(getsockname(s->listener, (struct sockaddr *)&address, &len), 0);
    s->port = ntohs(address.sin_port);
    ASSERT_INT_EQ(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_close(struct server *s)
{
    atomic_store(&s->closing, true);
    shutdown(s->listener, SHUT_RDWR);
    close(s->listener);
    pthread_join(s->thread, NULL);
}

static void client_open(struct world *w, int port, int timeout_s)
{
    char address[100];
    snprintf(address, sizeof(address), "openai:http://127.0.0.1:%d/v1/#tiny", port);
    world_open(w, (struct nima_llm_options){.chat = nima_str_of(address),
                                            .embeddings = nima_str_of(address),
                                            .api_key = NIMA_STR("secret-key-123"),
                                            .timeout_s = timeout_s});
}

static nima_rc chat(struct world *w, const char *text, struct gathered *g,
                    struct nima_llm_reply *reply)
{
    struct nima_llm_message message;
    struct nima_llm_request request = ask(&message, text, 50);
    return nima_llm_generate(&w->ctx, w->llm, &request, g != NULL ? gather : NULL, g, reply);
}

/* One call against one kind of answer: rc, and a word of the message. */
static void expect(answer_fn answer, nima_rc rc, const char *word, int tries)
{
    struct server s;
    struct world w;
    struct nima_llm_reply reply;
    server_open(&s, answer);
    client_open(&w, s.port, 1);
    ASSERT_RC(rc, chat(&w, "hello", NULL, &reply));
    if (rc != NIMA_OK && strstr(w.ctx.error.message, word) == NULL) {
        fail_msg("no \"%s\" in: %s", word, w.ctx.error.message);
    }
    ASSERT_TRUE(strstr(w.ctx.error.message, "secret-key") == NULL);
    if (tries > 0) {
        ASSERT_INT_EQ(atomic_load(&s.tries), tries);
    }
    world_close(&w);
    server_close(&s);
}

#define SSE_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define JSON_HEAD(status)                                                                          \
    "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n"
#define DELTA(text) "data: {\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define FINISH(why) "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"" why "\"}]}\n\n"

static void answer_well(int fd, int tries)
{
    (void)tries;
    put(fd, SSE_HEAD
        ": a comment\n\n"
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\r\n\r\n");
    put(fd, DELTA("Hello") DELTA(" wor") DELTA("ld \\ud83d\\ude42") FINISH("stop"));
    put(fd, "event: usage\nid: 7\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,"
            "\"completion_tokens\":4,\"prompt_tokens_details\":{\"cached_tokens\":8}}}\n\n"
            "data: [DONE]\n\n");
}

TEST(a_stream_is_read_and_the_request_says_what_was_asked)
{
    struct server s;
    struct world w;
    struct gathered g;
    struct nima_llm_reply reply;
    server_open(&s, answer_well);
    client_open(&w, s.port, 5);
    gathered_init(&g);
    struct nima_llm_message messages[] = {{NIMA_STR("system"), NIMA_STR("Be \"kind\".\n")},
                                          {NIMA_STR("user"), NIMA_STR("hi")}};
    nima_str stop = NIMA_STR("END");
    struct nima_llm_request request = {.messages = messages,
                                       .count = 2,
                                       .max_tokens = 9,
                                       .temperature = 0.5,
                                       .top_p = 0.9,
                                       .has_seed = true,
                                       .seed = 3,
                                       .stops = &stop,
                                       .stop_count = 1,
                                       .json_schema = NIMA_STR("{\"type\":\"object\"}")};
    ASSERT_OK_CTX(&w.ctx, nima_llm_generate(&w.ctx, w.llm, &request, gather, &g, &reply));
    ASSERT_STR_EQ(reply.text, "Hello world \xf0\x9f\x99\x82");
    ASSERT_TRUE(nima_str_eq(nima_buf_view(&g.text), reply.text) && !g.broken);
    ASSERT_INT_EQ(g.pieces, 3);
    ASSERT_INT_EQ(reply.prompt_tokens, 11);
    ASSERT_INT_EQ(reply.completion_tokens, 4);
    ASSERT_INT_EQ(reply.cached_tokens, 8);
    ASSERT_INT_EQ(reply.finish, NIMA_FINISH_STOP);
    const char *sent = s.request;
    ASSERT_TRUE(strncmp(sent, "POST /v1/chat/completions HTTP/1.1", 34) == 0);
    ASSERT_TRUE(strstr(sent, "Authorization: Bearer secret-key-123") != NULL);
    const struct nima_json *body;
    ASSERT_OK_CTX(&w.ctx,
                  nima_json_parse(&w.ctx, nima_str_of(strstr(sent, "\r\n\r\n") + 4), &body));
    ASSERT_STR_EQ(nima_json_str(nima_json_get(body, "model")), "tiny");
    ASSERT_INT_EQ(nima_json_count(nima_json_get(body, "messages")), 2);
    ASSERT_TRUE(nima_json_bool(nima_json_get(body, "stream"), false));
    ASSERT_NEAR(nima_json_num(nima_json_get(body, "temperature"), 0), 0.5, 1e-9);
    ASSERT_NEAR(nima_json_num(nima_json_get(body, "max_tokens"), 0), 9, 0);
    ASSERT_INT_EQ(nima_json_count(nima_json_get(body, "stop")), 1);
    ASSERT_STR_EQ(nima_json_str(nima_json_get(nima_json_get(body, "response_format"), "type")),
                  "json_schema");
    gathered_done(&g);
    world_close(&w);
    server_close(&s);
}

static void answer_byte_by_byte(int fd, int tries)
{
    (void)tries;
    put(fd, SSE_HEAD);
    const char *text = DELTA("\xc3\xa9\xf0\x9f\x99\x82!") FINISH("length") "data: [DONE]\n\n";
    for (char one[2] = ""; *text != '\0'; text++) {
        one[0] = *text;
        put(fd, one);
        pause_ms(1);
    }
}

TEST(frames_split_anywhere_are_put_together)
{
    struct server s;
    struct world w;
    struct nima_llm_reply reply;
    server_open(&s, answer_byte_by_byte);
    client_open(&w, s.port, 5);
    ASSERT_OK_CTX(&w.ctx, chat(&w, "x", NULL, &reply));
    ASSERT_STR_EQ(reply.text, "\xc3\xa9\xf0\x9f\x99\x82!");
    ASSERT_INT_EQ(reply.finish, NIMA_FINISH_LENGTH);
    world_close(&w);
    server_close(&s);
}

static void answer_whole(int fd, int tries)
{
    (void)tries;
    put(fd, JSON_HEAD("200 OK") "\r\n{\"choices\":[{\"message\":{\"content\":\"no stream\"},"
                                "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":2,"
                                "\"completion_tokens\":2}}");
}

TEST(a_server_that_does_not_stream_is_understood)
{
    struct server s;
    struct world w;
    struct nima_llm_reply reply;
    server_open(&s, answer_whole);
    client_open(&w, s.port, 5);
    ASSERT_OK_CTX(&w.ctx, chat(&w, "x", NULL, &reply));
    ASSERT_STR_EQ(reply.text, "no stream");
    world_close(&w);
    server_close(&s);
}

static void answer_past_stop(int fd, int tries)
{
    (void)tries;
    put(fd, SSE_HEAD DELTA("one ST"));
    pause_ms(20);
    put(fd, DELTA("OP two"));
    pause_ms(2000); /* nobody waits for this */
}

TEST(a_stop_string_that_the_server_lets_pass_ends_the_reply)
{
    struct server s;
    struct world w;
    struct nima_llm_reply reply;
    server_open(&s, answer_past_stop);
    client_open(&w, s.port, 5);
    struct nima_llm_message message;
    struct nima_llm_request request = ask(&message, "x", 9);
    nima_str stop = NIMA_STR("STOP");
    request.stops = &stop;
    request.stop_count = 1;
    int64_t before = nima_mono_ms();
    ASSERT_OK_CTX(&w.ctx, nima_llm_generate(&w.ctx, w.llm, &request, NULL, NULL, &reply));
    ASSERT_STR_EQ(reply.text, "one ");
    ASSERT_TRUE(nima_mono_ms() - before < 1500);
    world_close(&w);
    server_close(&s);
}

static void answer_429_then_well(int fd, int tries)
{
    if (tries == 1) {
        put(fd, JSON_HEAD("429 Too Many Requests") "Retry-After: 1\r\n\r\n{}");
        return;
    }
    answer_well(fd, tries);
}

static void answer_429(int fd, int tries)
{
    (void)tries;
    put(fd, JSON_HEAD("429 Too Many Requests") "Retry-After: 30\r\n\r\n"
                                               "{\"error\":{\"message\":\"slow down\"}}");
}

static void answer_500(int fd, int tries)
{
    (void)tries;
    put(fd, JSON_HEAD("500 Oops") "\r\n{\"error\":{\"message\":\"out of\\nmemory\"}}");
}

static void answer_503(int fd, int tries)
{
    (void)tries;
    put(fd, JSON_HEAD("503 Loading") "Retry-After: 20\r\n\r\n{\"error\":\"loading model\"}");
}

TEST(what_may_pass_is_tried_again)
{
    expect(answer_429_then_well, NIMA_OK, "", 2);
    expect(answer_500, NIMA_E_MODEL, "500: out of memory", 3);
}

TEST(a_wait_that_is_too_long_is_the_clients)
{
    struct server s;
    struct world w;
    struct nima_llm_reply reply;
    server_open(&s, answer_429);
    client_open(&w, s.port, 5);
    ASSERT_RC(NIMA_E_RATE, chat(&w, "x", NULL, &reply));
    ASSERT_INT_EQ(w.ctx.error.retry_after_s, 30);
    ASSERT_TRUE(strstr(w.ctx.error.message, "slow down") != NULL);
    s.answer = answer_503;
    ASSERT_RC(NIMA_E_BUSY, chat(&w, "x", NULL, &reply));
    ASSERT_INT_EQ(w.ctx.error.retry_after_s, 20);
    world_close(&w);
    server_close(&s);
}

static void answer_401(int fd, int tries)
{
    (void)tries;
    put(fd, JSON_HEAD("401 No") "\r\n{\"error\":{\"message\":\"bad key secret-key-123!\"}}");
}

static void answer_400(int fd, int tries)
{
    (void)tries;
    put(fd, JSON_HEAD("400 Bad") "\r\n{\"detail\":\"no such model\"}");
}

static void answer_redirect(int fd, int tries)
{
    (void)tries;
    put(fd, JSON_HEAD("302 Found") "Location: http://127.0.0.1:1/\r\n\r\n");
}

static void answer_garbage(int fd, int tries)
{
    (void)tries;
    put(fd, SSE_HEAD "data: <html>\n\n");
}

static void answer_no_http(int fd, int tries)
{
    (void)tries;
    put(fd, "SSH-2.0-OpenSSH_9.2\r\n");
}

static void answer_cut(int fd, int tries)
{
    (void)tries;
    put(fd, SSE_HEAD DELTA("half a sen"));
}

static void answer_error_inside(int fd, int tries)
{
    (void)tries;
    put(fd, SSE_HEAD DELTA("so far") "data: {\"error\":{\"message\":\"context is full\"}}\n\n");
}

static void answer_silence(int fd, int tries)
{
    (void)fd;
    (void)tries;
    pause_ms(3000);
}

TEST(errors_say_what_the_server_said_and_never_the_key)
{
    expect(answer_401, NIMA_E_MODEL, "NIMA_LLM_API_KEY", 1);
    expect(answer_400, NIMA_E_MODEL, "no such model", 1);
    expect(answer_redirect, NIMA_E_MODEL, "elsewhere", 1);
    expect(answer_garbage, NIMA_E_MODEL, "no JSON", 1);
    expect(answer_no_http, NIMA_E_MODEL, "broke off", 0);
    expect(answer_cut, NIMA_E_MODEL, "middle of a reply", 1);
    expect(answer_error_inside, NIMA_E_MODEL, "context is full", 1);
}

TEST(a_silent_server_times_out)
{
    int64_t before = nima_mono_ms();
    struct server s;
    struct world w;
    struct nima_llm_reply reply;
    server_open(&s, answer_silence);
    client_open(&w, s.port, 1);
    ASSERT_RC(NIMA_E_TIMEOUT, chat(&w, "x", NULL, &reply));
    ASSERT_TRUE(nima_mono_ms() - before < 2500);
    world_close(&w);
    server_close(&s);
}

static void answer_slowly(int fd, int tries)
{
    (void)tries;
    put(fd, SSE_HEAD);
    for (int i = 0; i < 60 && put(fd, DELTA("drip ")); i++) {
        pause_ms(50);
    }
}

TEST(a_client_who_leaves_ends_the_call_and_keeps_what_there_was)
{
    struct server s;
    struct world w;
    struct gathered g;
    struct nima_llm_reply reply;
    server_open(&s, answer_slowly);
    client_open(&w, s.port, 5);
    gathered_init(&g);
    g.stop_after = 3;
    int64_t before = nima_mono_ms();
    ASSERT_RC(NIMA_E_CANCELLED, chat(&w, "x", &g, &reply));
    ASSERT_STR_EQ(reply.text, "drip drip drip ");
    ASSERT_INT_EQ(reply.finish, NIMA_FINISH_CANCELLED);
    g.pieces = 0;
    g.cancel = &w.cancelled;
    ASSERT_RC(NIMA_E_CANCELLED, chat(&w, "x", &g, &reply));
    ASSERT_TRUE(nima_mono_ms() - before < 9000);
    atomic_store(&w.cancelled, false);
    w.ctx.deadline_ms = nima_mono_ms() + 300;
    ASSERT_RC(NIMA_E_TIMEOUT, chat(&w, "x", NULL, &reply));
    ASSERT_TRUE(reply.text.len > 0);
    gathered_done(&g);
    world_close(&w);
    server_close(&s);
}

static void answer_endless_line(int fd, int tries)
{
    (void)tries;
    static char block[65537];
    memset(block, 'x', sizeof(block) - 1);
    put(fd, SSE_HEAD "data: ");
    for (int i = 0; i < 200; i++) {
        put(fd, block);
    }
}

static void answer_endless_error(int fd, int tries)
{
    (void)tries;
    put(fd, JSON_HEAD("400 Bad") "\r\n");
    static char block[65537];
    memset(block, 'x', sizeof(block) - 1);
    for (int i = 0; i < 2000; i++) {
        put(fd, block);
    }
}

TEST(what_has_no_end_is_cut_off)
{
    expect(answer_endless_line, NIMA_E_MODEL, "too long a line", 1);
    expect(answer_endless_error, NIMA_E_MODEL, "no end", 1);
}

TEST(nobody_there_is_unavailable_with_the_address)
{
    struct server s;
    struct world w;
    struct nima_llm_reply reply;
    server_open(&s, answer_well);
    client_open(&w, s.port, 1);
    server_close(&s);
    ASSERT_RC(NIMA_E_UNAVAILABLE, chat(&w, "x", NULL, &reply));
    ASSERT_TRUE(strstr(w.ctx.error.message, "cannot reach http://127.0.0.1:") != NULL);
    world_close(&w);
}

static void answer_vectors(int fd, int tries)
{
    (void)tries;
    put(fd, JSON_HEAD("200 OK") "\r\n{\"data\":[{\"index\":1,\"embedding\":[0,5]},"
                                "{\"index\":0,\"embedding\":[3,4]}]}");
}

static void answer_one_vector(int fd, int tries)
{
    (void)tries;
    put(fd, JSON_HEAD("200 OK") "\r\n{\"data\":[{\"index\":0,\"embedding\":[3]}]}");
}

static void answer_odd_vectors(int fd, int tries)
{
    (void)tries;
    put(fd, JSON_HEAD("200 OK") "\r\n{\"data\":[{\"index\":0,\"embedding\":[1,2]},"
                                "{\"index\":9,\"embedding\":[\"x\",2]}]}");
}

TEST(embeddings_come_in_order_and_of_unit_length)
{
    struct server s;
    struct world w;
    struct nima_vectors v;
    nima_str texts[] = {NIMA_STR("a"), NIMA_STR("")};
    server_open(&s, answer_vectors);
    client_open(&w, s.port, 5);
    ASSERT_OK_CTX(&w.ctx, nima_llm_embed(&w.ctx, w.llm, texts, 2, &v));
    ASSERT_INT_EQ(v.dims, 2);
    ASSERT_NEAR(v.items[0], 0.6, 1e-6);
    ASSERT_NEAR(v.items[1], 0.8, 1e-6);
    ASSERT_NEAR(v.items[3], 1, 1e-6);
    ASSERT_TRUE(strncmp(s.request, "POST /v1/embeddings ", 20) == 0);
    /* Seen before: the server is not asked again. */
    int tries = atomic_load(&s.tries);
    ASSERT_OK(nima_llm_embed(&w.ctx, w.llm, texts, 2, &v));
    ASSERT_INT_EQ(atomic_load(&s.tries), tries);
    struct nima_llm_state now;
    nima_llm_state(w.llm, &now);
    ASSERT_INT_EQ(now.embedding_dims, 2);
    nima_str others[] = {NIMA_STR("c"), NIMA_STR("d")};
    s.answer = answer_one_vector;
    ASSERT_RC(NIMA_E_MODEL, nima_llm_embed(&w.ctx, w.llm, others, 2, &v));
    s.answer = answer_odd_vectors;
    ASSERT_RC(NIMA_E_MODEL, nima_llm_embed(&w.ctx, w.llm, others, 2, &v));
    /* Another model behind the same name. */
    s.answer = answer_one_vector;
    ASSERT_RC(NIMA_E_MODEL,
              nima_llm_embed(&w.ctx, w.llm, (nima_str[]){texts[0], others[0]}, 2, &v));
    world_close(&w);
    server_close(&s);
}

TEST(keys_and_addresses_are_checked_at_the_door)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_llm *llm;
    struct nima_llm_options options = {.chat = NIMA_STR("openai:http://127.0.0.1:1/v1#m"),
                                       .api_key = NIMA_STR("two\r\nX-Evil: 1")};
    ASSERT_RC(NIMA_E_INVALID, nima_llm_open(&ctx, &options, &llm));
    ASSERT_STR_EQ(nima_str_of(ctx.error.field), "api_key");
    nima_ctx_done(&ctx);
}

TEST_MAIN
