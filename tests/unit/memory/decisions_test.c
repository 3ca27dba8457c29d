/*
 * What a new statement means for a known one, on tests/data/decisions.jsonl: something new, nothing
 * new, or something that takes its place. Half the lines ("dev") may be looked at.
 * NIMA_SHOW=dev|test prints what was decided wrongly in that half.
 */
#include "memory/support_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/file.h"
#include "util/json.h"

enum { DATA_BYTES_MAX = 1 << 20, PAIRS_MIN = 40 };

static nima_str text_of(const struct nima_json *line, const char *key)
{
    return nima_json_str(nima_json_get(line, key));
}

static void make_known(struct world *w, const struct nima_json *line)
{
    const char *known = nima_cstr(&w->ctx, text_of(line, "known"));
    if (nima_str_eq(text_of(line, "by"), NIMA_STR("api"))) {
        (void)remember(w, known);
    } else {
        (void)tell(w, known);
    }
}

/* "add", "nothing" or "replace"; "-" when nothing was learned at all. */
static const char *decision(const struct nima_learned_list *list)
{
    const char *made = "-";
    for (size_t i = 0; i < list->count; i++) {
        switch (list->items[i].event) {
        case NIMA_LEARNED_SUPERSEDED:
            return "replace";
        case NIMA_LEARNED_ADDED:
            made = "add";
            break;
        default:
            made = strcmp(made, "-") == 0 ? "nothing" : made;
            break;
        }
    }
    return made;
}

static void measure(const char *file, const char *half, double least)
{
    const char *loud = getenv("NIMA_SHOW");
    int count = 0;
    int right = 0;
    struct world w = world_open();
    nima_str data;
    nima_str line;
    ASSERT_OK_CTX(&w.ctx, nima_file_read(&w.ctx,
                                         nima_fmt(&w.ctx, "%s/tests/data/%s", NIMA_SOURCE_DIR, file)
                                             .ptr,
                                         DATA_BYTES_MAX, &data));
    while (nima_str_next(&data, '\n', &line)) {
        const struct nima_json *pair;
        if (line.len == 0) {
            continue;
        }
        ASSERT_OK_CTX(&w.ctx, nima_json_parse(&w.ctx, line, &pair));
        if (!nima_str_eq(text_of(pair, "half"), nima_str_of(half))) {
            continue;
        }
        w.ctx.user_id = nima_fmt(&w.ctx, "%s%d", half, count); /* one person a pair */
        make_known(&w, pair);
        struct nima_learned_list list = tell(&w, nima_cstr(&w.ctx, text_of(pair, "said")));
        const char *made = decision(&list);
        bool good = nima_str_eq(text_of(pair, "expect"), nima_str_of(made));
        count++;
        right += good;
        if (!good && loud != NULL && strcmp(loud, half) == 0) {
            printf("  %s, not " NIMA_FMT ": " NIMA_FMT " | " NIMA_FMT "\n", made,
                   NIMA_ARG(text_of(pair, "expect")), NIMA_ARG(text_of(pair, "known")),
                   NIMA_ARG(text_of(pair, "said")));
        }
    }
    printf("%s, %s: %d of %d right (%.3f)\n", file, half, right, count, (double)right / count);
    world_close(&w);
    ASSERT_TRUE(count >= PAIRS_MIN);
    ASSERT_TRUE(right >= least * count);
}

TEST(decisions_on_pairs_that_were_looked_at)
{
    measure("decisions.jsonl", "dev", 0.90);
}

TEST(decisions_on_pairs_that_were_not)
{
    measure("decisions.jsonl", "test", 0.90);
}

/* What ends, what changes its number, and what stands beside the old. */
TEST(supersessions_that_were_looked_at)
{
    measure("supersessions.jsonl", "dev", 0.90);
}

TEST(supersessions_that_were_not)
{
    measure("supersessions.jsonl", "test", 0.90);
}

TEST_MAIN
