#include <string.h>

#include "personality/filter.h"
#include "personality/support_personality.h"
#include "util/buf.h"
#include "util/file.h"

/* What the rules make of a text, in one piece. */
static nima_str filtered(struct nima_ctx *ctx, nima_str text)
{
    struct nima_filter *filter = nima_filter_new(NULL);
    nima_filter_add(filter, text);
    nima_filter_end(filter);
    nima_str out = nima_str_copy(ctx->arena, nima_filter_take(filter));
    nima_filter_free(filter);
    return out;
}

static const struct {
    const char *before, *after;
} cases[] = {
    /* Openings go where an answer follows. */
    {"Sure! Here is the code.", "Here is the code."},
    {"Sure, here's how it works.", "Here's how it works."},
    {"Certainly!\n\nHere are the steps:\n\n1. Go.", "Here are the steps:\n\n1. Go."},
    {"Great question! Sockets are files.", "Sockets are files."},
    {"That\xE2\x80\x99s a great question. The port is 80.", "The port is 80."},
    {"Great question! Of course, here is the list.", "Here is the list."},
    {"I'd be happy to help you with that! To list files, use `ls`.", "To list files, use `ls`."},
    {"I apologize for the confusion. The port is 8080.", "The port is 8080."},
    {"Sure!\n\n```python\nprint('Sure!')\n```\n", "```python\nprint('Sure!')\n```\n"},
    /* … and stay where they are the answer. */
    {"Absolutely! It is only a cache.", "Absolutely. It is only a cache."},
    {"Sure!", "Sure."},
    {"Of course", "Of course"},
    {"Certainly not.", "Certainly not."},
    {"Sure, npm install does it.", "Sure, npm install does it."},
    {"Great question!", "Great question."},
    {"No problem is too small.", "No problem is too small."},
    /* Apologies and closings, whole sentences of ours only. */
    {"Use port 80. I hope this helps!", "Use port 80."},
    {"Use port 80.\n\nLet me know if you have any other questions!", "Use port 80."},
    {"Use port 80.\n\nLet me know if you have any questions. Then go.", "Use port 80.\n\nThen go."},
    {"Use port 80. I'm sorry for the confusion. Then restart.", "Use port 80. Then restart."},
    {"```\nx\n```\n\nI hope this helps!", "```\nx\n```\n"},
    {"```\nx\n```\n\nI hope this helps! Let me know if you have any questions.", "```\nx\n```\n"},
    {"I'm sorry for your loss.", "I'm sorry for your loss."},
    {"Try it. Let me know if you see errors in the log.",
     "Try it. Let me know if you see errors in the log."},
    {"I'm sorry, but I cannot open files.", "I cannot open files."},
    /* As an AI */
    {"As an AI language model, I don't have feelings.", "I don't have feelings."},
    {"Well. As an AI, I cannot smell.", "Well. I cannot smell."},
    {"It is important to note that the cache is cold.", "The cache is cold."},
    {"It's worth noting that npm is slow.", "It's worth noting that npm is slow."},
    {"In order to build it, run make.", "To build it, run make."},
    /* Calm */
    {"It works! Now test it!", "It works. Now test it."},
    {"Really?! Yes!!", "Really? Yes."},
    {"**Great job!** Go on.", "**Great job.** Go on."},
    {"if (a != b) and !c stay, 5! too, n! too.", "if (a != b) and !c stay, 5! too, n! too."},
    {"Yahoo! is a company. Print Hello, World!", "Yahoo! is a company. Print Hello, World!"},
    {"\xC2\xA1Hola! Que tal.", "\xC2\xA1Hola! Que tal."},
    {"It is an incredibly fast tool.", "It is a very fast tool."},
    {"It is super easy, and backups are absolutely essential.",
     "It is very easy, and backups are essential."},
    {"Call super to reach the parent.", "Call super to reach the parent."},
    {"It failed due to the fact that the disk was full.", "It failed because the disk was full."},
    /* Twice */
    {"Back up the disk first. Then begin. Back up the disk first. Go.",
     "Back up the disk first. Then begin. Go."},
    {"The loop never ends here. The loop never ends here. The loop never ends here.",
     "The loop never ends here."},
    {"Add 2 to the left side. Add 2 to the left side.",
     "Add 2 to the left side. Add 2 to the left side."},
    {"Row the boat down the stream.\nRow the boat down the stream.\n",
     "Row the boat down the stream.\nRow the boat down the stream.\n"},
    /* Blocks of code */
    {"```\ndef f(x):\n    return x\n```", "```python\ndef f(x):\n    return x\n```"},
    {"```\n#include <stdio.h>\n```\n", "```c\n#include <stdio.h>\n```\n"},
    {"```\nplain text\n```\n", "```\nplain text\n```\n"},
    {"```\ndef f(x)\n```\n", "```\ndef f(x)\n```\n"},
    {"~~~\nSELECT 1;\n~~~\n", "~~~sql\nSELECT 1;\n~~~\n"},
    /* Steps */
    {"1. Open the lid. 2. Pour it in. 3. Close the lid!",
     "1. Open the lid.\n2. Pour it in.\n3. Close the lid."},
    {"1. See section 2. Then go on.", "1. See section 2. Then go on."},
    /* Never touched */
    {"Say \"Sure! I hope this helps!\" or 'Great!' twice.",
     "Say \"Sure! I hope this helps!\" or 'Great!' twice."},
    {"Say \xE2\x80\x9Cit is amazing! \xE2\x80\x9D now.",
     "Say \xE2\x80\x9Cit is amazing! \xE2\x80\x9D now."},
    {"Run `echo Great! ` and ``a ` b! ``.", "Run `echo Great! ` and ``a ` b! ``."},
    {"See [Wow! Great!](http://x.org/a!) and https://x.org/Great! now.",
     "See [Wow! Great!](http://x.org/a!) and https://x.org/Great! now."},
    {"> Great! It is super easy!\nstill quoted!\n\nFine!\n",
     "> Great! It is super easy!\nstill quoted!\n\nFine.\n"},
    {"    indented code! Great!\n", "    indented code! Great!\n"},
    {"| a | Great! |\n|---|---|\n| b | Wow! |\n", "| a | Great! |\n|---|---|\n| b | Wow! |\n"},
    {"\\(n! + m! \\) and $$x! $$ stay.", "\\(n! + m! \\) and $$x! $$ stay."},
    /* Uncertainty is kept. */
    {"I think it might be the cache, but I am not sure.",
     "I think it might be the cache, but I am not sure."},
    {"", ""},
    {"\n\n", "\n\n"},
};

