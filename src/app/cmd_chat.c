/*
 * nima chat: talk in the terminal. With a message or with standard input that is no terminal it is
 * one question and one answer, the answer alone on standard output; else a loop.
 * nima_cmd_chat leaves SIGPIPE as it is: `nima chat … | head -1` then ends without a word.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/chat.h"
#include "app/client.h"
#include "util/buf.h"
#include "util/json.h"

enum { INPUT_BYTES_MAX = 4 << 20, HEALTH_MS = 5000, PORT_DEFAULT = 8002 };

struct chat {
    nima_str url, token;
    nima_str conversation; /* on the heap of `keep`: it outlives a turn's ctx */
    struct nima_ctx *keep;
    nima_str message; /* absent: from standard input */
    bool terminal;    /* standard output is one: control signs are taken out of replies */
    bool colors;
    bool at_line_start;
};

/* Set by Ctrl-C: a handler can reach nothing but a global. */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static bool was_interrupted(void)
{
    return interrupted != 0;
}

static const char *dim(const struct chat *chat)
{
    return chat->colors ? "\033[2m" : "";
}

static const char *plain(const struct chat *chat)
{
    return chat->colors ? "\033[0m" : "";
}

/* Writes text; in a terminal without control signs, so that no reply can move the cursor, set the
 * clipboard or rename the window. Characters are never cut: only whole ones are left out. */
static bool put_text(struct chat *chat, nima_str text)
{
    if (!chat->terminal) {
        return fwrite(text.ptr, 1, text.len, stdout) == text.len;
    }
    for (size_t at = 0; at < text.len;) {
        uint32_t code;
        int bytes = nima_utf8_decode(text, at, &code);
        if (bytes == 0) {
            at++;
            continue;
        }
        bool control =
            (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7f && code < 0xa0);
        if (!control) {
            fwrite(text.ptr + at, 1, (size_t)bytes, stdout);
        }
        at += (size_t)bytes;
    }
    return ferror(stdout) == 0;
}

static bool on_text(void *user, nima_str piece)
{
    struct chat *chat = user;
    chat->at_line_start = piece.ptr[piece.len - 1] == '\n';
    return put_text(chat, piece) && fflush(stdout) == 0;
}

static void end_line(struct chat *chat)
{
    if (!chat->at_line_start) {
        fputc('\n', stdout);
        chat->at_line_start = true;
    }
    fflush(stdout);
}

static void show_remembered(struct chat *chat, const struct nima_chat_reply *reply)
{
    for (size_t i = 0; i < reply->count; i++) {
        const struct nima_chat_fact *fact = &reply->remembered[i];
        if (nima_str_eq(fact->event, NIMA_STR("unchanged"))) {
            continue;
        }
        bool added = nima_str_eq(fact->event, NIMA_STR("added"));
        nima_str what = added ? NIMA_STR("remembered") : fact->event;
        printf("%s  " NIMA_FMT ": ", dim(chat), NIMA_ARG(what));
        put_text(chat, fact->fact);
        printf("%s\n", plain(chat));
    }
}

static nima_rc say(struct nima_ctx *ctx, struct chat *chat, nima_str message,
                   struct nima_chat_reply *reply)
{
    struct nima_chat_turn turn = {.url = chat->url,
                                  .token = chat->token,
                                  .message = message,
                                  .conversation = chat->conversation,
                                  .stopped = was_interrupted,
                                  .on_text = on_text,
                                  .user = chat};
    *reply = (struct nima_chat_reply){0};
    chat->at_line_start = true;
    nima_rc rc = nima_chat_turn(ctx, &turn, reply);
    end_line(chat);
    return rc;
}

static int once(struct nima_ctx *ctx, struct chat *chat, nima_str message)
{
    struct nima_chat_reply reply;
    nima_rc rc = say(ctx, chat, message, &reply);
    if (ferror(stdout) != 0) {
        return NIMA_EXIT_FAILED; /* the reader left: nothing to tell */
    }
    return rc == NIMA_OK ? NIMA_EXIT_DONE : nima_command_fail(ctx, rc);
}

/* All of standard input is the message. */
static int from_pipe(struct nima_ctx *ctx, struct chat *chat)
{
    struct nima_buf input;
    nima_buf_init(&input, INPUT_BYTES_MAX);
    char piece[4096];
    size_t got;
    while (!input.overflowed && (got = fread(piece, 1, sizeof(piece), stdin)) > 0) {
        nima_buf_add(&input, (nima_str){piece, got});
    }
    nima_str text;
    nima_rc rc = nima_buf_take(ctx, &input, &text);
    nima_buf_done(&input);
    if (rc != NIMA_OK) {
        fprintf(stderr, "nima: standard input is over %d MiB\n", INPUT_BYTES_MAX >> 20);
        return NIMA_EXIT_FAILED;
    }
    text = nima_str_trim(text);
    return text.len > 0 ? once(ctx, chat, text) : nima_command_usage("chat");
}

/* Interactive */

