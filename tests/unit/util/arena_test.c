#include <stdlib.h>
#include <string.h>

#include "support/test.h"
#include "util/arena.h"

static bool is_zero(const char *piece, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (piece[i] != 0) {
            return false;
        }
    }
    return true;
}

TEST(pieces_are_zeroed_aligned_and_apart)
{
    struct nima_arena *arena = nima_arena_new();
    char *last = NULL;
    for (size_t bytes = 0; bytes < 3000; bytes += 7) {
        char *piece = nima_alloc(arena, bytes);
        assert_int_equal((uintptr_t)piece % _Alignof(max_align_t), 0);
        assert_true(is_zero(piece, bytes));
        memset(piece, 0x5A, bytes);
        assert_true(bytes == 0 || piece != last);
        last = piece;
    }
    nima_arena_free(arena);
}

TEST(memory_used_again_after_a_reset_is_zeroed_again)
{
    struct nima_arena *arena = nima_arena_new();
    memset(nima_alloc(arena, 1000), 0xFF, 1000);
    nima_arena_reset(arena);
    assert_true(is_zero(nima_alloc(arena, 1000), 1000));
    nima_arena_free(arena);
}

TEST(a_reset_gives_back_what_many_pieces_took)
{
    struct nima_arena *arena = nima_arena_new();
    for (int i = 0; i < 100; i++) {
        nima_alloc(arena, 50000);
    }
    size_t full = nima_arena_bytes(arena);
    assert_true(full >= 100 * 50000);
    nima_arena_reset(arena);
    assert_true(nima_arena_bytes(arena) < full / 10);
    nima_arena_free(arena);
}

TEST(a_rewind_keeps_what_was_before_the_mark)
{
    struct nima_arena *arena = nima_arena_new();
    struct nima_arena_mark empty = nima_arena_mark(arena);
    char *kept = nima_arena_cstr(arena, NIMA_STR("kept"));
    struct nima_arena_mark mark = nima_arena_mark(arena);
    size_t bytes = nima_arena_bytes(arena);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20; i++) {
            memset(nima_alloc(arena, 9000), 1, 9000);
        }
        nima_arena_rewind(arena, mark);
        assert_int_equal(nima_arena_bytes(arena), bytes);
    }
    assert_string_equal(kept, "kept");
    nima_arena_rewind(arena, empty);
    assert_true(nima_arena_bytes(arena) <= bytes);
    nima_arena_free(arena);
}

TEST(copies_end_with_a_nul_and_absent_stays_absent)
{
    struct nima_arena *arena = nima_arena_new();
    nima_str copy = nima_str_copy(arena, NIMA_STR("a\0b"));
    assert_int_equal(copy.len, 3);
    assert_memory_equal(copy.ptr, "a\0b", 4);
    assert_null(nima_str_copy(arena, (nima_str){NULL, 0}).ptr);
    assert_non_null(nima_str_copy(arena, NIMA_STR("")).ptr);
    assert_string_equal(nima_arena_cstr(arena, (nima_str){NULL, 0}), "");
    nima_arena_free(arena);
}

TEST(freeing_nothing_is_fine)
{
    nima_arena_free(NULL);
}

TEST(heap_memory_is_zeroed_and_copies_are_whole)
{
    int *numbers = NIMA_XNEW(int, 10);
    assert_true(is_zero((char *)numbers, 10 * sizeof(int)));
    numbers = nima_xrealloc(numbers, 1000 * sizeof(int));
    assert_int_equal(numbers[9], 0);
    free(numbers);
    free(NIMA_XNEW(int, 0));
    char *copy = nima_xstrdup(NIMA_STR("text"));
    assert_string_equal(copy, "text");
    free(copy);
    copy = nima_xstrdup((nima_str){NULL, 0});
    assert_string_equal(copy, "");
    free(copy);
}

TEST_MAIN