TEST(the_rules_do_what_they_say_and_nothing_else)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        nima_str once = filtered(&ctx, nima_str_of(cases[i].before));
        if (!nima_str_eq(once, nima_str_of(cases[i].after))) {
            fail_msg("<%s>\nbecame <" NIMA_FMT ">\nnot    <%s>", cases[i].before, NIMA_ARG(once),
                     cases[i].after);
        }
        ASSERT_STR_EQ(filtered(&ctx, once), cases[i].after);
    }
    nima_ctx_done(&ctx);
}

/* What must be the same before and after: each kind is collected by a few lines that know nothing
 * of the filter. */
static void add_line(struct nima_buf *out, nima_str text)
{
    nima_buf_add(out, text);
    nima_buf_add_char(out, '\n');
}

/* The signs of a fence, as CommonMark has it; a closing one is nothing but them. 0: none. */
static size_t fence_signs(nima_str line, bool closing, char sign)
{
    line = nima_str_trim(line);
    size_t count = 0;
    while (count < line.len && line.ptr[count] == line.ptr[0]) {
        count++;
    }
    bool signs =
        line.len > 0 && (closing ? line.ptr[0] == sign : strchr("`~", line.ptr[0]) != NULL);
    nima_str info = nima_str_sub(line, count, line.len);
    bool fits = closing ? info.len == 0
                        : line.len > 0 && (line.ptr[0] == '~' ||
                                           nima_str_find(info, NIMA_STR("`"), 0) == SIZE_MAX);
    return signs && fits && count >= 3 ? count : 0;
}

/* Lines of code between fences; `outside` gets the others. */
static void split_code(nima_str text, struct nima_buf *code, struct nima_buf *outside)
{
    size_t open = 0;
    char sign = ' ';
    nima_str line;
    while (nima_str_next(&text, '\n', &line)) {
        size_t signs = fence_signs(line, open > 0, sign);
        if (open == 0 && signs > 0) {
            open = signs;
            sign = nima_str_trim(line).ptr[0];
        } else if (open > 0 && signs >= open) {
            open = 0;
        } else {
            add_line(open > 0 ? code : outside, line);
        }
    }
}

