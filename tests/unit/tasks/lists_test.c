/* Lists: names, items, what is kept of a file, two at once, and taking back. */
#include <pthread.h>
#include <string.h>

#include "support_tasks.h"
#include "tasks/lists.h"
#include "tasks/lists/lists_int.h"

static struct nima_lists_outcome change(struct world *w, enum nima_lists_do what, const char *name,
                                        const char *item)
{
    struct nima_lists_outcome out = {0};
    nima_str text = nima_str_of(item);
    struct nima_lists_change job = {
        .what = what, .name = nima_str_of(name), .items = &text, .count = item != NULL};
    ASSERT_OK(nima_lists_change(&w->ctx, w->tasks, &job, &out));
    return out;
}

static nima_str text_of(struct world *w, const char *name)
{
    nima_str text;
    ASSERT_OK(nima_lists_text(&w->ctx, w->tasks, nima_str_of(name), &text));
    return text;
}

TEST(items_are_put_on_a_list_once)
{
    struct world w = world_open();
    change(&w, NIMA_LISTS_ADD, "my shopping list", "milk");
    struct nima_lists_outcome out = change(&w, NIMA_LISTS_ADD, "the Grocery list", "the Milk");
    ASSERT_INT_EQ(out.already.count, 1);
    change(&w, NIMA_LISTS_ADD, "groceries", "6 eggs");
    ASSERT_STR_EQ(text_of(&w, "shopping"), "- [ ] milk\n- [ ] 6 eggs\n");
    world_close(&w);
}

TEST(names_that_read_the_same_are_one_list)
{
    struct world w = world_open();
    static const char *const same[][2] = {
        {"my Grocery list", "shopping"}, {"todos", "to-do"},
        {"to do list", "to-do"},         {"Packing List", "packing"},
        {"Einkaufsliste", "shopping"},   {"the to-do", "to-do"}};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        ASSERT_STR_EQ(nima_lists_key(&w.ctx, nima_str_of(same[i][0])), same[i][1]);
    }
    world_close(&w);
}

TEST(what_the_person_wrote_beside_items_stays)
{
    struct world w = world_open();
    change(&w, NIMA_LISTS_ADD, "trip", "x"); /* makes the folder */
    world_put(&w, "root/people/ana/lists/trip.md",
              "# Trip\r\n\r\n* [x] tent\r\n- stove\r\n\r\nSee the map.\r\n");
    change(&w, NIMA_LISTS_TICK, "trip", "stove");
    change(&w, NIMA_LISTS_ADD, "trip", "rope");
    ASSERT_STR_EQ(text_of(&w, "trip"),
                  "# Trip\r\n\r\n* [x] tent\r\n- [x] stove\r\n- [ ] rope\r\n\r\nSee the map.\r\n");
    world_close(&w);
}

TEST(an_item_is_found_by_what_it_is)
{
    struct world w = world_open();
    change(&w, NIMA_LISTS_ADD, "to-do", "call the bank about the card");
    change(&w, NIMA_LISTS_ADD, "to-do", "call mum");
    struct nima_lists_outcome out = change(&w, NIMA_LISTS_TICK, "to-do", "call the bank");
    ASSERT_INT_EQ(out.changed.count, 1);
    ASSERT_STR_EQ(out.changed.items[0], "call the bank about the card");
    out = change(&w, NIMA_LISTS_REMOVE, "to-do", "call"); /* either could be meant */
    ASSERT_INT_EQ(out.missing.count, 1);
    out = change(&w, NIMA_LISTS_REMOVE, "to-do", "garlic");
    ASSERT_INT_EQ(out.missing.count, 1);
    world_close(&w);
}

TEST(a_change_is_taken_back_unless_another_came_since)
{
    struct world w = world_open();
    change(&w, NIMA_LISTS_ADD, "packing", "socks");
    struct nima_lists_outcome out = change(&w, NIMA_LISTS_CLEAR, "packing", NULL);
    ASSERT_OK(nima_lists_restore(&w.ctx, w.tasks, NIMA_STR("packing"), text_of(&w, "packing"),
                                 out.before_name, out.before));
    ASSERT_STR_EQ(text_of(&w, "packing"), "- [ ] socks\n");
    out = change(&w, NIMA_LISTS_DELETE, "packing", NULL);
    ASSERT_TRUE(text_of(&w, "packing").ptr == NULL);
    ASSERT_OK(nima_lists_restore(&w.ctx, w.tasks, NIMA_STR("packing"), (nima_str){0},
                                 out.before_name, out.before));
    ASSERT_STR_EQ(text_of(&w, "packing"), "- [ ] socks\n");
    out = change(&w, NIMA_LISTS_ADD, "packing", "hat");
    nima_str after = text_of(&w, "packing");
    change(&w, NIMA_LISTS_ADD, "packing", "map");
    ASSERT_RC(NIMA_E_CONFLICT, nima_lists_restore(&w.ctx, w.tasks, NIMA_STR("packing"), after,
                                                  out.before_name, out.before));
    world_close(&w);
}