/* Whether the server is there, and its greeting. */
static int greet(struct nima_ctx *ctx, struct chat *chat)
{
    struct nima_client_call call = {.url = nima_fmt(ctx, NIMA_FMT "/health", NIMA_ARG(chat->url)),
                                    .total_ms = HEALTH_MS};
    struct nima_client_reply reply;
    nima_rc rc = nima_client_run(ctx, &call, &reply);
    if (rc == NIMA_E_INVALID) {
        return nima_command_fail(ctx, rc);
    }
    if (rc != NIMA_OK) {
        fprintf(stderr, "nima: no server at " NIMA_FMT "; start it with: make run\n",
                NIMA_ARG(chat->url));
        return NIMA_EXIT_FAILED;
    }
    const struct nima_json *health;
    rc = nima_json_parse(ctx, reply.body, &health);
    nima_str version =
        rc == NIMA_OK ? nima_json_str(nima_json_get(health, "version")) : (nima_str){NULL, 0};
    if (version.len == 0) {
        fprintf(stderr, "nima: what answers at " NIMA_FMT " is no Nima\n", NIMA_ARG(chat->url));
        return NIMA_EXIT_FAILED;
    }
    printf("Nima " NIMA_FMT " at " NIMA_FMT ". /help lists the commands, Ctrl-D leaves.\n",
           NIMA_ARG(version), NIMA_ARG(chat->url));
    if (!nima_json_bool(nima_json_get(health, "model_loaded"), true)) {
        nima_str problem = nima_json_str(nima_json_get(health, "problem"));
        printf("%s" NIMA_FMT "%s\n", dim(chat),
               NIMA_ARG(problem.len > 0 ? problem : NIMA_STR("The model is still loading.")),
               plain(chat));
    }
    return NIMA_EXIT_DONE;
}

static void help(void)
{
    puts("  /new             begin a new conversation\n"
         "  /remember TEXT   keep TEXT as a fact about you\n"
         "  /forget TEXT     forget what says TEXT\n"
         "  /quit            leave (Ctrl-D too)\n"
         "  Ctrl-C           stop the reply that is being written\n"
         "  A line that ends in \\ goes on in the next one.");
}

/* A line, with those that follow a trailing backslash. False at the end of the input. *out is
 * absent when Ctrl-C was pressed. */
static bool read_message(struct nima_ctx *ctx, struct chat *chat, nima_str *out)
{
    nima_str message = NIMA_STR("");
    char *line = NULL;
    size_t room = 0;
    bool more = true, open = true;
    while (more && open) {
        printf("%s%s%s", chat->colors ? "\033[1m" : "", message.len > 0 ? ". " : "> ", plain(chat));
        fflush(stdout);
        errno = 0;
        ssize_t length = getline(&line, &room, stdin);
        if (length < 0) {
            open = errno == EINTR && interrupted;
            message = (nima_str){NULL, 0};
            clearerr(stdin);
            break;
        }
        nima_str got = nima_str_trim((nima_str){line, (size_t)length});
        more = nima_str_ends(got, NIMA_STR("\\"));
        message = nima_fmt(ctx, NIMA_FMT NIMA_FMT "%s", NIMA_ARG(message),
                           NIMA_ARG(nima_str_sub(got, 0, got.len - more)), more ? "\n" : "");
    }
    free(line);
    *out = message;
    return open;
}

static bool is_command(nima_str text)
{
    if (!nima_str_starts(text, NIMA_STR("/"))) {
        return false;
    }
    size_t end = nima_str_find(text, NIMA_STR(" "), 0);
    nima_str word = nima_str_sub(text, 1, end);
    return nima_str_find(word, NIMA_STR("/"), 0) == SIZE_MAX &&
           !nima_str_eq(word, NIMA_STR("remember")) && !nima_str_eq(word, NIMA_STR("forget"));
}

static void keep_conversation(struct chat *chat, nima_str id)
{
    if (id.len > 0 && !nima_str_eq(id, chat->conversation)) {
        chat->conversation = nima_str_copy(chat->keep->arena, id);
    }
}

static void converse(struct nima_ctx *ctx, struct chat *chat, nima_str message)
{
    struct nima_chat_reply reply;
    interrupted = 0;
    nima_rc rc = say(ctx, chat, message, &reply);
    keep_conversation(chat, reply.conversation);
    if (rc == NIMA_E_CANCELLED) {
        printf("%s  stopped%s\n", dim(chat), plain(chat));
    } else if (rc != NIMA_OK) {
        nima_command_fail(ctx, rc);
    }
    show_remembered(chat, &reply);
}

/* True when it is time to leave. */
static bool obey(struct chat *chat, nima_str text)
{
    if (nima_str_eq(text, NIMA_STR("/quit")) || nima_str_eq(text, NIMA_STR("/exit"))) {
        return true;
    }
    if (nima_str_eq(text, NIMA_STR("/new"))) {
        chat->conversation = (nima_str){NULL, 0};
        puts("A new conversation; what I know of you stays.");
    } else {
        if (!nima_str_eq(text, NIMA_STR("/help"))) {
            printf("There is no command " NIMA_FMT ":\n", NIMA_ARG(nima_utf8_prefix(text, 60)));
        }
        help();
    }
    return false;
}