static void collect_numbers(nima_str text, struct nima_buf *out)
{
    bool in_number = false;
    for (size_t i = 0; i < text.len; i++) {
        bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (digit || in_number) {
            nima_buf_add_char(out, digit ? text.ptr[i] : ' ');
        }
        in_number = digit;
    }
}

/* What stands between two signs in a line. */
static void collect_between(nima_str text, nima_str open, nima_str close, struct nima_buf *out)
{
    nima_str line;
    while (nima_str_next(&text, '\n', &line)) {
        size_t at = nima_str_find(line, open, 0);
        while (at != SIZE_MAX) {
            size_t end = nima_str_find(line, close, at + open.len);
            if (end == SIZE_MAX) {
                break;
            }
            add_line(out, nima_str_sub(line, at, end + close.len));
            at = nima_str_find(line, open, end + close.len);
        }
    }
}

static size_t ticks_at(nima_str line, size_t at)
{
    size_t end = at;
    while (end < line.len && line.ptr[end] == '`') {
        end++;
    }
    return end - at;
}

/* Inline code: as many ` as opened it close it. `outside` gets the rest of the line. */
static void split_ticks(nima_str line, struct nima_buf *code, struct nima_buf *outside)
{
    for (size_t at = 0; at < line.len;) {
        size_t count = ticks_at(line, at), end = at + count;
        size_t run = 0;
        while (count > 0 && end < line.len && run != count) {
            run = ticks_at(line, end);
            end += run > 0 ? run : 1;
        }
        if (count > 0 && run == count) {
            add_line(code, nima_str_sub(line, at, end));
            at = end;
        } else {
            size_t plain = count > 0 ? count : 1;
            nima_buf_add(outside, nima_str_sub(line, at, at + plain));
            at += plain;
        }
    }
    nima_buf_add_char(outside, '\n');
}

static void collect_links(nima_str text, struct nima_buf *out)
{
    size_t at = nima_str_find(text, NIMA_STR("https://"), 0);
    while (at != SIZE_MAX) {
        size_t end = at;
        while (end < text.len && text.ptr[end] > ' ') {
            end++;
        }
        add_line(out, nima_str_sub(text, at, end));
        at = nima_str_find(text, NIMA_STR("https://"), end);
    }
}

/* All of it, as one text. */
static nima_str kept_part(struct nima_ctx *ctx, nima_str text)
{
    struct nima_buf out, lines, outside;
    nima_buf_init(&out, 1 << 20);
    nima_buf_init(&lines, 1 << 20);
    nima_buf_init(&outside, 1 << 20);
    split_code(text, &out, &lines);
    nima_str rest = nima_buf_view(&lines), line;
    while (nima_str_next(&rest, '\n', &line)) {
        split_ticks(line, &out, &outside);
    }
    nima_str prose = nima_buf_view(&outside);
    collect_between(prose, NIMA_STR("\xE2\x80\x9C"), NIMA_STR("\xE2\x80\x9D"), &out);
    collect_between(prose, NIMA_STR("\""), NIMA_STR("\""), &out);
    collect_links(text, &out);
    collect_numbers(text, &out);
    nima_str copy = nima_str_copy(ctx->arena, nima_str_trim(nima_buf_view(&out)));
    nima_buf_done(&out);
    nima_buf_done(&lines);
    nima_buf_done(&outside);
    return copy;
}

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525 + 1013904223;
    return (uint32_t)(((uint64_t)*seed * below) >> 32);
}

/* In pieces of 1 to 9 bytes; what comes out is whole characters, and little is held back. */
static nima_str filtered_by_pieces(struct nima_ctx *ctx, nima_str text, uint32_t *seed)
{
    struct nima_filter *filter = nima_filter_new(NULL);
    struct nima_buf out;
    nima_buf_init(&out, 1 << 20);
    for (size_t at = 0; at < text.len;) {
        size_t end = at + 1 + draw(seed, 9);
        nima_filter_add(filter, nima_str_sub(text, at, end));
        at = end;
        nima_str ready = nima_filter_take(filter);
        assert_true(ready.len == 0 || nima_utf8_valid(ready));
        assert_true(nima_filter_held(filter) <= NIMA_FILTER_HOLD_BYTES_MAX);
        nima_buf_add(&out, ready);
    }
    nima_filter_end(filter);
    nima_buf_add(&out, nima_filter_take(filter));
    nima_str copy = nima_str_copy(ctx->arena, nima_buf_view(&out));
    nima_buf_done(&out);
    nima_filter_free(filter);
    return copy;
}

