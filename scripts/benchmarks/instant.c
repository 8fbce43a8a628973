/* A CLI that answers at once: the demo backend's protocol (clinvk/democli), and nothing that takes time.
 *
 *   any prompt            answered whole, in one write
 *   /stamp RATE COUNT     so many deltas a second, each with the time of its writing: @NANOSECONDS; (monotonic)
 *   /flood COUNT          deltas as fast as they are taken, in writes of at most 4 KiB
 *
 * Compiled by scripts/bench at each run. instant.py is the same where there is no compiler. */
#define _GNU_SOURCE
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char line[1 << 16], out[4096];
static size_t held, pending;

static void flush(void) {
    for (size_t at = 0; at < pending;) {
        ssize_t done = write(1, out + at, pending - at);
        if (done < 0) _exit(1);
        at += (size_t)done;
    }
    pending = 0;
}

static void say(const char *format, ...) {
    va_list fields;
    if (pending > sizeof out - 512) flush();
    va_start(fields, format);
    pending += (size_t)vsnprintf(out + pending, sizeof out - pending, format, fields);
    va_end(fields);
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* Whether a line, or the end, came on stdin before `due`. */
static int heard(long long due) {
    long long left = due - now();
    if (left < 0) left = 0;
    struct timespec wait = {left / 1000000000LL, left % 1000000000LL};
    struct pollfd in = {0, POLLIN, 0};
    return ppoll(&in, 1, &wait, NULL) > 0;
}

/* The string that the field holds; "" if it holds none. Nothing that is asked here has escapes. */
static void field(const char *name, char *value, size_t size) {
    char key[32];
    *value = 0;
    snprintf(key, sizeof key, "\"%s\":", name);
    char *at = strstr(line, key);
    if (!at) return;
    at += strlen(key);
    while (*at == ' ') at++;
    if (*at != '"') return;
    size_t length = strcspn(++at, "\"\\");
    if (length >= size) length = size - 1;
    memcpy(value, at, length);
    value[length] = 0;
}

static void stamp(const char *turn, long rate, long count) {
    long long gap = 1000000000LL / rate, due = now() + getpid() % 97 * gap / 97;
    for (long sent = 0; sent < count && !heard(due); sent++, due += gap) {
        say("{\"type\":\"text\",\"turn\":\"%s\",\"block\":\"1\",\"text\":\"@%lld; \"}\n", turn, now());
        flush();
    }
}

static void flood(const char *turn, long count) {
    while (count--) say("{\"type\":\"text\",\"turn\":\"%s\",\"block\":\"1\",\"text\":\"word @0; \"}\n", turn);
}

static void answer(void) {
    static unsigned turns;
    char turn[128], prompt[256], conversation[128];
    long rate, count;
    field("turn", turn, sizeof turn);
    field("prompt", prompt, sizeof prompt);
    field("conversation", conversation, sizeof conversation);
    if (!*conversation) snprintf(conversation, sizeof conversation, "demo-%08x%08x", getpid(), ++turns);
    say("{\"type\":\"conversation\",\"turn\":\"%s\",\"id\":\"%s\"}\n", turn, conversation);
    if (sscanf(prompt, "/stamp %ld %ld", &rate, &count) == 2) stamp(turn, rate, count);
    else if (sscanf(prompt, "/flood %ld", &count) == 1) flood(turn, count);
    else say("{\"type\":\"text\",\"turn\":\"%s\",\"block\":\"1\",\"text\":\"At once.\"}\n", turn);
    say("{\"type\":\"text_end\",\"turn\":\"%s\",\"block\":\"1\"}\n", turn);
    say("{\"type\":\"usage\",\"turn\":\"%s\",\"input_tokens\":1,\"output_tokens\":2,\"cached_tokens\":0,"
        "\"reasoning_tokens\":0}\n", turn);
    say("{\"type\":\"done\",\"turn\":\"%s\",\"stop_reason\":\"end_turn\",\"error\":null}\n", turn);
    flush();
}

int main(void) {
    say("{\"type\":\"hello\",\"version\":1}\n");
    flush();
    for (;;) {
        ssize_t got = read(0, line + held, sizeof line - 1 - held);
        if (got <= 0) return 0;
        held += (size_t)got;
        line[held] = 0;
        for (char *end; (end = memchr(line, '\n', held));) {
            size_t length = (size_t)(end - line) + 1;
            *end = 0;
            if (strstr(line, "\"prompt\"")) answer();
            held -= length;
            memmove(line, line + length, held + 1);
        }
    }
}
