#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"
#include "util/json.h"
#include "util/log.h"

static char captured[20000];

/* Standard error of what `say` does, in `captured`. */
static void capture(void (*say)(void))
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int before = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    say();
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(file);
    size_t got = fread(captured, 1, sizeof(captured) - 1, file);
    captured[got] = '\0';
    fclose(file);
}

static void say_hello(void)
{
    nima_log_info("hello %d", 7);
    nima_log_debug("not seen");
}

TEST(a_line_has_time_level_and_text_and_quiet_levels_are_left_out)
{
    capture(say_hello);
    assert_non_null(strstr(captured, "Z info  hello 7\n"));
    assert_null(strstr(captured, "not seen"));
    assert_ptr_equal(strchr(captured, '\n'), captured + strlen(captured) - 1);
}

static void say_evil(void)
{
    nima_log_warn("a\nb\rc\x1B[31md\te\x7F \xC2\x9B 5m \"q\" \\ \xFF\xC3;");
}

TEST(nothing_in_a_text_can_end_the_line_or_reach_the_terminal)
{
    capture(say_evil);
    assert_non_null(strstr(captured, "warn  a b c [31md e    5m \"q\" \\ ??;\n"));
}

static nima_str only_line(void)
{
    return nima_str_trim(nima_str_of(captured));
}

static void assert_json_line(struct nima_ctx *ctx, const char *level, const char *msg)
{
    const struct nima_json *line;
    ASSERT_OK_CTX(ctx, nima_json_parse(ctx, only_line(), &line));
    ASSERT_STR_EQ(nima_json_str(nima_json_get(line, "level")), level);
    if (msg != NULL) {
        ASSERT_STR_EQ(nima_json_str(nima_json_get(line, "msg")), msg);
    }
    assert_int_equal(nima_json_str(nima_json_get(line, "time")).len, 24);
}

TEST(a_line_of_json_is_json_whatever_the_text)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_log_set_json(true);
    capture(say_evil);
    nima_log_set_json(false);
    assert_json_line(&ctx, "warn", "a b c [31md e    5m \"q\" \\ ??;");
    nima_ctx_done(&ctx);
}

static size_t long_shift;

static void say_long(void)
{
    char text[6000] = "";
    memset(text, '"', long_shift);
    for (size_t at = long_shift; at + 4 < sizeof(text); at += 4) {
        memcpy(text + at, "🎉", 5);
    }
    nima_log_error("%s", text);
}

TEST(a_long_text_is_cut_between_characters)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_log_set_json(true);
    static const size_t shifts[] = {0, 1, 2, 3, 1500, 5990};
    for (size_t i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
        long_shift = shifts[i];
        capture(say_long);
        assert_json_line(&ctx, "error", NULL);
    }
    nima_log_set_json(false);
    nima_ctx_done(&ctx);
}

static void say_quietly(void)
{
    nima_log_set_level(NIMA_LOG_ERROR);
    nima_log_warn("not seen");
    nima_log_error("seen");
    nima_log_set_level(NIMA_LOG_INFO);
}

TEST(the_level_can_be_raised)
{
    capture(say_quietly);
    assert_null(strstr(captured, "not seen"));
    assert_non_null(strstr(captured, "error seen"));
}

TEST(levels_have_names)
{
    enum nima_log_level level = NIMA_LOG_INFO;
    assert_true(nima_log_level_of("debug", &level));
    assert_int_equal(level, NIMA_LOG_DEBUG);
    assert_true(nima_log_level_of("error", &level));
    assert_int_equal(level, NIMA_LOG_ERROR);
    assert_false(nima_log_level_of("loud", &level));
    assert_int_equal(level, NIMA_LOG_ERROR);
}

TEST_MAIN