static void check_text(nima_str text, uint32_t *seed)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str once = filtered(&ctx, text);
    nima_str twice = filtered(&ctx, once);
    nima_str pieces = filtered_by_pieces(&ctx, text, seed);
    if (!nima_str_eq(once, twice)) {
        fail_msg("<" NIMA_FMT ">\nbecame <" NIMA_FMT ">\nthen   <" NIMA_FMT ">", NIMA_ARG(text),
                 NIMA_ARG(once), NIMA_ARG(twice));
    }
    if (!nima_str_eq(once, pieces)) {
        fail_msg("<" NIMA_FMT ">\nbecame <" NIMA_FMT ">\nbut by pieces <" NIMA_FMT ">",
                 NIMA_ARG(text), NIMA_ARG(once), NIMA_ARG(pieces));
    }
    nima_str before = kept_part(&ctx, text), after = kept_part(&ctx, once);
    if (!nima_str_eq(before, after)) {
        fail_msg("<" NIMA_FMT ">\nbecame <" NIMA_FMT ">\nwhere <" NIMA_FMT ">\nis now <" NIMA_FMT
                 ">",
                 NIMA_ARG(text), NIMA_ARG(once), NIMA_ARG(before), NIMA_ARG(after));
    }
    nima_ctx_done(&ctx);
}

/* A grammar of replies: openings, sentences, code, quotations, links, numbers, lists, and what
 * joins them, well and badly. */
static const char *const openings[] = {
    "Sure!",
    "Sure,",
    "Certainly!",
    "Of course!",
    "Absolutely!",
    "Great question!",
    "No problem!",
    "I'd be happy to help!",
    "Happy to help you with that.",
    "I apologize for the confusion.",
    "What a great question!",
    "Got it!",
    "I'm sorry for the mistake.",
    "OK, ",
    "As an AI, I",
};
static const char *const sentences[] = {
    "Here is how it works.",
    "It works!",
    "To do that, run make.",
    "the cache is cold",
    "I think it may be slow.",
    "It is important to note that the disk is full.",
    "It's worth noting that npm fails.",
    "This is an incredibly fast tool!",
    "It is super easy.",
    "Use it due to the fact that it works.",
    "You can stop it now!",
    "I hope this helps!",
    "Let me know if you have any questions!",
    "I'm sorry, but I cannot do that.",
    "As an AI language model, I have no eyes.",
    "Backups are absolutely essential!",
    "In order to win, be calm.",
    "Feel free to ask!",
    "Is it so?!",
    "Wait!!! Really?",
    "Honestly, it depends.",
    "Back up the disk before you begin.",
    "\xC2\xA1Vaya! Bien!",
    "Sch\xC3\xB6n! \xC3\x9C"
    "ber alles kurz.",
    "\xF0\x9F\x8E\x89 Done!",
    "Hello, World!",
    "Is there anything else I can help with?",
    "I hope this helps! Happy coding!",
    "Yes!",
    "no!",
};
static const char *const guarded[] = {
    "`Great! x`",
    "`` a ` Sure! ``",
    "\"Sure! I hope this helps!\"",
    "\"It is super easy\"",
    "\xE2\x80\x9CGreat! Sure!\xE2\x80\x9D",
    "https://a.org/Sure!?x=1!",
    "[Great! a](https://b.org/!)",
    "42!",
    "3.14",
    "version 2.0!",
    "5 apples!",
    "'Wow! ok'",
    "<b>Great! </b>",
    "\\(n! \\)",
    "$$a! $$",
    "(really!)",
    "**Great!**",
    "*so!*",
    "foo_bar!",
    "a/b!",
    "x != y",
    "!important",
    "println!",
};
static const char *const blocks[] = {
    "```\ndef f(x):\n    return \"Great! Sure!\"\n```",
    "```python\nprint('Sure!')\n```",
    "```\n# Great! I hope this helps!\n```",
    "~~~\nSure! Here is\n~~~",
    "- Great! It is so!",
    "1. Open it! 2. Shut it! 3. Go!",
    "1. One.",
    "2. Two! 3. Three.",
    "> Great! Sure!",
    "    Great! code 7!",
    "| a! | Great! |",
    "# Great!",
    "---",
    "* Sure! Here is it",
    "```\nSELECT 1;",
    "```",
    "- [ ] Great!",
    "\tGreat! tab!",
};
static const char *const joins[] = {" ", " ", " ", " ", "\n", "\n\n", "\n\n", "  ", "", ", ", ": "};
static const char *const stray[] = {"`",  "\"", "'", "[",  "<a",  "$x",
                                    "\\", "**", "!", "?!", "...", "``"};