TEST(a_renamed_list_keeps_its_items)
{
    struct world w = world_open();
    struct nima_lists_outcome out;
    change(&w, NIMA_LISTS_ADD, "packing", "socks");
    struct nima_lists_change job = {.what = NIMA_LISTS_RENAME,
                                    .name = NIMA_STR("packing list"),
                                    .new_name = NIMA_STR("Portugal trip")};
    ASSERT_OK(nima_lists_change(&w.ctx, w.tasks, &job, &out));
    ASSERT_STR_EQ(text_of(&w, "portugal trip"), "- [ ] socks\n");
    change(&w, NIMA_LISTS_ADD, "packing", "x");
    ASSERT_RC(NIMA_E_CONFLICT, nima_lists_change(&w.ctx, w.tasks, &job, &out));
    world_close(&w);
}

TEST(names_and_items_lead_nowhere_else)
{
    struct world w = world_open();
    struct nima_lists_outcome out;
    static const char *const names[] = {"../../x", "/etc/passwd", ".hidden", "a/b", "x\n"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        change(&w, NIMA_LISTS_ADD, names[i], "item");
        ASSERT_TRUE(text_of(&w, names[i]).ptr != NULL);
    }
    nima_str lines = NIMA_STR("milk\n# heading");
    struct nima_lists_change job = {
        .what = NIMA_LISTS_ADD, .name = NIMA_STR("x"), .items = &lines, .count = 1};
    ASSERT_RC(NIMA_E_INVALID, nima_lists_change(&w.ctx, w.tasks, &job, &out));
    job.name = NIMA_STR("  ");
    lines = NIMA_STR("milk");
    ASSERT_RC(NIMA_E_INVALID, nima_lists_change(&w.ctx, w.tasks, &job, &out));
    world_close(&w);
}

TEST(a_list_that_is_not_there_is_told_but_the_two_always_are)
{
    struct world w = world_open();
    struct nima_lists_view view;
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_lists_get(&w.ctx, w.tasks, NIMA_STR("films"), &view));
    ASSERT_OK(nima_lists_get(&w.ctx, w.tasks, NIMA_STR("todo list"), &view));
    ASSERT_INT_EQ(view.items.count, 0);
    world_close(&w);
}

TEST(a_rule_may_forbid_changes)
{
    struct world w = world_folder();
    struct nima_lists_outcome out;
    nima_str item = NIMA_STR("milk");
    w.options.deny = NIMA_STR("file.lists");
    world_start(&w);
    struct nima_lists_change job = {
        .what = NIMA_LISTS_ADD, .name = NIMA_STR("x"), .items = &item, .count = 1};
    ASSERT_RC(NIMA_E_FORBIDDEN, nima_lists_change(&w.ctx, w.tasks, &job, &out));
    world_close(&w);
}

enum { WRITERS = 4, EACH = 25 };
struct writer {
    struct world *w;
    int number;
};

static void *write_many(void *user)
{
    struct writer *writer = user;
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    ctx.user_id = NIMA_STR("ana");
    for (int i = 0; i < EACH; i++) {
        struct nima_lists_outcome out;
        char text[40];
        snprintf(text, sizeof(text), "thing%c%c", 'a' + writer->number, 'a' + i);
        nima_str item = nima_str_of(text);
        struct nima_lists_change job = {
            .what = NIMA_LISTS_ADD, .name = NIMA_STR("shared"), .items = &item, .count = 1};
        ASSERT_OK(nima_lists_change(&ctx, writer->w->tasks, &job, &out));
    }
    nima_ctx_done(&ctx);
    return NULL;
}

TEST(two_devices_at_once_lose_nothing)
{
    struct world w = world_open();
    pthread_t threads[WRITERS];
    struct writer writers[WRITERS];
    struct nima_lists_view view;
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){&w, i};
        ASSERT_INT_EQ(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    ASSERT_OK(nima_lists_get(&w.ctx, w.tasks, NIMA_STR("shared"), &view));
    ASSERT_INT_EQ(view.items.count, WRITERS * EACH);
    world_close(&w);
}

TEST_MAIN
