/*
 * What a model writes comes as bytes that know nothing of characters: a token may hold half of
 * one, and a stop string may be spread over several. This keeps back what must not be shown yet.
 */
#include <string.h>

#include "llm/llm_int.h"

static const nima_str replacement = NIMA_STR_INIT("\xef\xbf\xbd"); /* U+FFFD */

void nima_llm_stream_init(struct nima_llm_stream *stream, const nima_str *stops, size_t count)
{
    *stream = (struct nima_llm_stream){.stop_count = count};
    nima_assert(count <= NIMA_LLM_STOPS_MAX);
    nima_buf_init(&stream->text, NIMA_LLM_REPLY_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        stream->stops[i] = stops[i];
    }
}

void nima_llm_stream_done(struct nima_llm_stream *stream)
{
    nima_buf_done(&stream->text);
}

/* Cuts the text at the earliest stop string that begins at or behind `from`. */
static void find_stop(struct nima_llm_stream *stream, size_t from)
{
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < stream->stop_count; i++) {
        size_t at = nima_str_find(nima_buf_view(&stream->text), stream->stops[i], from);
        first = at < first ? at : first;
    }
    if (first != SIZE_MAX) {
        stream->stopped = true;
        stream->text.len = first;
        stream->text.ptr[first] = '\0';
    }
}

/* Adds whole characters and replaces what can never become one; the rest stays in the tail. */
static void add_characters(struct nima_llm_stream *stream, nima_str bytes)
{
    size_t at = 0;
    size_t end = bytes.len - nima_utf8_incomplete_tail(bytes);
    while (at < end) {
        uint32_t code_point;
        int width = nima_utf8_decode(nima_str_sub(bytes, 0, end), at, &code_point);
        if (width == 0 || code_point == 0) {
            nima_buf_add(&stream->text, replacement);
            at++;
            continue;
        }
        nima_buf_add(&stream->text, nima_str_sub(bytes, at, at + (size_t)width));
        at += (size_t)width;
    }
    stream->tail_len = bytes.len - end;
    memcpy(stream->tail, bytes.ptr + end, stream->tail_len);
}

/* Bytes of the character that begins with `lead`. */
static size_t width_of(unsigned char lead)
{
    return lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
}

void nima_llm_stream_add(struct nima_llm_stream *stream, nima_str bytes)
{
    size_t before = nima_llm_stream_ready(stream);
    while (!stream->stopped && bytes.len > 0) {
        size_t taken = bytes.len;
        if (stream->tail_len == 0) {
            add_characters(stream, bytes);
        } else {
            /* Just what the tail's character lacks, so that the rest needs no copy. */
            char joined[4];
            size_t lacks = width_of((unsigned char)stream->tail[0]) - stream->tail_len;
            taken = bytes.len < lacks ? bytes.len : lacks;
            memcpy(joined, stream->tail, stream->tail_len);
            memcpy(joined + stream->tail_len, bytes.ptr, taken);
            add_characters(stream, (nima_str){joined, stream->tail_len + taken});
        }
        bytes = nima_str_sub(bytes, taken, bytes.len);
    }
    find_stop(stream, before);
}

void nima_llm_stream_end(struct nima_llm_stream *stream)
{
    stream->tail_len = 0;
    stream->stop_count = 0;
}

size_t nima_llm_stream_ready(const struct nima_llm_stream *stream)
{
    nima_str text = nima_buf_view(&stream->text);
    if (stream->stopped) {
        return text.len;
    }
    size_t held = 0;
    for (size_t i = 0; i < stream->stop_count; i++) {
        nima_str stop = stream->stops[i];
        size_t most = stop.len - 1 < text.len ? stop.len - 1 : text.len;
        for (size_t n = most; n > held; n--) {
            if (memcmp(text.ptr + text.len - n, stop.ptr, n) == 0) {
                held = n;
                break;
            }
        }
    }
    /* A stop string may begin in the middle of a character's bytes only when it is no UTF-8. */
    size_t ready = text.len - held;
    while (ready > 0 && ready < text.len && ((unsigned char)text.ptr[ready] & 0xC0) == 0x80) {
        ready--;
    }
    return ready;
}