#define PICK(list) ((list)[draw(seed, sizeof(list) / sizeof((list)[0]))])

static void make_text(uint32_t *seed, struct nima_buf *out)
{
    uint32_t parts = 1 + draw(seed, 14);
    if (draw(seed, 2) == 0) {
        nima_buf_fmt(out, "%s%s", PICK(openings), PICK(joins));
    }
    for (uint32_t i = 0; i < parts; i++) {
        uint32_t kind = draw(seed, 20);
        if (kind < 10) {
            nima_buf_fmt(out, "%s", PICK(sentences));
        } else if (kind < 14) {
            nima_buf_fmt(out, "%s", PICK(guarded));
        } else if (kind < 17) {
            nima_buf_fmt(out, "\n\n%s\n", PICK(blocks));
        } else if (kind < 19) {
            nima_buf_fmt(out, "%s", PICK(openings));
        } else {
            nima_buf_fmt(out, "%s", PICK(stray));
        }
        nima_buf_fmt(out, "%s", PICK(joins));
    }
}

TEST(ten_thousand_made_texts_keep_what_must_be_kept)
{
    uint32_t seed = 20261122;
    for (int i = 0; i < 10000; i++) {
        struct nima_buf text;
        nima_buf_init(&text, 1 << 16);
        make_text(&seed, &text);
        check_text(nima_buf_view(&text), &seed);
        nima_buf_done(&text);
    }
}

/* Replies as models write them, and all their beginnings: a stream may end anywhere. */
TEST(replies_keep_what_must_be_kept)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str texts;
    ASSERT_OK_CTX(&ctx,
                  nima_file_read(&ctx, NIMA_SOURCE_DIR "/tests/data/replies.txt", 1 << 20, &texts));
    uint32_t seed = 7;
    size_t count = 0, at = 0;
    while (at < texts.len) {
        size_t end = nima_str_find(texts, NIMA_STR("\n=====\n"), at);
        nima_str reply = nima_str_sub(texts, at, end);
        check_text(reply, &seed);
        for (int i = 0; i < 20; i++) {
            check_text(nima_utf8_prefix(reply, draw(&seed, (uint32_t)reply.len)), &seed);
        }
        count++;
        at = end == SIZE_MAX ? texts.len : end + 7;
    }
    assert_true(count >= 35);
    nima_ctx_done(&ctx);
}

TEST(a_report_counts_what_was_found)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str phrases[] = {NIMA_STR("Trust me"), NIMA_STR("Sure!")};
    struct nima_texts forbidden = {phrases, 2};
    struct nima_filter *filter = nima_filter_new(&forbidden);
    nima_filter_add(filter, NIMA_STR("It is so. Trust me on this. It works!"));
    nima_filter_end(filter);
    struct nima_filter_report report;
    nima_filter_report(&ctx, filter, &report);
    assert_int_equal(report.sentences, 3);
    assert_int_equal(report.changes, 1);
    ASSERT_STR_EQ(report.items[0].rule, "exclamation");
    ASSERT_STR_EQ(report.items[0].before, "works!");
    ASSERT_STR_EQ(report.items[0].after, "works.");
    assert_true(report.score > 0.66 && report.score < 0.67); /* 1 less 2 halves of 3 sentences */
    nima_filter_free(filter);
    nima_filter_free(NULL);
    nima_ctx_done(&ctx);
}

TEST(nothing_is_held_back_where_no_rule_can_apply)
{
    struct nima_filter *filter = nima_filter_new(NULL);
    nima_filter_add(filter, NIMA_STR("Use the second port"));
    ASSERT_STR_EQ(nima_filter_take(filter), "Use the second port");
    nima_filter_add(filter, NIMA_STR(" and `x"));
    ASSERT_STR_EQ(nima_filter_take(filter), " and `x");
    nima_filter_end(filter);
    assert_int_equal(nima_filter_held(filter), 0);
    nima_filter_free(filter);
}

TEST_MAIN