static int loop(struct chat *chat)
{
    struct sigaction action = {.sa_handler = on_interrupt}; /* no SA_RESTART: it ends a read */
    sigaction(SIGINT, &action, NULL);
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    int code = greet(&ctx, chat);
    bool leave = code != NIMA_EXIT_DONE;
    while (!leave && ferror(stdout) == 0) {
        nima_ctx_reset(&ctx);
        nima_str text;
        interrupted = 0;
        if (!read_message(&ctx, chat, &text)) {
            putchar('\n');
            break;
        }
        text = nima_str_trim(text);
        if (text.ptr == NULL) {
            printf("\n%sCtrl-D or /quit leaves.%s\n", dim(chat), plain(chat));
        } else if (is_command(text)) {
            leave = obey(chat, text);
        } else if (text.len > 0) {
            converse(&ctx, chat, text);
        }
    }
    nima_ctx_done(&ctx);
    return code;
}

/* The command's words */

static nima_rc default_url(struct nima_ctx *ctx, nima_str *out)
{
    nima_str port = nima_str_of(getenv("NIMA_PORT"));
    int64_t number = PORT_DEFAULT;
    if (port.len > 0 && (!nima_str_to_i64(port, &number) || number < 1 || number > 65535)) {
        return nima_fail(ctx, NIMA_E_INVALID, "NIMA_PORT must be a whole number from 1 to 65535");
    }
    *out = nima_client_url(ctx, nima_str_of(getenv("NIMA_HOST")), (int)number);
    return NIMA_OK;
}

static nima_rc take_flag(struct nima_ctx *ctx, struct chat *chat, int argc, char **argv, int *at)
{
    nima_str word = nima_str_of(argv[*at]);
    size_t equals = nima_str_find(word, NIMA_STR("="), 0);
    nima_str flag = nima_str_sub(word, 0, equals);
    nima_str *to = nima_str_eq(flag, NIMA_STR("--url"))            ? &chat->url
                   : nima_str_eq(flag, NIMA_STR("--conversation")) ? &chat->conversation
                                                                   : NULL;
    if (to == NULL) {
        return nima_fail(ctx, NIMA_E_INVALID, "there is no flag " NIMA_FMT "; see nima chat --help",
                         NIMA_ARG(flag));
    }
    if (equals != SIZE_MAX) {
        *to = nima_str_sub(word, equals + 1, word.len);
    } else if (*at + 1 < argc) {
        *to = nima_str_of(argv[++*at]);
    }
    if (to->len == 0) {
        return nima_fail(ctx, NIMA_E_INVALID, NIMA_FMT " needs a value", NIMA_ARG(flag));
    }
    return NIMA_OK;
}

static nima_rc read_words(struct nima_ctx *ctx, struct chat *chat, int argc, char **argv)
{
    bool flags = true;
    for (int i = 0; i < argc; i++) {
        nima_str word = nima_str_of(argv[i]);
        if (flags && nima_str_eq(word, NIMA_STR("--"))) {
            flags = false;
        } else if (flags && nima_str_starts(word, NIMA_STR("--"))) {
            NIMA_TRY(take_flag(ctx, chat, argc, argv, &i));
        } else if (chat->message.ptr == NULL) {
            chat->message = word;
        } else {
            chat->message =
                nima_fmt(ctx, NIMA_FMT " " NIMA_FMT, NIMA_ARG(chat->message), NIMA_ARG(word));
        }
    }
    if (chat->url.ptr == NULL) {
        NIMA_TRY(default_url(ctx, &chat->url));
    }
    while (nima_str_ends(chat->url, NIMA_STR("/"))) {
        chat->url.len--;
    }
    return NIMA_OK;
}

int nima_cmd_chat(int argc, char **argv)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool terminal = isatty(STDOUT_FILENO) != 0;
    bool dumb = term == NULL || strcmp(term, "dumb") == 0;
    struct chat chat = {.keep = &ctx,
                        .token = nima_str_of(getenv("NIMA_API_TOKEN")),
                        .terminal = terminal,
                        .colors = terminal && !dumb && (no_color == NULL || no_color[0] == '\0')};
    nima_rc rc = read_words(&ctx, &chat, argc, argv);
    int code;
    if (rc != NIMA_OK) {
        code = nima_command_fail(&ctx, rc);
    } else if (chat.message.ptr != NULL) {
        nima_str text = nima_str_trim(chat.message);
        code = text.len > 0 ? once(&ctx, &chat, text) : nima_command_usage("chat");
    } else {
        code = isatty(STDIN_FILENO) ? loop(&chat) : from_pipe(&ctx, &chat);
    }
    nima_ctx_done(&ctx);
    return code;
}
